# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are canaries: who is sent there, and which releases may serve at once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.filter.canary_faults import canary_faults
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate import (
    model,
    model_declaration,
    model_inventory,
    plan_canary,
    plan_estate,
    plan_homes,
    plan_inputs,
    plan_record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model as model_routes
from tests.unit.estate.test_estate_plan import RUNTIMES, VARIABLES, arguments, resolve, tenant

HEADER = {"name": "X-Canary", "value": "next"}
APP1, APP2, APP3 = (model.Host(f"app{number}", f"10.0.0.{number}") for number in (1, 2, 3))
CANARY = model.Host("app2", "10.0.0.2", canary=True)


def routes(hosts: tuple[model.Host, ...], drained: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """The route of a tenant on these hosts, as traefik_route takes it."""
    raw = {"name": "north", "runtime": {"group": "app"}, "routes": [{"host": "north.site.example"}], **fields}
    tenants = model_declaration.tenants_from([raw])
    groups = {"app": model.Group("app", "systemd", hosts, "db1", "db1")}
    settled = plan_homes.homes(tenants, groups, {"db1": (model.Database("north", True),)})
    (route,) = plan_inputs.routes(settled, plan_record.ports(tenants, {}), drained=drained)
    return route


def test_a_tenant_says_which_users_are_sent_to_a_canary() -> None:
    found = routes((APP1, CANARY), sticky=True, canary={"percent": 10, "header": HEADER})
    assert found["canary"] == {"servers": ["http://10.0.0.2:8069"], "percent": 10, "header": HEADER}
    assert model_routes.route(found).canary.percent == 10
    assert [one["drained"] for one in found["servers"]] == [False, False]
    # all users would meet its websocket process
    assert [one["drained"] for one in found["websocket_servers"]] == [False, True]


def test_a_tenant_that_says_nothing_of_canaries_sends_nobody_there() -> None:
    found = routes((APP1, CANARY))
    assert found["canary"] == {"servers": ["http://10.0.0.2:8069"]}
    assert model_routes.route(found).active == ("http://10.0.0.1:8069",)


def test_where_no_other_host_serves_a_canary_gets_all_users() -> None:
    found = routes((APP1, CANARY), drained=("app1",))
    assert found["mode"] == "serve"
    assert model_routes.route(found).active == ("http://10.0.0.2:8069",)
    assert model_routes.route(found).active_websocket == ("http://10.0.0.2:8072",)
    # the others are not made yet
    assert "canary" not in routes((CANARY,))
    assert "canary" not in routes((APP1, APP2), canary={"header": HEADER})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"canary": {"percent": 10}}, "odoo_tenants[0].canary.percent is 10, and without sticky a browser would"),
        ({"canary": {"percent": 100}, "sticky": True}, "odoo_tenants[0].canary.percent is 100; accepted is"),
        ({"canary": {"header": {"name": "Host", "value": "a"}}}, "odoo_tenants[0].canary.header.name is 'Host'"),
        ({"canary": {"cookie": {"name": "gantry-shared", "value": "a"}}, "sticky": True}, "the cookie of sticky"),
        ({"canary": {"hosts": ["app2"]}}, "odoo_tenants[0].canary.hosts is not known"),
    ],
)
def test_what_is_no_canary_is_refused_with_its_path(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        routes((APP1, CANARY), **fields)
    assert said in str(refused.value)


def inventory(**hosts: Any) -> dict[str, model.Group]:
    """The group app of hosts with these values of odoo_canary."""
    common = {"odoo_runtime": "systemd", "odoo_database_server": "db1"}
    variables = {"db1": {}, **{host: {**common, "odoo_canary": value} for host, value in hosts.items()}}
    return model_inventory.read_groups([], ["app"], {"app": list(hosts)}, variables, {})


def test_a_canary_acts_for_its_group_where_no_other_host_does() -> None:
    assert inventory(app1=True, app2=False)["app"].leader == "app2"
    group = model.Group("app", "systemd", (CANARY, model.Host("app3", "10.0.0.3", drained=True)), "db1", "db1")
    assert group.leader == "app2"


def test_a_canary_is_declared_by_its_host() -> None:
    assert [host.canary for host in inventory(app1=None, app2="yes")["app"].hosts] == [False, True]
    with pytest.raises(InputError, match="group app: odoo_canary is set for all of its hosts"):
        inventory(app1=True, app2=True)
    with pytest.raises(InputError, match="host app2: odoo_canary"):
        inventory(app1=False, app2="perhaps")


def test_an_estate_names_its_canaries_until_they_are_drained() -> None:
    variables = {**VARIABLES, "app2": {**VARIABLES["app2"], "odoo_canary": True}}
    estate = resolve(arguments(tenant()), RUNTIMES, variables)
    assert (estate["groups"]["app"]["canaries"], plan_estate.outline(estate)["groups"]["app"]["canaries"]) == (
        ["app2"],
        ["app2"],
    )
    assert (
        "app2 is declared with odoo_canary, and gets only the users that tenants declare with canary"
        in (estate["notes"])
    )
    variables["app2"]["odoo_drained"] = True
    estate = resolve(arguments(tenant()), RUNTIMES, variables)
    assert (estate["groups"]["app"]["canaries"], estate["routes"][0]["mode"]) == ([], "serve")
    assert not [note for note in estate["notes"] if "odoo_canary" in note]


@pytest.mark.parametrize(
    ("first", "second", "is_patch"),
    [
        ("2026.11.1", "2026.11.2", True),
        ("2026.11.1", "2026.11.1-hotfix", True),
        ("r1", "r1", True),
        ("2026.11.1", "2026.12.1", False),
        ("2026.11", "2026.11.1", False),
        ("r1", "r2", False),
        (".1", ".2", False),
    ],
)
def test_releases_that_differ_behind_the_last_dot_are_patches_of_one(first: str, second: str, is_patch: bool) -> None:
    assert {plan_canary.is_patch(*pair) for pair in ((first, second), (second, first))} == {is_patch}


def faults(running: dict[str, str], canaries: list[str], changed: list[str], release: str = "1.2", **more: Any) -> str:
    hosts = list(running)
    groups = {"app": {"hosts": hosts, "serving": hosts, "canaries": canaries, **more}}
    variables = {host: {"odoo_running_release": one} if one else {} for host, one in running.items()}
    return "; ".join(canary_faults(groups, variables, changed, release))


def test_a_canary_runs_a_patch_of_what_the_others_run() -> None:
    assert faults({"app1": "1.1", "app2": "1.2"}, ["app2"], []) == ""
    said = faults({"app1": "1.1", "app2": "2.1"}, ["app2"], [])
    assert said.startswith("app2 is a canary of app and would serve with 2.1, and app1 with 1.1; releases serve one")
    # what was not asked is not judged, and users are kept from what is drained
    assert faults({"app1": "", "app2": "2.1"}, ["app2"], []) == ""
    assert faults({"app1": "1.1", "app2": "2.1"}, [], [], serving=["app1"]) == ""


def test_a_part_of_a_group_is_changed_only_where_it_is_a_canary() -> None:
    running = {"app1": "1.1", "app2": "1.1", "app3": "1.1"}
    assert faults(running, ["app2"], ["app2"]) == ""
    assert faults(running, ["app2"], list(running), "2.1") == ""
    assert "app2 is a canary of app and would serve with 2.1" in faults(running, ["app2"], ["app2"], "2.1")
    assert "no canaries would serve at once with different releases (app1 with 1.1, app2 with 1.2" in faults(
        running, [], ["app2"]
    )
    # one that is left with an older release is none of this change
    assert faults({"app1": "1.1", "app2": "1.2"}, [], []) == ""
    assert faults({**running, "app2": "2.1"}, [], ["app2"], "3.1", serving=["app1", "app3"]) == ""
