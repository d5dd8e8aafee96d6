# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The class of a change, by its kind and a table. An operator may raise it, and never lower it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

STANDARD, NORMAL, EMERGENCY = CLASSES = ("standard", "normal", "emergency")
# The kind of a change that goes on with another.
RESUME = "resume"
_BACKUPS = ("backup", "backup_check", "backup_copy", "backup_policy", "restore_drill")
# The kinds of entries that leave the estate as it is; an approval has no change of its own.
READING = (*_BACKUPS, "approve")
# Kinds that calendars do not concern: they read, or bring a tenant back that does not serve as it should.
OUTSIDE_CALENDARS = (*_BACKUPS, "recover", "restore")
# A standard change is rehearsed and has a proven way back, or leaves nothing behind that serves in another way.
TABLE: Mapping[str, str] = {
    **dict.fromkeys(OUTSIDE_CALENDARS, STANDARD),
    "renew_certificates": STANDARD,
    "site": STANDARD,
    "patch": STANDARD,
    RESUME: STANDARD,
    "patch_redis": NORMAL,
    "migrate": NORMAL,
    "decommission": NORMAL,
    # aspects of a change, beside its kind
    "site_restart_postgresql": NORMAL,
    "site_edges": NORMAL,
}


@dataclass(frozen=True)
class Classified:
    """The class that a change has. lowered: why it was not lowered as it was asked for, empty where it was not."""

    name: str
    lowered: str = ""


def table_from(declared: Mapping[str, Any]) -> dict[str, str]:
    """The table with what an inventory declares. Raises InputError for a class that no kind may have."""
    if not isinstance(declared, Mapping):
        raise InputError("change_classes must be a mapping of the kinds of changes to their classes")
    for kind, name in declared.items():
        if name not in (STANDARD, NORMAL):
            raise InputError(
                f"change_classes has {name} for {kind}; give {STANDARD} or {NORMAL}, as an {EMERGENCY} is declared by "
                "the operator"
            )
    return {**TABLE, **declared}


def classify(kind: str, wanted: str, table: Mapping[str, str], aspects: Sequence[str] = ()) -> Classified:
    """The class of a change, the highest of its kind and its aspects. A kind that is new is normal.

    wanted: by the operator, empty for that of the table.
    """
    name = max((table.get(one, NORMAL) for one in (kind, *aspects)), key=CLASSES.index)
    if wanted not in ("", *CLASSES):
        raise InputError(f"change class must be one of {', '.join(CLASSES)}, not {wanted}")
    if not wanted or CLASSES.index(wanted) >= CLASSES.index(name):
        return Classified(wanted or name)
    return Classified(
        name,
        f"{kind} is a {name} change by the table, and change_class lowers it to {wanted}; leave change_class out, or, "
        f"in an {EMERGENCY}, set it to {EMERGENCY}",
    )
