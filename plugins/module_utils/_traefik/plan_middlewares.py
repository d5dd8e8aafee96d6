# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Middlewares of users that routes refer to: they have to be there, and stay as long as a route does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import whose


def require_there(routes: Iterable[Route], raw: Mapping[str, Any]) -> None:
    """Raise InputError for a route that refers to a middleware that Traefik does not have, all of them at once.

    raw: Traefik's own view (`/api/rawdata`).
    """
    found = [
        f"route {one.name} refers to the middleware {name}, which Traefik does not have; make it with "
        "gantry.odoo.traefik_dynamic_file first, or take it out of middlewares"
        for one in routes
        for name in one.middlewares
        if name not in (raw.get("middlewares") or {})
    ]
    if found:
        raise InputError("; ".join(found))


def require_unused(path: str, previous: Mapping[str, Any], wanted: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """Raise InputError where a document takes away a middleware that a router of another one refers to.

    path: of the document's file. previous, wanted: the document before and after.
    """
    before, after = (one.get("http") or {} for one in (previous, wanted))
    own = {f"{name}@file" for one in (before, after) for name in one.get("routers") or {}}
    live = raw.get("middlewares") or {}
    found = [
        f"{path} would take away the middleware {name}, which {whose(user)} refers to; take it out there first"
        for name in sorted(set(before.get("middlewares") or {}) - set(after.get("middlewares") or {}))
        for user in (live.get(f"{name}@file") or {}).get("usedBy") or ()
        if user not in own
    ]
    if found:
        raise InputError("; ".join(found))
