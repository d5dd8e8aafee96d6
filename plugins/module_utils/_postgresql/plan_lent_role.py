# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a role may be lent for work beside code of tenants. Pure."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import LentRole

_REMEDY = "gantry.odoo.site makes it as it has to be"


def refuse_login(option: str, name: str, login: str) -> None:
    """Raise InputError where the role is the login itself."""
    if name == login:
        raise InputError(
            f"{option}: {name} is the login as well, whose rights code of a tenant must not get; give a role of its own"
        )


def refuse_shared_role(name: str, login: str, owner: str) -> None:
    """Raise InputError where the role is one that has rights of its own: the login, or the owner of the database."""
    refuse_login("restore_user", name, login)
    if name == owner:
        raise InputError(
            f"restore_user: {name} is to own the database as well, and Odoo would enter it half-made; give a role of "
            "its own"
        )


def refuse_lent_role(option: str, role: LentRole | None, name: str, login: str, where: str) -> None:
    """Raise StateError where code of a tenant would get any rights by the role, or the login could not use it."""
    fault = f"does not exist at {where}" if role is None else _fault(role, login)
    if fault:
        raise StateError(f"{option}: role {name} {fault}; {_REMEDY}")


def _fault(role: LentRole, login: str) -> str:
    """What is wrong with a role that exists, in words; empty where nothing is."""
    if not role.logs_in:
        return "may not log in (NOLOGIN)"
    if role.powers:
        return f"has {', '.join(role.powers)}, which code of a tenant would have as well"
    if role.member_of:
        return f"is a member of {', '.join(role.member_of)}, whose rights code of a tenant would have as well"
    if role.members:
        return f"has the members {', '.join(role.members)}, which could enter the database meanwhile"
    if role.holds:
        return f"owns or may use {', '.join(role.holds)}, which code of a tenant could as well"
    return "" if role.acts else f"is not one that {login} may act as, since {login} is no member of it"
