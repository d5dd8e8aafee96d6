# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may follow on the state of the parts: the failure budget, and who may begin where something was left behind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import DECIDED, OPENED
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import (
    BEGUN,
    FAILED,
    INTERRUPTED,
    OUT,
    PLANNED,
    PROVEN,
    RESTORED,
    SPENT,
    Part,
    Parts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import READING, RESUME
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import listed_input
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import ASIDE

FINISH, UNDO = WAYS = ("finish", "undo")
# The fact of a part that cannot be put back any more: why, and what to do.
NO_WAY_BACK = "no_way_back"
# The fact of a host that was done and failed the proof before the close: the release of its proof. It was not drained.
WAS_DONE = "was_done"
# The fact of a part that is out: since when, in seconds since 1970.
LEFT_AT = "left_at"
# What a sentence adds to the name of a playbook, and a command has in its options.
SAME_INPUTS = " with the same inputs"
# The fact of a part whose tenant may be open on another server: its name. To undo the change is to settle that.
LEFT_OPEN = "left_open"
# The fact of an edge that has new certificates, so that no other one orders them again.
INSTALLED = "installed"
# The states in which a fact of a part does not hold any more.
_OVER = {
    NO_WAY_BACK: (RESTORED,),
    WAS_DONE: (PLANNED, BEGUN, PROVEN),
    LEFT_AT: (PLANNED, PROVEN, RESTORED),
    LEFT_OPEN: (PROVEN,),
    INSTALLED: (RESTORED,),
}
IN_WORDS = {
    PLANNED: "is untouched",
    BEGUN: "left and is not proven to serve",
    PROVEN: "is done and proven",
    RESTORED: "was put back as it was and serves",
    FAILED: "failed and is not proven to serve",
    INTERRUPTED: "left in an earlier change and is not proven to serve",
}
# Of a part that another change has taken over, by its state and the way. It is planned where it is not as it is to be.
_RESUMED_IN_WORDS = {
    (PROVEN, UNDO): "is as it was before, and proven",
    (PLANNED, UNDO): "is not put back yet",
    (PLANNED, FINISH): "is not done yet",
}


class SpentError(StateError):
    """The failure budget of a change is spent: nothing more is begun."""


def plan_open(
    seen: Parts,
    change: str,
    names: Iterable[str],
    facts: Mapping[str, Any],
    now: datetime,
    released: Collection[str] = (),
    own: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    accept_left_behind: bool = False,
) -> Parts:
    """The parts with those that a change plans. Raises StateError where an earlier change left one behind.

    What an earlier change has settled of the same parts is superseded when one of them is begun. released: hosts that
    left the estate for good, and parts that this change supersedes; nothing waits for them any more. own: facts of
    single parts, by name. accept_left_behind: nothing waits for parts that are none of this change.
    """
    wanted = list(dict.fromkeys(names))
    seen = _without_open_on(seen, released)
    undone = [part for part in seen.parts if part.facts.get(LEFT_OPEN) and part.name in wanted]
    undone = [part for part in undone if part.name not in released and part not in seen.out]
    if undone:
        raise StateError("; ".join(_left_open(part) for part in undone))
    left = [part for part in seen.out if part.name not in released]
    left = [part for part in left if part.name in wanted or not accept_left_behind]
    if left:
        raise StateError("; ".join(left_behind(part) for part in left))
    idle = {one for one in {part.change for part in seen.parts} if not has_begun(seen.of(one))}
    others = tuple(
        part for part in seen.parts if part.name not in released and not (part.name in wanted and part.change in idle)
    )
    planned = (Part(name, change, PLANNED, now, facts={**facts, **(own or {}).get(name, {})}) for name in wanted)
    return Parts(seen.number + 1, (*others, *planned))


def plan_resume(
    seen: Parts, change: str, interrupted: str, way: str, released: Collection[str] = (), heir: str = ""
) -> Parts:
    """The parts with those of an interrupted change in the hands of another, the ones that are out first.

    way: to finish, what is as it was is planned; to undo, it is where it is to be. released: as for `plan_open`. heir:
    the change that has taken the parts over, by `heir_of`. Raises StateError where the change left nothing, has begun
    nothing, or cannot be undone any more.
    """
    seen = _without_open_on(seen, released)
    mine = seen.of(interrupted)
    if not mine:
        raise StateError(_nothing_left(seen, interrupted, heir))
    if not has_begun(mine):
        kind = interrupted.rpartition("-")[0]
        raise StateError(f"{interrupted} has begun nothing that could be resumed; run gantry.odoo.{kind} again")
    mine = tuple(part for part in mine if part.name not in released)
    if stuck(mine) and way == UNDO:
        said = "; ".join(f"{part.name}: {part.facts[NO_WAY_BACK]}" for part in stuck(mine))
        raise StateError(f"{interrupted} cannot be undone: {said}")
    mine = tuple(_taken_over(part, change, way) for part in mine)
    taken = [*(part for part in mine if part.state in OUT), *(part for part in mine if part.state not in OUT)]
    return Parts(seen.number + 1, (*(part for part in seen.parts if part.change != interrupted), *taken))


def _nothing_left(seen: Parts, interrupted: str, heir: str) -> str:
    """Why there is nothing to resume of a change, and what may be resumed."""
    if seen.of(heir):
        runs = " or ".join(run for run, _what in ways(heir, RESUME, seen.of(heir)))
        return f"{interrupted} was taken over by {heir}; run {runs}"
    ended = f", as {heir} has ended it" if heir and heir != interrupted else ""
    changes = ", ".join(sorted({part.change for part in seen.parts}))
    others = f"changes that did are {changes}" if changes else "no change is unfinished"
    return f"{interrupted} left nothing to resume{ended}; {others}"


def require_as_read(entries: Iterable[Mapping[str, Any]]) -> None:
    """Raise StateError where another change has worked on the estate since it was read for a change that is opened.

    entries: the bodies of those in the ledger since then.
    """
    acts = (one for one in entries if one.get("event") not in DECIDED)
    changes = dict.fromkeys(one["change"]["id"] for one in acts if one["change"].get("kind") not in READING)
    if changes:
        raise StateError(
            f"{', '.join(changes)} has worked on the estate since this run has read it, so that what this run would "
            "begin with may be over; run it again"
        )


def _without_open_on(seen: Parts, released: Collection[str]) -> Parts:
    """The parts without what may be open on a server that left for good."""
    return replace(seen, parts=tuple(_without_open(one, released) for one in seen.parts))


def _without_open(part: Part, released: Collection[str]) -> Part:
    return replace(part, facts={**part.facts, LEFT_OPEN: ""}) if part.facts.get(LEFT_OPEN) in released else part


def _taken_over(part: Part, change: str, way: str) -> Part:
    """A part in the hands of another change. Why it failed is of no interest where it serves since."""
    state = _resumed(part, way)
    why = part.why if state == INTERRUPTED else ""
    return replace(part, change=change, state=state, why=why, facts={**part.facts, "way": way})


def _resumed(part: Part, way: str) -> str:
    """The state of a part when another change takes it over: proven where it is as it is to be that way."""
    if part.state in OUT:
        return INTERRUPTED
    if part.facts.get(LEFT_OPEN):
        return PLANNED
    undone = part.facts.get("way") == UNDO
    is_as_it_was = part.state == RESTORED or part.state == (PROVEN if undone else PLANNED)
    return PROVEN if is_as_it_was == (way == UNDO) else PLANNED


def has_begun(parts: Iterable[Part]) -> bool:
    """Whether a change has begun with one of its parts, or took them over from one that has."""
    return any(part.state != PLANNED or "way" in part.facts for part in parts)


def plan_begin(seen: Parts, part: Part, budget: int) -> Parts:
    """The parts with one that leaves next. Raises SpentError where others of the change have used the budget up."""
    spent = [one for one in seen.of(part.change) if one.name != part.name and one.state in SPENT]
    if len(spent) > budget:
        raise SpentError(
            f"{part.name} is not begun, as {len(spent)} of {part.change} failed and {budget} may: "
            + "; ".join(_in_words(one) for one in spent)
        )
    names = {one.name for one in seen.of(part.change)}
    rest = tuple(one for one in seen.parts if one.change == part.change or one.name not in names)
    return with_part(replace(seen, parts=rest), part)


def plan_close(seen: Parts, change: str) -> Parts:
    """The parts without those of a change that is done, or has begun nothing. Another keeps them all, to be resumed."""
    mine = seen.of(change)
    ends = is_done(mine) or not has_begun(mine)
    return Parts(seen.number + 1, tuple(part for part in seen.parts if part not in mine) if ends else seen.parts)


def plan_undo(seen: Parts, change: str, resumes: str) -> Parts:
    """The parts as before a change that could not be opened: without its own, or given back to the one it resumes."""
    others = tuple(part for part in seen.parts if part.change != change)
    back = tuple(replace(part, change=resumes) for part in seen.of(change)) if resumes else ()
    return Parts(seen.number + 1, (*others, *back))


def stuck(parts: Iterable[Part]) -> list[Part]:
    """The parts that cannot be put back any more."""
    return [part for part in parts if NO_WAY_BACK in part.facts]


def is_done(parts: Iterable[Part]) -> bool:
    """Whether every part of a change is proven."""
    return all(part.state == PROVEN for part in parts)


def unfinished(
    change: str, kind: str, parts: Iterable[Part], lost: str, failures: Sequence[str] = (), taken_by: str = ""
) -> str:
    """The last sentence of a change that is not done: what is where, and what to run.

    lost: what became of its lease. failures: what failed beside its parts, a sentence each. taken_by: the change that
    goes on with it since, and who opened that.
    """
    listed = list(parts)
    if taken_by:
        return "; ".join([f"{change} is not done: {lost}", *failures, goes_on(taken_by)])
    if failures and is_done(listed):
        return f"{change} is not done: {'; '.join(failures)}; repair that, and run {_again(kind)}"
    where = [_in_words(part, since=False) for part in listed]
    said = [f"{change} is not done: {'; '.join([*failures, *where])}"] if not is_done(listed) else []
    said += [f"{lost}, so that another change may have worked on the same"] if lost else []
    return "; ".join([*said, "run " + ", or ".join(f"{run} {what}" for run, what in ways(change, kind, listed))])


def goes_on(taken_by: str) -> str:
    """What is said of a change that another one, opened by somebody, has taken over."""
    return f"{taken_by} goes on with it, and says at its end what is where"


def taken_over(change: str, entries: Iterable[Mapping[str, Any]]) -> str:
    """The change that has taken over the parts of another, and who opened it, by the ledger; empty where none has."""
    heir = _heir(change, entries)
    return f"{heir['id']} of {heir['requester']}" if heir else ""


def heir_of(change: str, entries: Iterable[Mapping[str, Any]]) -> str:
    """The change that has the parts of another by now, by the ledger; itself where none has taken them over."""
    heir = _heir(change, entries)
    return str(heir["id"]) if heir else change


def _heir(change: str, entries: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The last of the changes that took the parts of another over, each from the one before; empty without one."""
    heir: Mapping[str, Any] = {}
    for one in entries:
        if one["event"] == OPENED and one["facts"].get("resumes") == heir.get("id", change):
            heir = one["change"]
    return heir


def has_parts(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of the ledger opens a change that has written into the log of the parts."""
    return entry["event"] == OPENED and any(not one.startswith(ASIDE) for one in entry["facts"].get("covers", ()))


def ways(change: str, kind: str, parts: Iterable[Part]) -> list[tuple[str, str]]:
    """What may be run after a change that is not done, each with what for."""
    listed = list(parts)
    if not has_begun(listed) or is_done(listed):
        return [(_again(kind), "to begin again")]
    found = [(f"gantry.odoo.resume -e change={change} -e way=finish", "to finish it")]
    if not stuck(listed):
        found.append((f"gantry.odoo.resume -e change={change} -e way=undo", "to have all as it was"))
    if kind != RESUME and not any(part.state in OUT for part in listed):
        found.append((_again(kind), "to begin again"))
    return found


def _again(kind: str) -> str:
    """What is run again where a change has no part to resume. A resumed change that is done has none left."""
    return "gantry.odoo.site" if kind == RESUME else f"gantry.odoo.{kind}{SAME_INPUTS}"


def unrecorded(change: str, kind: str, parts: Sequence[Part], why: str, waiting: int, where: str) -> list[str]:
    """What is said of a change whose store does not answer at its end, as the clauses of a sentence.

    parts: as the run has seen them. A change without parts leaves nothing to resume. waiting: events that are kept
    `where`.
    """
    kept = f"what is not recorded yet ({waiting}) is kept in {where}, and the next playbook there records it"
    resumed = f"gantry.odoo.resume -e change={change} -e way=finish"
    return [
        f"{change} is not closed, as the change store could not be used: {why}",
        *([kept] if waiting else []),
        f"when it answers, run {resumed if parts else _again(kind)} on the same controller",
    ]


def as_seen(parts: Iterable[Part]) -> str:
    """The parts as a run has seen them, in one clause, empty where there are none."""
    said = ", ".join(_in_words(part, since=False) for part in parts)
    return f"as this run has seen it: {said}" if said else ""


def with_what_settles(why: str, parts: Iterable[Part]) -> str:
    """Why an estate cannot be resolved, with what settles that where a change has left the tenant open elsewhere."""
    said = [
        f"{part.change} left {part.facts['tenant']} on {part.facts[LEFT_OPEN]} open, and gantry.odoo.resume "
        f"-e change={part.change} -e way=undo sets it aside"
        for part in parts
        if part.facts.get(LEFT_OPEN) and f"tenant {part.facts['tenant']} " in why
    ]
    return "; ".join([why, *said])


def _left_open(part: Part) -> str:
    """What an operator is told who would have another change supersede a part that may have left something open."""
    tenant, server = part.facts["tenant"], part.facts[LEFT_OPEN]
    return (
        f"{part.change} left {tenant} on {server}, which may be open; once {server} is back, run gantry.odoo.resume "
        f"-e change={part.change} -e way=undo, which sets it aside; or, where {server} is gone for good, take it out "
        f"of the inventory and run gantry.odoo.site with {listed_input('site_released_hosts', [server])}"
    )


def left_behind(part: Part) -> str:
    """What another operator is told of a part that a change left behind."""
    undo = "" if stuck([part]) else ", or -e way=undo"
    return f"{_in_words(part)}; run gantry.odoo.resume -e change={part.change} -e way=finish{undo}"


def _in_words(part: Part, *, since: bool = True) -> str:
    why = f" ({part.why})" if part.why else ""
    when = f" since {part.since:%Y-%m-%d %H:%M:%S} UTC by {part.change}" if since else ""
    return f"{part.name} {state_in_words(part)}{when}{why}"


def state_in_words(part: Part) -> str:
    """The state of a part as a person says it."""
    return _RESUMED_IN_WORDS.get((part.state, str(part.facts.get("way", ""))), IN_WORDS[part.state])


def has_part(seen: Parts, part: Part) -> bool:
    """Whether a change still has a part; another one may have taken it over."""
    return any(one.name == part.name for one in seen.of(part.change))


def with_part(seen: Parts, part: Part) -> Parts:
    """The parts with what became of one. The facts of before are kept, but for those that do not hold any more."""
    before = next((one for one in seen.of(part.change) if one.name == part.name), None)
    given = {**(before.facts if before else {}), **part.facts}
    facts = {name: value for name, value in given.items() if part.state not in _OVER.get(name, ())}
    whole = replace(part, facts=facts)
    others = [one for one in seen.parts if (one.change, one.name) != (part.change, part.name)]
    place = seen.parts.index(before) if before else len(others)
    return Parts(seen.number + 1, (*others[:place], whole, *others[place:]))
