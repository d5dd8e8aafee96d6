# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups of all tenants as a table for a terminal, the worst first, with what to do below it. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    CRITICAL,
    OK,
    UNKNOWN,
    VIOLATED,
    WARNING,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import for_playbook
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import brief

_PLAYBOOK = "backup_compliance"
NARROW, WIDEST = 80, 120
# Lines of a table or a list, of which an estate may have hundreds, and tenants in one line.
ROWS, _FEW = 40, 4
Entry = Mapping[str, Any]
# Stands for the input that names a tenant.
_ONE = "tenant=\0"
_ORDER = (VIOLATED, UNKNOWN, OK)
_HEADS = ("TENANT", "TIER", "BACKUP", "RPO", "PROOF", "COPIES", "LOCKED", "VERDICT")
_RIGHT = ("TIER",)
_LEGEND = "BACKUP is the age of the last backup, PROOF that of the last restore drill that proved one."
# What is left of the name of a tenant and of a verdict where the table is too wide.
_NAME, _STATE = 10, len(VIOLATED)


def screen(entries: Sequence[Entry], width: int = NARROW) -> list[str]:
    """The table and what is below it. entries: as backup_compliance returns them. width: columns of the terminal."""
    wide = max(NARROW, min(width, WIDEST))
    shown = sorted(entries, key=_rank)
    counts = {state: sum(verdict(one) == state for one in shown) for state in _ORDER}
    told = [f"{counts[state]} {state}" for state in _ORDER if counts[state]]
    head = f"Backups of {len(shown)} tenant{'s' * (len(shown) != 1)}: {', '.join(told) or 'nothing to verify'}"
    return [
        head,
        "",
        *_table(shown, wide),
        *_section("What is violated", _merged(_violated(shown)), wide),
        *_section("What is unknown", _merged(_unknown(shown)), wide),
        *_section("What to look at", _merged(_findings(shown, WARNING)), wide),
    ]


def complaint(entries: Sequence[Entry]) -> str:
    """One sentence that names the tenants whose policy is not proven; empty where all are."""
    bad = [one["tenant"] for one in sorted(entries, key=_rank) if verdict(one) != OK]
    if not bad:
        return ""
    return (
        f"the backups of {len(bad)} of {len(entries)} tenants are not proven to be as their policies ask: {_few(bad)}; "
        "the table names the reasons, and what to do"
    )


def verdict(one: Entry) -> str:
    """The worst state of the parts of a tenant's policy."""
    states = {part["state"] for part in one["parts"]}
    return next((state for state in (VIOLATED, UNKNOWN) if state in states), OK)


def _rank(one: Entry) -> tuple[Any, ...]:
    """The worst first, and of two that are equally bad the one of the lower tier."""
    return (_ORDER.index(verdict(one)), one["tier"] or 0, -len(_bad(one)), str(one["tenant"]))


def _bad(one: Entry) -> list[str]:
    return [part["name"] for part in one["parts"] if part["state"] == verdict(one) != OK]


def _table(rows: Sequence[Entry], wide: int) -> list[str]:
    if not rows:
        return []
    rest, rows = len(rows) - ROWS, rows[:ROWS]
    cells = [_HEADS, *map(_cells, rows)]
    sizes = [max(len(row[place]) for row in cells) for place in range(len(_HEADS))]
    over = 2 + 2 * (len(sizes) - 1) + sum(sizes) - wide
    # the parts in a verdict are given up first, which stand below as well
    for place, least in ((len(sizes) - 1, _STATE), (0, _NAME)):
        given_up = min(max(0, over), max(0, sizes[place] - least))
        sizes[place], over = sizes[place] - given_up, over - given_up
    cells = [_HEADS, *((*_cells(one)[:-1], _verdict(one, sizes[-1])) for one in rows)]
    lines = ["  " + "  ".join(map(_cell, row, sizes, _HEADS)).rstrip() for row in cells]
    more = [f"  and {rest} more, which the return value compliance has"] if rest > 0 else []
    return [*lines, *more, "", *_wrapped(_LEGEND, wide, "  ", "  "), ""]


def _cells(one: Entry) -> tuple[str, ...]:
    copies = one["copies"]
    required = "" if copies["required"] is None else f" of {copies['required']}"
    locked = one["locked_until"][:10] or ("versions" if one["immutability"] == "versions" else "-")
    return (
        one["tenant"],
        str(one["tier"] or "-"),
        _age(one["age_s"]),
        _age(one["rpo_s"]),
        _age(one["drill_age_s"]),
        f"{copies['proven']}{required}",
        locked,
        _verdict(one),
    )


def _verdict(one: Entry, size: int = WIDEST) -> str:
    """The verdict with as many of the parts that are not proven as there is room for."""
    state, bad = verdict(one), _bad(one)
    for count in range(len(bad), 0, -1):
        more = f" +{len(bad) - count}" if count < len(bad) else ""
        text = f"{state}: {', '.join(bad[:count])}{more}"
        if len(text) <= size:
            return text
    return state


def _age(seconds: float | None) -> str:
    return "none" if seconds is None else brief(seconds)


def _cell(text: str, size: int, head: str) -> str:
    cut = text if len(text) <= size else text[: size - 2].rstrip(" ,:") + ".."
    return cut.rjust(size) if head in _RIGHT else cut.ljust(size)


def _violated(entries: Sequence[Entry]) -> Iterator[tuple[str, str, str]]:
    """Tenant, sentence and remedy of what is not kept. Critical findings say more than the part that counts them."""
    for one in entries:
        critical = list(_findings([one], CRITICAL))
        found = [*_parts(one, VIOLATED, without="integrity" if critical else ""), *critical]
        # what one thing repairs is said once
        remedies: set[str] = set()
        for tenant, sentence, remedy in found:
            if remedy not in remedies:
                yield tenant, sentence, remedy
            remedies.add(remedy)


def _unknown(entries: Sequence[Entry]) -> Iterator[tuple[str, str, str]]:
    for one in entries:
        # without a policy, every part says so
        if any(part["name"] == "policy" and part["state"] != OK for part in one["parts"]):
            continue
        done = {part["remedy"] for part in one["parts"] if part["state"] == VIOLATED}
        yield from (said for said in _parts(one, UNKNOWN) if said[-1] not in done)


def _parts(one: Entry, state: str, without: str = "") -> Iterator[tuple[str, str, str]]:
    for part in one["parts"]:
        if part["state"] == state and part["name"] != without:
            yield one["tenant"], part["sentence"], part["remedy"]


def _findings(entries: Iterable[Entry], severity: str) -> Iterator[tuple[str, str, str]]:
    for one in entries:
        for found in one["findings"]:
            if found["severity"] == severity:
                yield one["tenant"], found["sentence"], found["remedy"]


def _merged(found: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The same said of several tenants in one line, and what to do for the first of them."""
    tenants: dict[tuple[str, str], list[str]] = {}
    for tenant, sentence, remedy in found:
        tenants.setdefault((sentence, remedy.replace(f"tenant={tenant}", _ONE)), []).append(tenant)
    return [(_few(names), sentence, _for_each(remedy, names)) for (sentence, remedy), names in tenants.items()]


def _for_each(remedy: str, names: Sequence[str]) -> str:
    alike = f", and the same for {_few(names[1:])}" if _ONE in remedy and len(names) > 1 else ""
    return remedy.replace(_ONE, f"tenant={names[0]}") + alike


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {rest} more" if rest > 0 else "")


def _section(title: str, said: Sequence[tuple[str, str, str]], wide: int) -> list[str]:
    if not said:
        return []
    lines = [title]
    for tenants, sentence, remedy in said[:ROWS]:
        what, todo = (for_playbook(one, _PLAYBOOK) for one in (sentence, remedy))
        lines += _wrapped(f"{tenants}: {what}", wide, "  ", "    ")
        lines += _wrapped(f"do: {todo}", wide, "    ", "        ") if todo else []
    rest = len(said) - ROWS
    return [*lines, *([f"  and {rest} more, which the return value compliance has"] if rest > 0 else []), ""]


def _wrapped(text: str, wide: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text, wide, initial_indent=first, subsequent_indent=others, break_on_hyphens=False, break_long_words=False
    )
