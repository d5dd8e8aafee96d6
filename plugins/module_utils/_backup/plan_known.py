# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a catalog with the newest backup that is known from elsewhere, such as the ledger. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import lacks


def rolled_back(seen: Catalog, known: int, where: str) -> str:
    """What a catalog lacks, as a clause; empty where it has the backup with the number `known`, or has removed it.

    known: 0 where none is known.
    """
    if not known or not lacks(seen, known):
        return ""
    newest = max(seen.entries, key=lambda one: one.number, default=None)
    shown = f"its newest one is {newest.name}, number {newest.number}" if newest else "it has none"
    return (
        f"the {where} lacks the backup with number {known}, which was complete and which no expiry has removed "
        f"({shown}), so it was rolled back, or another repository is in its place"
    )


def refuse_rolled_back(seen: Catalog, known: int, where: str, warn: Callable[[str], None] | None = None) -> None:
    """Raises RefusedError where a catalog lacks the backup with the number `known`.

    warn: is given the sentence instead, where that was accepted.
    """
    found = rolled_back(seen, known, where)
    if found and warn is None:
        raise RefusedError(f"{found}; bring its newest state back, or accept the older one with rolled_back: accept")
    if found and warn is not None:
        warn(f"{found}, which was accepted")
