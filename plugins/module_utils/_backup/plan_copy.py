# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what two repositories of a tenant hold to the work of a copy, and to its verdict. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import NO_PART, Check, Found, Part
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import (
    Compared,
    Copied,
    CopyPlan,
    Needs,
    Scope,
    Side,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import parse_stamp, stamp
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_check import WORDS
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import rolled_back, still_kept
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import flag, number
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    Catalog,
    Entry,
    Marks,
    unmarked,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import doomed

SHOWN = 3


def staying(catalog: Catalog) -> Catalog:
    """The catalog with those backups alone that are not marked to be removed."""
    return replace(catalog, entries=tuple(one for one in catalog.entries if one.expired is None))


def diverged(first: Catalog, second: Catalog, where: str, copy: str) -> str:
    """What the second repository has and the first one lacks, as a clause; empty for nothing.

    Then the first was rolled back, or runs have worked on the second by itself.
    """
    lost = next(filter(None, (rolled_back(first, one.number, where) for one in second.entries)), "")
    if not lost and (second.number > first.number or second.fence > first.fence):
        lost = (
            f"the catalog in the {copy} has record {second.number}, and the one in the {where} has {first.number}, so "
            "the first was rolled back, or runs have worked on the second by itself"
        )
    # marks are of the objects of one repository
    same = replace(unmarked(first), copied=False) == replace(unmarked(second), copied=False)
    if not lost and second.number == first.number and not same:
        lost = f"record {first.number} of the catalog in the {copy} is another one than in the {where}"
    return lost


def refuse_diverged(first: Catalog, second: Catalog, where: str, copy: str) -> None:
    """Raises RefusedError where the two have diverged: a copy would destroy one of them."""
    lost = diverged(first, second, where, copy)
    if lost:
        raise RefusedError(
            f"nothing was copied: {lost}; where the first one is right, remove all below catalog/ in the {copy}, and "
            "run again"
        )


def vanished(first: Catalog, second: Catalog) -> tuple[Entry, ...]:
    """The backups that the first repository has removed, and that the second one has never seen marked for that."""
    there = {one.number for one in first.entries}
    return tuple(one for one in second.entries if one.number not in there and one.expired is None)


def refuse_unexplained(
    first: Catalog, second: Catalog, policy: Policy | None, now: datetime, where: str, copy: str
) -> None:
    """Raises RefusedError where the first repository has removed backups that the second one would still keep.

    An expiry marks a backup long before it removes it, and each copy takes the marks along. So what vanished was due by
    the policy meanwhile, or was removed by a record that is not what it seems. policy: as it stands in the second one;
    None keeps all. now: by the clock of the second one.
    """
    gone = still_kept(first, vanished(first, second), policy, (*first.holds, *second.holds), now)
    if gone:
        names = ", ".join(one.name for one in gone[:SHOWN])
        raise RefusedError(
            f"nothing was copied: {len(gone)} backups of the {copy}, such as {names}, are not in the {where} any more, "
            "were never seen marked to be removed, and the policy there keeps them; find out who removed them; where "
            f"that is right, remove all below catalog/ in the {copy}, and run again"
        )


def plan_copy(first: Side, second: Side, needs: Needs, read: Collection[int], used: Collection[DataName]) -> CopyPlan:
    """The work of a copy. No object that is there already is written: what is wrong with it, the comparison finds.

    read: the numbers of the backups that are being read in the second one. used: the objects that those need.
    """
    data = [name for name in sorted(needs.staying) if name not in second.data]
    listed = [one for one in staying(first.catalog).entries if one.manifest not in second.manifests]
    lacking = [data_key(name) for name in data if name not in first.data and name not in first.catalog.damaged]
    # one that cannot be restored may have no manifest any more
    lacking += [one.manifest.key for one in listed if one.manifest not in first.manifests and one.restorable != NONE]
    return CopyPlan(
        contents={data_key(name): first.data[name] for name in data if name in first.data},
        manifests={
            one.manifest.key: first.manifests[one.manifest] for one in listed if one.manifest in first.manifests
        },
        remove=_removed(first.catalog, second, needs, read, used),
        lacking=tuple(lacking),
        catalog=first.catalog.number != second.catalog.number,
    )


def _removed(
    catalog: Catalog, second: Side, needs: Needs, read: Collection[int], used: Collection[DataName]
) -> tuple[str, ...]:
    """The keys of what the second repository needs no more; none where it is not known what a backup needs."""
    if needs.unread:
        return ()
    counted = {one.number: one.manifest for one in catalog.entries}
    left = [
        name
        for name in sorted(second.manifests)
        # a copy beside this one may have sent what a later run has written
        if counted.get(name.number) != name
        and name.number not in read
        and max(name.number, name.healed) < catalog.fence
    ]
    objects = doomed(catalog, catalog.fence + 1, {*needs.all, *used}, second.data)
    return (*map(data_key, objects), *(name.key for name in left))


def damaged_keys(check: Check) -> set[str]:
    """The keys of all objects that a check has found missing or damaged."""
    return {finding.key for one in check.found for finding in one.findings}


def without(check: Check, keys: Collection[str]) -> Check:
    """The check without what it has found of these objects."""
    found = (replace(one, findings=tuple(each for each in one.findings if each.key not in keys)) for one in check.found)
    return replace(check, found=tuple(found))


def intact_keys(damaged: Check, other: Check) -> tuple[str, ...]:
    """The keys of damaged objects that lie intact in the other repository.

    other: its check, which has read these objects as far as a manifest names them that is intact in one of the two.
    """
    bad = damaged_keys(damaged)
    manifests = {one.entry.manifest.key for one in other.found}
    return tuple(sorted(bad & ({*map(data_key, other.read), *manifests} - damaged_keys(other))))


def unhealed(damaged: Check, other: Check) -> tuple[str, ...]:
    """Why damaged objects were not replaced by those of the copy, a clause for each. other: the check of the copy."""
    why = {finding.key: finding.why for one in other.found for finding in one.findings}
    left = sorted(damaged_keys(damaged) - set(intact_keys(damaged, other)))
    return tuple(why.get(key, f"{key} was not read in the copy") for key in left)


def scope_of(done: Copied, part: Part, suffices: bool) -> Scope:
    """What a comparison reads. part: whose turn it is. suffices: whether the comparison before is young enough."""
    catalog = staying(done.catalog)
    if not suffices:
        return Scope(catalog, part)
    sent = tuple(one for one in catalog.entries if one.manifest.key in done.plan.manifests)
    return Scope(replace(catalog, entries=sent, damaged=()), NO_PART, partial=True)


def marks_after(done: Copied, before: Catalog, partial: bool = False) -> Marks:
    """The marks of the second repository after a comparison. before: its catalog, with the marks that it had.

    partial: whether only what was sent was read, so that former damage stands.
    """
    former = {one.number: one.restorable for one in before.entries}
    kept = {one.number for one in done.catalog.entries}
    found, damaged = (done.check.marks, done.check.damaged) if done.check else ({}, set())
    restorable = {number: mark for number, mark in {**former, **found}.items() if number in kept and mark != FULL}
    return Marks(restorable, tuple(sorted(damaged | set(before.damaged) if partial else damaged)))


def with_marks(done: Copied, before: Catalog, partial: bool) -> Copied:
    """What became of a copy, with the marks after it and those of before. before, partial: as in `marks_after`."""
    former = {one.number: one.restorable for one in before.entries}
    return replace(done, marks=marks_after(done, before, partial), former=former)


def worse(done: Copied) -> tuple[Found, ...]:
    """The backups that the first repository is not known to lack, and that the second one does not have in full."""
    found = done.check.found if done.check else ()
    return tuple(one for one in found if one.findings and one.entry.restorable == FULL)


def compared(done: Copied, now: datetime, former: Compared | None = None) -> Compared:
    """The record of a comparison at `now`, by the clock of the second repository.

    former: the record that goes on, where only what was sent since was read.
    """
    newest = max((one.number for one in staying(done.catalog).entries), default=0)
    return Compared(former.moment if former else now, newest, not worse(done))


def compared_body(record: Compared) -> dict[str, Any]:
    """The record as a repository keeps it."""
    return {"moment": stamp(record.moment), "number": record.number, "ok": record.ok}


def compared_from(body: Mapping[str, Any], where: str) -> Compared:
    """The record that a repository keeps. Raises StateError where it is none of ours."""
    try:
        return Compared(parse_stamp(body["moment"]), number(body["number"]), flag(body["ok"]))
    except BAD_VALUES as error:
        raise StateError(
            f"the record of the comparison in the {where} cannot be read: {error!r}; copy again"
        ) from error


def steps_of(done: Copied) -> list[Step]:
    """What a copy changes, the same in check mode and in a run."""
    plan, tenant = done.plan, done.tenant
    steps = []
    if plan.objects:
        steps.append(Step("copy", tenant, f"{plan.objects} objects, {plan.bytes} bytes, are not in the copy"))
    if plan.catalog:
        count = len(staying(done.catalog).entries)
        steps.append(Step("publish", tenant, f"the catalog has changed, and names {count} backups"))
    steps += [Step("write", f"{tenant}/{key}", "differs from the first repository") for key in done.documents]
    if plan.remove:
        steps.append(Step("remove", tenant, f"no backup needs {len(plan.remove)} objects of the copy any more"))
    steps += _marked(done)
    why = "it is damaged in the copy, and intact in the first repository"
    return [*steps, *(Step("heal", f"{tenant}/{key}", why) for key in done.healed)]


def _marked(done: Copied) -> list[Step]:
    """The backups of which the copy says something else from now on."""
    found = ((one.name, done.marks.restorable.get(one.number, FULL), one.number) for one in done.catalog.entries)
    return [
        Step("mark", f"{done.tenant}/{name}", f"it can be restored {WORDS[mark]} from the copy")
        for name, mark, number in found
        if mark != done.former.get(number, mark)
    ]


def failure_of(done: Copied) -> str:
    """Why a copy fails, as one sentence; empty where it is as good as the first repository."""
    bad = worse(done)
    if not bad:
        return "; ".join(done.faults)
    shown = ", ".join(f"{one.entry.name} ({one.findings[0].why})" for one in bad[:SHOWN])
    return (
        f"{len(bad)} backups of the copy cannot be restored in full: {shown}; check the first "
        "repository with odoo_backup_check, and copy again" + "".join(f"; {one}" for one in done.faults)
    )
