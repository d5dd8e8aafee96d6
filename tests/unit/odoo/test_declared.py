# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run holds the lock of every database that it works on, and shares that of those which it only copies."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._odoo import apply_declared
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_declared import Names, Part, Request
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import parse_config
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import Clone, Rename
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login


def declared(name: str, rename_from: str = "", clone_from: str = "") -> dict[str, Any]:
    return {"name": name, "rename_from": rename_from, "clone_from": clone_from}


def test_sources_and_former_names_are_locked_before_anything_is_read() -> None:
    items = [declared("harbour"), declared("north", rename_from="south"), declared("trial", clone_from="live")]
    items.append(declared("copy", clone_from="harbour"))
    roles = ("gantry_restore", "gantry_write")
    request = Request(Login("db1", "gantry"), {"/etc/odoo.conf": items}, (), "odoo", False, 1, *roles, 1, 1)
    names = apply_declared._declared_names(request)
    assert names == Names(frozenset({"harbour", "north", "south", "trial", "copy"}), frozenset({"live"}))


def test_sources_and_former_names_of_a_plan_are_locked() -> None:
    steps = {
        "trial": [Clone("clone", "trial", "why", "live", False, "auto")],
        "north": [Rename("rename", "north", "why", "south")],
    }
    part = Part(
        parse_config("[options]\ndata_dir = /var/lib/odoo\naddons_path = /opt/addons\n", "/etc/odoo.conf"),
        None,
        [],
        [],
        Server(),
        [],
        steps,
    )
    assert apply_declared._planned_names([part]) == Names(frozenset({"trial", "north", "south"}), frozenset({"live"}))
