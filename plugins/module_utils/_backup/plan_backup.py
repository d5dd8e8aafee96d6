# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before a backup, which backup suffices already, and the steps of one: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest, State
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import require_days
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_check import WORDS
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import shown
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    Catalog,
    Entry,
    Stay,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_stay

MISSING_SHOWN = 3
EARLIER_SHOWN = 10
# How far a moment that is asked for may be after the store's clock: it was now, by another clock.
_AHEAD = timedelta(seconds=60)
_LOST = "objects of it are missing or cut off, so it can be restored"
LISTED = "it is complete, and had no record: the run that took it was interrupted, or the record was taken away"


@dataclass(frozen=True)
class Survey:
    """What stands before a backup. fresh: the complete backup that suffices, if one does. new: no repository yet.

    stay: how long the backup is to stay whatever a policy says, None where it stays so long already or as is promised.
    listed: the backup of the run before, which was interrupted at its end. superusers: what a restore leaves out.
    marked: backups that have lost objects, and of which the catalog says so from now on.
    """

    catalog: Catalog
    fresh: Entry | None
    new: bool = False
    stay: Stay | None = None
    listed: tuple[Entry, ...] = ()
    superusers: tuple[str, ...] = ()
    marked: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Taken:
    """A complete backup. warnings: what was met and made good. Sizes in bytes, times in seconds."""

    manifest: Manifest
    files_sent: int
    bytes_sent: int
    duration_s: float
    warnings: tuple[str, ...] = ()


def refuse_missing(database: str, filestore: str, missing: Iterable[str], consent: str = "") -> None:
    """Raises StateError when files that the database refers to are not in its filestore. consent: to go on without."""
    listed = list(missing)
    if listed:
        raise StateError(
            f"database {database} refers to {len(listed)} files that are not in {filestore} ({_some(listed)}); "
            f"restore them{consent}"
        )


def refuse_lost(lost: Collection[DataName], where: str) -> None:
    """Raises StateError where objects that a backup needs are not there, or are cut off."""
    if lost:
        raise StateError(
            f"{len(lost)} objects that the new backup needs, such as {data_key(min(lost))}, are missing or cut off in "
            f"the {where}, so it is not complete; find out who removes them, and run again, which sends them again"
        )


def said_of_superusers(names: Sequence[str]) -> list[str]:
    """A sentence for what a restore of the backup leaves out; none without such."""
    said = "only a superuser can make what a restore of this backup leaves out: {}; make it anew after a restore"
    return [said.format(", ".join(names))] if names else []


def said_of_missing(missing: Sequence[str]) -> list[str]:
    """A sentence for a backup that lacks files of its database; none without such."""
    if not missing:
        return []
    return [
        f"the backup lacks {len(missing)} files that the database refers to ({_some(missing)}), so it is partial: it "
        "does not count as a fresh one, and is restored with missing_files: list alone; restore the files, or delete "
        "the attachments that refer to them, and take another"
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names[:MISSING_SHOWN]))


def former_dump_bytes(catalog: Catalog) -> int:
    """The size of the newest backup's dump in bytes, which that of the next one is estimated from; 0 without one."""
    newest = newest_of(catalog)
    return newest.dump_bytes if newest else 0


def refuse_other_database(catalog: Catalog, tenant: str, uuid: str) -> None:
    """Raises StateError where the newest backup of the tenant is of a database with another uuid."""
    newest = newest_of(catalog)
    if newest is not None and newest.uuid != uuid:
        raise StateError(
            f"the backups of tenant {tenant} are of the database with uuid {newest.uuid or 'none'}, and this one has "
            f"{uuid or 'none'}; give the right tenant, or let the new database follow with other_database: accept"
        )


def refuse_changed(database: str, expected: State | None, found: State) -> None:
    """Raises RefusedError where a database may not be its tenant's home. expected: as what it is, None for anything."""
    if expected and (expected.home != found.home or (expected.open and not found.open)):
        raise RefusedError(
            f"database {database} is {found}, and counts only while it is {expected}, since users may write to another "
            "one of its tenant; run again when no change has the tenant in hand"
        )


def newest_of(catalog: Catalog) -> Entry | None:
    """The backup that was completed last."""
    return max(catalog.entries, key=lambda one: one.number, default=None)


def latest_of(
    catalog: Catalog, now: datetime, restorable: Collection[str] = (FULL,), until: datetime | None = None
) -> Entry | None:
    """The backup that shows the latest moment, of those that are not marked to be removed. now: by the store's clock.

    The clock of PostgreSQL may be ahead by CLOCK_SKEW. What is dated later is not the latest one. restorable: how far
    it can be restored; by default in full. until: the latest moment that it may show, None for now.
    """
    last = now + CLOCK_SKEW if until is None else min(until, now + CLOCK_SKEW)
    past = [one for one in catalog.entries if one.snapshot <= last and one.expired is None]
    fit = [one for one in past if one.restorable in restorable]
    # a clock that was ahead and is right again dates a later backup earlier
    return max(fit, key=lambda one: (min(one.snapshot, one.stored), one.number), default=None)


def earlier_than(entry: Entry, catalog: Catalog) -> list[str]:
    """The identifiers of backups that can be restored in full and show an earlier moment, the latest first."""
    past = [one for one in catalog.entries if one.snapshot < entry.snapshot and one.restorable == FULL]
    return [one.name for one in sorted(past, key=lambda one: (one.snapshot, one.number), reverse=True)][:EARLIER_SHOWN]


def ahead_of_clock(catalog: Catalog, now: datetime) -> list[str]:
    """A sentence for each backup that does not count as the latest one, since it is dated in the future."""
    return [
        f"backup {one.name} is dated {(one.snapshot - now).total_seconds():.0f} s after the clock of the repository "
        "and does not count as the latest one; set the clock of its database server right, and take a new backup"
        for one in catalog.entries
        if one.snapshot > now + CLOCK_SKEW and one.expired is None
    ]


def require_past(until: datetime | None, now: datetime) -> None:
    """Raises InputError for a moment that is still to come, of which no backup speaks. now: by the store's clock."""
    if until is not None and until - now > _AHEAD:
        raise InputError(
            f"at is '{until:%Y-%m-%dT%H:%M:%S%z}', and the clock of the repository says {now:%Y-%m-%dT%H:%M:%S%z}; "
            "give a moment that is past, or none for the newest backup"
        )


def newest_fit(
    catalog: Catalog, now: datetime, accept_missing: bool = False, until: datetime | None = None
) -> tuple[Entry | None, list[str]]:
    """The backup to restore where the latest one is asked for, and a sentence for each reason why it is no better one.

    accept_missing: one that lacks files will do. until: as in latest_of.
    """
    latest = latest_of(catalog, now, (FULL, PARTIAL, NONE), until)
    full, most = latest_of(catalog, now, (FULL,), until), latest_of(catalog, now, (FULL, PARTIAL), until)
    fit = (most if accept_missing else full or most) or latest
    said = ahead_of_clock(catalog, now) if until is None else []
    if fit is not None and latest is not None and fit != latest:
        said.append(f"backup {latest.name} is newer than {fit.name} and damaged, so {fit.name} is restored")
    if fit is not None and fit.restorable == PARTIAL and full is not None:
        said.append(
            f"backup {fit.name} is restored without the files of it that are missing or damaged; {full.name} is the "
            "newest one that can be restored in full"
        )
    return fit, said


def refuse_damaged(entry: Entry, where: str, accept_missing: bool) -> None:
    """Raises StateError for a backup that lacks files, or that a check has found damaged.

    accept_missing: go on where only files lack.
    """
    if entry.restorable == NONE:
        raise StateError(
            f"backup {entry.name} in the {where} cannot be restored: its dump, manifest or index is missing or "
            "damaged; choose another, and see odoo_backup_check"
        )
    if entry.restorable == PARTIAL and not accept_missing:
        raise StateError(
            f"backup {entry.name} in the {where} lacks files that were missing when it was taken, or that are "
            "missing or damaged in the repository; take a new backup, which sends those in the filestore again, or "
            "restore without them with missing_files: list"
        )


def fresh_enough(catalog: Catalog, max_age_s: int, now: datetime) -> Entry | None:
    """The latest backup when it is younger than `max_age_s` seconds, by the clock of PostgreSQL and by the store's."""
    latest = latest_of(catalog, now)
    if latest is None or (now - min(latest.snapshot, latest.stored)).total_seconds() >= max_age_s:
        return None
    return latest


def refuse_skew(taken: datetime, now: datetime) -> None:
    """Raises StateError where the clocks of PostgreSQL and of the store are too far apart."""
    skew = abs(taken - now)
    if skew > CLOCK_SKEW:
        raise StateError(
            f"the clocks of PostgreSQL and of the repository are {skew.total_seconds():.0f} s apart; "
            "set them right first: retention goes by the time of the snapshot"
        )


def steps_of(tenant: str, database: str, seen: Survey) -> list[Step]:
    """What a backup does, the same in check mode and in a run."""
    held = seen.fresh.name if seen.fresh else "a new backup"
    hold = [Step("place_hold", f"{tenant}/{held}", f"{seen.stay.reason}, {seen.stay.days} days")] if seen.stay else []
    listed = [Step("list", f"{tenant}/{one.name}", LISTED) for one in seen.listed]
    marked = [Step("mark", f"{tenant}/{one.name}", f"{_LOST} {WORDS[one.restorable]}") for one in seen.marked]
    if seen.fresh:
        return [*listed, *marked, *hold]
    return [
        *listed,
        *marked,
        *([Step("make_repository", tenant, "the tenant has none yet")] if seen.new else []),
        Step("back_up", database, "database and files as they are in one snapshot"),
        *hold,
    ]


def said_of_listed(listed: Iterable[Entry]) -> list[str]:
    """A sentence for each backup that is in the catalog because the run after its own has listed it."""
    return [f"backup {one.name} is in the catalog from now on: {LISTED}" for one in listed]


def said_of_cleared(cleared: Iterable[Entry]) -> list[str]:
    """A sentence for each backup that ended beside a check, and is not marked any more."""
    why = "the objects that it shares with a damaged one are intact"
    return [f"backup {one.name}, which ended meanwhile, is not marked any more: {why}" for one in cleared]


def said_of_marked(marked: Iterable[Entry]) -> list[str]:
    """A sentence for each backup that has lost objects."""
    advice = "find out who removes them, and run odoo_backup_check, which heals what another backup or the copy has"
    return [f"backup {one.name}: {_LOST} {WORDS[one.restorable]}; {advice}" for one in marked]


def survey_of(catalog: Catalog, max_age_s: int, stay: Stay | None, now: datetime, new: bool = False) -> Survey:
    """What stands before a backup at `now`, by the store's clock."""
    fresh = fresh_enough(catalog, max_age_s, now)
    stays = fresh is not None and stay is not None and plan_stay(catalog, fresh.name, stay, now) is catalog
    return Survey(catalog, fresh, new, None if stays else stay)


def stay_of(days: int, reason: str) -> Stay | None:
    """How long a backup is asked to stay, None for 0 days. Raises InputError for days without a reason."""
    require_days("keep_days", days)
    if days and not reason.strip():
        raise InputError("keep_days without keep_reason; give it, as it is shown wherever the backup stays for it")
    return Stay(days, reason.strip()) if days else None
