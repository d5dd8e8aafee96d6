# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest backup that the ledger proves of each tenant, so that a repository which was rolled back is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import evidence
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError

BACKUP = "backup"


@dataclass(frozen=True)
class Known:
    """The newest record of the log says everything. number: of that record, 0 before the first.

    backups: the number of the newest backup of each tenant, as its repository has it.
    """

    number: int = 0
    backups: Mapping[str, int] = field(default_factory=dict)

    def as_body(self) -> dict[str, Any]:
        """The record's body."""
        return {"backups": dict(self.backups)}


def known_from(number: int, body: Mapping[str, Any], where: str) -> Known:
    """What a record says. Raises StateError where it is none of ours."""
    try:
        return Known(number, {str(tenant): int(one) for tenant, one in body["backups"].items()})
    except BAD_VALUES as error:
        raise StateError(f"record {number} of the backups in the {where} cannot be read: {error!r}") from error


def numbers_in(body: Mapping[str, Any]) -> dict[str, int]:
    """The number of each backup that an entry of the ledger is evidence for."""
    if body.get("event") != BACKUP:
        return {}
    proven = evidence(body)
    listed = (one for one in body["facts"]["tenants"] if one["tenant"] in proven) if proven else ()
    return {one["tenant"]: one["number"] for one in listed if isinstance(one.get("number"), int)}


def with_numbers(seen: Known, numbers: Mapping[str, int]) -> Known:
    """What is known once an entry with these numbers is written. An entry that comes late takes nothing back."""
    higher = {tenant: one for tenant, one in numbers.items() if one > seen.backups.get(tenant, 0)}
    return Known(seen.number + 1, {**seen.backups, **higher}) if higher else seen
