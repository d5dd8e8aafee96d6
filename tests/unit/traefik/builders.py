# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes for tests, with only what a test is about."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model


def item(**changes: Any) -> dict[str, Any]:
    """A route as a playbook gives it."""
    return {
        "name": "harbour",
        "hosts": ["erp.harbour.example"],
        "audience": "public",
        "servers": [{"url": "http://app1:8069"}, {"url": "http://app2:8069"}],
        "websocket_servers": [{"url": "http://app1:8072"}],
        **changes,
    }


def route(**changes: Any) -> model.Route:
    """The same, read."""
    return model.route(item(**changes))
