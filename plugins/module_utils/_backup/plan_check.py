# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a check has found to its steps and its verdict: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import (
    Check,
    Copies,
    Finding,
    Found,
    Part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import parse_stamp, stamp
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import number, text
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import shown
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    Catalog,
    Marks,
)

ALL = 100
SHOWN = 3
WORDS = {FULL: "in full", PARTIAL: "without some files", NONE: "not at all"}


def parts_of(share_percent: int) -> int:
    """How many checks in a row read everything. Raises InputError for what is no share."""
    if not 1 <= share_percent <= ALL:
        raise InputError(f"share_percent: {share_percent} is no share; give 1 to 100")
    return -(-ALL // share_percent)


def next_part(recorded: Mapping[str, Any] | None, parts: int) -> Part:
    """The part to read now. recorded: what the check before has written; another number of parts begins anew."""
    if recorded is None or parts == 1:
        return Part(0, parts)
    try:
        among = number(recorded["parts"], 1)
        following = Part(number(recorded["number"], 0, among - 1), among)
    except BAD_VALUES as error:
        raise StateError(f"the record of the last check cannot be read: {error!r}; remove it") from error
    return following if following.parts == parts else Part(0, parts)


def full_check(recorded: Mapping[str, Any] | None) -> datetime | None:
    """When checks had read everything for the last time, None before. recorded: what the last one has written."""
    try:
        full = text(recorded.get("full", "")) if recorded else ""
        return parse_stamp(full) if full else None
    except BAD_VALUES as error:
        raise StateError(f"the record of the last check cannot be read: {error!r}; remove it") from error


def check_body(part: Part, recorded: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """What a check writes that has read a part: the one that follows, and when all were read for the last time.

    recorded: what the check before has written. now: by the store's clock.
    """
    # parts follow one another from the first one on, so the last one ends a round
    full = now if part.number + 1 == part.parts else full_check(recorded)
    following = {"number": part.following.number, "parts": part.following.parts}
    # a check of everything at once interrupts no round
    return {**(recorded if recorded and part.parts == 1 else following), "full": stamp(full) if full else ""}


def still_there(check: Check, now: Catalog) -> Check:
    """The check without backups that were removed, or healed by another run, since it began."""
    current = {one.manifest for one in now.entries}
    return replace(check, found=tuple(one for one in check.found if one.entry.manifest in current))


def unhealing(check: Check) -> Check:
    """The check without the copies of files in other objects, so that nothing is healed by them."""
    found = (replace(one, findings=tuple(replace(each, copies=0) for each in one.findings)) for one in check.found)
    return replace(check, found=tuple(found), copies=Copies())


def marks_of_copy(before: Marks, check: Check) -> Marks:
    """The marks of a copy after a check of it alone.

    Each check reads all that was damaged. Where nothing is any more, that was not left which the last comparison found;
    its moment and its backup stay.
    """
    former = before.compared
    if former is not None and not any(one.findings for one in check.found):
        former = {**former, "ok": True}
    return replace(before, restorable=check.marks, damaged=tuple(sorted(check.damaged)), compared=former)


def steps_of(check: Check) -> list[Step]:
    """What a check changes, the same in check mode and in a run."""
    tenant = check.tenant
    steps = [Step("rebuild_catalog", tenant, f"it is lost, and {len(check.found)} manifests are there")]
    steps = steps if check.rebuilt else []
    steps += [Step("replace", f"{tenant}/{key}", "it is damaged, and intact in the copy") for key in check.mended]
    marked = [one for one in check.found if one.restorable != one.entry.restorable]
    steps += [Step("mark", _target(check, one), f"it can be restored {WORDS[one.restorable]}") for one in marked]
    if not marked and set(check.catalog.damaged) != check.damaged:
        steps.append(Step("mark_objects", tenant, f"{len(check.damaged)} objects are missing or damaged"))
    for one in (one for one in check.found if one.heals):
        why = f"intact copies of {sum(finding.copies for finding in one.findings)} files lie in other objects"
        steps.append(Step("heal", _target(check, one), why))
    if check.part.parts > 1:
        steps.append(Step("record_part", tenant, f"part {check.part.number + 1} of {check.part.parts} was read"))
    return steps


def failure_of(check: Check) -> str:
    """Why a check fails, as one sentence; empty where each backup that is to stay can be restored in full."""
    return "; ".join(filter(None, (_damage(check), *check.copy_faults)))


def _damage(check: Check) -> str:
    bad = [one for one in check.found if (one.left or one.lost) and not one.entry.expired]
    if not bad:
        return ""
    shown = ", ".join(f"{one.entry.name} ({WORDS[one.healed]}: {_worst(one)})" for one in bad[:SHOWN])
    more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    return (
        f"{len(bad)} of {len(check.found)} backups can be restored only in part or not at all: "
        f"{shown}{more}; {_in_copy(check)}take a new backup, which sends the files in the filestore again, and check "
        "again"
    )


def _in_copy(check: Check) -> str:
    """Why the copy heals them not, as a clause; empty where none was asked for or it did not answer."""
    if not check.unhealed or check.copy_faults:
        return ""
    more = f" and {len(check.unhealed) - SHOWN} more" if len(check.unhealed) > SHOWN else ""
    return f"the copy does not heal them: {', '.join(check.unhealed[:SHOWN])}{more}; "


def _target(check: Check, one: Found) -> str:
    return f"{check.tenant}/{one.entry.name}"


def _worst(one: Found) -> str:
    """The finding that says most, in words."""
    if not one.left:
        return f"{len(one.lost)} files, such as {shown(one.lost[0])}, were missing when it was taken"
    found = next((each for each in one.left if not each.names), one.left[0])
    return _words(found)


def _words(found: Finding) -> str:
    lacking = f"{found.files - found.copies} files, such as {found.names[0]}, " if found.names else ""
    return f"{lacking}{found.kind} {found.key}".replace(", files ", " in ")
