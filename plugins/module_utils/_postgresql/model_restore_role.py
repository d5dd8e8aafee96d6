# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that pg_restore logs in as, as the server knows it."""

from __future__ import annotations

from dataclasses import dataclass

# the role that the estate makes for it on every server
RESTORE_USER = "gantry_restore"


@dataclass(frozen=True)
class RestoreRole:
    """The role that owns a database while a dump is restored into it, and nothing else.

    logs_in: it has LOGIN. powers: what it has beyond that. member_of: roles whose rights it has.
    members: roles that could act as it, without the login and other operators, which create databases or roles.
    holds: databases that it owns or has rights in, without those in the making. acts: whether the login may act as it.
    """

    name: str
    logs_in: bool = True
    powers: tuple[str, ...] = ()
    member_of: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    acts: bool = True
