# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules of a Redis topology share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Access

STATE_DIR = "/var/lib/gantry/redis"

_HOST = {"type": "str", "required": True}


def _endpoints(port: int, **more: Any) -> dict[str, Any]:
    options = {"host": _HOST, "port": {"type": "int", "default": port}}
    return {"type": "list", "elements": "dict", "options": options, **more}


DECLARED: dict[str, Any] = {
    "nodes": _endpoints(6379, required=True),
    "mode": {"type": "str", "choices": ["standalone", "replicated", "sentinel", "cluster"], "default": "standalone"},
    "replicas": {"type": "int"},
    "name": {"type": "str", "default": "main"},
    "sentinels": _endpoints(26379, default=[]),
    "quorum": {"type": "int"},
    "sentinel_settings": {"type": "dict", "default": {}},
    "purpose": {"type": "str", "choices": ["cache", "session", "queue", "ratelimit"], "default": "cache"},
    "settings": {"type": "dict", "default": {}},
    "memory_share": {"type": "float"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "former_passwords": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "keep_former_passwords": {"type": "bool", "default": False, "no_log": False},
    "replication_username": {"type": "str"},
    "replication_password": {"type": "str", "no_log": True},
    "sentinel_username": {"type": "str"},
    "sentinel_password": {"type": "str", "no_log": True},
    "users": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "rules": {"type": "list", "elements": "str", "default": []},
            "passwords": {"type": "list", "elements": "str", "no_log": True},
            "enabled": {"type": "bool", "default": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "purge_users": {"type": "bool", "default": False},
    "tls": {"type": "bool", "default": False},
    "ca_cert": {"type": "path"},
    "connect_timeout": {"type": "float", "default": 5},
}


def access_from(params: Mapping[str, Any]) -> Access:
    """How the module's options reach every node and Sentinel."""
    return Access(
        username=params["username"],
        password=params["password"],
        former=tuple(params["former_passwords"]),
        replication=_login(params, "replication"),
        sentinel=_login(params, "sentinel"),
        tls=params["tls"],
        ca_cert=params["ca_cert"],
        timeout=params["connect_timeout"],
    )


def _login(params: Mapping[str, Any], purpose: str) -> tuple[str, str]:
    """The user and password for a purpose: its own, or else those of the module."""
    own = "" if params[f"{purpose}_username"] is None else f"{purpose}_"
    return params[f"{own}username"] or "", params[f"{own}password"] or ""
