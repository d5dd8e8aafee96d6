# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules of a Redis topology share."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.gantry.odoo.plugins.module_utils._redis.client import Access

STATE_DIR = "/var/lib/gantry/redis"

_HOST = {"type": "str", "required": True}


def _endpoints(port: int, **more: Any) -> Dict[str, Any]:
    options = {"host": _HOST, "port": {"type": "int", "default": port}}
    return {"type": "list", "elements": "dict", "options": options, **more}


DECLARED: Dict[str, Any] = {
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
    "tls": {"type": "bool", "default": False},
    "ca_cert": {"type": "path"},
    "connect_timeout": {"type": "float", "default": 5},
}


def access_from(params: Mapping[str, Any]) -> Access:
    """How the module's options reach every node and Sentinel."""
    return Access(
        username=params["username"],
        password=params["password"],
        tls=params["tls"],
        ca_cert=params["ca_cert"],
        timeout=params["connect_timeout"],
    )
