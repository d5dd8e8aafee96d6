# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of a playbook did, or in check mode would do, as the last screen shows it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import excerpt

# More hosts than these are named by the first and the last one.
NAMED = 4


@dataclass(frozen=True)
class Deed:
    """One thing that a task did on one host, or why it failed there."""

    host: str
    what: str
    why: str = ""


def deeds(host: str, task: str, result: Mapping[str, Any]) -> Iterator[Deed]:
    """What the result of a task says was done: its steps, or, for a module that returns none, the task.

    task: its name. Of a loop, each item counts that changed something.
    """
    items = result.get("results")
    for item in items if isinstance(items, list) else [result]:
        if not isinstance(item, Mapping):
            continue
        steps = _steps(item)
        if steps:
            yield from (Deed(host, f"{step['action']} {step['target']}", str(step.get("why", ""))) for step in steps)
        elif item.get("changed"):
            yield Deed(host, task)


def _steps(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = item.get("steps")
    if not isinstance(listed, list):
        return []
    return [step for step in listed if isinstance(step, Mapping) and {"action", "target"} <= set(step)]


def failure(host: str, task: str, result: Mapping[str, Any]) -> Deed:
    """Why a task failed on a host, or that the host was lost in it."""
    said = reason(result)
    return Deed(host, task, f"connection lost: {said}" if result.get("unreachable") else said)


def reason(result: Mapping[str, Any]) -> str:
    """Why a task failed, as one line of a terminal: that of each item that did, where it went over a list."""
    items = [one for one in result.get("results") or () if isinstance(one, Mapping) and one.get("failed")]
    said = dict.fromkeys(reason(one) for one in items) or [str(result.get("msg") or "no message")]
    return "; ".join(excerpt(one) for one in said)


def screen(
    done: Iterable[Deed], failed: Iterable[Deed], closing: Iterable[str], *, check: bool, ended_well: bool = False
) -> list[str]:
    """The lines of the last screen: what was done, what failed, and what became of the changes (`closing`).

    ended_well: whether no host ended as failed or lost, so that what failed was rescued.
    """
    shown, wrong = _rows(done), _rows(failed)
    head = "What would be done" if check else "What was done"
    lines = [head, *shown] if shown else ["Nothing would be done" if check else "Nothing was changed"]
    lines += ["", "What failed and was rescued" if ended_well else "What failed", *wrong] if wrong else []
    said = list(closing)
    return [*lines, *(["", *said] if said else [])]


def _rows(found: Iterable[Deed]) -> list[str]:
    """One line for each thing, with the hosts that it was done on."""
    hosts: dict[tuple[str, str], dict[str, None]] = {}
    for deed in found:
        hosts.setdefault((deed.what, deed.why), {})[deed.host] = None
    named = {key: _named(list(on)) for key, on in hosts.items()}
    wide = max((len(name) for name in named.values()), default=0)
    return [f"  {name:<{wide}}  {what}{': ' + why if why else ''}" for (what, why), name in named.items()]


def _named(hosts: list[str]) -> str:
    return ", ".join(hosts) if len(hosts) <= NAMED else f"{hosts[0]} to {hosts[-1]} ({len(hosts)} hosts)"
