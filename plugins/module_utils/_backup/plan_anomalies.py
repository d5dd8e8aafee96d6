# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that need a look: collapsed, grown, dated wrongly, lost or forged. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    CRITICAL,
    WARNING,
    Evidence,
    Finding,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import rolled_back, still_kept, unexplained
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_sizes import (
    FEWEST,
    FLOOR_COUNT,
    Odd,
    odd,
    sizes_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE

# Older backups are not named again.
RECENT = 8
_REWRITTEN = timedelta(hours=1)
_BACKDATED = timedelta(days=2)
_HEAL = "find out who removes them; take a new backup, and run odoo_backup_check, with the copy where there is one"
_LOOK = (
    "compare it with the database: where it is right, name it in sizes_from of the policy, and where it is not, "
    "restore a backup from before, of which the newest are kept meanwhile"
)


def anomalies(seen: Evidence, now: datetime) -> list[Finding]:
    """What is wrong with the backups of a tenant, whatever its policy says. now: by the store's clock."""
    dates = [*_dates(seen, now), *_drills_ahead(seen, now)]
    return [
        *_faults(seen),
        *_rolled_back(seen),
        *_absent(seen, now),
        *dates,
        *_sizes(seen),
        *_rows(seen),
    ]


def _faults(seen: Evidence) -> Iterator[Finding]:
    for fault in seen.faults:
        yield Finding(
            "unsealed", CRITICAL, fault.backup, fault.sentence, "find out who wrote it; restore from another copy"
        )
    for one in seen.catalog.entries:
        if one.number not in seen.written:
            sentence = f"backup {one.name} is in the catalog, and its manifest is not in the store"
            yield Finding(
                "lost", CRITICAL, one.name, sentence, "find out who removed it; bring it back from its versions"
            )
    unreadable = {fault.backup for fault in seen.faults}
    for one in seen.catalog.entries:
        lost = seen.lost.get(one.name)
        if lost is None or one.expired or one.number not in seen.written or (not lost and one.name in unreadable):
            continue
        sentence = f"{lost} objects of backup {one.name} are missing or cut off"
        yield Finding("lost", CRITICAL, one.name, sentence if lost else f"backup {one.name} cannot be read", _HEAL)
    for one in seen.catalog.entries:
        if one.restorable != FULL and one.expired is None:
            why = "cannot be restored, as objects of it are missing or damaged"
            how = why if one.restorable == NONE else "lacks files"
            remedy = "take a new backup, and see what damages the store, or which files the filestore lacks"
            yield Finding("damaged", CRITICAL, one.name, f"backup {one.name} {how}", remedy)


def _rolled_back(seen: Evidence) -> Iterator[Finding]:
    """A catalog that lacks what the ledger proves. One that cannot be read is a fault of its own."""
    unread = any(not fault.backup for fault in seen.faults) and not seen.catalog.number
    sentence = "" if unread else rolled_back(seen.catalog, seen.known, seen.where)
    if sentence:
        remedy = "find out who wrote into the store, and bring its newest state back from its versions or another copy"
        yield Finding("rolled_back", CRITICAL, "", sentence, remedy)


def _absent(seen: Evidence, now: datetime) -> Iterator[Finding]:
    """Backups that an expiry would give up, since the catalog does not know of them any more."""
    kept = still_kept(seen.catalog, seen.absent, seen.policy, seen.catalog.holds, now)
    if kept:
        remedy = "find out who wrote into the store; until then, every expiry of this tenant is refused"
        yield Finding("unlisted", CRITICAL, "", unexplained(kept, (), seen.where), remedy)


def _dates(seen: Evidence, now: datetime) -> Iterator[Finding]:
    """Backups whose times disagree with the store's: a wrong clock can make real ones expire."""
    latest = now + CLOCK_SKEW
    for one in seen.catalog.entries:
        written = seen.written.get(one.number)
        if one.snapshot > latest or one.stored > latest:
            sentence = f"backup {one.name} is dated {max(one.snapshot, one.stored) - now} after the clock of the store"
            yield Finding(
                "future", CRITICAL, one.name, sentence, "correct the clock of its host, and take a new backup"
            )
        elif one.snapshot - one.stored > CLOCK_SKEW or one.stored - one.snapshot > _BACKDATED:
            sentence = f"backup {one.name} says that it is of {one.snapshot:%Y-%m-%d %H:%M} UTC, and was stored at "
            sentence += f"{one.stored:%Y-%m-%d %H:%M} UTC"
            yield Finding("misdated", WARNING, one.name, sentence, "correct the clock of its host")
        # a check that heals a backup writes its manifest again
        if written is not None and not one.healed and abs(written - one.stored) > _REWRITTEN:
            sentence = f"the manifest of backup {one.name} was written at {written:%Y-%m-%d %H:%M} UTC, and the backup "
            sentence += f"was stored at {one.stored:%Y-%m-%d %H:%M} UTC"
            yield Finding("rewritten", WARNING, one.name, sentence, "find out who wrote it again, or copied the bucket")


def _drills_ahead(seen: Evidence, now: datetime) -> Iterator[Finding]:
    """Records of drills that are dated in the future, which are no proof."""
    for one in seen.drills:
        if one.begun > now + CLOCK_SKEW:
            sentence = f"a record of a restore drill is dated {one.begun - now} after the clock of the store"
            yield Finding("future", WARNING, "", sentence, "correct the clock of its host, and run a drill")


def _sizes(seen: Evidence) -> Iterator[Finding]:
    """The newest backups whose sizes do not fit those before them."""
    recent = {one.name for one in [each for each in seen.catalog.entries if each.expired is None][-RECENT:]}
    found = sizes_of(seen.catalog.entries, seen.policy.sizes_from if seen.policy else "")
    yield from (_of_size(one) for one in found.odd if one.backup in recent)


def _rows(seen: Evidence) -> Iterator[Finding]:
    """The rows of the newest backup against those of the others whose manifests were opened."""
    listed = [(one.name, seen.opened[one.name].rows) for one in seen.catalog.entries if one.name in seen.opened]
    if len(listed) > FEWEST:
        *former, (name, rows) = listed
        found = odd(name, "rows", rows, [count for _name, count in former], FLOOR_COUNT)
        yield from (_of_size(one) for one in [found] if one)


def _of_size(one: Odd) -> Finding:
    sentence = f"backup {one.backup} has {one.value} {one.what}, and the median of those before it is {one.usual:.0f}"
    if one.collapsed:
        return Finding("collapsed", CRITICAL, one.backup, sentence, _LOOK)
    return Finding("grown", WARNING, one.backup, sentence, "find out what was added to the database")
