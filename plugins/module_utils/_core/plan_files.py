# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan directories and files of a host, with their text, owner and mode. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

ROOT = "root"


@dataclass(frozen=True)
class Item:
    """A directory, or a file with its text.

    owner, group: a name or a number; the group of the owner where it is not given. once: never rewritten.
    """

    path: str
    owner: str
    mode: int
    text: str | None = None
    once: bool = False
    group: str = ""


@dataclass(frozen=True)
class Found:
    """An item as the host has it. owned: whether by owner and group. text: of a file that is not written once."""

    owned: bool
    mode: int
    text: str | None = None


@dataclass(frozen=True)
class Put(Step):
    """Create a directory or a file, or correct it."""

    item: Item = Item("", ROOT, 0)


def plan_files(wanted: Sequence[Item], found: Mapping[str, Found]) -> tuple[Put, ...]:
    """The steps after which every item is as it is wanted."""
    return tuple(
        Put("create" if item.path not in found else "change", item.path, why, item)
        for item in wanted
        for why in [_difference(item, found.get(item.path))]
        if why
    )


def _difference(item: Item, found: Found | None) -> str:
    if found is None:
        return "it is not there"
    if item.once:
        return ""
    if item.text != found.text:
        return "its text differs"
    return "" if found.owned and found.mode == item.mode else "its owner or mode differs"
