# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the real API are read to their end, also where the last page is full; no host is needed to ask it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_scratch

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
