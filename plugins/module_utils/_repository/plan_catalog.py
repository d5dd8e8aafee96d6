# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may follow on a catalog: pure, with the repository's clock as an argument.

Each of these is planned on the newest record and written as the next one, or not at all. So what it requires holds at
the moment that it counts, however long its writer has slept.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    KEPT,
    NONE,
    PARTIAL,
    REBUILT,
    Catalog,
    Entry,
    Hold,
    Left,
    Marks,
    Stay,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, ManifestName

_WORSE = (FULL, PARTIAL, NONE)


def plan_begin(seen: Catalog, fence: int) -> Catalog:
    """The catalog that only the lease with the number `fence` may change. Raises LostError for an overtaken one."""
    if seen.fence == fence:
        return seen
    if seen.fence > fence:
        raise LostError(f"lease {fence} was overtaken by lease {seen.fence}")
    return replace(seen, number=seen.number + 1, fence=fence)


def plan_commit(seen: Catalog, entry: Entry, objects: Collection[DataName] = (), stay: Stay | None = None) -> Catalog:
    """The catalog with a backup that is complete. Raises LostError where another run began since.

    objects: those that the backup needs. It lacks files where a check has found one of them damaged. stay: how long it
    is kept in any case, from the same record on; None leaves that to the policy.
    """
    if any(one.number == entry.number for one in seen.entries):
        return seen
    require(seen, entry.number)
    restorable = entry.restorable if set(seen.damaged).isdisjoint(objects) else PARTIAL
    named = replace(entry, name=_free_name(seen, entry.snapshot), restorable=restorable)
    following = replace(seen, number=seen.number + 1, entries=(*seen.entries, named))
    return (
        following if stay is None else replace(following, holds=_holds_with(following, named.name, stay, entry.stored))
    )


def plan_stay(seen: Catalog, backup: str, stay: Stay, now: datetime) -> Catalog:
    """The catalog in which a backup stays for so long at least. Raises StateError where it is not there."""
    if seen.entry(backup) is None:
        raise StateError(f"backup {backup} is not there any more; look again")
    holds = _holds_with(seen, backup, stay, now)
    return seen if holds == seen.holds else replace(seen, number=seen.number + 1, holds=holds)


def _holds_with(seen: Catalog, backup: str, stay: Stay, now: datetime) -> tuple[Hold, ...]:
    """The holds with that of a backup, or a longer one of it; without those of its kind that are over."""
    wanted = stay.hold(backup, now)
    there = next((one for one in seen.holds if one.name == wanted.name), wanted)
    over = {one.name for one in seen.holds if one.name.startswith(KEPT) and one.is_over(now)}
    longer = there if not there.until else max(there, wanted, key=lambda one: one.until)
    return holds_after(seen.holds, [longer], over)


def plan_mark(seen: Catalog, before: Catalog, found: Mapping[int, str], damaged: Iterable[DataName]) -> Catalog:
    """The catalog with what a check has found. It needs no lease: a backup or an expiry beside it goes on.

    before: the catalog that the check has read. found: how far each backup can be restored, by number; one that was
    removed since is left out. damaged: the objects that are missing or damaged.
    Raises StateError where another check has changed the marks since.
    """
    _require_marks(seen, before)
    following = replace(seen, entries=_marked(seen.entries, found), damaged=tuple(sorted(damaged)))
    return seen if following == seen else replace(following, number=seen.number + 1)


def plan_lost(seen: Catalog, found: Marks) -> Catalog:
    """The catalog with marks for objects that are not there. None is taken back, which a check alone does."""
    lost = found.restorable
    marks = {one.number: _worse(one.restorable, lost[one.number]) for one in seen.entries if one.number in lost}
    damaged = tuple(sorted({*seen.damaged, *found.damaged}))
    following = replace(seen, entries=_marked(seen.entries, marks), damaged=damaged)
    return seen if following == seen else replace(following, number=seen.number + 1)


def plan_proven(seen: Catalog, before: Catalog, number: int, whole: Collection[DataName]) -> Catalog:
    """The catalog in which a backup that was restored as a whole has no mark.

    before: the catalog that the restore began with; the marks of a check that has ended since stand. whole: the objects
    of which every byte was read, which are damaged no more.
    """
    former = {one.number: (one.healed, one.restorable) for one in before.entries}
    same = seen.damaged == before.damaged and all(
        former.get(one.number, (one.healed, one.restorable)) == (one.healed, one.restorable) for one in seen.entries
    )
    if not same:
        return seen
    damaged = tuple(name for name in seen.damaged if name not in whole)
    following = replace(seen, entries=_marked(seen.entries, {number: FULL}), damaged=damaged)
    return seen if following == seen else replace(following, number=seen.number + 1)


def _worse(one: str, other: str) -> str:
    return max(one, other, key=_WORSE.index)


def _marked(entries: Iterable[Entry], marks: Mapping[int, str]) -> tuple[Entry, ...]:
    """The backups with these marks, by number; those that have theirs already are the same objects."""
    marked = ((one, marks.get(one.number, one.restorable)) for one in entries)
    return tuple(one if mark == one.restorable else replace(one, restorable=mark) for one, mark in marked)


def plan_heal(
    seen: Catalog, fence: int, before: Catalog, healed: Mapping[int, str], damaged: Iterable[DataName]
) -> Catalog:
    """The catalog in which backups have the manifests that the lease with the number `fence` has written.

    before: the catalog with the marks of the check. healed: how far each backup can be restored with its new manifest,
    by number. damaged: the objects that still are.
    Raises LostError where another run began since, and StateError where another check has changed the marks.
    """
    if any(one.healed == fence for one in seen.entries):
        return seen
    require(seen, fence)
    _require_marks(seen, before)
    entries = tuple(
        replace(one, healed=fence, restorable=healed[one.number]) if one.number in healed else one
        for one in seen.entries
    )
    return replace(seen, number=seen.number + 1, entries=entries, damaged=tuple(sorted(damaged)))


def plan_rebuild(seen: Catalog, fence: int, left: Left) -> Catalog:
    """A catalog in the place of one that is lost. Raises StateError where there is one.

    fence: of the run, above all numbers. What interrupted backups left is given up, since the lost catalog may have
    done so already, but for what a manifest may need that cannot be read now. The holds are not all known, so a hold
    keeps all backups until somebody has said which of them stand.
    """
    if seen.number:
        raise StateError(f"the catalog is not lost: its record {seen.number} is there; leave rebuild out")
    if not left.entries:
        raise StateError("no manifest of a backup can be read, so there is nothing to make a catalog of; take a backup")
    highest = max(max(one.number, one.healed) for one in left.entries)
    if highest >= fence:
        raise StateError(f"lease {fence} is not above backup {highest}; set the clock of the store right")
    given_up = min({fence, *left.unread}) - 1
    holds = holds_after(left.holds, (REBUILT,), ())
    return with_entries(Catalog(1, fence, given_up, holds=holds, policy=left.policy), left.entries)


def with_entries(seen: Catalog, more: Iterable[Entry]) -> Catalog:
    """The catalog with further backups as well, each of which has a name then."""
    made = seen
    for one in sorted(more, key=lambda one: one.number):
        named = one if one.name else replace(one, name=_free_name(made, one.snapshot))
        made = replace(made, entries=(*made.entries, named))
    return replace(made, entries=tuple(sorted(made.entries, key=lambda one: one.number)))


def plan_expire(seen: Catalog, names: Collection[str], now: datetime) -> Catalog:
    """The catalog in which exactly these backups are marked to be removed; a mark that stands keeps its time."""
    unknown = sorted(set(names) - {one.name for one in seen.entries})
    if unknown:
        raise StateError(f"backup {unknown[0]} is not there any more; look again")
    entries = tuple(replace(one, expired=(one.expired or now) if one.name in names else None) for one in seen.entries)
    return seen if entries == seen.entries else replace(seen, number=seen.number + 1, entries=entries)


def holds_after(seen: Iterable[Hold], placed: Iterable[Hold], released: Collection[str]) -> tuple[Hold, ...]:
    """The holds by name, with those that are placed and without those that are called `released`; all others stay."""
    left = {one.name: one for one in seen if one.name not in released}
    left |= {one.name: one for one in placed}
    return tuple(left[name] for name in sorted(left))


def plan_hold(seen: Catalog, placed: Collection[Hold], released: Collection[str]) -> Catalog:
    """The catalog with the holds `placed` and without those that are called `released`; all others stay.

    Raises StateError where a hold names a backup that is not there.
    """
    for hold in placed:
        unknown = sorted(set(hold.backups) - {one.name for one in seen.entries})
        if unknown:
            raise StateError(f"hold {hold.name} names backup {unknown[0]}, which is not there; name one that is")
    holds = holds_after(seen.holds, placed, released)
    return seen if holds == seen.holds else replace(seen, number=seen.number + 1, holds=holds)


def plan_policy(seen: Catalog, policy: Mapping[str, Any] | None) -> Catalog:
    """The catalog with a policy; None takes it away."""
    return seen if policy == seen.policy else replace(seen, number=seen.number + 1, policy=policy)


def require_promises(seen: Catalog, planned: Catalog) -> Catalog:
    """The catalog itself. Raises StateError where its policy or holds are not those that a removal was planned with."""
    if (seen.policy, seen.holds) != (planned.policy, planned.holds):
        raise StateError("the policy of the backups, or a hold, changed meanwhile, and nothing was removed; run again")
    return seen


def due(seen: Catalog, now: datetime, grace_s: int, read: Collection[int]) -> tuple[Entry, ...]:
    """The backups whose grace has ended and that no hold keeps. read: the numbers of those being read, which stay."""
    latest = now - timedelta(seconds=grace_s)
    ended = (one for one in seen.entries if one.expired and one.expired <= latest and one.number not in read)
    return tuple(one for one in ended if not any(hold.keeps(one.name, now) for hold in seen.holds))


def given_up(
    seen: Catalog, fence: int, gone: Iterable[Entry], written: Mapping[DataName, datetime], latest: datetime
) -> int:
    """Up to which number the objects of no backup are not used any more.

    gone: backups that are removed. written: when each object was. latest: what interrupted backups wrote until then is
    given up.
    """
    complete = {one.number for one in seen.entries}
    newest: dict[int, datetime] = {}
    for name, moment in written.items():
        if name.number not in complete and name.number < fence:
            newest[name.number] = max(moment, newest.get(name.number, moment))
    old = (number for number, moment in newest.items() if moment <= latest)
    return max([seen.given_up, *(one.number for one in gone), *old])


def doomed(seen: Catalog, fence: int, used: Collection[DataName], written: Iterable[DataName]) -> list[DataName]:
    """The objects that no backup uses and none will. used: by the backups of the catalog."""
    complete = {one.number for one in seen.entries}
    return sorted(
        name
        for name in written
        if name not in used and name.number < fence and (name.number <= seen.given_up or name.number in complete)
    )


def replaced_manifests(seen: Catalog, fence: int, names: Iterable[ManifestName]) -> list[ManifestName]:
    """The manifests of complete backups that do not count: those before a healing, and those of an interrupted one."""
    current = {one.number: one.manifest for one in seen.entries}
    return [name for name in names if current.get(name.number, name) != name and name.healed < fence]


def plan_remove(seen: Catalog, fence: int, gone: Collection[Entry], until: int) -> Catalog:
    """The catalog without the backups `gone`. Their objects may be removed once it is written.

    until: up to this number, what interrupted backups left is not used any more.
    """
    require(seen, fence)
    kept = tuple(one for one in seen.entries if one not in gone)
    following = replace(seen, entries=kept, given_up=max(seen.given_up, until))
    return seen if following == seen else replace(following, number=seen.number + 1)


def worsened(seen: Catalog, after: Catalog) -> tuple[Entry, ...]:
    """The backups that a later catalog says can be restored less far than an earlier one."""
    former = {one.number: one.restorable for one in seen.entries}
    return tuple(one for one in after.entries if former.get(one.number, one.restorable) != one.restorable)


def added(seen: Catalog, after: Catalog) -> tuple[Entry, ...]:
    """The backups that a later catalog has and an earlier one has not."""
    former = {one.number for one in seen.entries}
    return tuple(one for one in after.entries if one.number not in former)


def lacking(seen: Catalog, numbers: Iterable[int]) -> set[int]:
    """Those numbers of backups that are not in the catalog, where no removal of ours explains that."""
    listed = {one.number for one in seen.entries}
    # who removes a backup gives up all numbers to its own
    return {number for number in numbers if number > seen.given_up and number not in listed}


def require(seen: Catalog, fence: int) -> None:
    """Raise LostError where another run began after the lease with the number `fence` was taken."""
    if seen.fence != fence:
        raise LostError(
            f"lease {fence} was overtaken by lease {seen.fence}; nothing that was written since counts, run again"
        )


def _require_marks(seen: Catalog, before: Catalog) -> None:
    """Raise StateError where another check has changed the marks of the backups that are still there."""
    marks = {one.number: (one.healed, one.restorable) for one in before.entries}
    now = {one.number: (one.healed, one.restorable) for one in seen.entries}
    if seen.damaged != before.damaged or any(now.get(number, mark) != mark for number, mark in marks.items()):
        raise StateError("another check has marked backups meanwhile; run again")


def _free_name(seen: Catalog, snapshot: datetime) -> str:
    """An identifier with the second of the snapshot in UTC, and a count where another backup has the same one."""
    second = f"{snapshot.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}"
    taken = {one.name for one in seen.entries}
    others = (f"{second}-{count}" for count in itertools.count(2))
    return next(name for name in itertools.chain([second], others) if name not in taken)
