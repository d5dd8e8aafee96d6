# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of a home follows the database and not its copies, and role postgresql reads it."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.lab.state import ROOT

from .conftest import Declare
from .server import Server

HOME = {"number": 17, "group": "a group"}


def homes(server: Server) -> dict[str, Any]:
    """What the query of role postgresql says of each database."""
    variables = yaml.safe_load((ROOT / "roles/postgresql/vars/main.yml").read_text(encoding="utf-8"))
    query = variables["__postgresql_state_query"]
    listed = query[query.index("COALESCE((SELECT json_agg(") :].replace(" AS databases", "")
    return {one["name"]: one["home"] for one in json.loads(server.psql(f"SELECT {listed}"))}


def test_a_home_follows_its_database_and_not_a_copy(server: Server, declare: Declare) -> None:
    made = declare({"name": "moored", "home": HOME})
    assert made["databases"]["moored"]["home"] == HOME
    assert not declare({"name": "moored", "home": HOME}, check=True)["changed"]
    declare({"name": "moored", "access": "blocked", "cron_timeout": 5})
    declare({"name": "berthed", "rename_from": "moored"})
    declare({"name": "moored-copy", "clone_from": "berthed"})
    seen = homes(server)
    assert (seen["berthed"], seen["moored-copy"]) == (HOME, None)
    refused = declare({"name": "berthed", "access": "open", "home": {"number": 16, "group": "app"}}, fails=True)
    assert "database berthed is home 17 of a group, and a number only rises" in refused["msg"]
    opened = declare({"name": "berthed", "access": "open", "home": {"number": 18, "group": "app"}})
    assert [step["action"] for step in opened["steps"]] == ["open"]
    assert homes(server)["berthed"] == {"number": 18, "group": "app"}
    for name in ("berthed", "moored-copy"):
        declare({"name": name, "state": "absent", "policy": "drop"})
