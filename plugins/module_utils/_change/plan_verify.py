# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of a play that asked them all did not do what they were asked for. Pure.

known: the variables of each host. A host that was lost leaves a play without a word, and has no fact of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def parts_down(known: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The reason of each host that a change was done with (`part_done`), and that does not serve at its end."""
    done = [name for name in known if known[name].get("part_done")]
    return _failed(done, known, "part_serves", "part_down")


def unsettled(names: Iterable[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each host of a recovery whose processes do not run with the databases that are back."""
    failed = _failed(names, known, "recover_settled", "recover_unsettled")
    return [f"scheduled jobs do not run on {name}: {why}" for name, why in failed.items()]


def _failed(names: Iterable[str], known: Mapping[str, Mapping[str, Any]], done: str, why: str) -> dict[str, str]:
    missing = [name for name in names if not known[name].get(done)]
    return {name: str(known[name].get(why) or f"{name} was lost") for name in missing}
