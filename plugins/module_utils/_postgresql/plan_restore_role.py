# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a role may be the one that pg_restore logs in as. Pure."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_restore_role import RestoreRole

_REMEDY = "gantry.odoo.site makes it as it has to be"


def refuse_shared_role(name: str, login: str, owner: str) -> None:
    """Raise InputError where the role is one that has rights of its own: the login, or the owner of the database."""
    if name == login:
        raise InputError(
            f"restore_user: {name} is the login as well, whose rights a dump must not get; give a role of its own"
        )
    if name == owner:
        raise InputError(
            f"restore_user: {name} is to own the database as well, and Odoo would enter it half-made; give a role of "
            "its own"
        )


def refuse_restore_role(role: RestoreRole | None, name: str, login: str, where: str) -> None:
    """Raise StateError where the code in a dump would get any rights by the role, or the login could not use it."""
    fault = f"does not exist at {where}" if role is None else _fault(role, login)
    if fault:
        raise StateError(f"restore_user: role {name} {fault}; {_REMEDY}")


def _fault(role: RestoreRole, login: str) -> str:
    """What is wrong with a role that exists, in words; empty where nothing is."""
    if not role.logs_in:
        return "may not log in (NOLOGIN)"
    if role.powers:
        return f"has {', '.join(role.powers)}, which the code in a dump would have as well"
    if role.member_of:
        return f"is a member of {', '.join(role.member_of)}, whose rights the code in a dump would have as well"
    if role.members:
        return f"has the members {', '.join(role.members)}, which could enter a database that is being restored"
    if role.holds:
        return f"owns or may use {', '.join(role.holds)}, which the code in a dump could as well"
    return "" if role.acts else f"is not one that {login} may act as, since {login} is no member of it"
