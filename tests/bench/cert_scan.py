# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand certificates of one host, judged by one call of certificate_info.

No peer judges them by one command: openssl is a process for each. So the bound is the measure.
"""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from tests.bench.erp import DISKS, Erp
from tests.bench.harness import Contender, Result, compare, sent
from tests.lab.archive import File, pack
from tests.lab.issued import Issued, authority, issue, store

CERTIFICATES = 1000
BOUND_S = 1.5
PLACE, TRUSTED = "/srv/certificates", "/srv/certificates-ca.pem"
DUE_DAYS = 20  # left of 90: one in ten


def run(erp: Erp) -> list[Result]:
    """Pairs of an intermediate, of which one in ten is due."""
    host = erp.lab.host("fleet1", image="app", volumes=DISKS)
    host.run(["rm", "-rf", PLACE])
    now = datetime.now(timezone.utc)
    root, middle = authority(now)
    pairs: dict[str, tuple[Issued, list[str]]] = {}
    for number in range(CERTIFICATES):
        name, days = f"t{number:04}", (90 - DUE_DAYS, DUE_DAYS) if number % 10 == 0 else (10, 80)
        domains = [f"{name}.lab.example"]
        pairs[name] = issue(domains[0], now, middle, names=domains, days=days), domains
    requests = [{"name": name, "domains": domains} for name, (_made, domains) in pairs.items()]
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as directory:
        store(Path(directory), pairs)
        files = [
            File(f"{PLACE}/{path.relative_to(directory)}", path.read_bytes())
            for path in Path(directory).rglob("*")
            if path.is_file() and "versions" in path.parts
        ]
    host.container.put_archive("/", pack([*files, File(TRUSTED, root.certificate)]))
    host.run(["sh", "-c", f"cd {PLACE} && for name in *; do ln -s versions/1 $name/current; done"])
    args = {"path": PLACE, "certificates": requests, "authorities": TRUSTED, "renew_limit": CERTIFICATES}
    module = sent(erp.lab, host, "gantry.odoo.certificate_info", args)
    found = json.loads(module().stdout)["certificates"]
    due = sum(bool(one["due"]) for one in found)
    assert (len(found), due) == (CERTIFICATES, CERTIFICATES // 10), f"{len(found)} certificates, {due} due"
    assert all(one["key_fits"] and one["chain"] == "trusted" for one in found)
    result = compare("cert-scan", [Contender("gantry", module)], certificates=CERTIFICATES, due=due, bound_s=BOUND_S)
    return [result]
