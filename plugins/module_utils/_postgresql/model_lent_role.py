# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles that modules lend themselves for work beside code of tenants, as the server knows them."""

from __future__ import annotations

from dataclasses import dataclass

# the roles that the estate makes on every server: for pg_restore, and for what is written in tenants' databases
RESTORE_USER = "gantry_restore"
WRITE_USER = "gantry_write"


@dataclass(frozen=True)
class LentRole:
    """A role that has rights in a database while a module works in it, and no other rights.

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
