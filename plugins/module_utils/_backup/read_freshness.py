# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a database may be given up: its latest backup is young enough, of this very database, and complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import ahead_of_clock, latest_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import TIERS
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_lost import marked
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of, read_dump
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    open_repository,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    PARTIAL,
    Catalog,
    Entry,
    Stay,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_stay

# How long the backup stays that a drop relied on.
HELD_DAYS = 30


def require_fresh_backups(
    location: Location, tier: int, databases: Mapping[str, str], accepted: str = "", hold: bool = False
) -> None:
    """Look for the backup of each database, which is called as its tenant; as require_fresh_backup.

    databases: the uuid of each, by its name. accepted, hold: as there.
    """
    stores = open_stores(location)
    for name, uuid in databases.items():
        repository = open_repository(stores, name, location.keys)
        if repository is None:
            raise RefusedError(
                f"{name} is of tier {tier} and has no backup in the {stores.contents.where}; back it up first"
            )
        require_fresh_backup(repository, tier, uuid, accepted, hold)


def require_fresh_backup(repository: Repository, tier: int, uuid: str, accepted: str = "", hold: bool = False) -> str:
    """The identifier of the backup that permits to drop the tenant's database.

    tier: its RPO is the limit of the backup's age. The recorded policy, which also says when alerts fire, can lower it
    alone. uuid: of the database. accepted: the identifier of a backup of any age, which may lack files that were
    missing when it was taken; empty for none.
    hold: whether the backup is held from now on, as no other one has that state of the database.
    Raises RefusedError where no complete backup of it is young enough, or the latest one is not complete.
    """
    tenant, now, catalog = repository.tenant, repository.store.now(), repository.catalog.read()
    latest, ahead = latest_of(catalog, now), "".join(f"; {one}" for one in ahead_of_clock(catalog, now))
    partial = latest_of(catalog, now, (FULL, PARTIAL))
    entry = partial if partial and partial.name == accepted else latest
    if entry is None:
        raise RefusedError(
            f"{tenant} is of tier {tier} and has no complete backup in the {repository.where} that can be restored in "
            f"full{ahead}; back it up first"
        )
    policy = catalog.policy or {}
    limit_s = min(int(policy.get("rpo_s", TIERS[tier]["rpo_s"])), TIERS[tier]["rpo_s"])
    fault = unfit(entry, uuid, None if entry.name == accepted else limit_s, now) or damage(repository, entry)
    if fault:
        raise RefusedError(
            f"{tenant} is of tier {tier} and its latest backup {entry.name} {fault}{ahead}; back it up first"
        )
    if hold:
        _hold(repository, entry.name)
    return entry.name


def _hold(repository: Repository, backup: str) -> None:
    """Keep a backup for HELD_DAYS, whatever its policy says. Raises StateError where an expiry was faster."""
    now = repository.store.now()

    def held(seen: Catalog) -> Catalog:
        there = seen.entry(backup)
        if there is None or there.expired:
            raise StateError(
                f"backup {backup} is to be removed since it was looked at; back {repository.tenant} up, and run again"
            )
        return plan_stay(seen, backup, Stay(HELD_DAYS, "its database was given up on the strength of it"), now)

    repository.catalog.write(held, Deadline(RECORD_S))


def latest_backups(location: Location, tenants: Iterable[str]) -> dict[str, datetime]:
    """The moment that the latest backup of each tenant shows of which no object is missing; none for one without."""
    stores = open_stores(location)
    found: dict[str, datetime] = {}
    for tenant in tenants:
        repository = open_repository(stores, tenant, location.keys)
        if repository is None:
            continue
        catalog = repository.catalog.read()
        entry = latest_of(marked(repository, catalog, stored_sizes(repository)), stores.records.now())
        if entry is not None:
            found[tenant] = min(entry.snapshot, entry.stored)
    return found


def unfit(entry: Entry, uuid: str, limit_s: int | None, now: datetime) -> str:
    """Why a backup does not stand for the database, in words; empty where it does. limit_s: of its age; None: any."""
    age = (now - min(entry.snapshot, entry.stored)).total_seconds()
    if entry.uuid != uuid:
        return f"is of another database, with uuid {entry.uuid}"
    if limit_s is None or age <= limit_s:
        return ""
    return f"is {duration(age)} old, and at most {duration(limit_s)} are accepted before its database is given up"


def damage(repository: Repository, entry: Entry) -> str:
    """What is wrong with a backup, in words; empty where its dump is what was written and no object is missing."""
    try:
        manifest = manifest_of(repository, entry)
        for _piece in read_dump(repository, manifest):
            continue
    except StateError as error:
        return f"is damaged: {error}"
    lost = len(manifest.lost(stored_sizes(repository)))
    return f"is damaged: {lost} of its objects are missing or cut off" if lost else ""
