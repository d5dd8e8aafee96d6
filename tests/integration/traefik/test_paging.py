# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the real API are read to their end, also where the last page is full, and objects by their names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_proof, read_scratch

from .local import traefik

TRAEFIK = [str(Path(sys.executable).with_name("traefik"))]


COUNT = 100


def test_certificates_are_read_to_their_end(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
    pairs = []
    for number in range(COUNT):
        path = tmp_path / f"{number}.crt"
        subject = ["-subj", f"/CN=n{number}.example", "-addext", f"subjectAltName=DNS:n{number}.example"]
        subprocess.run(
            ["openssl", "req", "-x509", "-new", "-key", key, "-days", "3", "-out", path, *subject], check=True
        )
        pairs.append({"certFile": str(path), "keyFile": str(key)})
    files = {"certificates.yml": json.dumps({"tls": {"certificates": pairs}}).encode()}
    verdict = read_scratch.ask(TRAEFIK, files, {"web": {}}, Deadline(60))
    assert len(verdict.certificates) == COUNT


def test_each_object_is_found_by_its_name(tmp_path: Path) -> None:
    pool: dict[str, Any] = {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:1"}]}}
    address: dict[str, Any] = {"loadBalancer": {"servers": [{"address": "127.0.0.1:1"}]}}
    odd = "an odd name?x=1#1"
    content = {
        "http": {
            "routers": {odd: {"rule": "Host(`a.example`)", "service": odd, "middlewares": [f"{odd}@file"]}},
            "services": {odd: pool},
            "middlewares": {odd: {"compress": {}}},
        },
        "tcp": {
            "routers": {"db": {"rule": "HostSNI(`*`)", "entryPoints": ["web"], "service": "db"}},
            "services": {"db": address},
            "middlewares": {"db": {"inFlightConn": {"amount": 1}}},
        },
        "udp": {"services": {"dns": address}},
    }
    (tmp_path / "dynamic").mkdir()
    (tmp_path / "dynamic/all.yml").write_text(json.dumps(content))
    with traefik(tmp_path, watch=False) as edge:
        # its API answers before the directory is read
        Deadline(30).wait(lambda: edge.api.one("udpServices", "dns"), "The last object of the document")
        for section, name in plan_proof.objects(content):
            live = edge.api.one(section, name)
            assert plan_proof.is_as(content, section, name, live), f"{section} {name}: {live}"
            assert edge.api.one(section, "gone") is None
