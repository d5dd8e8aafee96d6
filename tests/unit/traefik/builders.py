# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes for tests, with only what a test is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model

_SHARED = re.compile(r"^gantry\.([a-z0-9-]+)-[0-9a-f]{16}(?=@file$|$)")


def item(**changes: Any) -> dict[str, Any]:
    """A route as a playbook gives it."""
    return {
        "name": "harbour",
        "hosts": ["erp.harbour.example"],
        "audience": "public",
        "servers": [{"url": "http://app1:8069"}, {"url": "http://app2:8069"}],
        "websocket_servers": [{"url": "http://app1:8072"}],
        # One router instead of two; test_bodies.py is about both.
        "max_body_mb": 0,
        **changes,
    }


def service_of(http: Mapping[str, Any], router: str) -> dict[str, Any]:
    """The service that a router of a document leads to. router: without the owner gantry."""
    found: dict[str, Any] = http["services"][http["routers"][f"gantry.{router}"]["service"]]
    return found


def unshared(http: Mapping[str, Any], name: str = "harbour") -> dict[str, Any]:
    """A document of one route whose middlewares have names of the route, and not those of what they have."""
    names = {one: _SHARED.sub(rf"gantry.{name}.\1", one) for one in http["middlewares"]}
    assert len(set(names.values())) == len(names)
    made = {one: dict(settings) for one, settings in http["routers"].items()}
    for one in made.values():
        one["middlewares"] = [_SHARED.sub(rf"gantry.{name}.\1", full) for full in one["middlewares"]]
    middlewares = {names[one]: settings for one, settings in http["middlewares"].items()}
    return {**http, "routers": made, "middlewares": middlewares}


def route(**changes: Any) -> model.Route:
    """The same, read."""
    return model.route(item(**changes))
