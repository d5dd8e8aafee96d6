# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a real Traefik on loopback is proven to show pages, by its own entry points; no host is needed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_pages
from ansible_collections.gantry.odoo.plugins.modules import traefik_proof
from tests.integration import ansible
from tests.lab import issued
from tests.lab.state import ROOT

from .loopback import Edge, free_port, running

NAME, OFFICE_NAME, BARE_NAME = "erp.harbour.example", "harbour.internal.example", "bare.harbour.example"
PORTS = {name: free_port() for name in ("web", "websecure", "websecure-internal")}
POINTS = {name: f"{'127.0.0.5' if name.endswith('internal') else '127.0.0.1'}:{port}" for name, port in PORTS.items()}
# the public come to port 443, wherever that is led to, and the office to the port of its own entry point
URL, OFFICE_URL = f"https://{NAME}", f"https://{OFFICE_NAME}:{PORTS['websecure-internal']}"
ROUTES = [
    {"name": "harbour", "hosts": [NAME, BARE_NAME]},
    {"name": "office", "hosts": [OFFICE_NAME], "audience": "internal", "allow": ["127.0.0.6/32"]},
]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Two audiences, and a certificate for two of three names."""
    folder = tmp_path_factory.mktemp("pages")
    now = datetime.now(timezone.utc)
    for root in ("root", "other"):
        made, middle = issued.authority(now)
        (folder / f"{root}.pem").write_bytes(made.certificate)
        if root == "root":
            pair = issued.issue(NAME, now, middle, names=[NAME, OFFICE_NAME])
            (folder / "a.pem").write_bytes(pair.chain)
            (folder / "a.key").write_bytes(pair.key())
    files = {"certFile": str(folder / "a.pem"), "keyFile": str(folder / "a.key")}
    with running(folder, traefik_entry_points=POINTS) as one:
        (one.directory / "certificates.yml").write_text(json.dumps({"tls": {"certificates": [files]}}))
        Deadline(20).wait(lambda: any(seen["sans"] for seen in one.api.certificates()) or None, "the certificate")
        yield one


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, edge: Edge) -> None:
    """The host trusts the root, and its name server leads every name to a host that shows no page."""
    monkeypatch.setenv("SSL_CERT_FILE", str(edge.directory.parent / "root.pem"))
    look_up = socket.getaddrinfo

    def led(host: Any, *given: Any, **more: Any) -> Any:
        return look_up("127.0.0.9" if str(host).endswith(".example") else host, *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", led)


def prove(edge: Edge, *urls: str, check: bool = False, **given: Any) -> Outcome:
    own = {"dynamic_dir": str(edge.directory), "api_url": edge.api.url, "path": "/web/login", "timeout": 2}
    return traefik_proof.work(Call({"urls": list(urls), **own, **given}, check))


def test_each_audience_is_asked_at_its_own_entry_point_from_an_address_that_may_come(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.declare(*ROUTES)
    stranger = prove(edge, OFFICE_URL)
    (seen,) = stranger.facts["answers"]
    assert (stranger.failure, seen["status"], seen["source"]) == ("", 403, "127.0.0.1")

    monkeypatch.setattr(read_pages, "own_address", lambda _network: "127.0.0.6")
    proof = prove(edge, URL, OFFICE_URL)
    assert (proof.failure, proof.facts["proven"]) == ("", True)
    assert [(one["address"], one["port"], one["source"], one["status"]) for one in proof.facts["answers"]] == [
        ("127.0.0.1", PORTS["websecure"], "127.0.0.1", 200),
        ("127.0.0.5", PORTS["websecure-internal"], "127.0.0.6", 200),
    ]


def test_a_certificate_that_users_would_not_trust_proves_nothing(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.declare(*ROUTES)
    for name in (BARE_NAME, NAME):
        (seen,) = prove(edge, f"https://{name}", check=True).facts["answers"]
        assert (seen["status"], "does not trust" in seen["fault"]) == ((200, False) if name == NAME else (0, True))
    monkeypatch.setenv("SSL_CERT_FILE", str(edge.directory.parent / "other.pem"))
    assert "has a certificate that this edge does not trust (certificate signature failure)" in prove(edge, URL).failure


def test_another_answer_than_the_page_is_named(edge: Edge) -> None:
    edge.declare({**ROUTES[0], "mode": "maintenance"}, ROUTES[1])
    where = f"{URL}/web/login at 127.0.0.1 port {PORTS['websecure']}"
    proof = prove(edge, URL)
    assert f"{where} answers 503 where 200 is right, after 2 s; see " in proof.failure
    assert proof.facts["seconds"] == pytest.approx(2, abs=1)
    looked = prove(edge, URL, check=True)
    assert (looked.failure, looked.facts["proven"], looked.facts["answers"][0]["status"]) == ("", False, 503)


def test_a_route_or_an_edge_that_is_not_there_is_named(edge: Edge) -> None:
    edge.declare(*ROUTES)
    port = PORTS["websecure-internal"]
    said = prove(edge, f"https://{OFFICE_NAME}", "https://shop.example").failure
    assert said == "; ".join(
        f"this edge has no route for {one}; write its routes with gantry.odoo.site"
        for one in (
            f"https://{OFFICE_NAME} at port 443, and has {OFFICE_NAME} at port {port}",
            "https://shop.example at port 443",
        )
    )
    with pytest.raises(UnreachableError, match=r"did not answer .*; start Traefik"):
        prove(edge, URL, api_url=f"http://127.0.0.1:{free_port()}")


def test_the_playbooks_name_each_edge_that_does_not_show_the_page_or_is_lost(edge: Edge) -> None:
    edge.declare(*ROUTES)
    api, folder = edge.api.url, str(edge.directory)
    own = {"ansible_connection": "local", "traefik_dynamic_dir": folder, "traefik_api_url": api}
    off = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    edges = {"edge1": own, "edge2": {**own, "traefik_api_url": f"http://127.0.0.1:{free_port()}"}, "edge3": off}
    play = {
        "hosts": "edge1",
        "gather_facts": False,
        "environment": {"SSL_CERT_FILE": str(edge.directory.parent / "root.pem")},
        "tasks": [{"name": "Login", "ansible.builtin.include_tasks": str(ROOT / "playbooks/tasks/tenant_login.yml")}],
    }

    def fault(*names: str) -> str:
        given = {"estate": {"edges": names}, "tenant_of": {"urls": [URL], "serves": True}}
        errors = ansible.run_playbook([play], {"all": {"hosts": edges}}, given).expect_failure().errors
        return errors[-1]

    assert fault("edge1", "edge2").startswith("edge2 could not be asked for its pages: Traefik's API at ")
    said = fault("edge3", "edge1")
    assert said.startswith("edge3 (Task failed: ")
    assert " cannot be reached and keeps the routes that it had; " in said
