# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What traefik_route_info returns of a real Traefik on loopback; no host is needed."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import routes_text
from ansible_collections.gantry.odoo.plugins.modules import traefik_route_info

from .local import LocalTraefik, server, traefik
from .loopback import free_port

NAME = "erp.harbour.example"
# Written by hand, and with what JSON does not have.
SHOP = """
http:
  routers:
    shop: {rule: "Host(`shop.example`)", entryPoints: [websecure], tls: {}, service: pool}  # ours too
    lost: {rule: "Host(`shop.example`) && PathPrefix(`/lost`)", service: pool, middlewares: [gone]}
  services:
    pool: {loadBalancer: {servers: [{url: "http://127.0.0.1:9"}]}}
"""


@dataclass(frozen=True)
class Site:
    """A Traefik and its directory. healthy, dead: addresses of servers."""

    traefik: LocalTraefik
    healthy: str
    dead: str

    @property
    def folder(self) -> Path:
        """The directory."""
        return self.traefik.folder

    def info(self, **options: Any) -> dict[str, Any]:
        return self.traefik.call(traefik_route_info, **options)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Traefik with a route of an owner, routers of others, and a certificate for the route."""
    root = tmp_path_factory.mktemp("info")
    folder = root / "dynamic"
    folder.mkdir()
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    pair = ["-nodes", "-days", "3", "-keyout", root / "a.key", "-out", root / "a.crt"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *pair, *subject], check=True, capture_output=True)
    certificates = [{"certFile": str(root / "a.crt"), "keyFile": str(root / "a.key")}]
    (folder / "certificates.yml").write_text(json.dumps({"tls": {"certificates": certificates}}))
    (folder / "shop.yml").write_text(SHOP)
    dead = f"http://127.0.0.1:{free_port()}"
    with server() as healthy:
        (folder / "gantry-routes.yml").write_text(routes_text("gantry", [route(harbour(healthy, dead))]))
        with traefik(root, watch=False) as one:
            made = Site(one, healthy, dead)
            Deadline(30).wait(lambda: settled(made), "Traefik's first health check")
            yield made


def harbour(healthy: str, dead: str) -> dict[str, Any]:
    servers = [{"url": healthy}, {"url": dead}, {"url": "http://127.0.0.1:1", "drained": True}]
    one = {"name": "harbour", "hosts": [NAME], "audience": "internal", "allow": ["127.0.0.0/8"]}
    return {**one, "servers": servers, "health_interval": 1}


def settled(site: Site) -> bool | None:
    pools = site.traefik.api.raw().get("services") or {}
    return any("DOWN" in (one.get("serverStatus") or {}).values() for one in pools.values()) or None


def test_all_routers_are_returned_with_what_is_wrong(site: Site) -> None:
    found = site.info()
    routers = {one["name"].removesuffix("@file"): one for one in found["routers"]}
    kinds = ("http", "http-body", "http-file", "http-upload", "redirect")
    assert sorted(routers) == [*(f"gantry.harbour.{kind}" for kind in kinds), "lost", "shop"]
    assert routers["gantry.harbour.http"]["servers"] == routers["gantry.harbour.http-body"]["servers"]
    ours, shop, lost = (routers[name] for name in ("gantry.harbour.http", "shop", "lost"))
    assert {one["agrees"] for one in routers.values()} == {True}
    assert {each["url"]: each["state"] for each in ours["servers"]} == {
        site.healthy: "up",
        site.dead: "down",
        "http://127.0.0.1:1": "drained",
    }
    assert [ours[key] for key in ("owner", "audience", "mode", "hosts")] == ["gantry", "internal", "serve", [NAME]]
    assert [shop[key] for key in ("owner", "file", "status")] == ["", str(site.folder / "shop.yml"), "enabled"]
    assert (lost["status"], lost["errors"]) == ("disabled", ['middleware "gone@file" does not exist'])
    pem = (site.folder.parent / "a.crt").read_text()
    served = ours["certificates"][0]
    assert served["fingerprint"] == hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    assert (served["names"], shop["certificates"][0]["names"]) == ([NAME], [])
    assert [one for one in found["faults"] if "lost@file" not in one] == [
        f"route harbour of owner gantry: {site.dead} does not answer its health check",
        "shop.example is served a certificate that Traefik made up, as it has none for this name",
    ]
    assert not found["changed"]


def test_a_request_finds_its_router(site: Site) -> None:
    found = site.info(request={"url": f"https://{NAME}/web", "address": "127.0.0.1"}, certificates=False)
    assert found["answer"] == {"router": "gantry.harbour.http@file", "why": ""}
    assert [one["name"] for one in found["routers"]] == ["gantry.harbour.http@file"]
    assert site.info(request={"url": "https://other.example"})["answer"] == {"router": "", "why": ""}


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        (
            "shop.yml",
            lambda text: text.replace("Host(`shop.example`)", "Host(`store.example`)", 1),
            "shop of provider file: Traefik serves the router shop@file otherwise than",
        ),
        ("shop.yml", lambda text: text + "    pool: [", "Traefik would load nothing from"),
        ("new.yml", lambda _text: SHOP.replace("shop", "new"), "Traefik does not have the router new@file"),
        (
            "gantry-routes.yml",
            lambda text: text.replace('"priority": 3000,\n', '"priority": 3007,\n'),
            "route harbour is not what was asked for; run its playbook again",
        ),
    ],
)
def test_a_document_that_is_not_served_is_named(site: Site, file: str, change: Callable[[str], str], said: str) -> None:
    # this Traefik does not watch its directory
    path = site.folder / file
    before = path.read_text() if path.exists() else None
    path.write_text(change(before or ""))
    try:
        assert said in "; ".join(site.info(certificates=False)["faults"])
    finally:
        path.unlink() if before is None else path.write_text(before)
