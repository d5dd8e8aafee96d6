# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that declare databases, and the databases by the instance that serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError


def database_spec() -> dict[str, dict[str, Any]]:
    """The options of one database."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "owner": {"type": "str"},
        "addons": {"type": "list", "elements": "str"},
        "language": {"type": "str"},
        "demo": {"type": "bool", "default": False},
        "admin_login": {"type": "str"},
        "admin_password": {"type": "str", "no_log": True},
        "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "always", "no_log": False},
        "parameters": {"type": "dict"},
        "base_url": {"type": "str"},
        "access": {"type": "str", "choices": ["open", "blocked"]},
        "cron_timeout": {"type": "int"},
        "home": {
            "type": "dict",
            "options": {"number": {"type": "int", "required": True}, "group": {"type": "str", "required": True}},
        },
        "create": {"type": "bool", "default": True},
        "fencing_number": {"type": "int", "default": 0},
        "rename_from": {"type": "str"},
        "clone_from": {"type": "str"},
        "clone_sessions": {"type": "str", "choices": ["keep", "end"], "default": "keep"},
        "clone_files": {"type": "str", "choices": ["auto", "reflink", "hardlink", "copy"], "default": "auto"},
        "neutralize": {"type": "bool", "default": False},
        "extensions": {"type": "list", "elements": "str"},
        "policy": {"type": "str", "choices": ["keep", "drop"], "default": "keep"},
        "tier": {"type": "int", "choices": [1, 2, 3]},
    }


def argument_spec() -> dict[str, dict[str, Any]]:
    """The options that declare databases: as a list, or a single one at the top level."""
    return {
        "databases": {
            "type": "list",
            "elements": "dict",
            "options": {**database_spec(), "config": {"type": "path"}},
        },
        **database_spec(),
        "name": {"type": "str"},
        "config": {"type": "path"},
    }


def by_config(params: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The declared databases by the path of their instance's configuration. Raises InputError where one has none."""
    declared: dict[str, list[Mapping[str, Any]]] = {}
    for item in _items(params):
        path = item.get("config") or params["config"]
        if not path:
            raise InputError(f"config: {item['name']} has none; give one for the call, or one for each database")
        declared.setdefault(path, []).append(item)
    return declared


def _items(params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if params["databases"] is None:
        return [{key: params[key] for key in database_spec()}]
    for key, option in database_spec().items():
        if params[key] != option.get("default"):
            raise InputError(f"{key}: it belongs to a single database, put it into the items of databases")
    databases: Sequence[Mapping[str, Any]] = params["databases"]
    return databases
