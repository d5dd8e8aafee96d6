# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables and cards of an audit about its changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    DENIED,
    DONE,
    RUNNING,
    UNFINISHED,
    Approval,
    Change,
    Gate,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_page import (
    BAD,
    GOOD,
    PLAIN,
    WARN,
    Card,
    Pair,
    Table,
    table,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_report import Newest, Picked
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_audit import Tally
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY, STANDARD
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_emergency import Emergency, Signed, missing
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

UNKNOWN = "not recorded"
_NAMED = 4
# No color alone says how a change ended.
_SIGNS = {GOOD: "✓", BAD: "✕", WARN: "!", PLAIN: "·"}


def when(moment: datetime | None) -> str:
    """A moment for people, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else UNKNOWN


def signed(tone: str, text: str) -> str:
    """A state with its sign."""
    return f"{_SIGNS[tone]} {text}"


def ending(change: Change) -> tuple[str, str]:
    """How a change ended, as a tone and words."""
    if change.outcome == DONE:
        return GOOD, "done"
    if change.outcome == RUNNING:
        return PLAIN, "under way"
    if change.outcome == DENIED:
        return WARN, "denied"
    said = "not done" if change.outcome == UNFINISHED else "interrupted"
    if not change.resumed_by:
        return BAD, said
    how = {DONE: "and settled", UNFINISHED: "and not settled"}.get(change.settled, "")
    settled = change.settled == DONE
    return WARN if settled else BAD, " ".join(filter(None, (f"{said}, resumed by {change.resumed_by}", how)))


def named(names: Sequence[str], most: int = _NAMED) -> str:
    """Some names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def scope(change: Change) -> str:
    """What a change touched, as far as it is recorded."""
    return named(change.tenants) or named(change.covers) or UNKNOWN


def approval(change: Change) -> list[str]:
    """Who approved a change, and how that is known."""
    if change.approvals:
        return [_said(one) for one in change.approvals]
    if change.approver:
        return [f"{change.approver} (typed, no signature)"]
    return ["none asked for" if change.classification == STANDARD else "none recorded"]


def _said(one: Approval) -> str:
    if one.fault:
        return f"does not verify: {one.fault}"
    how = ", ".join(filter(None, (one.how, "verified" if one.verified else "", when(one.time), one.text)))
    return f"{one.who} ({how})"


def gate_lines(gate: Gate) -> list[str]:
    """The answer of a gate, with the parts of its score."""
    lines = [f"denied: {one}" for one in gate.denials] + [f"overridden: {one}" for one in gate.overridden]
    return lines or [gate.answer or "answer not recorded"]


def score_lines(gate: Gate) -> list[str]:
    """The score of a gate and its parts; unknown where the entry has none."""
    if gate.score is None:
        return [UNKNOWN]
    if gate.parts is None:
        return [f"{gate.score}; parts {UNKNOWN}"]
    return [gate.score, *(f"{part.name} {part.points}" + (f" ({part.why})" if part.why else "") for part in gate.parts)]


def gate_brief(change: Change) -> list[str]:
    """The last answer of the gate, for a row."""
    if not change.gates:
        return [UNKNOWN]
    last = change.gates[-1]
    score = "" if last.score is None else f"score {last.score}"
    counted = [(len(change.denials), "denial"), (len(change.overridden), "override")]
    said = [f"{count} {word}{'s' * (count > 1)}" for count, word in counted if count]
    return [one for one in (last.answer or UNKNOWN, ", ".join(said), score) if one]


def tally_table(caption: str, name: str, tallies: Sequence[Tally], most: int = 40) -> Table:
    """The changes by what they have in common."""
    rows = [
        (one.name, f"{one.changes:,}", f"{one.done:,}", f"{one.others:,}", f"{one.denied:,}") for one in tallies[:most]
    ]
    notes = [f"{len(tallies) - most} more are in report.json"] if len(tallies) > most else []
    return table(caption, (name, "Changes", "Done", "Not done", "Denied"), rows, "There is no change.", notes)


def changes_table(picked: Picked) -> Table:
    """The newest changes."""
    columns = ("Opened (UTC)", "Change", "Class", "Requester", "Approved by", "Gate", "Scope", "Outcome", "Entries")
    rows, tones = [], []
    for change in picked.changes.newest():
        tone, said = ending(change)
        entries = f"{change.first}" if change.first == change.last else f"{change.first} to {change.last}"
        flags = ([] if change.sound else ["an entry proves nothing"]) + (["recorded late"] if change.late else [])
        rows.append(
            (
                when(change.opened),
                change.id,
                change.classification or UNKNOWN,
                change.requester or UNKNOWN,
                approval(change),
                gate_brief(change),
                scope(change),
                (signed(tone, said), *flags),
                entries,
            )
        )
        glass = WARN if change.classification == EMERGENCY else PLAIN
        own = BAD if change.own_approval else PLAIN
        tones.append((PLAIN, PLAIN, glass, PLAIN, own, PLAIN, PLAIN, tone if change.sound else BAD, PLAIN))
    return table(
        "Changes, the newest first",
        columns,
        rows,
        "There is no change.",
        shown(picked.changes),
        tones,
    )


def gates_table(picked: Picked) -> Table:
    """The newest answers of the gate."""
    columns = ("Asked (UTC)", "Change", "Answer", "Score and its parts", "Entry")
    newest = picked.gates.newest()
    rows = [
        (when(gate.time), change.id, gate_lines(gate), score_lines(gate), str(gate.number)) for change, gate in newest
    ]
    tones = [(PLAIN, PLAIN, BAD if gate.denials else WARN if gate.overridden else PLAIN) for _change, gate in newest]
    empty = "No entry holds an answer of the gate, so its reasons and scores are not known."
    return table("Answers of the gate, the newest first", columns, rows, empty, shown(picked.gates), tones)


def shown(kept: Newest[Any]) -> list[str]:
    """A note where not all are shown."""
    length = len(kept.newest())
    return (
        [f"The newest {length:,} of {kept.count:,} are shown; report.json has all of them."]
        if kept.count > length
        else []
    )


def trouble_card(change: Change) -> Card:
    """A change that failed, was interrupted or was resumed."""
    tone, said = ending(change)
    pairs = [*_papers(change), *_work(change)]
    if change.resumes:
        pairs.append(Pair("Resumes", [f"{change.resumes}, to {change.way or UNKNOWN}"]))
    return Card(change.id, signed(tone, said), tone, pairs)


def glass_card(change: Change, now: datetime) -> Card:
    """A change that went around the usual approval. now: the moment that what it lacks is counted to."""
    lacks = change.lacks
    said = f"lacks {' and '.join(lacks)}" if lacks else "approved and reviewed"
    tone = BAD if lacks or change.own_approval else GOOD
    pairs = [*_papers(change), Pair("Overridden", change.overridden or [UNKNOWN])]
    pairs.append(Pair("Review", [_said(one) for one in change.reviews] or ["none until the end of this report"]))
    late = [one.sentence for one in missing(_emergency(change), now)] if change.opened else []
    if change.classification == EMERGENCY and late:
        pairs.append(Pair("Missing or late", late))
    if change.own_approval:
        pairs.append(Pair("Conflict", [f"{change.requester} approved an own change"]))
    return Card(change.id, signed(tone, said), tone, pairs)


def _emergency(change: Change) -> Emergency:
    """The change with its approvals and reviews by others that count, as the limits of emergencies are asked of it."""
    approvals, reviews = (
        tuple(Signed(one.who, one.time) for one in found if one.time and not one.fault and one.who != change.requester)
        for found in (change.approvals, change.reviews)
    )
    began = change.opened or datetime.min.replace(tzinfo=timezone.utc)
    return Emergency(change.id, change.requester, change.reason, began, approvals=approvals, reviews=reviews)


def _papers(change: Change) -> Iterator[Pair]:
    yield Pair("Opened", [f"{when(change.opened)} UTC by {change.requester or UNKNOWN}"])
    yield Pair("Class", [change.classification or UNKNOWN])
    yield Pair("Reason", [change.reason or UNKNOWN])
    yield Pair("Approved by", approval(change))


def _work(change: Change) -> Iterator[Pair]:
    if change.opened and change.ended:
        took = duration(max((change.ended - change.opened).total_seconds(), 0))
        yield Pair("Ended", [f"{when(change.ended)} UTC, after {took}"])
    else:
        yield Pair("Ended", ["no entry closes it"])
    if change.why:
        yield Pair("Why", [change.why])
    if change.parts:
        parts = [f"{one.name}: {one.state}" + (f" ({one.why})" if one.why else "") for one in change.parts[:12]]
        more = len(change.parts) - 12
        yield Pair("Parts", [*parts, f"{more} more"] if more > 0 else parts)
    if change.failures:
        yield Pair("Failures", change.failures)
    yield Pair("Entries", [f"{change.first} to {change.last}"])
