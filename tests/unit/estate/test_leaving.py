# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants that are removed from the declaration, leave, or have a new name: each is named, and none is made anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_declaration import tenants_from
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import (
    EstateRecord,
    Known,
    Leaving,
    Place,
    known_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_estate import Resolved, resolve
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_record import Entry, plan_entry
from tests.unit.estate.test_estate_plan import RUNTIMES, VARIABLES, arguments, tenant

ROLES = {"shared": "odoo_shared", "bravo": "odoo_bravo", "north": "odoo_north"}


def own(name: str, **fields: Any) -> dict[str, Any]:
    return tenant(name, tenancy="dedicated", **fields)


def estate(
    *declared: Any,
    record: EstateRecord = EstateRecord(),  # noqa: B008
    holds: str = "",
    silent: bool = False,
    **given: Any,
) -> Resolved:
    """The estate that is declared, where db1 holds the databases named (blocked ones with an exclamation mark).

    silent: whether db1 does not answer.
    """
    databases = [
        {"name": name.rstrip("!"), "open": not name.endswith("!"), "owner": f"odoo_{name.rstrip('!')}"}
        for name in holds.split()
    ]
    variables: Mapping[str, Any] = {
        **VARIABLES,
        "db1": {} if silent else {"postgresql_databases": databases},
        "box1": {**VARIABLES["box1"], "postgresql_databases": []},
    }
    return resolve(
        arguments(*declared, runtime_groups=["box"], locate=True, **given),
        RUNTIMES,
        variables,
        record or EstateRecord(),
    )


def recorded(resolved: Resolved, seen: EstateRecord = EstateRecord()) -> EstateRecord:  # noqa: B008
    """What gantry.odoo.estate_record makes of a resolved estate."""
    said = resolved.record
    return plan_entry(
        seen,
        Entry(
            7,
            {name: Place(**one) for name, one in said["homes"].items()},
            {name: known_from(one) for name, one in said["tenants"].items()},
            said["ports"],
            tuple(said["roster"]),
            renamed=said["renamed"],
            stays=tuple(said["stays"]),
        ),
    )


BEFORE = recorded(estate(own("alpha"), own("bravo"), own("carol"), tenant("south"), holds="alpha bravo carol south"))


def test_a_removed_dedicated_tenant_is_named_and_goes_on() -> None:
    resolved = estate(own("alpha"), own("carol"), tenant("south"), record=BEFORE, holds="alpha bravo carol south")
    after = resolved.estate
    assert [note for note in after["notes"] if "bravo" in note] == [
        "tenant bravo is not declared any more and lives on app; its backups, routes and cron go on: declare it again, "
        "or give it the state decommissioned and run gantry.odoo.decommission"
    ]
    # the port that its process listens on is nobody else's
    assert {name: one["http_port"] for name, one in after["tenants"].items()} == {
        "alpha": 8169,
        "carol": 8369,
        "south": 8069,
    }
    assert "bravo" in [one["tenant"] for one in after["backups"]["app"]]
    assert {"tenant": "bravo", "tier": 3, "state": "kept"} in after["policies"]
    assert "backup:bravo" in after["backup_covers"]
    (route,) = [one for one in after["routes"] if one["name"] == "bravo-public"]
    assert (route["mode"], route["servers"][0]["url"]) == ("serve", "http://app1:8269")
    assert "bravo" in [one["name"] for one in after["certificates"]]
    # its role keeps its password, and the modules their rights
    assert "odoo_bravo" not in [one["name"] for one in after["roles"]["db1"]]
    assert "odoo_bravo" in after["roles"]["db1"][-1]["member_of"]
    # its instance and its database are left as they are
    assert "bravo" not in [one["name"] for one in after["groups"]["app"]["instances"]]
    assert "bravo" not in [one["name"] for one in after["groups"]["app"]["databases"]]
    assert {"name": "bravo", "tier": 3, "groups": ["app"]} in after["groups"]["app"]["subjects"]
    later = recorded(resolved, BEFORE)
    assert (later.tenants["bravo"].declared, later.ports["bravo"]) == (False, 8269)
    assert estate(own("alpha"), record=later, holds="alpha bravo carol south", tenant="bravo").estate["tenant"][
        "exists"
    ]


def test_an_instance_does_not_run_where_its_tenant_does_not_live() -> None:
    def elsewhere(resolved: Resolved) -> dict[str, list[str]]:
        return {name: [one["name"] for one in found["elsewhere"]] for name, found in resolved.estate["groups"].items()}

    declared = own("alpha"), own("carol"), tenant("south")
    given: dict[str, Any] = {"record": BEFORE, "holds": "alpha bravo carol south"}
    # one that is not managed any more goes on where it lives
    assert elsewhere(estate(*declared, **given)) == {"app": [], "box": ["alpha", "bravo", "carol"]}
    # a move that has arrived, a tenant that an operator has blocked, and one that has no database any more
    moved = estate(*declared, assume={"alpha": "box"}, arrived=["alpha"], **given)
    assert elsewhere(moved) == {"app": ["alpha"], "box": ["bravo", "carol"]}
    blocked = estate(*declared, record=BEFORE, holds="alpha! carol south", allow_missing=True)
    assert elsewhere(blocked) == {"app": [], "box": ["alpha", "bravo", "carol"]}
    # one that is held
    leaves = own("bravo", state="decommissioned", hold_until="2026-12-31")
    held = replace(BEFORE, leaving={"bravo": Leaving("held", 3, "", "decommission-9", "2026-11-22")})
    found = estate(*declared, leaves, record=held, holds="alpha bravo! carol south")
    assert elsewhere(found)["app"] == ["bravo"]


def test_cron_of_a_shared_instance_goes_on_for_a_removed_tenant() -> None:
    after = estate(own("alpha"), record=BEFORE, holds="alpha bravo carol south").estate
    (shared,) = [one for one in after["groups"]["app"]["instances"] if one["name"] == "shared"]
    assert shared["databases"] == ["south"]


def test_the_modules_keep_their_rights_on_a_database_that_nobody_recorded() -> None:
    after = estate(own("alpha"), holds="alpha orphan").estate
    lent, owners = ["gantry_restore", "gantry_write"], ["odoo_alpha", "odoo_orphan", "odoo_shared"]
    assert after["roles"]["db1"][-1]["member_of"] == lent + owners


def test_a_tenant_that_is_removed_while_another_is_new_may_be_the_same() -> None:
    with pytest.raises(StateError, match=r"has northern anew and bravo no more .* declare renamed_from"):
        estate(
            own("alpha"), own("carol"), tenant("south"), own("northern"), record=BEFORE, holds="alpha bravo carol south"
        )
    # once it was seen to be removed, others may come
    seen = recorded(
        estate(own("alpha"), own("carol"), tenant("south"), record=BEFORE, holds="alpha bravo carol south"), BEFORE
    )
    after = estate(
        own("alpha"), own("carol"), tenant("south"), own("northern"), record=seen, holds="alpha bravo carol south"
    ).estate
    assert after["tenants"]["northern"]["http_port"] == 8469


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (own("taker", routes=[{"host": "bravo.site.example"}]), "tenant taker claims the host bravo.site.example of"),
        (tenant("bravo2", tenancy="dedicated", routes=[{"host": "bravo.site.example"}]), "decommission that one first"),
    ],
)
def test_what_a_removed_tenant_still_has_is_not_given_to_another(declared: Any, sentence: str) -> None:
    with pytest.raises(StateError, match=sentence):
        estate(own("alpha"), own("carol"), declared, record=BEFORE, holds="alpha bravo carol south taker bravo2")


def test_a_recorded_tenant_without_a_database_is_not_made_anew() -> None:
    with pytest.raises(
        StateError, match=r"tenant south is recorded to live on app, and no server .* gantry.odoo.recover"
    ):
        estate(own("alpha"), own("bravo"), own("carol"), tenant("south"), record=BEFORE, holds="alpha bravo carol")
    # where it was seen to be blocked, it is there
    assert estate(
        own("alpha"), own("bravo"), own("carol"), tenant("south"), record=BEFORE, holds="alpha bravo carol south!"
    ).estate["tenants"]["south"]["exists"]


def test_a_rename_is_a_rename() -> None:
    declared = (own("alpha"), own("beta", renamed_from="bravo"), own("carol"), tenant("south"))
    first = estate(*declared, record=BEFORE, holds="alpha bravo carol south", rename=True)
    assert first.estate["notes"] == []
    (item,) = [one for one in first.estate["groups"]["app"]["databases"] if one["name"] == "beta"]
    # the instance keeps its name, and with it its files, its port and its role
    assert (item["rename_from"], item["config"], item["owner"]) == ("bravo", "/etc/odoo/bravo.conf", "odoo_bravo")
    (instance,) = [one for one in first.estate["groups"]["app"]["instances"] if one["name"] == "bravo"]
    assert (instance["http_port"], instance["db_filter"], instance["databases"]) == (8269, "^beta$", [])
    assert first.record["renamed"] == {}
    half = recorded(first, BEFORE)
    second = estate(*declared, record=half, holds="alpha beta carol south")
    after = recorded(second, half)
    assert after.homes["beta"] == BEFORE.homes["bravo"]
    assert "bravo" not in {**after.homes, **after.tenants}
    assert (after.tenants["beta"].instance, after.ports["bravo"]) == ("bravo", 8269)
    # the former name may be removed from the declaration, and the instance stays
    third = estate(
        own("alpha"), own("beta"), own("carol"), tenant("south"), record=after, holds="alpha beta carol south"
    )
    assert third.estate["tenants"]["beta"]["instance"] == "bravo"
    assert recorded(third, after) == after


@pytest.mark.parametrize(
    ("holds", "sentence"),
    [
        ("alpha beta bravo carol south", "tenant beta is renamed from bravo, and both databases are there"),
        ("alpha carol south", "tenant beta is renamed from bravo, and no server holds a database of either name"),
    ],
)
def test_a_rename_that_is_none_is_refused(holds: str, sentence: str) -> None:
    with pytest.raises(StateError, match=sentence):
        estate(own("alpha"), own("beta", renamed_from="bravo"), own("carol"), record=BEFORE, holds=holds, rename=True)


BETA = tenant("beta", renamed_from="bravo", routes=[{"host": "beta.example.com"}])


@pytest.mark.parametrize("tenancy", ["dedicated", "shared"])
@pytest.mark.parametrize("holds", ["alpha bravo carol south", None])
def test_a_tenant_goes_by_its_former_name_until_it_is_renamed(tenancy: str, holds: str | None) -> None:
    """Also where the server does not answer, and what is there is known from the record alone."""
    seen = {"holds": holds} if holds else {"silent": True, "allow_unknown": True}
    as_was = (own("alpha"), tenant("bravo", tenancy=tenancy), own("carol"), tenant("south"))
    before = recorded(estate(*as_was, holds="alpha bravo carol south"))
    declared = (own("alpha"), {**BETA, "tenancy": tenancy}, own("carol"), tenant("south"))
    waits = estate(*declared, record=before, **seen)
    goes_on = estate(*as_was, record=before, **seen)
    note = "tenant beta is still called bravo, with its routes, until gantry.odoo.site has renamed it"
    assert waits.estate == {**goes_on.estate, "notes": [*waits.estate["notes"]]}
    assert waits.estate["notes"] == [*goes_on.estate["notes"], note]
    assert recorded(waits, before) == recorded(goes_on, before)
    with pytest.raises(InputError, match=r"beta is still called bravo; rename it with gantry.odoo.site first"):
        estate(*declared, record=before, tenant="beta", **seen)
    # a run of site that ended right after it has renamed the database
    done = estate(*declared, record=before, holds="alpha beta carol south").estate
    assert ("beta" in done["tenants"], "bravo" in done["tenants"]) == (True, False)


def test_a_tenant_that_is_to_be_renamed_is_refused_where_nothing_records_its_routes() -> None:
    with pytest.raises(StateError, match="no database was found for beta"):
        estate(*OTHERS, BETA, holds="alpha bravo carol south")


def test_a_tenant_is_not_renamed_behind_the_change_that_has_blocked_it() -> None:
    with pytest.raises(StateError, match="declare it as it was, and resume the change that left it, or, where"):
        estate(*OTHERS, own("beta", renamed_from="bravo"), record=BEFORE, holds="alpha bravo! carol south", rename=True)


LEAVES = {"state": "decommissioned", "hold_until": "2027-01-31"}


def test_a_decommissioned_tenant_goes_on_until_it_is_blocked_and_is_then_under_maintenance() -> None:
    declared = (own("alpha"), own("bravo", **LEAVES), own("carol"), tenant("south"))
    before = estate(*declared, record=BEFORE, holds="alpha bravo carol south").estate
    assert "tenant bravo on app goes on until it is decommissioned: run gantry.odoo.decommission" in before["notes"]
    assert "bravo" in [one["tenant"] for one in before["backups"]["app"]]
    held = plan_entry(BEFORE, Entry(9, leaving={"bravo": Leaving("held", 3, "id", "decommission-9", "2026-11-26")}))
    after = estate(*declared, record=held, holds="alpha bravo! carol south").estate
    assert {one["name"]: one["mode"] for one in after["routes"]}["bravo-public"] == "maintenance"
    assert "bravo" not in [one["tenant"] for one in after["backups"]["app"]]
    assert {"tenant": "bravo", "tier": 3, "state": "kept"} in after["policies"]
    with pytest.raises(StateError, match="decommission-9 has blocked it on 2026-11-26"):
        estate(own("alpha"), own("bravo"), own("carol"), tenant("south"), record=held, holds="alpha bravo! carol south")


def test_only_the_backups_of_a_tenant_that_is_gone_are_left_and_its_port_is_free() -> None:
    gone = plan_entry(
        BEFORE, Entry(9, leaving={"bravo": Leaving("gone", 1, "id", "decommission-9", "2026-11-26")}, gone=("bravo",))
    )
    after = estate(
        own("alpha"),
        own("bravo", **LEAVES),
        own("carol"),
        tenant("south"),
        own("delta"),
        record=gone,
        holds="alpha carol south",
    ).estate
    assert after["tenants"]["delta"]["http_port"] == 8269
    assert "bravo" not in [one["name"].split("-")[0] for one in after["routes"]]
    assert {"tenant": "bravo", "tier": 1, "state": "kept"} in after["policies"]
    assert after["notes"] == []


def test_a_tenant_that_is_gone_and_came_back_is_named() -> None:
    leaving = {"bravo": Leaving("gone", 1, "id", "decommission-9", "2026-11-26")}
    gone = plan_entry(BEFORE, Entry(9, leaving=leaving, gone=("bravo",)))
    declared = (own("alpha"), own("bravo", **LEAVES), own("carol"), tenant("south"))
    after = estate(*declared, record=gone, holds="alpha bravo carol south").estate
    assert after["notes"] == [
        "db1 holds database bravo of odoo_bravo, which is no declared tenant: declare it again, or take a last backup "
        "and remove it with gantry.odoo.odoo_database"
    ]


def test_a_group_that_a_tenant_is_recorded_on_is_part_of_the_estate() -> None:
    moved = plan_entry(BEFORE, Entry(9, homes={"south": Place("cellar", 9)}))
    with pytest.raises(InputError, match="tenant south is recorded to live on group cellar, which is not in the inv"):
        estate(own("alpha"), own("bravo"), own("carol"), tenant("south"), record=moved, holds="alpha bravo carol south")


def test_names_that_nothing_can_bear_are_all_told_at_once() -> None:
    long = "a" * 33
    with pytest.raises(InputError) as caught:
        tenants_from([own(long), own("shared"), own("gantry-template-x"), tenant("b" * 41)])
    said = str(caught.value)
    for part in (
        f"{long} has 33 characters",
        "taken by the shared instance",
        "begins with gantry-template-",
        "1 to 40",
    ):
        assert part in said
    with pytest.raises(InputError, match="ops and the login of the modules would both have the PostgreSQL role"):
        estate(own("ops"), login="odoo_ops")
    # the instance of a tenant that was renamed is not free
    renamed = EstateRecord(
        1, {"beta": Place("app", 1)}, {"beta": Known(3, "dedicated", "bravo", 2, 1, (Route("beta.site.example"),))}
    )
    with pytest.raises(InputError, match="beta and bravo would both have the PostgreSQL role odoo_bravo"):
        estate(own("beta"), own("bravo"), record=renamed, holds="beta")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "decommissioned"}, "hold_until is required with state decommissioned"),
        ({**LEAVES, "hold_until": "next year"}, "hold_until must be a date such as 2027-01-31, not 'next year'"),
        ({"hold_until": "2027-01-31"}, "hold_until is for state decommissioned"),
        ({**LEAVES, "keep_backups_until": "2027-01-30"}, "keep_backups_until lies before hold_until"),
        ({"renamed_from": "north"}, "renamed_from is the tenant's own name"),
    ],
)
def test_a_way_out_that_cannot_be_meant_is_told(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        tenants_from([tenant(**fields)])


@pytest.mark.parametrize(
    ("phase", "holds", "hold_until", "keep_until", "step"),
    [
        ("", "bravo", "2027-01-31", None, "hold"),
        ("held", "bravo!", "2026-11-27", None, ""),
        ("held", "bravo!", "2026-11-26", None, "drop"),
        ("held", "", "2027-01-31", None, "clean"),
        ("", "", "2027-01-31", None, "clean"),
        ("gone", "", "2026-01-31", None, ""),
        ("gone", "", "2026-01-31", "2026-11-26", ""),
        ("gone", "", "2026-01-31", "2026-11-25", "forget"),
        ("gone", "bravo", "2026-01-31", "2026-11-25", ""),
    ],
)
def test_a_database_is_dropped_only_once_it_was_held_until_its_date(
    phase: str, holds: str, hold_until: str, keep_until: str | None, step: str
) -> None:
    dates = {"hold_until": hold_until, "keep_backups_until": keep_until}
    leaving = {"bravo": Leaving(phase, 3, "id", "decommission-9", "2026-11-26")} if phase else {}
    record = plan_entry(BEFORE, Entry(9, leaving=leaving, gone=("bravo",) if phase == "gone" else ()))
    declared = (own("alpha"), own("bravo", state="decommissioned", **dates), own("carol"), tenant("south"))
    found = estate(*declared, record=record, holds=f"alpha carol south {holds}", tenant="bravo").estate
    assert (found["leaving"]["step"], found["tenant"]["instance"]) == (step, "bravo")
    assert (found["leaving"]["instance"] or {}).get("http_port") == (None if phase == "gone" else 8269)


MOVED = plan_entry(BEFORE, Entry(20, homes={"bravo": Place("box", 20)}))
LEAVING = own("bravo", state="decommissioned", hold_until="2027-01-31")
OTHERS = (own("alpha"), own("carol"), tenant("south"))


def between(
    *declared: Any, box1: Any, bravo: Any = (), record: EstateRecord = MOVED, **given: Any
) -> Mapping[str, Any]:
    """The estate where bravo was moved to box: db1 holds the others and `bravo`; box1 is None where it is silent."""
    held = [{"name": name, "open": True, "owner": f"odoo_{name}"} for name in ("alpha", "carol", "south")]
    variables = {
        **VARIABLES,
        "db1": {"postgresql_databases": [*held, *bravo]},
        "box1": {**VARIABLES["box1"], "postgresql_databases": box1},
    }
    return resolve(
        arguments(*declared, runtime_groups=["box"], locate=True, **given), RUNTIMES, variables, record
    ).estate


def copy(number: int, group: str, *, is_open: bool) -> dict[str, Any]:
    return {"name": "bravo", "open": is_open, "owner": "odoo_bravo", "home": {"number": number, "group": group}}


@pytest.mark.parametrize("declared", [OTHERS, (*OTHERS, LEAVING)])
@pytest.mark.parametrize("stale", [(), (copy(7, "app", is_open=False),)])
def test_a_tenant_that_is_not_managed_lives_where_its_newest_database_is(declared: Any, stale: Any) -> None:
    newest = copy(20, "box", is_open=True)
    for box1 in ([newest], None):
        after = between(*declared, box1=box1, bravo=stale, allow_unknown=True, tenant="bravo")
        assert (after["tenant"]["home"], after["tenant"]["exists"]) == ("box", True)
        (route,) = [one for one in after["routes"] if one["name"] == "bravo-public"]
        assert route["mode"] == "serve"
        assert route["servers"][0]["url"].startswith("http://box1:")


def test_a_tenant_that_is_not_managed_is_not_known_where_a_server_is_silent() -> None:
    with pytest.raises(StateError, match="tenant bravo was not found, and box1 was not asked or did not answer"):
        between(*OTHERS, box1=None)
    with pytest.raises(StateError, match=r"bravo is recorded as home 20 of box, and the newest database .* 7 on app"):
        between(*OTHERS, LEAVING, box1=[], bravo=[copy(7, "app", is_open=True)])


def test_a_tenant_leaves_under_the_name_that_it_has() -> None:
    old = own("bravo-old", renamed_from="bravo", state="decommissioned", hold_until="2027-01-31", routes=[])
    with pytest.raises(StateError, match="bravo-old is renamed from bravo and has state decommissioned at once"):
        estate(*OTHERS, old, record=BEFORE, holds="alpha bravo carol south")


@pytest.mark.parametrize("phase", ["", "held"])
def test_a_tenant_that_is_blocked_gets_no_new_name(phase: str) -> None:
    leaving = {"bravo": Leaving(phase, 3, "id", "decommission-9", "2026-11-26")} if phase else {}
    record = plan_entry(BEFORE, Entry(9, leaving=leaving))
    sentence = "decommission-9 has blocked it" if phase else "renamed from bravo, which is blocked on db1"
    renamed = own("wharf", renamed_from="bravo")
    with pytest.raises(StateError, match=sentence):
        estate(*OTHERS, renamed, record=record, holds="alpha bravo! carol south", rename=True)


def test_a_tenant_that_was_dropped_comes_back_only_with_its_database() -> None:
    leaving = {"bravo": Leaving("gone", 3, "id", "decommission-9", "2026-11-26")}
    record = plan_entry(BEFORE, Entry(9, leaving=leaving, gone=("bravo",)))
    with pytest.raises(StateError, match=r"bravo was dropped by decommission-9 on 2026-11-26, .* restore it with"):
        estate(*OTHERS, own("bravo"), record=record, holds="alpha carol south")
    back = estate(*OTHERS, own("bravo"), record=record, holds="alpha bravo carol south")
    assert back.estate["tenants"]["bravo"]["exists"]
    assert recorded(back, record).leaving == {}


def test_a_tenant_leaves_with_all_that_it_has_whatever_its_declaration_still_says() -> None:
    """The way out was written as a short declaration: a name, a group, a state and a date."""
    before = recorded(
        estate(own("alpha"), own("bravo", tier=1), own("carol"), tenant("south"), holds="alpha bravo carol south")
    )
    short = {"name": "bravo", "state": "decommissioned", "hold_until": "2027-01-31", "runtime": {"group": "app"}}
    after = estate(*OTHERS, short, record=before, holds="alpha bravo carol south", tenant="bravo").estate
    assert (after["tenant"]["tenancy"], after["tenant"]["config"], after["tenant"]["tier"]) == (
        "dedicated",
        "/etc/odoo/bravo.conf",
        1,
    )
    assert {"tenant": "bravo", "tier": 1, "state": "kept"} in after["policies"]
    assert "bravo-public" in [route["name"] for route in after["routes"]]
