# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery restores: what is nowhere, the lower tier first, and nothing where a backup is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.filter.recover_asked import recover_asked
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_recover import (
    asked,
    not_new,
    parts,
    undeclared,
)

TENANTS = {
    name: {"name": name, "tier": tier, "home": "app", "hosts": ["app1"], "serves": True}
    for name, tier in (("north", 2), ("harbour", 1), ("quarry", 2))
}
INPUTS: dict[str, Any] = {
    "recover_leave_out": False,
    "recover_leave_out_files": False,
    "recover_accept_older": False,
    "recover_failures": None,
}
FOUND = {"backup": "20261122T103000Z", "snapshot_time": "2026-11-22T10:30:00.000000Z", "age_s": 7500.0, "error": ""}
LACKING = {"backup": "", "snapshot_time": "", "age_s": None, "error": "there is no backup in the bucket backup"}


def test_tenants_come_by_tier_and_then_as_they_are_declared() -> None:
    assert asked(TENANTS, {"db1": []}, 2, [])["lost"] == ["north", "quarry"]
    found = asked(TENANTS, {"db1": []}, None, ["quarry", "harbour", "north"])
    assert (found["lost"], found["faults"]) == (["harbour", "north", "quarry"], [])


def test_what_is_there_is_left_alone_and_a_silent_server_may_hold_what_is_not_seen() -> None:
    servers = {"db1": [{"name": "north"}, {"name": "quarry__retired"}], "db2": None}
    found = asked(TENANTS, servers, 2, [])
    assert (found["lost"], found["there"]) == (["quarry"], {"north": "db1"})
    assert found["faults"] == [
        "PostgreSQL on db2 does not answer and may hold quarry: start it, and run again; or, where its databases are "
        """lost for good, as on a new host, say so with -e '{"recover_lost_servers": ["db2"]}'"""
    ]
    assert asked(TENANTS, servers, 2, [], ["db2", "db1"])["faults"] == []
    # what is asked for was seen
    assert asked(TENANTS, servers, None, ["north"])["faults"] == []
    (said,) = asked(TENANTS, servers, 2, [], ["db3"])["faults"]
    assert said.startswith(
        "recover_lost_servers names db3, which is no PostgreSQL server of the estate; those are db1,"
    )


def test_what_no_user_would_reach_is_not_restored() -> None:
    tenants = {**TENANTS, "north": {**TENANTS["north"], "serves": False}}
    (said,) = asked(tenants, {"db1": []}, 2, [])["faults"]
    assert said.startswith("no user would reach north on app, as all its hosts are declared with odoo_drained (app1)")
    assert asked(tenants, {"db1": [{"name": "north"}]}, 2, [])["faults"] == []


def test_a_part_whose_tenant_is_declared_no_more_is_closed_unless_it_was_restored() -> None:
    def part(name: str, **facts: Any) -> dict[str, Any]:
        told = {"kind": "recover", "tenant": name, **facts}
        change, state = told.pop("change", "recover-3"), told.pop("state", "begun")
        return {"name": f"tenant:{name}", "change": change, "state": state, "facts": told}

    listed = [part("north"), part("gone", stage="maintenance"), part("left"), part("moved", change="recover-1")]
    found = undeclared(listed, "recover-3", TENANTS)
    assert (found["closed"], found["faults"]) == (["tenant:gone", "tenant:left"], [])
    assert found["notes"][0].startswith("gone is not declared any more, so that its part of recover-3 is closed")
    (said,) = undeclared([part("gone", stage="serve")], "recover-3", TENANTS)["faults"]
    assert said.startswith("gone is not declared any more, and recover-3 has restored its database; declare it as")
    # one that is done needs nothing more
    others = [
        part("gone", stage="serve", state="proven"),
        {"name": "app1", "change": "recover-3", "state": "begun", "facts": {"kind": "patch"}},
    ]
    assert undeclared(others, "recover-3", TENANTS) == {"closed": [], "notes": [], "faults": []}


@pytest.mark.parametrize(
    ("tier", "names", "fault"),
    [
        (None, [], "set either recover_tier or recover_tenants"),
        (1, ["north"], "set either recover_tier or recover_tenants"),
        (None, ["nord", "north"], "recover_tenants names nord, which odoo_tenants does not declare; declared are "),
        (3, [], "odoo_tenants declares no tenant of tier 3"),
    ],
)
def test_what_cannot_be_asked_for_is_a_sentence(tier: int | None, names: list[str], fault: str) -> None:
    (said,) = asked(TENANTS, {}, tier, names)["faults"]
    assert said.startswith(fault)


def test_the_filter_asks_the_servers_of_the_estate_alone() -> None:
    estate = {"servers": ["db1", "db2"], "tenants": TENANTS}
    variables = {"db1": {"postgresql_databases": [{"name": "harbour"}]}, "db2": {}, "db9": {}}
    inputs = {"recover_tier": 1, "recover_tenants": [], "recover_lost_servers": []}
    assert recover_asked(estate, variables, inputs)["there"] == {"harbour": "db1"}


def test_each_part_has_its_backup_and_the_plan_says_how_old_it_is() -> None:
    wanted = asked(TENANTS, {"db1": [{"name": "quarry"}]}, 2, [])
    made = parts(wanted, [{"tenant": "north", **FOUND}], INPUTS, 12.5)
    facts = made["parts"]["tenant:north"]
    assert (facts["tenant"], facts["backup"], facts["rpo_s"], facts["began"]) == ("north", FOUND["backup"], 7500, 12.5)
    assert (facts["existed"], facts["missing_files"], facts["budget"]) == (False, "fail", 1)
    assert made["notes"] == [
        "backup 20261122T103000Z of 2026-11-22T10:30:00.000000Z is chosen for north, which is 2 h 5 min old; what was "
        "written since is lost",
        "quarry has its database on db1 and is left alone",
    ]
    assert (made["failures"], made["faults"]) == ([], [])


def test_a_tenant_without_a_backup_stops_all_or_is_left_out_and_named() -> None:
    wanted = asked(TENANTS, {}, 2, [])
    backups = [{"tenant": "north", **LACKING}, {"tenant": "quarry", **FOUND}]
    sentence = "no backup of north can be restored: there is no backup in the bucket backup"
    assert parts(wanted, backups, INPUTS, 0)["faults"][0] == sentence
    without = parts(wanted, backups, {**INPUTS, "recover_leave_out": True}, 0)
    assert (list(without["parts"]), without["failures"], without["faults"]) == (["tenant:quarry"], [sentence], [])


@pytest.mark.parametrize(("given", "budget"), [(None, 2), (0, 0), (1, 1)])
def test_a_failed_tenant_stops_the_others_only_where_that_is_asked_for(given: int | None, budget: int) -> None:
    backups = [{"tenant": "north", **FOUND}, {"tenant": "quarry", **FOUND}]
    made = parts(asked(TENANTS, {}, 2, []), backups, {**INPUTS, "recover_failures": given}, 0)
    assert {one["budget"] for one in made["parts"].values()} == {budget}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({**LACKING, "backups": 0}, None),
        ({**FOUND, "backups": 3}, "its repository holds backups (3, the newest of 2026-11-22T10:30:00.000000Z); "),
        ({**LACKING, "backups": 2}, f"its repository holds backups (2, none of which is fit: {LACKING['error']}); "),
        # what cannot be read is not nothing
        ({**LACKING, "backups": None, "error": "no key opens it"}, "its backups cannot be read (no key opens it); "),
    ],
)
def test_a_tenant_that_has_backups_or_may_have_is_not_new(found: dict[str, Any], why: str | None) -> None:
    said = not_new([{"tenant": "harbour", **found}])
    assert len(said) == (why is not None)
    assert why is None or f"tenant harbour has no database on any server that answered, and {why}restore" in said[0]
