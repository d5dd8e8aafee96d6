# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of a fleet with 100,000 backups: verified by one call, which reads them from a repository on disk.

No peer has as many: restic takes a second for each snapshot that it makes. So the bounds are the measure.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    DatabaseFacts,
    Dump,
    FilestoreFacts,
    Keep,
    Manifest,
    Policy,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import manifest_body, stamp
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import TIERS, kept_by, record
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale
from ansible_collections.gantry.odoo.plugins.module_utils._repository import sealing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_keys import wrap
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey, parse_data_keys
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DRILL,
    MANIFEST,
    DataName,
    ManifestName,
    drill_key,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import DataKeys
from tests.bench.erp import DISKS, Erp
from tests.bench.harness import Contender, Result, Timed, compare, sent
from tests.lab.archive import File, pack
from tests.lab.hosts import Host, Lab

TENANTS, BACKUPS = 100, 1000
BOUND_S, BOUND_MIB = 1.5, 200
DUMP_BYTES = 10**9
PLACE = f"{DISKS['odoo']}/fleet"
EVERY = timedelta(minutes=15)
# The first record of a log.
FIRST = "999999/998"
# The manifests that are not opened are empty; each is as old as its backup. Dumps have their sizes and no blocks.
_FILL = """
import os, sys
place, tenants, backups, oldest, every, dump_bytes = sys.argv[1], *map(int, sys.argv[2:])
for tenant in range(tenants):
    directory = f"{place}/t{tenant:03}/manifests"
    for number in range(1, backups + 1):
        path = f"{directory}/{number}"
        open(path, "ab").close()
        moment = oldest + (number - 1) * every
        os.utime(path, (moment, moment))
        os.makedirs(f"{place}/t{tenant:03}/data/{number}")
        with open(f"{place}/t{tenant:03}/data/{number}/0", "wb") as dump:
            dump.truncate(dump_bytes)
    for record in os.scandir(f"{place}/t{tenant:03}/drills"):
        os.utime(record.path, (moment, moment))
"""


@dataclass(frozen=True)
class Fleet:
    """A repository of many tenants. now: the moment of its newest backups."""

    key: MasterKey
    now: datetime

    def moment(self, number: int) -> datetime:
        """The time of a backup; the last one is of now."""
        return self.now - (BACKUPS - number) * EVERY

    def catalog(self) -> Catalog:
        """The backups of a tenant as they are when expiry has run: those that go are marked since yesterday."""
        entries = tuple(
            Entry(
                number, self.moment(number), self.moment(number), "uuid", "19.0", DUMP_BYTES, 5000, 10**10, f"b{number}"
            )
            for number in range(1, BACKUPS + 1)
        )
        stands = Catalog(1, BACKUPS, 0, entries)
        going = {one.backup_id for one in kept_by(policy("any"), stands, self.now, ()) if not one.kept}
        marked = self.now - timedelta(days=1)
        return replace(
            stands, entries=tuple(replace(one, expired=marked if one.name in going else None) for one in entries)
        )

    def files(self, tenant: str, catalog: Catalog) -> list[File]:
        """What the repository of a tenant holds, but for the manifests that nobody opens."""
        keyring = wrap({1: sealing.new_key()}, tenant, self.key)
        keys = self.opened(tenant, keyring.wrapped)
        drill = drill_key(f"{self.now:%Y%m%dT%H%M%S.%fZ}")
        newest = ManifestName(BACKUPS).key
        promised = replace(catalog, policy=record(policy(tenant)))
        held = {
            f"catalog/{FIRST}": keys.seal("record", f"catalog/{FIRST}", dumped(promised.as_body())),
            drill: keys.seal(DRILL, drill, dumped(proven(self.now))),
            newest: keys.seal(MANIFEST, newest, dumped(manifest_body(manifest(tenant, self.now)))),
            f"keys/{FIRST}": dumped(keyring.as_body()),
        }
        return [File(f"{PLACE}/{tenant}/{key}", data) for key, data in held.items()]

    def opened(self, tenant: str, wrapped: bytes) -> DataKeys:
        """The data keys of a tenant."""
        body = DataKeys(tenant, {1: self.key.secret}).open("keys", self.key.name, wrapped, "keys")
        return DataKeys(tenant, parse_data_keys(json.loads(body), "keys"))


def run(erp: Erp) -> list[Result]:
    """One call for the whole fleet."""
    host = erp.lab.host("fleet1", image="app", volumes=DISKS)
    tenants = prepare(erp.lab, host)
    key = erp.lab.state.sealing_key("backup_key")
    repository = {"directory": PLACE, "keys": [{"name": "bench", "secret": key}]}
    args = {"repository": repository, "tenants": tenants, "manifests": 1, "metrics_path": "/root/fleet.prom"}
    call = sent(erp.lab, host, "gantry.odoo.backup_compliance", args)
    peaks: list[float] = []

    def judged() -> Timed:
        done = call()
        peaks.append(done.peak_mib)
        require_judged(json.loads(done.stdout))
        return done

    found = compare("policy", [Contender("gantry.odoo.backup_compliance", judged)], backups=TENANTS * BACKUPS)
    bounds = {"peak_mib": round(max(peaks), 1), "bound_s": BOUND_S, "bound_mib": BOUND_MIB}
    return [replace(found, facts={**found.facts, **bounds})]


def require_judged(answer: dict[str, Any]) -> None:
    """Fail where the call has not read and judged every backup."""
    for one in answer["compliance"]:
        states = {part["name"]: part["state"] for part in one["parts"]}
        assert one["backups"] + one["expired"] == BACKUPS, one
        assert (states["policy"], states["retention"], states["drill"]) == ("ok", "ok", "ok"), one
        assert states["integrity"] == "ok", one["findings"][:3]


def prepare(lab: Lab, host: Host) -> list[str]:
    """The repository on the host, and the names of its tenants."""
    key = MasterKey("bench", base64.b64decode(lab.state.sealing_key("backup_key")))
    fleet = Fleet(key, datetime.now(timezone.utc).replace(microsecond=0))
    tenants = [f"t{number:03}" for number in range(TENANTS)]
    catalog = fleet.catalog()
    host.run(["rm", "-rf", PLACE])
    host.container.put_archive("/", pack([file for tenant in tenants for file in fleet.files(tenant, catalog)]))
    oldest, every = int(fleet.moment(1).timestamp()), int(EVERY.total_seconds())
    host.run(["python3", "-c", _FILL, PLACE, *map(str, (TENANTS, BACKUPS, oldest, every, DUMP_BYTES))])
    return tenants


def policy(tenant: str) -> Policy:
    """The policy of tier 1, but for what a directory cannot promise."""
    keep = Keep(**TIERS[1]["keep"])
    return Policy(tenant, 1, 900, 3600, keep, noncurrent_days=30, drill_interval_s=28 * 86400)


def proven(begun: datetime) -> dict[str, Any]:
    """The record of a good drill."""
    return {"begun": stamp(begun), "ok": True, "error": "", "backup": "b1", "rto_s": 60.0, "rpo_s": 900.0}


def manifest(tenant: str, moment: datetime) -> Manifest:
    """The manifest of the newest backup, with as many tables as Odoo's ERP has."""
    tables = {f"public.table_{number}": number for number in range(600)}
    database = DatabaseFacts(
        tenant, "19.0", "uuid", 170005, Locale("UTF8", "C", "C.UTF-8"), {"base": "19.0.1.3"}, tables, {}, {}, False
    )
    dump = Dump((DataName(BACKUPS, 0),), (DUMP_BYTES,), DUMP_BYTES, "0" * 64)
    finished = moment + timedelta(minutes=1)
    return Manifest(tenant, BACKUPS, "", moment, finished, 17, database, FilestoreFacts(5000, 10**10, 0), dump, Index())


def dumped(document: Any) -> bytes:
    """A document as JSON."""
    return json.dumps(document, sort_keys=True).encode()
