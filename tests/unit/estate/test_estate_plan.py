# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where tenants live, what their hosts run, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate import (
    model,
    model_declaration,
    model_inventory,
    plan_estate,
    plan_homes,
    plan_inputs,
    plan_record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import (
    EstateRecord,
    Known,
    Place,
    known_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model as model_routes
from ansible_collections.gantry.odoo.plugins.modules import backup_policy

APP = model.Group("app", "systemd", (model.Host("app1", "10.0.0.1"), model.Host("app2", "10.0.0.2")), "db1", "db1")
BOX = model.Group("box", "docker", (model.Host("box1", "10.0.0.9"),), "box1", "localhost")
GROUPS = {"app": APP, "box": BOX}


def tenant(name="north", **fields):
    return {"name": name, "runtime": {"group": "app"}, "routes": [{"host": f"{name}.site.example"}], **fields}


def resolve(given, groups, hostvars, record=None):
    return plan_estate.resolve(given, groups, hostvars, record or EstateRecord()).estate


def ports(tenants):
    return plan_record.ports(tenants, {})


def parse(*raw):
    return model_declaration.tenants_from(list(raw))


def seen(**servers):
    """What servers hold: a name, `!` where it is blocked, then number and group of its home, as `north! 9 box`."""
    return {server: tuple(database(one) for one in names) for server, names in servers.items()}


def database(text):
    name, *home = text.split()
    number, group = home or (0, "")
    return model.Database(name.rstrip("!"), not name.endswith("!"), "", int(number), group)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ([], "at least one tenant"),
        (["north"], "odoo_tenants[0] must be a mapping with a name, not 'north'"),
        ([tenant("North")], "lower-case letters"),
        ([tenant("north__retired")], "lower-case letters"),
        ([tenant("x" * 41)], "1 to 40"),
        ([tenant(tiers=1)], "odoo_tenants[0].tiers is not known"),
        ([tenant(tier=4)], "tier must be one of 1, 2, 3, not 4"),
        ([tenant(tenancy="own")], "tenancy must be one of shared, dedicated"),
        ([tenant(runtime={})], "odoo_tenants[0].runtime.group is required"),
        ([tenant(routes=[{"host": "south.site.example"}])], "must begin with 'north.'"),
        ([tenant(routes=[{"host": "North"}])], "not a lower-case host name"),
        (
            [tenant(routes=[{"host": "north.site.example", "audience": "all"}])],
            "odoo_tenants[0].routes[0].audience must be one of",
        ),
        *(
            ([tenant(routes=[{"host": "north.site.example", "audience": audience}])], "routes[0].allow is empty")
            for audience in ("partner", "internal")
        ),
        (
            [tenant(routes=[{"host": "north.site.example", "allow": ["10.0.0.0/8"]}])],
            "odoo_tenants[0].routes[0].allow is not for the audience public",
        ),
        ([tenant(), tenant()], "tenant north is declared 2 times"),
        ([tenant("shared")], "taken by the shared instance"),
        ([tenant(tenancy="dedicated", http_port=80)], "http_port must be a number from 1024"),
        ([tenant(demo="perhaps")], "odoo_tenants[0].demo must be true or false, not 'perhaps'"),
        ([tenant(tier="first")], "odoo_tenants[0].tier must be a whole number, not 'first'"),
        ([tenant(tier=True)], "odoo_tenants[0].tier must be a whole number, not true"),
        ([tenant(language=False)], "odoo_tenants[0].language must be a text (quote it), not false"),
        ([tenant(addons={"stock": True})], "odoo_tenants[0].addons must be a list (with -e, as JSON), not a mapping"),
        ([tenant(addons=["stock", None])], "odoo_tenants[0].addons[1] is required"),
        ([tenant(routes="north.site.example")], "odoo_tenants[0].routes[0] must be a mapping"),
        ([tenant(runtime="app")], "odoo_tenants[0].runtime must be a mapping, not 'app'"),
        ([tenant(parameters=["a"])], "odoo_tenants[0].parameters must be a mapping, not a list"),
        ([tenant(parameters={"a.b": {}})], "odoo_tenants[0].parameters.a.b must be a text"),
        ([tenant(workers=-1)], "odoo_tenants[0].workers must be 0 or more, not -1"),
        ([tenant(http_port=8169.5)], "odoo_tenants[0].http_port must be a whole number, not 8169.5"),
        (
            [tenant(routes=[{"host": "north.site.example", "allow": ["10.0.0.0/8", "10.0.0.1/8"]}])],
            "odoo_tenants[0].routes[0].allow has '10.0.0.1/8', which is not a network in CIDR form",
        ),
    ],
)
def test_a_fault_of_the_declaration_is_told_in_a_sentence(raw, sentence):
    with pytest.raises(InputError) as caught:
        model_declaration.tenants_from(raw)
    assert sentence in str(caught.value)


def test_values_are_converted_by_type():
    internal = {"host": "north.site.example", "audience": "internal", "allow": "10.0.0.0/8, 172.16.0.0/12"}
    (north,) = parse(tenant(demo="false", tier="1", workers="4", addons="account", http_port="8269", routes=[internal]))
    assert (north.demo, north.tier, north.workers, north.http_port) == (False, 1, 4, 8269)
    assert north.addons == ("account",)
    assert north.routes[0].allow == ("10.0.0.0/8", "172.16.0.0/12")


def test_internal_names_are_those_of_internal_routes_and_of_domains_that_are_not_public():
    routes = [
        {"host": "north.site.example"},
        {"host": "north.office.example", "audience": "internal", "allow": "10.0.0.0/8"},
        {"host": "north.site.internal", "audience": "partner", "allow": "10.0.0.0/8"},
        {"host": "north.internal.example"},
    ]
    names = plan_inputs.internal_names(parse(tenant(routes=routes)))
    assert names == ["north.office.example", "north.site.internal"]


def test_internal_names_in_a_zone_get_a_certificate_of_the_internal_authority():
    routes = [
        {"host": "north.site.example"},
        {"host": "north.office.example", "audience": "internal", "allow": "10.0.0.0/8"},
        {"host": "north.site.internal", "audience": "internal", "allow": "10.0.0.0/8"},
    ]
    zones = ["site.internal"]
    tenants = parse(tenant(routes=routes, certificate={"key_type": "rsa-4096", "profile": "shortlived"}))
    assert plan_inputs.internal_names(tenants, zones) == ["north.office.example"]
    public, internal = plan_inputs.certificates(tenants, zones)
    assert (public["name"], public["domains"]) == ("north", ["north.office.example", "north.site.example"])
    assert (public["key_type"], public["profile"]) == ("rsa-4096", "shortlived")
    domains = ["north.site.internal"]
    expected = {"name": "north-internal", "domains": domains, "hosts": domains, "issuer": "internal"}
    assert internal == {**expected, "key_type": "rsa-4096"}
    # a tenant that names its issuer has one certificate
    tenants = parse(tenant(routes=routes, certificate={"issuer": "given"}))
    assert plan_inputs.internal_names(tenants, zones) == []
    (one,) = plan_inputs.certificates(tenants, zones)
    assert (one["issuer"], len(one["domains"])) == ("given", 3)
    tenants = parse(tenant(routes=routes, certificate={"issuer": "acme"}))
    assert plan_inputs.internal_names(tenants, zones) == ["north.office.example", "north.site.internal"]


def test_declared_domains_go_to_the_certificate_that_they_are_of():
    internal = {"host": "north.lan.example", "audience": "internal", "allow": "10.0.0.0/8"}
    certificate = {"domains": ["*.site.example", "*.lan.example"], "challenge": "dns-01"}
    tenants = parse(tenant(routes=[{"host": "north.site.example"}, internal], certificate=certificate))
    public, signed = plan_inputs.certificates(tenants, ["lan.example"])
    assert (public["domains"], public["hosts"]) == (["*.site.example"], ["north.site.example"])
    assert (signed["domains"], signed["hosts"], "challenge" in signed) == (
        ["*.lan.example"],
        ["north.lan.example"],
        False,
    )


def test_what_is_null_or_left_out_has_its_default():
    (north,) = parse(tenant(demo=None, tier=None, addons=None, parameters={"a": True, "b": 2, "c": "x"}))
    assert (north.demo, north.tier, north.addons, north.http_port) == (False, 3, (), None)
    assert north.parameters == (("a", "True"), ("b", "2"), ("c", "x"))


def test_a_placement_is_converted_by_type():
    seen_open = model_inventory.read_placement({"db1": [{"name": "north", "owner": "odoo", "open": "false"}]})
    assert seen_open == {"db1": (model.Database("north", False, "odoo"),)}
    home = {"number": "17", "group": "app"}
    numbered = model_inventory.read_placement({"db1": [{"name": "north", "open": True, "home": home}]})
    assert numbered == {"db1": (model.Database("north", True, "", 17, "app"),)}
    with pytest.raises(InputError, match=r"placement\.db1\[0\]\.open must be true or false, not 'maybe'"):
        model_inventory.read_placement({"db1": [{"name": "north", "open": "maybe"}]})


def test_every_fault_is_told_at_once():
    with pytest.raises(InputError) as caught:
        parse(tenant(tier=9), tenant("south", tenancy="own"))
    assert "tenant north" in str(caught.value)
    assert "tenant south" in str(caught.value)


def test_two_tenants_with_one_host_are_refused():
    route = {"host": "erp.site.example"}
    with pytest.raises(InputError, match=r"both claim the host erp\.site\.example"):
        parse(
            tenant("north", tenancy="dedicated", routes=[route]),
            tenant("south", tenancy="dedicated", routes=[route]),
        )


def test_one_tenant_may_have_a_host_for_two_audiences():
    public = {"host": "north.site.example"}
    office = {**public, "audience": "internal", "allow": ["10.0.0.0/8"]}
    tenants = parse(tenant(routes=[public, office]))
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=[], box1=[]))
    assert [one["name"] for one in plan_inputs.routes(settled, ports(tenants))] == ["north-public", "north-internal-1"]
    assert plan_inputs.certificates(tenants) == [{"name": "north", "domains": ["north.site.example"]}]


def test_a_new_tenant_lives_where_it_is_declared():
    (home,) = plan_homes.homes(parse(tenant()), GROUPS, seen(db1=[], box1=[]))
    assert (home.group.name, home.exists, home.notes()) == ("app", False, [])


def test_a_moved_tenant_stays_where_it_is_and_is_told():
    (home,) = plan_homes.homes(parse(tenant()), GROUPS, seen(db1=["north__retired!"], box1=["north"]))
    assert (home.group.name, home.exists) == ("box", True)
    assert "declared on app and lives on box" in home.notes()[0]


@pytest.mark.parametrize(
    ("servers", "group"),
    [
        ({"db1": ["north!"], "box1": ["north"]}, "box"),
        ({"db1": ["north"], "box1": ["north!"]}, "app"),
        ({"db1": ["north!"], "box1": []}, "app"),
        ({"db1": [], "box1": ["north!"]}, "box"),
        # the newest is the home, whoever has blocked it
        ({"db1": ["north! 5 app"], "box1": ["north! 9 box"]}, "box"),
        ({"db1": ["north!"], "box1": ["north! 9 box"]}, "box"),
        ({"db1": ["north 12 app"], "box1": ["north! 9 box"]}, "app"),
        # a group that is gone from the declaration does not decide
        ({"db1": [], "box1": ["north 9 cellar"]}, "box"),
    ],
)
def test_the_home_is_the_newest_database_and_without_numbers_the_open_one(servers, group):
    (home,) = plan_homes.homes(parse(tenant()), GROUPS, seen(**servers))
    assert (home.group.name, home.exists) == (group, True)


@pytest.mark.parametrize(
    ("servers", "sentence"),
    [
        ({"db1": ["north"], "box1": ["north"]}, "open database on box1 and db1: block the stale one"),
        ({"db1": ["north!"], "box1": ["north!"]}, "only blocked copies, on box1 and db1, and none has a number"),
        ({"db1": ["north 9 app"], "box1": ["north! 9 box"]}, "home number 9 on box1 and db1, and one of them"),
        (
            {"db1": ["north 5 app"], "box1": ["north 9 box"]},
            "its home on box1 by the number 9, and an older copy of it is open on db1: block that one",
        ),
        ({"db1": ["north"], "box1": ["north! 9 box"]}, "an older copy of it is open on db1: block that one"),
        (
            {"db1": [], "box1": ["north 9 app"]},
            "on box1 as a home of group app, which is declared with odoo_database_server db1: declare box1 for app",
        ),
    ],
)
def test_what_cannot_be_decided_is_refused_with_what_to_do(servers, sentence):
    with pytest.raises(StateError, match=sentence):
        plan_homes.homes(parse(tenant()), GROUPS, seen(**servers))


COPIES = st.dictionaries(
    st.sampled_from(["db1", "box1", "db3"]), st.tuples(st.booleans(), st.integers(0, 4)), min_size=1
)


@given(COPIES)
def test_a_copy_with_a_lower_number_is_never_a_home(copies):
    groups = {**GROUPS, "far": model.Group("far", "systemd", (model.Host("far1", "10.0.0.3"),), "db3", "db3")}
    groups = {name: group for name, group in groups.items() if group.database_server in copies or name == "app"}
    held = {server: [model.Database("north", is_open, "", n)] for server, (is_open, n) in copies.items()}
    try:
        (home,) = plan_homes.homes(parse(tenant()), groups, held)
    except StateError:
        # only what is ambiguous: two of the same number, or an older one that is open
        numbers = sorted(number for _open, number in copies.values())
        older = [number for is_open, number in copies.values() if is_open and number < numbers[-1]]
        assert older or numbers[-2:] == [numbers[-1]] * 2
        return
    is_open, number = copies[home.group.database_server]
    assert number == max(number for _open, number in copies.values())
    assert (home.number, home.blocked) == (number, not is_open)


def test_groups_of_one_server_are_told_apart_by_what_is_recorded():
    groups = {
        name: model.Group(name, "systemd", (model.Host(f"{name}1", "10.0.0.3"),), "db2", "db2")
        for name in ("alpha", "zeta")
    }
    (home,) = plan_homes.homes(parse(tenant()), {**GROUPS, **groups}, seen(db1=[], db2=["north 17 zeta"]))
    assert home.group.name == "zeta"
    with pytest.raises(StateError, match="db2, which serves alpha and zeta, and none of them is recorded as its home"):
        plan_homes.homes(parse(tenant()), {**GROUPS, **groups}, seen(db1=[], db2=["north"]))
    # where both the declared group and another one are on the server
    near = {**GROUPS, "annex": model.Group("annex", "systemd", (model.Host("app3", "10.0.0.3"),), "db1", "db1")}
    (home,) = plan_homes.homes(parse(tenant()), near, seen(db1=["north 17 annex"]))
    assert home.group.name == "annex"


def test_a_database_that_somebody_has_blocked_stays_so_and_is_named():
    tenants = parse(tenant(), tenant("south"), tenant("west"))
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=["north! 5 app", "south"], box1=[]))
    assert settled[0].notes({"tenant:south": "restore-3"}) == [
        "tenant north is blocked on db1 and left so: resume the change that left it, or, where gantry.odoo.change_info "
        "shows none, open it with gantry.odoo.odoo_database (access: open)"
    ]
    # the change that is not done comes first, and what ends it
    assert settled[0].notes({"tenant:north": "restore-3"}) == [
        "restore-3 is not done and has blocked tenant north on db1: run gantry.odoo.resume -e change=restore-3 "
        "-e way=finish, or the same with -e way=undo"
    ]
    declared = plan_inputs.databases(APP, settled, model.Layout(), 7, {})
    assert [(item["name"], item.get("home"), item.get("access")) for item in declared] == [
        ("south", {"number": 7, "group": "app"}, None),
        ("west", {"number": 7, "group": "app"}, None),
    ]
    # a change without a lease, as in check mode, gives no number
    assert not any("home" in item for item in plan_inputs.databases(APP, settled, model.Layout(), 0, {}))


@pytest.mark.parametrize("left", ["north__retired!", "north__incoming!", "north__failed!"])
def test_no_empty_tenant_takes_the_place_of_a_copy(left):
    with pytest.raises(StateError, match="so that no empty tenant takes its place"):
        plan_homes.homes(parse(tenant()), GROUPS, seen(db1=[left], box1=[]))


def test_ports_do_not_move_when_a_tenant_is_appended():
    first = parse(tenant("harbour", tenancy="dedicated"), tenant())
    later = parse(tenant("harbour", tenancy="dedicated"), tenant(), tenant("bridge", tenancy="dedicated"))
    assert ports(first).items() <= ports(later).items()
    assert ports(later) == {"shared": 8069, "harbour": 8169, "bridge": 8269}


def test_two_instances_on_one_port_are_refused():
    with pytest.raises(InputError, match="both need port 8069"):
        ports(parse(tenant("harbour", tenancy="dedicated", http_port=8069)))


def test_an_instance_visits_exactly_its_own_databases_with_cron():
    tenants = parse(tenant("harbour", tenancy="dedicated"), tenant("south"), tenant("north"))
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=["harbour", "south"], box1=["north"]))
    by_name = {item["name"]: item for item in plan_inputs.instances(APP, settled, ports(tenants))}
    assert by_name["harbour"]["databases"] == ["harbour"]
    assert by_name["harbour"]["db_filter"] == "^harbour$"
    assert by_name["harbour"]["db_user"] == "odoo_harbour"
    assert by_name["shared"]["databases"] == ["south"]
    (box,) = plan_inputs.instances(BOX, settled, ports(tenants))
    assert (box["name"], box["databases"]) == ("shared", ["north"])


def test_cron_is_not_told_of_a_database_that_is_not_there_yet():
    tenants = parse(tenant("north"), tenant("south"))
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=["south"], box1=[]))
    (shared,) = plan_inputs.instances(APP, settled, ports(tenants))
    assert shared["databases"] == ["south"]


def test_a_drained_host_keeps_its_place_in_the_route_marked_as_drained():
    tenants = parse(tenant())
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=["north"], box1=[]))
    (route,) = plan_inputs.routes(settled, ports(tenants), drained=["app1"])
    assert route["servers"] == [
        {"url": "http://10.0.0.1:8069", "drained": True},
        {"url": "http://10.0.0.2:8069", "drained": False},
    ]
    assert route["websocket_servers"][1]["url"] == "http://10.0.0.2:8072"
    assert route["mode"] == "serve"
    (away,) = plan_inputs.routes(settled, ports(tenants), drained=["app1", "app2"])
    assert away["mode"] == "maintenance"


def test_tenants_of_one_instance_have_one_pool():
    tenants = parse(tenant(sticky=True), tenant("south", sticky=True), tenant("own", sticky=True, tenancy="dedicated"))
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=["north", "south", "own"], box1=[]))
    found = plan_inputs.routes(settled, ports(tenants))
    assert [one["sticky"]["cookie"] for one in found] == ["gantry-shared", "gantry-shared", "gantry-own"]
    assert found[0]["servers"] == found[1]["servers"] != found[2]["servers"]


def test_browsers_stay_with_a_host_of_a_sticky_tenant_and_with_a_drained_one_that_keeps_them():
    tenants = parse(tenant(sticky=True), tenant("south"))
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=["north", "south"], box1=[]))
    sticky, plain = plan_inputs.routes(settled, ports(tenants), drained=["app1"], keeping=["app1"])
    assert sticky["sticky"] == {"cookie": "gantry-shared"}
    assert [(one["drained"], one["keeps_users"]) for one in sticky["servers"]] == [(True, True), (False, False)]
    assert "sticky" not in plain
    assert "keeps_users" not in plain["servers"][0]
    stopped, _plain = plan_inputs.routes(settled, ports(tenants), drained=["app1"])
    assert model_routes.route(stopped).keeping == {}
    assert list(model_routes.route(sticky).keeping) == ["http://10.0.0.1:8069"]


def test_a_route_has_what_its_tenant_says_and_what_it_says_itself():
    own = {"middlewares": ["waf"], "security_headers": "minimal"}
    named = [{"host": "north.site.example", **own}, {"host": "north.corp.example"}]
    tenants = parse(tenant(routes=named, maintenance_page="Back at noon"))
    settled = plan_homes.homes(tenants, GROUPS, {})
    guarded, plain = plan_inputs.routes(settled, ports(tenants), maintenance=["north"])
    assert (guarded["maintenance_page"], plain["maintenance_page"]) == ("Back at noon", "Back at noon")
    assert {name: guarded.get(name) for name in own} == own
    assert not set(own) & set(plain)


def test_a_middleware_that_a_route_cannot_name_is_refused_with_its_path():
    with pytest.raises(InputError, match=r"odoo_tenants\[0\]\.routes\[0\]\.middlewares has 'waf@docker'"):
        parse(tenant(routes=[{"host": "north.site.example", "middlewares": ["waf@docker"]}]))


def test_a_tenant_under_maintenance_has_all_its_routes_so():
    tenants = parse(tenant(), tenant("south"))
    settled = plan_homes.homes(tenants, GROUPS, {})
    modes = {item["name"]: item["mode"] for item in plan_inputs.routes(settled, ports(tenants), maintenance=["north"])}
    assert modes == {"north-public": "maintenance", "south-public": "serve"}


def test_a_tenant_that_may_lack_its_database_and_does_is_under_maintenance():
    given = [tenant(), tenant("south"), tenant("west")]
    placed = {"db1": [{"name": "north", "open": True}]}
    modes = {
        allowed: [route["mode"] for route in found_routes(given, placed, allow_missing=allowed)]
        for allowed in (True, False)
    }
    assert modes == {True: ["serve", "serve", "maintenance"], False: ["serve", "serve", "serve"]}


def test_routes_lead_to_what_is_made_alone():
    """North serves, south got its database in a run of site that was interrupted, and app2 is new."""
    given = arguments(
        tenant(), tenant("south"), placement={"db1": [{"name": "north", "open": True}, {"name": "south", "open": True}]}
    )

    def routes(record, **options):
        found = resolve({**given, **options}, RUNTIMES, VARIABLES, record)["routes"]
        return {one["name"]: [server["url"].split("/")[2] for server in one["servers"]] for one in found}

    known = {name: Known(3, "shared", "shared", 2, 1, made=made) for name, made in (("north", True), ("south", False))}
    record = EstateRecord(3, tenants=known, made=("app1",))
    urls = routes(record)["north-public"]
    assert len(urls) == 2
    assert routes(record) == {"north-public": urls, "south-public": urls}
    assert routes(record, made_only=True) == {"north-public": urls[:1]}
    # an estate that is older than its record, and hosts that this change makes
    assert routes(EstateRecord(), made_only=True) == routes(record)
    assert routes(record, made_only=True, assume={"south": "app"}) == routes(record)


def test_a_host_that_is_not_made_neither_acts_for_its_group_nor_counts_as_one_that_serves():
    given = arguments(tenant(), placement={"db1": [{"name": "north", "open": True}]})
    found = resolve(given, RUNTIMES, VARIABLES, EstateRecord(3, made=("app2",)))
    assert found["unmade"] == ["app1"]
    assert (found["tenants"]["north"]["leader"], found["groups"]["app"]["serving"]) == ("app2", ["app2"])
    # a group of which none is made yet
    anew = resolve(given, RUNTIMES, VARIABLES, EstateRecord(3))
    assert (anew["tenants"]["north"]["leader"], anew["groups"]["app"]["serving"]) == ("app1", [])


def test_an_estate_that_is_older_than_its_record_is_recorded_as_made():
    given = arguments(tenant(), tenant("south"), placement={"db1": [{"name": "north", "open": True}]})
    found = plan_estate.resolve(given, RUNTIMES, VARIABLES, EstateRecord()).record
    assert {name: one["made"] for name, one in found["tenants"].items()} == {"north": True, "south": False}
    assert found["made_hosts"] == ["app1", "app2"]
    assert plan_estate.resolve(given, RUNTIMES, VARIABLES, EstateRecord(1)).record["made_hosts"] == []


def found_routes(given, placement, **options):
    """The routes where the home of south is assumed."""
    args = arguments(*given, placement=placement, assume={"south": "app"}, **options)
    return resolve(args, RUNTIMES, VARIABLES)["routes"]


def test_a_home_that_is_taken_for_granted_is_told_once_it_is_there():
    given = {"runtime_groups": ["app", "box"], "assume": {"north": "box"}}
    assert resolve(arguments(tenant(), **given), RUNTIMES, VARIABLES)["notes"] == []
    there = resolve(arguments(tenant(), **given, arrived=["north"]), RUNTIMES, VARIABLES)
    assert [note.partition(":")[0] for note in there["notes"]] == ["tenant north is declared on app and lives on box"]


def test_an_assumed_home_routes_to_the_new_group():
    tenants = parse(tenant())
    settled = plan_homes.homes(tenants, GROUPS, seen(db1=["north!"], box1=["north!"]), assume={"north": "box"})
    (route,) = plan_inputs.routes(settled, ports(tenants))
    assert [server["url"] for server in route["servers"]] == ["http://10.0.0.9:8069"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nowhere", "runs no Odoo"), ("app", "already lives on app"), ("annex", "share the PostgreSQL server db1")],
)
def test_a_destination_that_cannot_be_is_refused(name, sentence):
    groups = {**GROUPS, "annex": model.Group("annex", "systemd", (model.Host("app3", "10.0.0.3"),), "db1", "db1")}
    (home,) = plan_homes.homes(parse(tenant()), groups, seen(db1=["north 5 app"], box1=[]))
    with pytest.raises(InputError, match=sentence):
        plan_homes.destination(home, name, groups)


def test_no_tenant_moves_to_where_no_user_is_let_in():
    drained = model.Group("box", "docker", (model.Host("box1", "10.0.0.9", drained=True),), "box1", "localhost")
    groups = {**GROUPS, "box": drained}
    (home,) = plan_homes.homes(parse(tenant()), groups, seen(db1=["north 5 app"], box1=[]))
    with pytest.raises(InputError, match=r"no user would reach north on box, as all its hosts .* \(box1\); take"):
        plan_homes.destination(home, "box", groups)


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        ([], "north has no database yet; run gantry.odoo.site first"),
        (["north"], "north has no number yet; run gantry.odoo.site first"),
        (["north! 5 app"], "north is blocked on db1, and a move would open it"),
    ],
)
def test_a_tenant_that_cannot_move_is_told_why(kept, sentence):
    (home,) = plan_homes.homes(parse(tenant()), GROUPS, seen(db1=kept, box1=[]))
    with pytest.raises(InputError, match=sentence):
        plan_homes.destination(home, "box", GROUPS)


def test_an_unknown_tenant_is_refused_with_those_that_are_declared():
    settled = plan_homes.homes(parse(tenant(), tenant("south")), GROUPS, {})
    with pytest.raises(InputError, match="tenant west is not declared in odoo_tenants; declared are north, south"):
        plan_homes.find(settled, "west")


HOSTVARS = {
    "app1": {"odoo_runtime": "systemd", "odoo_database_server": "db1", "ansible_host": "10.0.0.1"},
    "db1": {},
}


def test_groups_are_read_with_their_addresses():
    groups = model_inventory.read_groups(parse(tenant()), [], {"app": ["app1"]}, HOSTVARS, {})
    assert groups["app"].hosts == (model.Host("app1", "10.0.0.1"),)
    assert groups["app"].database_server == "db1"


@pytest.mark.parametrize(
    ("members", "hostvars", "sentence"),
    [
        ({}, HOSTVARS, "tenant north runs on group app, which is not in the inventory"),
        ({"app": []}, HOSTVARS, "tenant north runs on group app, which has no hosts"),
        ({"app": ["app1"]}, {"app1": {}}, "odoo_runtime is not set"),
        ({"app": ["app1"]}, {"app1": {**HOSTVARS["app1"], "odoo_runtime": "vm"}, "db1": {}}, "not vm"),
        ({"app": ["app1"]}, {"app1": HOSTVARS["app1"]}, "db1, which is not a host"),
        (
            {"app": ["app1"]},
            {**HOSTVARS, "app1": {**HOSTVARS["app1"], "odoo_db_host": "db1"}},
            "group app: odoo_db_host is not read from the inventory",
        ),
        (
            {"app": ["app1"]},
            {**HOSTVARS, "db1": {"estate_database_host": ["db1"]}},
            "host db1: estate_database_host must be a text (quote it), not a list",
        ),
        (
            {"app": ["app1", "app2"]},
            {**HOSTVARS, "app2": {**HOSTVARS["app1"], "odoo_database_server": "db2"}},
            "differs between its hosts (db1, db2)",
        ),
    ],
)
def test_a_group_that_cannot_run_a_tenant_is_told(members, hostvars, sentence):
    with pytest.raises(InputError) as caught:
        model_inventory.read_groups(parse(tenant()), [], members, hostvars, {})
    assert sentence in str(caught.value)


def test_a_missing_group_is_told_with_those_the_playbook_needs():
    with pytest.raises(InputError, match="no hosts in cache; this playbook needs the groups edge, cache"):
        model_inventory.require_groups(["edge", "cache"], {"edge": ["edge1"], "cache": []})


def arguments(*raw, **given):
    defaults = {
        "runtime_groups": [],
        "require_groups": [],
        "placement": {},
        "locate": False,
        "allow_unknown": False,
        "present": None,
        "released": [],
        "today": "2026-11-26",
        "in_hand": {},
        "drained": [],
        "keeping": [],
        "maintenance": [],
        "tenant": None,
        "tier": 0,
        "destination": None,
        "assume": {},
        "config_dir": "/etc/odoo",
        "login": "gantry",
        "internal_zones": [],
        "allow_new": True,
        "allow_missing": False,
        "empty": [],
        "store": None,
        "new_store": False,
        "refuse_contradictions": False,
        "made_only": False,
        "rename": False,
        "released_groups": [],
        "number": 0,
        "arrived": [],
    }
    return {**defaults, "tenants": list(raw), **given}


RUNTIMES = {"app": ["app1", "app2"], "box": ["box1"], "edge": ["edge1"]}
VARIABLES = {
    "app1": {"odoo_runtime": "systemd", "odoo_database_server": "db1"},
    "app2": {"odoo_runtime": "systemd", "odoo_database_server": "db1"},
    "box1": {"odoo_runtime": "docker", "odoo_database_server": "box1"},
    "db1": {},
    "edge1": {},
}


def test_the_first_host_of_a_group_leads_and_each_group_backs_up_what_lives_there():
    placement = {"db1": [{"name": "south", "open": True}], "box1": [{"name": "north", "open": True}]}
    estate = resolve(
        arguments(tenant(), tenant("south"), runtime_groups=["box"], placement=placement), RUNTIMES, VARIABLES
    )
    assert estate["leads"] == {"app1": "app", "box1": "box"}
    assert {group: [item["tenant"] for item in items] for group, items in estate["backups"].items()} == {
        "app": ["south"],
        "box": ["north"],
    }
    assert estate["not_backed_up"] == {}
    assert estate["tenants"]["north"]["leader"] == "box1"


def test_an_audience_at_a_port_of_its_own_is_reached_there():
    routes = [
        {"host": "north.site.example", "audience": "internal", "allow": ["10.0.0.0/8"]},
        {"host": "north.site.example"},
    ]
    points = {"web": ":80", "websecure": ":443", "websecure-internal": ":8443"}
    groups = {**RUNTIMES, "edge": ["edge1", "edge2"]}

    def found(*edges):
        hosts = {**VARIABLES, **{name: {"traefik_entry_points": one} for name, one in zip(groups["edge"], edges)}}
        return resolve(arguments(tenant(routes=routes)), groups, hosts)

    estate = found(points, points)
    assert estate["tenants"]["north"]["urls"] == ["https://north.site.example:8443", "https://north.site.example"]
    assert estate["groups"]["app"]["databases"][0]["base_url"] == "https://north.site.example:8443"
    assert found({}, {})["tenants"]["north"]["urls"] == ["https://north.site.example"]
    with pytest.raises(InputError, match="edge1 and edge2 serve the audience internal at the ports 8443 and 443; make"):
        found(points, {})
    with pytest.raises(InputError, match=r"host edge2: traefik_entry_points\.websecure-office is for no audience"):
        found(points, {**points, "websecure-office": ":9443"})


def test_a_limit_is_that_of_the_route_and_is_recorded():
    declared = parse(tenant(routes=[{"host": "north.site.example", "rate_limit": {"average": 5}}]))
    (route,) = plan_inputs.routes(plan_homes.homes(declared, GROUPS, seen(db1=["north"])), ports(declared))
    assert route["rate_limit"] == {"average": 5, "burst": 5}
    known = Known.of(declared[0])
    assert known_from(json.loads(json.dumps(asdict(known)))) == known


def test_a_tier_narrows_what_is_backed_up_and_nothing_else():
    placement = {"db1": [{"name": "south", "open": True}], "box1": [{"name": "north", "open": True}]}
    declared = (tenant(tier=1), tenant("south"))
    estates = [
        resolve(arguments(*declared, runtime_groups=["box"], placement=placement, tier=tier), RUNTIMES, VARIABLES)
        for tier in (0, 1, 2)
    ]
    assert [sorted(estate["backups"]) for estate in estates] == [["app", "box"], ["box"], []]
    assert [estate["backup_covers"] for estate in estates] == [["backup:north", "backup:south"], ["backup:north"], []]
    assert estates[0]["tenants"] == estates[2]["tenants"]


def test_a_tenant_says_more_of_its_policy_than_the_tier():
    hold = {"name": "claim-4711", "reason": "counsel"}
    estate = resolve(arguments(tenant(tier=1, backup={"holds": [hold]}), tenant("south")), RUNTIMES, VARIABLES)
    assert estate["policies"] == [
        {"tenant": "north", "tier": 1, "holds": [hold]},
        {"tenant": "south", "tier": 3},
    ]
    with pytest.raises(InputError, match=r"odoo_tenants\[0\].backup has no option tier; it takes classes, copies"):
        resolve(arguments(tenant(backup={"tier": 2})), RUNTIMES, VARIABLES)


def test_the_options_of_a_tenants_policy_are_those_of_the_module():
    options = set(backup_policy.OPTIONS["policies"]["options"]) - {"tenant", "tier", "state"}
    assert set(model.BACKUP_OPTIONS) == options


def test_the_modules_role_is_a_member_of_each_instances_role():
    estate = resolve(arguments(tenant("harbour", tenancy="dedicated")), RUNTIMES, VARIABLES)
    assert estate["roles"] == {
        "db1": [
            {"name": "odoo_harbour"},
            {"name": "odoo_shared"},
            {"name": "gantry_restore", "password": None, "member_of": []},
            {"name": "gantry_write", "password": None, "member_of": []},
            {
                "name": "gantry",
                "createdb": True,
                "member_of": ["gantry_restore", "gantry_write", "odoo_harbour", "odoo_shared"],
            },
        ]
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"drained": ["app9"]}, "drained names app9, which is not a host that runs Odoo"),
        ({"maintenance": ["west"]}, "maintenance names west, which is not declared in odoo_tenants"),
        ({"assume": {"west": "app"}}, "assume names west, which is not declared in odoo_tenants"),
        ({"assume": {"north": "cellar"}}, "assume names cellar, which is not a group that runs Odoo"),
    ],
)
def test_a_name_that_is_not_known_is_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        resolve(arguments(tenant(), **given), RUNTIMES, VARIABLES)


def test_the_tenants_of_a_group_are_what_the_gate_takes():
    placement = {"db1": [{"name": "south", "open": True}], "box1": [{"name": "north", "open": True}]}
    estate = resolve(
        arguments(tenant(tier=1), tenant("south"), runtime_groups=["box"], placement=placement), RUNTIMES, VARIABLES
    )
    assert {name: group["subjects"] for name, group in estate["groups"].items()} == {
        "app": [{"name": "south", "tier": 3, "groups": ["app"]}],
        "box": [{"name": "north", "tier": 1, "groups": ["box"]}],
    }
    assert [subject["name"] for subject in estate["subjects"]] == ["south", "north"]


def test_paths_and_logins_have_one_source():
    variables = {**VARIABLES, "db1": {"estate_database_host": "db1.site.example"}}
    estate = resolve(
        arguments(tenant(), runtime_groups=["box"], config_dir="/srv/odoo/", login="ops"), RUNTIMES, variables
    )
    assert estate["paths"] == {"config_dir": "/srv/odoo", "database_ca": "/srv/odoo/postgresql-ca.pem"}
    login = {"user": "ops", "ca_cert": "/srv/odoo/postgresql-ca.pem"}
    assert estate["logins"]["app2"] == {"host": "db1.site.example", **login}
    assert estate["logins"]["box1"] == {"host": "localhost", **login}
    assert estate["tenants"]["north"]["config"] == "/srv/odoo/shared.conf"
    assert estate["tenants"]["north"]["database_host"] == "db1.site.example"
    assert estate["roles"]["db1"][-1]["name"] == "ops"


def test_each_database_of_a_group_goes_to_its_instance():
    estate = resolve(arguments(tenant(), tenant("south"), tenant("harbour", tenancy="dedicated")), RUNTIMES, VARIABLES)
    assert {item["name"]: item["config"] for item in estate["groups"]["app"]["databases"]} == {
        "north": "/etc/odoo/shared.conf",
        "south": "/etc/odoo/shared.conf",
        "harbour": "/etc/odoo/harbour.conf",
    }


def test_what_needs_databases_is_refused_where_one_is_missing():
    with pytest.raises(StateError, match="no database was found for south on db1; make it with"):
        resolve(
            arguments(tenant(), tenant("south"), allow_new=False, placement={"db1": [{"name": "north", "open": True}]}),
            RUNTIMES,
            VARIABLES,
        )


@pytest.mark.parametrize(
    ("kept", "opened"), [({}, "was not found"), ({"db1": ["north!"]}, "has only blocked copies on db1")]
)
def test_a_server_that_was_not_asked_is_unknown_and_not_empty(kept, opened):
    with pytest.raises(StateError, match=rf"tenant north {opened}, and box1 was not asked or did not answer"):
        plan_homes.homes(parse(tenant()), GROUPS, seen(**kept), unknown=frozenset({"box1"}))


def test_an_open_home_is_known_whatever_else_is_not():
    (home,) = plan_homes.homes(parse(tenant()), GROUPS, seen(db1=["north"]), unknown=frozenset({"box1"}))
    assert home.group.name == "app"


def located(variables, **given):
    raw = {**VARIABLES, **{name: {**VARIABLES[name], **more} for name, more in variables.items()}}
    return resolve(arguments(tenant(), runtime_groups=["box"], locate=True, **given), RUNTIMES, raw)


def test_what_servers_hold_is_read_from_what_they_said_in_this_run():
    said = {"db1": {"postgresql_databases": []}, "box1": {"postgresql_databases": [{"name": "north", "open": True}]}}
    assert located(said)["tenants"]["north"]["home"] == "box"
    # a limit hides the server, or it did not answer
    for silent in ({"db1": said["db1"]}, {**said, "box1": {"postgresql_databases": None}}):
        with pytest.raises(StateError, match="box1 was not asked or did not answer"):
            located(silent)
        assert located(silent, allow_unknown=True)["tenants"]["north"]["home"] == "app"


def test_a_copy_that_may_be_stale_is_not_backed_up():
    blocked = {"db1": {"postgresql_databases": [{"name": "north", "open": False}]}}
    for box1, sentence in (
        (None, "tenant north has a blocked database on db1, and box1 did not answer, which may hold its home"),
        ([], None),
    ):
        estate = located({**blocked, "box1": {"postgresql_databases": box1}}, allow_unknown=True)
        assert estate["not_backed_up"] == ({"north": sentence} if sentence else {})


def test_a_limit_that_hides_a_host_is_one_sentence():
    with pytest.raises(InputError, match=r"hides box1, edge1 of the estate, .* run without --limit"):
        resolve(arguments(tenant(), runtime_groups=["box"], present=["app1", "app2", "db1"]), RUNTIMES, VARIABLES)
    everybody = ["app1", "app2", "db1", "box1", "edge1", "a-host-of-others"]
    estate = resolve(arguments(tenant(), runtime_groups=["box"], present=everybody), RUNTIMES, VARIABLES)
    assert estate["hosts"] == ["app1", "app2", "box1", "db1", "edge1"]


def test_a_database_of_an_instance_that_is_no_tenant_is_named():
    placement = {
        "db1": [
            {"name": name, "owner": owner, "open": True}
            for name, owner in (
                ("north", "odoo_shared"),
                ("old-tenant", "odoo_shared"),
                ("north__retired", "odoo_shared"),
                ("gantry-template-19", "odoo_shared"),
                ("crm", "crm"),
            )
        ]
    }
    notes = resolve(arguments(tenant(), placement=placement), RUNTIMES, VARIABLES)["notes"]
    assert [note.split(",")[0] for note in notes] == ["db1 holds database old-tenant of odoo_shared"]


def test_groups_that_overlap_are_refused_with_every_host():
    groups = {"app": ["app1", "box1"], "box": ["box1", "app1"]}
    variables = {name: {"odoo_runtime": "systemd", "odoo_database_server": "app1"} for name in ("app1", "box1")}
    with pytest.raises(InputError, match=r"host app1 is in the groups app and box.*; host box1 is in the groups"):
        resolve(arguments(tenant(), runtime_groups=["box"]), groups, variables)


@pytest.mark.parametrize("name", ["postgres", "template1", "gantry"])
def test_a_name_that_is_no_tenants_is_refused(name):
    with pytest.raises(InputError, match=f"{name} is a database that is no tenant's"):
        parse(tenant(name))


RECORDED = EstateRecord(3, {"north": Place("box", 17)})


def found(record, locate=True, **servers):
    """The estate with north declared on app, from what servers hold; None is a server that does not answer."""
    raw = {name: {**VARIABLES[name], "postgresql_databases": servers.get(name)} for name in VARIABLES}
    given = arguments(tenant(), runtime_groups=["box"], locate=locate, allow_unknown=True)
    return resolve(given, RUNTIMES, raw, record)["tenants"]["north"]


def test_the_store_knows_the_home_on_a_server_that_does_not_answer():
    home = found(RECORDED, db1=[{"name": "north__retired", "open": False}])
    assert (home["home"], home["exists"]) == ("box", True)
    # whoever has opened an older copy
    for number in ({}, {"home": {"number": 16, "group": "app"}}):
        home = found(RECORDED, db1=[{"name": "north", "open": True, **number}])
        assert (home["home"], home["exists"]) == ("box", True)
    # a database with a later number decides, open or not
    home = found(RECORDED, db1=[{"name": "north", "open": False, "home": {"number": 20, "group": "app"}}])
    assert (home["home"], home["blocked"]) == ("app", True)
    home = found(RECORDED, db1=[{"name": "north", "open": True, "home": {"number": 20, "group": "app"}}])
    assert (home["home"], home["exists"]) == ("app", True)


@pytest.mark.parametrize(
    ("db1", "box1", "sentence"),
    [
        ([{"name": "north", "open": True, "home": {"number": 9, "group": "app"}}], [], "found is 9 on app"),
        ([{"name": "north", "open": True}], [], "found is without a number on app"),
        ([], [{"name": "north", "open": True, "home": {"number": 9, "group": "box"}}], "found is 9 on box"),
    ],
)
def test_a_copy_that_is_older_than_the_store_knows_is_refused(db1, box1, sentence):
    with pytest.raises(StateError, match=f"recorded as home 17 of box, and the newest database that was {sentence}"):
        found(RECORDED, db1=db1, box1=box1)


def opened(*names, number=None, is_open=True):
    home = {"home": {"number": number, "group": "app"}} if number else {}
    return [{"name": name, "owner": "odoo_shared", "open": is_open, **home} for name in names]


def test_a_backup_is_of_the_home_that_was_seen():
    held = opened("north", number=9) + opened("south", is_open=False)
    raw = {**VARIABLES, "db1": {"postgresql_databases": held}}
    given = arguments(tenant(), tenant("south"), locate=True)
    estate = resolve(given, RUNTIMES, raw, EstateRecord())
    assert {one["tenant"]: one["expected"] for one in estate["backups"]["app"]} == {
        "north": {"home": 9, "access": "open"},
        "south": {"home": 0, "access": "blocked"},
    }
    # the source of a move looks the same when users write to its destination
    moving = resolve({**given, "in_hand": {"tenant:south": "migrate-3", "node:app1": "patch-4"}}, RUNTIMES, raw)
    assert [one["expected"]["access"] for one in moving["backups"]["app"]] == ["open", "open"]
    assert [one["expected"]["home"] for one in moving["backups"]["app"]] == [9, 0]


def test_what_was_not_seen_is_not_compared():
    record = EstateRecord(4, homes={"north": Place("app", 9)})
    given = {"locate": True, "allow_unknown": True, "allow_missing": True, "in_hand": {"tenant:north": "migrate-3"}}
    raw = {**VARIABLES, "db1": {"postgresql_databases": None}}
    estate = resolve(arguments(tenant(), **given), RUNTIMES, raw, record)
    (unseen,) = estate["backups"]["app"]
    assert "expected" not in unseen


@pytest.mark.parametrize(
    ("db1", "box1", "sentence"),
    [
        (opened("south", "north"), opened("north"), "tenant north has an open database on box1 and db1"),
        (opened("south") + opened("north", number=9), opened("north", number=9), "number 9 on box1 and db1"),
        (opened("south") + opened("north", number=9), opened("north"), "an older copy of it is open on box1"),
        (opened("south") + opened("north", is_open=False), opened("north", is_open=False), "has only blocked copies"),
        (opened("south"), opened("north__failed"), "tenant north has no database, but box1 holds north__failed"),
    ],
)
def test_a_tenant_whose_home_cannot_be_told_takes_no_backup_from_another(db1, box1, sentence):
    raw = {**VARIABLES, "db1": {"postgresql_databases": db1}}
    raw["box1"] = {**VARIABLES["box1"], "postgresql_databases": box1}
    given = {"runtime_groups": ["box"], "locate": True, "allow_missing": True}
    declared = (tenant(), tenant("south"))
    estate = resolve(arguments(*declared, allow_unknown=True, **given), RUNTIMES, raw, EstateRecord())
    assert [one["tenant"] for one in estate["backups"]["app"]] == ["south"]
    assert sentence in estate["not_backed_up"]["north"]
    # its users are sent where they were
    assert {one["name"] for one in estate["routes"]} >= {"north-public", "south-public"}
    # whoever places or moves a tenant is refused
    with pytest.raises(StateError, match="tenant north"):
        resolve(arguments(*declared, **given), RUNTIMES, raw, EstateRecord())
    with pytest.raises(StateError, match="tenant north"):
        resolve(arguments(*declared, allow_unknown=True, tenant="north", **given), RUNTIMES, raw, EstateRecord())
    # nor does what would change the estate go on, in check mode as little
    strict = arguments(*declared, allow_unknown=True, refuse_contradictions=True, **given)
    with pytest.raises(StateError, match="tenant north"):
        resolve(strict, RUNTIMES, raw, EstateRecord())


def test_a_rename_that_cannot_be_done_takes_no_backup_from_another():
    raw = {**VARIABLES, "db1": {"postgresql_databases": opened("south", "old", "north")}}
    raw["box1"] = {**VARIABLES["box1"], "postgresql_databases": []}
    given = arguments(
        {**tenant(), "renamed_from": "old"}, tenant("south"), runtime_groups=["box"], locate=True, allow_unknown=True
    )
    estate = resolve(given, RUNTIMES, raw, EstateRecord())
    assert [one["tenant"] for one in estate["backups"]["app"]] == ["south"]
    assert "is renamed from old, and both databases are there" in estate["not_backed_up"]["north"]


def test_a_database_that_was_restored_in_place_has_no_number_yet():
    assert found(RECORDED, db1=[], box1=[{"name": "north", "open": True}])["home"] == "box"


def test_a_tenant_that_has_arrived_is_visited_by_cron():
    assumed = {"assume": {"north": "box"}, "arrived": ["north"], "runtime_groups": ["box"]}
    groups = resolve(arguments(tenant(), **assumed), RUNTIMES, VARIABLES)["groups"]
    assert {name: group["instances"][0]["databases"] for name, group in groups.items()} == {"app": [], "box": ["north"]}


def test_a_host_that_is_declared_as_drained_gets_no_user():
    variables = {**VARIABLES, "app1": {**VARIABLES["app1"], "odoo_drained": "yes"}}
    estate = resolve(arguments(tenant()), RUNTIMES, variables)
    (route,) = estate["routes"]
    assert (estate["leads"], estate["tenants"]["north"]["leader"]) == ({"app2": "app"}, "app2")
    assert [one["drained"] for one in route["servers"]] == [True, False]
    assert (route["mode"], estate["groups"]["app"]["serving"]) == ("serve", ["app2"])
    assert "app1 is declared with odoo_drained, and no user is sent there" in estate["notes"]
    variables["app2"] = {**VARIABLES["app2"], "odoo_drained": True}
    assert resolve(arguments(tenant()), RUNTIMES, variables)["routes"][0]["mode"] == "maintenance"
    variables["app2"] = {**VARIABLES["app2"], "odoo_drained": "perhaps"}
    with pytest.raises(InputError, match="host app2: odoo_drained"):
        resolve(arguments(tenant()), RUNTIMES, variables)


def test_a_store_that_does_not_know_the_estate_is_refused_unless_it_is_meant_to_be_new():
    servers = {"db1": [{"name": "north", "open": True, "home": {"number": 9, "group": "app"}}], "box1": []}
    raw = {name: {**VARIABLES[name], "postgresql_databases": servers.get(name)} for name in VARIABLES}
    given = arguments(tenant(), runtime_groups=["box"], locate=True, store={"directory": "/store"})
    told = "the change store holds no record of this estate, although database north got its home from a change before"
    with pytest.raises(StateError, match=rf"{told}; name the store .*, run gantry.odoo.site -e site_new_store=true"):
        resolve(given, RUNTIMES, raw)
    # nor is the outcome of a server that is silent another one
    with pytest.raises(StateError, match=told):
        resolve({**given, "allow_unknown": True}, RUNTIMES, {**raw, "box1": VARIABLES["box1"]})
    assert told in str(resolve({**given, "new_store": True}, RUNTIMES, raw)["notes"])
    assert resolve(given, RUNTIMES, raw, EstateRecord(1))["notes"] == []
    # a play without a store asks none
    assert resolve({**given, "store": None}, RUNTIMES, raw)["notes"] == []


def test_an_estate_that_no_change_has_worked_at_is_taken_on_by_any_store():
    servers = {"db1": [{"name": "north", "open": True}], "box1": []}
    raw = {name: {**VARIABLES[name], "postgresql_databases": servers.get(name)} for name in VARIABLES}
    given = arguments(tenant(), runtime_groups=["box"], locate=True, store={"directory": "/store"})
    assert resolve(given, RUNTIMES, raw)["notes"] == []


def test_a_host_of_ipv6_is_reached_in_brackets():
    variables = {**VARIABLES, "app1": {**VARIABLES["app1"], "ansible_host": "fd00::5"}}
    (route,) = resolve(arguments(tenant()), RUNTIMES, variables)["routes"]
    assert route["servers"][0]["url"] == "http://[fd00::5]:8069"


WILDCARD = {"name": "site", "domains": ["*.site.example"], "challenge": "dns-01"}


def test_tenants_may_share_a_certificate():
    tenants = parse(
        tenant("north", certificate=WILDCARD), tenant("south", certificate=WILDCARD), tenant("west", certificate={})
    )
    shared, own = plan_inputs.certificates(tenants)
    hosts = ["north.site.example", "south.site.example"]
    assert shared == {**WILDCARD, "hosts": hosts}
    assert own == {"name": "west", "domains": ["west.site.example"]}
    named = [tenant(name, certificate={"name": "site"}) for name in ("north", "south")]
    assert plan_inputs.certificates(parse(*named)) == [{"name": "site", "domains": hosts}]


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({**WILDCARD, "challenge": None}, "can be validated by dns-01 alone"),
        ({**WILDCARD, "domains": ["*.other.example"]}, "does not cover north.site.example"),
        ({**WILDCARD, "name": "south"}, "tenants north and south share the certificate south and declare it otherwise"),
        ({"challenge": "dns01"}, "certificate.challenge must be one of http-01, dns-01"),
        ({"chalenge": "dns-01"}, "certificate.chalenge is not known"),
        ({"name": "North East"}, "a name takes lower-case letters"),
    ],
)
def test_a_certificate_that_cannot_be_ordered_is_refused(certificate, words):
    with pytest.raises(InputError, match=words):
        parse(tenant("north", certificate=certificate), tenant("south"))
