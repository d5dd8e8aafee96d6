# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery restores: what is nowhere, the lower tier first, and nothing where a backup is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.filter.recover_asked import recover_asked
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_recover import asked, not_new, parts

TENANTS = {name: {"name": name, "tier": tier} for name, tier in (("north", 2), ("harbour", 1), ("quarry", 2))}
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


def test_what_is_there_is_left_alone_and_a_silent_server_holds_nothing_that_is_known() -> None:
    found = asked(TENANTS, {"db1": [{"name": "north"}, {"name": "quarry__retired"}], "db2": None}, 2, [])
    assert (found["lost"], found["there"], found["absent"]) == (["quarry"], {"north": "db1"}, ["harbour", "quarry"])


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
    assert recover_asked(estate, variables, 1, [])["there"] == {"harbour": "db1"}


def test_each_part_has_its_backup_and_the_plan_says_how_old_it_is() -> None:
    wanted = asked(TENANTS, {"db1": [{"name": "quarry"}]}, 2, [])
    made = parts(wanted, [{"tenant": "north", **FOUND}], INPUTS, 12.5)
    facts = made["parts"]["tenant:north"]
    assert (facts["tenant"], facts["backup"], facts["rpo_s"], facts["began"]) == ("north", FOUND["backup"], 7500, 12.5)
    assert (facts["existed"], facts["missing_files"], facts["budget"]) == (False, "fail", 1)
    assert made["notes"] == [
        "north is restored from backup 20261122T103000Z of 2026-11-22T10:30:00.000000Z, which is 2.1 h old; what was "
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
