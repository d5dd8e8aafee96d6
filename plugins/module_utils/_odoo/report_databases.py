# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the declared databases are shown: as a diff, and as the return value. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database, Desired, Server


def view(server: Server, declared: Sequence[Desired]) -> dict[str, object]:
    """The declared databases as a diff shows them; no value of a parameter that may be a secret, no password."""
    return {one.name: _view(server.databases.get(one.name), one) for one in declared} | {
        one.rename_from: "present" for one in declared if one.rename_from in server.databases
    }


def _view(found: Database | None, want: Desired) -> object:
    if found is None:
        return "absent"
    if not want.present:
        return "present"
    there = dict(found.parameters)
    seen: dict[str, object] = {
        "owner": found.owner,
        "access": _access_words(found),
        "addons": sorted(found.installed & want.addons),
        **({"extensions": sorted(found.extensions & want.extensions)} if want.extensions else {}),
        **({"neutralized": found.neutralized} if want.neutralize else {}),
        **({"home": found.home.as_dict() if found.home else None} if want.home else {}),
        "parameters": {key: _shown(key, there.get(key), value) for key, value in want.parameters},
    }
    if want.admin_login:
        seen["admin_login"] = found.admin_login
    if want.admin_password:
        seen["admin_password"] = "as declared" if found.admin_password_matches else "another"
    return seen


def _access_words(found: Database) -> str:
    if not found.blocked:
        return "open"
    if found.admits:
        return "blocked to its owner only"
    return "blocked, with sessions" if found.lingering else "blocked"


def _shown(key: str, value: str | None, wanted: str) -> str | None:
    if value is None or key.startswith("web.base.url"):
        return value
    # a parameter may hold a key of some service: only whether it is right is shown
    return "as declared" if value == wanted else "another"


def summary(server: Server, declared: Sequence[Desired], durations: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """The return value `databases`. durations: seconds spent on the steps of each database that had any."""
    facts: dict[str, dict[str, Any]] = {}
    for one in declared:
        found = server.databases.get(one.name)
        facts[one.name] = {
            "state": "absent" if found is None else "present",
            "owner": None if found is None else found.owner,
            "access": None if found is None else ("blocked" if found.blocked and not found.admits else "open"),
            "home": found.home.as_dict() if found and found.home else None,
            "duration_s": durations.get(one.name, 0.0),
        }
    return facts
