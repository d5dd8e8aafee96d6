# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which locks of a tenant's backups are to be extended, and what is recorded of that. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Extension, Locks, Scope
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import parse_stamp, stamp
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import texts
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Retention
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import NONE, Catalog, Entry

# A lock in the mode COMPLIANCE cannot be taken back, and each run extends it: more than this is a slip.
MOST_DAYS = 3650
COMPLIANCE = "COMPLIANCE"


def lock_days_from(tenant: str, immutability: str, given: int | None, default: int, versioning: bool | None) -> int:
    """The days of a policy's locks, 0 without locks. given: None where the policy does not say."""
    if immutability != "lock":
        if given is not None:
            raise InputError(
                f"policies: tenant {tenant} has lock_days {given} and immutability {immutability}; "
                "leave lock_days out, or give immutability: lock"
            )
        return 0
    if versioning is False:
        raise InputError(
            f"policies: tenant {tenant} has immutability lock and versioning false, but a bucket with Object Lock "
            "keeps versions; leave versioning out"
        )
    days = default if given is None else given
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"policies: tenant {tenant} has lock_days {days}; give 1 to {MOST_DAYS}")
    return days


def end_of_epoch(now: datetime, days: int) -> datetime:
    """Until when an epoch that begins now locks objects: half of `days` more than is promised, and up to a midnight.

    So a run of the same day has the same end, and finds what an interrupted one has done.
    """
    day = now.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=days + (days + 1) // 2 + 1)


def plan_scope(record: Locks | None, parts: Iterable[str], now: datetime, days: int) -> Scope:
    """What a run has to lock so that all parts are locked for `days` at least."""
    if record is None or record.until < now + timedelta(days=days):
        return Scope(tuple(parts), Locks(end_of_epoch(now, days)))
    return Scope(tuple(part for part in parts if part not in record.parts), record)


def kept(entries: Iterable[Entry], marked: Collection[str]) -> list[Entry]:
    """The backups that are not marked to be removed."""
    return [one for one in entries if one.name not in marked]


def telling(catalog: Catalog, locks: Locks | None) -> tuple[Entry, ...]:
    """The kept backups whose locks prove the most: the oldest one, and the oldest one that the record does not have.

    The newest one is not among them, nor is one that cannot be restored.
    """
    older = [one for one in catalog.entries if one.expired is None][:-1]
    sound = [one for one in older if one.restorable != NONE]
    unrecorded = [one for one in sound if locks is None or one.manifest.key not in locks.parts]
    return tuple(dict.fromkeys((*sound[:1], *unrecorded[:1])))


def needed(seen: Retention | None, until: datetime, mode: str) -> Retention | None:
    """The lock that an object needs, None where it has one that is as long and as strict. It is never weakened."""
    if seen is None:
        return Retention(mode, until)
    wanted = Retention(COMPLIANCE if COMPLIANCE in (seen.mode, mode) else mode, max(seen.until, until))
    return None if wanted == seen else wanted


def record_after(extension: Extension, failed: Collection[str], lost: Collection[str] = ()) -> Locks:
    """The record once all keys of an extension are proven to be locked but for these.

    lost: keys that are not there, and need not be.
    """
    former = extension.scope.former
    done = {part for part, needs in extension.needs.items() if needs.isdisjoint(failed)}
    locked = set(extension.keys).difference(failed, lost)
    return Locks(former.until, former.parts | done, former.objects | locked)


def failure_of(extension: Extension, failed: Mapping[str, str]) -> str:
    """Why not all locks were extended, as one sentence; empty where they were."""
    faults = [*extension.unread.values(), *failed.values()]
    if not faults:
        return ""
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return (
        f"the locks of backups in the {extension.where} were not all extended: {faults[0]}{more}; check the backups "
        "with odoo_backup_check, and run again"
    )


def foreseen(extensions: Mapping[str, Extension]) -> dict[str, str]:
    """Why the locks of tenants will not all be extended, by tenant."""
    return {tenant: why for tenant, one in extensions.items() if (why := failure_of(one, {}))}


def in_turn(keys: Iterable[str], versions: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """The versions to lock with their keys: the first one of each key before all that were written over it since.

    versions: of each key, the oldest first.
    """
    ranked = ((rank, key, version) for key in keys for rank, version in enumerate(versions.get(key, ())))
    return [(key, version) for _rank, key, version in sorted(ranked)]


def steps_of(tenant: str, extension: Extension) -> list[Step]:
    """What an extension changes, the same in check mode and in a run."""
    until = f"{extension.scope.until:%Y-%m-%d}"
    why = f"{len(extension.keys)} objects that kept backups need are to be locked until {until}"
    return [Step("extend_locks", tenant, why)] if extension.keys else []


def locks_body(locks: Locks) -> dict[str, Any]:
    """The record as the repository keeps it."""
    return {"until": stamp(locks.until), "parts": sorted(locks.parts), "objects": sorted(locks.objects)}


def locks_from(body: Mapping[str, Any] | None, where: str) -> Locks | None:
    """The record that a repository keeps, None without one. Raises StateError where it is none of ours."""
    if body is None:
        return None
    try:
        return Locks(parse_stamp(body["until"]), frozenset(texts(body["parts"])), frozenset(texts(body["objects"])))
    except BAD_VALUES as error:
        raise StateError(
            f"the record of the locks in the {where} cannot be read: {error!r}; remove it, and run backup_policy"
        ) from error
