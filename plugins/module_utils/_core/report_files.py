# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report what changes in directories and files, without secrets. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import Found, Put

Shown = dict[str, dict[str, str]]


def shown(steps: Sequence[Put], found: Mapping[str, Found], secret: Container[str]) -> tuple[Shown, Shown]:
    """The items that change, by path, before and after. secret: the paths of files whose text is not shown."""
    before, after = {}, {}
    for step in steps:
        item, seen = step.item, found.get(step.target)
        hidden = item.path in secret
        if seen is not None:
            before[item.path] = {"mode": f"{seen.mode:04o}", **_text(seen.text, hidden)}
        after[item.path] = {"mode": f"{item.mode:04o}", **_text(item.text, hidden)}
    return before, after


def _text(text: str | None, hidden: bool) -> dict[str, str]:
    return {} if text is None or hidden else {"content": text}
