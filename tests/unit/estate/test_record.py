# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate record: ports that stay, homes with numbers that only rise, and a roster that loses nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.apply_record import EstateLog
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import Route, Tenant
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import (
    HELD,
    EstateRecord,
    Known,
    Leaving,
    Place,
    from_body,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_record import (
    Entry,
    differences,
    made_edges,
    plan_entry,
    ports,
    require_instances,
    require_released,
    require_roster,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record

NAMES = some.lists(some.sampled_from([f"t{number}" for number in range(12)]), unique=True)


def own(*names: str, **stated: int) -> list[Tenant]:
    return [Tenant(name, "app", tenancy="dedicated", http_port=stated.get(name)) for name in names]


def known(instance: str = "shared", **fields: object) -> Known:
    return Known(3, "shared", instance, 2, 1, **fields)  # type: ignore[arg-type]


ROUTE = Route("north.site.example", "internal", ("10.0.0.0/8",), True, ("waf@file",), "Back at noon", "minimal")
FULL = EstateRecord(
    4,
    {"north": Place("app", 7)},
    {"north": known(routes=(ROUTE,), made=True)},
    {"shared": 8069, "harbour": 8169},
    ("app1", "db1"),
    {"harbour": Leaving(HELD, 1, "20261122T103000Z", "decommission-9", "2026-11-22")},
    ("app1",),
)


def test_a_route_that_was_recorded_before_it_could_have_more() -> None:
    body = json.loads(json.dumps(FULL.as_body()))
    (route,) = body["tenants"]["north"]["routes"]
    body["tenants"]["north"]["routes"] = [{name: route[name] for name in ("host", "audience", "allow")}]
    (read,) = from_body(4, body, "store").tenants["north"].routes
    assert read == Route("north.site.example", "internal", ("10.0.0.0/8",))


def test_an_edge_that_is_declared_since_the_last_run_of_site_is_not_made() -> None:
    record = replace(FULL, roster=("app1", "edge1"))
    assert made_edges(record, ["edge1", "edge2"]) == ["edge1"]
    # before the first run, and of an estate that is older than its record
    assert made_edges(EstateRecord(), ["edge1", "edge2"]) == ["edge1", "edge2"]


def test_a_group_that_is_gone_is_released_with_its_homes() -> None:
    assert require_released(FULL, ["app"], {"box": ["box1"]}, ["north"]) is None
    with pytest.raises(
        InputError, match="group app is released and still has app1, app2; remove it from the inventory"
    ):
        require_released(FULL, ["app"], {"app": ["app1", "app2"]}, ["north"])
    with pytest.raises(InputError, match="tenant north is recorded to live on the released group app, and is not decl"):
        require_released(FULL, ["app"], {}, ["south"])
    after = plan_entry(FULL, Entry(12, released_groups=("app",)))
    assert (after.homes, after.tenants, after.number) == ({}, FULL.tenants, FULL.number + 1)
    assert plan_entry(FULL, Entry(12, released_groups=("box",))) == FULL


def test_what_is_made_stays_so_until_it_leaves() -> None:
    entry = Entry(12, tenants={"north": known(), "south": known()}, made_hosts=("app2",))
    after = plan_entry(FULL, entry)
    assert (after.made, after.tenants["north"].made, after.tenants["south"].made) == (("app1", "app2"), True, False)
    done = plan_entry(after, Entry(12, made_tenants=("south",), roster=("app2", "db1")))
    assert (done.made, done.tenants["south"].made) == (("app2",), True)
    assert differences(after, done) == [
        "tenant south: tier 3 on instance shared, not made yet -> tier 3 on instance shared",
        "roster: +app2",
        "roster: -app1",
        "made: -app1",
    ]


@given(some.lists(NAMES, min_size=1))
def test_the_port_of_a_survivor_never_changes_and_no_two_instances_share_one(declarations: list[list[str]]) -> None:
    """Whatever is inserted, removed or put in another order; what was removed is recorded until it is gone."""
    recorded: dict[str, int] = {}
    for names in declarations:
        now = ports(own(*names), recorded)
        assert {name: now[name] for name in recorded} == recorded
        used = [each for port in now.values() for each in (port, port + 3)]
        assert len(set(used)) == len(used)
        recorded = now


@given(NAMES, NAMES)
def test_a_port_is_free_again_only_when_its_tenant_is_gone(first: list[str], gone: list[str]) -> None:
    record = plan_entry(
        EstateRecord(), Entry(12, ports=ports(own(*first), {}), tenants={name: known(name) for name in first})
    )
    after = plan_entry(record, Entry(12, gone=tuple(gone)))
    assert set(after.ports) == {"shared", *first} - set(gone)


def test_a_first_run_gives_the_ports_of_the_order_of_declaration() -> None:
    assert ports(own("harbour", "stated", "bridge", stated=9000), {}) == {
        "shared": 8069,
        "harbour": 8169,
        "stated": 9000,
        "bridge": 8369,
    }


def test_a_removed_tenants_port_is_kept_and_a_new_one_gets_the_lowest_free() -> None:
    before = ports(own("alpha", "bravo", "carol"), {})
    assert ports(own("alpha", "carol", "delta"), before) == {**before, "delta": 8469}
    freed = {name: port for name, port in before.items() if name != "bravo"}
    assert ports(own("alpha", "carol", "delta"), freed)["delta"] == 8269


def test_a_stated_port_wins_and_moves_the_record() -> None:
    assert ports(own("alpha", alpha=9100), {"shared": 8069, "alpha": 8169})["alpha"] == 9100


def test_a_port_that_users_are_sent_to_stays() -> None:
    """Two that swap theirs would serve each other's users until both have restarted."""
    swapped = own("alpha", "bravo", alpha=8269, bravo=8169)
    serving = EstateRecord(
        3,
        {"alpha": Place("app", 7)},
        {name: replace(known(name), tenancy="dedicated") for name in ("alpha", "bravo")},
        {"shared": 8069, "alpha": 8169, "bravo": 8269},
    )
    with pytest.raises(
        InputError, match="alpha serves users at port 8169, which stays while it lives: declare that"
    ) as told:
        require_instances(swapped, serving)
    # that of one that was never made may be another
    assert "bravo serves" not in str(told.value)
    require_instances(own("alpha", alpha=8169), serving)
    require_instances(own("alpha"), serving)


def test_a_tenant_that_lives_keeps_its_tenancy() -> None:
    """Its database has another owner then, and the former instance would go on beside the new one."""
    lives = EstateRecord(3, {"north": Place("app", 7)}, {"north": known()}, {"shared": 8069})
    with pytest.raises(
        InputError, match="north is declared as dedicated, and it lives on the instance shared as shared"
    ):
        require_instances(own("north"), lives)
    with pytest.raises(InputError, match="northern is declared as dedicated"):
        require_instances([replace(own("northern")[0], renamed_from="north")], lives)
    require_instances(own("north"), replace(lives, homes={}))


def test_all_collisions_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        ports(own("alpha", "bravo", "carol", alpha=8069, bravo=8372), {"carol": 8369})
    assert str(caught.value) == (
        "instances alpha and shared both need port 8069; state another http_port; "
        "instances alpha and shared both need port 8072; state another http_port; "
        "instances bravo and carol both need port 8372; state another http_port"
    )


def test_a_host_that_is_missing_from_the_inventory_is_told_with_the_way_to_take_it_off() -> None:
    with pytest.raises(InputError, match=r'db1 of the estate .* with -e .\{"site_released_hosts": \["db1"\]\}.,'):
        require_roster(FULL, ["app1"], [], ["app1"])
    require_roster(FULL, ["app1"], ["db1"], ["app1"])
    require_roster(FULL, ["app1", "db1", "app2"], [], [])
    with pytest.raises(InputError, match="app1 is released and still in the estate"):
        require_roster(FULL, ["app1", "db1"], ["app1"], [])
    # else a change that is not done with a tenant would be forgotten
    with pytest.raises(InputError, match="tenant:north is released and is no host; finish or undo its change"):
        require_roster(FULL, ["app1"], ["db1", "tenant:north"], [])


def test_a_server_that_no_group_names_any_more_has_not_left() -> None:
    """Its databases are those that users have, and backups that are opened beside them are older."""
    with pytest.raises(InputError, match=r"^db1 of the estate .* no group or odoo_database_server names it any more"):
        require_roster(FULL, ["app1"], [], ["app1", "db1"])
    with pytest.raises(InputError, match="db1 is released and still in the inventory; remove it"):
        require_roster(FULL, ["app1"], ["db1"], ["app1", "db1"])


def test_the_number_of_a_home_is_that_of_the_change_that_opened_it_there() -> None:
    moved = plan_entry(FULL, Entry(12, homes={"north": Place("box", 12), "south": Place("app", 0)}))
    assert moved.homes == {"north": Place("box", 12), "south": Place("app", 12)}
    # a later run of site finds it there
    assert plan_entry(moved, Entry(12, homes={"north": Place("box", 0)})) == moved
    # the number of the database is the truth
    assert plan_entry(moved, Entry(12, homes={"north": Place("box", 15)})).homes["north"].number == 15
    with pytest.raises(StateError, match="recorded on box with number 12, and 9 for app is older"):
        plan_entry(moved, Entry(12, homes={"north": Place("app", 9)}))


def test_what_is_recorded_already_is_not_written_again() -> None:
    entry = Entry(12, FULL.homes, FULL.tenants, FULL.ports, FULL.roster, FULL.leaving, made_hosts=FULL.made)
    assert plan_entry(FULL, entry) is FULL


def test_a_new_name_has_the_home_and_the_instance_of_the_former_one() -> None:
    after = plan_entry(FULL, Entry(12, renamed={"northern": "north"}))
    assert (after.homes, list(after.tenants)) == ({"northern": Place("app", 7)}, ["northern"])
    assert plan_entry(after, Entry(12, renamed={"northern": "north"})) == after


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    log = EstateLog(Directory(str(tmp_path / "store")))
    assert log.read() == EstateRecord()
    entry = Entry(12, FULL.homes, FULL.tenants, FULL.ports, FULL.roster, FULL.leaving, made_hosts=FULL.made)
    written = log.write(lambda seen: plan_entry(seen, entry), Deadline(5))
    assert log.read() == written == from_body(1, json.loads(json.dumps(written.as_body())), "store")
    assert written.as_body() == FULL.as_body()
    assert log.write(lambda seen: plan_entry(seen, entry), Deadline(5)).number == 1


def test_of_two_writers_none_is_lost(tmp_path: Path) -> None:
    log = EstateLog(Directory(str(tmp_path / "store")))

    def late(seen: EstateRecord) -> EstateRecord:
        if seen.number == 0:  # another writer is first, between reading and writing
            log.write(lambda seen: plan_entry(seen, Entry(12, ports={"alpha": 8169})), Deadline(5))
        return plan_entry(seen, Entry(12, ports={"bravo": 8269}))

    assert log.write(late, Deadline(5)).ports == {"alpha": 8169, "bravo": 8269}


@pytest.mark.parametrize("body", [{}, {**FULL.as_body(), "homes": []}, {**FULL.as_body(), "ports": {"a": "x"}}])
def test_a_record_that_is_none_is_told_with_its_store(body: dict[str, object], tmp_path: Path) -> None:
    store = Directory(str(tmp_path / "store"))
    Log(store, "estate").append(Record(1, body))
    with pytest.raises(StateError, match=r"record 1 of the estate in the directory .* cannot be read"):
        EstateLog(store).read()


def test_differences_name_each_thing_that_is_recorded_anew() -> None:
    after = plan_entry(
        FULL,
        Entry(
            12,
            {"north": Place("box", 9)},
            {"north": known(declared=False)},
            {"bridge": 8269},
            ("app1", "app2"),
            gone=("x",),
        ),
    )
    assert differences(FULL, after) == [
        "home of north: app (7) -> box (9)",
        "tenant north: tier 3 on instance shared -> tier 3 on instance shared, not declared",
        "port of bridge: nothing -> 8269",
        "roster: +app2",
        "roster: -db1",
    ]
