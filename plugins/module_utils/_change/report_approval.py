# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes that wait for approval, as a person reads them before signing. Pure.

An account that can write the change store can write a request: what it holds is shown without control characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    Inventory,
    Request,
    policy_digest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

NONE_WAITS = "no change waits for approval"


@dataclass(frozen=True)
class Own:
    """What the person who reads a request has: the inventory, and the digest of each of its rules."""

    inventory: Inventory
    policy: Mapping[str, str]


def request_lines(request: Request, approved_by: Sequence[str], own: Own, now: datetime) -> list[str]:
    """A request, one line for each thing that the signature covers."""
    asked = request.asked
    age = duration((now - request.time).total_seconds())
    shown = [
        ("reason", asked.reason or "none"),
        ("covers", ", ".join(asked.covers)),
        ("parts", ", ".join(asked.parts) or "none"),
        *((f"part {name}", _value(asked.part_facts[name])) for name in sorted(asked.part_facts)),
        *((name, _value(asked.facts[name])) for name in sorted(asked.facts)),
        ("inventory", inventory_in_words(asked.inventory)),
        ("rules", policy_digest(asked.policy)),
        ("approved by", ", ".join(approved_by) or "nobody"),
        ("digest", asked.digest),
    ]
    title = f"request {request.number}: {asked.kind} of class {asked.classification} for {asked.requester}, {age} ago"
    lines = [excerpt(title), *(f"  {excerpt(name)}: {excerpt(value)}" for name, value in shown)]
    notes = [*differences(asked.inventory, own.inventory), *other_rules(asked.policy, own.policy)]
    return [*lines, *(f"  note: {excerpt(note)}" for note in notes)]


def unauthenticated(approver: str) -> str:
    """A sentence on an approver whose name was typed."""
    return (
        f"the approval by {excerpt(approver)} is a typed name, which nothing authenticates; declare change_identities "
        "to have changes approved by signature or in AWX"
    )


def inventory_in_words(inventory: Inventory) -> str:
    """The state of an inventory as one clause."""
    if not inventory.commit:
        return f"in no commit of Git; content {inventory.content or 'unknown'}"
    if inventory.dirty:
        return f"commit {inventory.commit}, and files that are in no commit; content {inventory.content}"
    return f"commit {inventory.commit}"


def differences(asked: Inventory, own: Inventory) -> list[str]:
    """What a person should know of the inventory before signing. own: that of this person."""
    notes = []
    if asked.dirty or not asked.commit:
        notes.append("the change uses files of the inventory that are in no commit, which other people cannot read")
    if asked.commit and asked.commit != own.commit:
        seen = own.commit or "in no commit of Git"
        notes.append(f"your inventory is another one ({seen}); read what lies between, or check that commit out")
    return notes


def other_rules(asked: Mapping[str, str], own: Mapping[str, str]) -> list[str]:
    """A note where the rules that a change is judged by are not those of the person who reads it."""
    names = sorted(name for name in {*asked, *own} if asked.get(name) != own.get(name))
    if not names:
        return []
    return [f"it is judged by other rules than those of your inventory, in {', '.join(names)}; see why first"]


def as_result(request: Request, approved_by: Iterable[str]) -> dict[str, Any]:
    """A request as the module returns it."""
    body: Mapping[str, Any] = request.asked.as_body()
    return {
        "request": request.number,
        "time": request.time.isoformat(),
        "digest": request.asked.digest,
        "approved_by": list(approved_by),
        **body,
    }


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
