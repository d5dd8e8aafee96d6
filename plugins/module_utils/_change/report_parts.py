# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of changes as return values, and as the last screen of a run shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import OUT, PROVEN, Part
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    LEFT_AT,
    SAME_INPUTS,
    UNDO,
    goes_on,
    state_in_words,
    ways,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import for_playbook, given_input
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

# The fact of a part that says which command takes back what was done.
WAY_BACK = "way_back"
# What is said of a change whose run opened it, and did not come to its close.
ENDED_BEFORE = "the run ended before the change was closed"

# A playbook with its inputs, as `ways` names it.
_PLAY = re.compile(rf"gantry\.odoo\.\w+(?: -e \S+)*(?:{re.escape(SAME_INPUTS)})?")


@dataclass(frozen=True)
class CommandLine:
    """What a playbook is run with, as this one was.

    withheld: the variables that the command leaves out, as they may be secrets. inputs: what this run was given, by
    playbook and by name of the input, of those that the playbook declares.
    """

    command: str
    withheld: Sequence[str] = ()
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, play: str) -> str:
        """The whole command of a playbook with its inputs, such as `gantry.odoo.patch`, with those of this run too."""
        said = play.removesuffix(SAME_INPUTS)
        playbook = said.split()[0].removeprefix("gantry.odoo.")
        given = self.inputs.get(playbook, {})
        return " ".join([self.command, said, *(given_input(name, given[name]) for name in sorted(given))])


def parts_shown(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """The parts as the actions return them."""
    return [
        {
            "name": one.name,
            "change": one.change,
            "state": one.state,
            "out": one.state in OUT,
            "why": one.why,
            "facts": dict(one.facts),
        }
        for one in parts
    ]


def closing(
    change: str,
    kind: str,
    parts: Iterable[Part],
    notes: Iterable[str],
    run: CommandLine,
    *,
    done: bool,
    taken_by: str = "",
) -> list[str]:
    """What became of a change: one line for each part with its state and the reason, and what may be run now.

    notes: what else there is to say at the end, a line each. taken_by: the change that goes on with it.
    """
    listed = list(parts)
    head = f"{change} is {'done' if done else 'not done'}"
    gone = _indented([goes_on(taken_by)]) if taken_by else []
    last = _back(listed) if done else [] if gone else _ways(change, kind, listed, run)
    said = [for_playbook(line, kind) for line in (*_rows(listed), *_indented(notes))]
    return [head, *said, *gone, *last]


def unclosed(clauses: Sequence[str], parts: Iterable[Part], run: CommandLine) -> list[str]:
    """The last screen of a change whose store does not answer at its end. clauses: of `unrecorded`. parts: as seen."""
    head, *others = clauses
    others = [_PLAY.sub(lambda found: run.of(found[0]), one) for one in others]
    rows = _rows(list(parts))
    seen = ["  as this run has seen it:", *_indented(rows)] if rows else []
    return [head, *seen, *_indented(others)]


def unwitnessed(why: str) -> str:
    """A sentence on what was recorded and its witness does not know yet. why: the clause of the witness's store."""
    return f"the witness of the ledger does not know this entry yet; the next run on this controller writes it: {why}"


def _rows(parts: Sequence[Part]) -> list[str]:
    wide = max((len(part.name) for part in parts), default=0)
    return [
        f"  {part.name:<{wide}}  {state_in_words(part)}{_measured(part)}{': ' + part.why if part.why else ''}"
        for part in parts
    ]


def planned(change: str, parts: Iterable[Mapping[str, Any]], notes: Iterable[str]) -> list[str]:
    """What a change would be about: its parts as they are shown, in the order in which they would be taken."""
    due = [one for one in parts if one["state"] != PROVEN]
    rows = [f"{one['name']}  would be taken in hand ({_plain(one['facts'])})" for one in due]
    return [f"{change}: nothing was changed, as this was check mode", *_indented([*rows, *notes])]


def _measured(part: Part) -> str:
    """How long the part served nobody, and of one that was restored, how old its data are."""
    if "rto_s" in part.facts and part.state == PROVEN and part.facts.get("way") != UNDO:
        return f" (RTO {duration(float(part.facts['rto_s']))}, RPO {duration(float(part.facts['rpo_s']))})"
    seconds, accepted = float(part.facts.get("away_s", 0)), 60 * float(part.facts.get("downtime_minutes", 0))
    # by a clock that was set back meanwhile
    if seconds <= 0:
        return ""
    longer = f", longer than the {accepted / 60:g} min that were accepted" if 0 < accepted < seconds else ""
    return f" ({seconds:.0f} s away{longer})"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _back(parts: Iterable[Part]) -> list[str]:
    """How what was done is taken back, where a part says so."""
    done = (part.facts for part in parts if part.facts.get("way") != UNDO)
    runs = dict.fromkeys(str(facts[WAY_BACK]) for facts in done if WAY_BACK in facts)
    return ["", *(f"  to go back:  {command}" for command in runs)] if runs else []


def _ways(change: str, kind: str, parts: Iterable[Part], run: CommandLine) -> list[str]:
    listed = ways(change, kind, parts)
    wide = max(len(what) for _play, what in listed)
    runs = [f"  {what + ':':<{wide + 1}}  {run.of(play)}" for play, what in listed]
    withheld = ", ".join(run.withheld)
    again = [f"  with {withheld} again, which -e gave this run and no screen shows"] if withheld else []
    return ["", *runs, *again]


def _plain(value: Any, name: str = "") -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_plain(one, name)}" for name, one in value.items() if one)
    if name == LEFT_AT:
        return f"{datetime.fromtimestamp(float(value), timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
