# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which role a module lends itself: one without any right that code of a tenant could use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import (
    RESTORE_USER,
    WRITE_USER,
    LentRole,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_lent_role import (
    refuse_lent_role,
    refuse_login,
    refuse_shared_role,
)

PLAIN = LentRole(RESTORE_USER)


def test_a_role_that_may_only_log_in_restores() -> None:
    refuse_lent_role("restore_user", PLAIN, RESTORE_USER, "gantry", "db1:5432")
    refuse_shared_role(RESTORE_USER, "gantry", "odoo_harbour")


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (None, "does not exist at db1:5432"),
        (replace(PLAIN, logs_in=False), "may not log in"),
        (replace(PLAIN, powers=("SUPERUSER", "CREATEDB")), "has SUPERUSER, CREATEDB, which code of a tenant"),
        (replace(PLAIN, member_of=("odoo_north",)), "is a member of odoo_north, whose rights"),
        (replace(PLAIN, members=("odoo_north",)), "has the members odoo_north, which could enter"),
        (replace(PLAIN, holds=("north",)), "owns or may use north"),
        (replace(PLAIN, acts=False), "is not one that gantry may act as"),
    ],
)
def test_any_other_role_is_refused_in_one_sentence(role: LentRole | None, words: str) -> None:
    with pytest.raises(StateError, match=f"restore_user: role {RESTORE_USER} {words}.*; gantry.odoo.site makes it"):
        refuse_lent_role("restore_user", role, RESTORE_USER, "gantry", "db1:5432")


@pytest.mark.parametrize("name", ["gantry", "odoo_harbour"])
def test_neither_the_login_nor_the_owner_restores(name: str) -> None:
    with pytest.raises(InputError, match=f"restore_user: {name} is"):
        refuse_shared_role(name, "gantry", "odoo_harbour")


def test_the_login_does_not_write() -> None:
    refuse_login("write_user", WRITE_USER, "gantry")
    with pytest.raises(InputError, match="write_user: gantry is the login as well"):
        refuse_login("write_user", "gantry", "gantry")
