# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planner promises of Odoo databases, for examples and for any server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import (
    Database,
    Desired,
    Leftover,
    Server,
    Template,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import (
    Install,
    MoveFilestore,
    Open,
    Publish,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_databases import (
    plan,
    refuse_languages,
    split_readable,
    templates,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_prediction import predict
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.report_databases import view
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import Home

OWNER = "odoo_harbour"
HOME = Home(17, "zeta")
SERVER = Server(roles={OWNER: True, "other": True, "stranger": False}, login="gantry")
WANT = Desired("harbour", config_user=OWNER, addons=frozenset({BASE, "project"}))
FOUND = Database("harbour", OWNER, installed=frozenset({BASE, "project", "web"}), admin_login="admin")


def with_database(found: Database = FOUND, **more: object) -> Server:
    return replace(SERVER, databases={found.name: found}, **more)  # type: ignore[arg-type]


def actions(server: Server, want: Desired) -> list[str]:
    return [step.action for steps in plan(server, [want]).values() for step in steps]


def test_what_is_as_declared_needs_nothing() -> None:
    assert plan(with_database(), [WANT]) == {}


def test_a_new_database_gets_its_name_last() -> None:
    want = replace(WANT, parameters=(("a", "1"),), admin_password="secret", blocked=True)
    assert actions(SERVER, want) == ["create", "initialize", "set_parameter", "set_admin", "block", "publish"]


@pytest.mark.parametrize(
    ("want", "found", "expected"),
    [
        (replace(WANT, owner="other"), FOUND, ["change_owner"]),
        (replace(WANT, addons=WANT.addons | {"stock"}), FOUND, ["install"]),
        (replace(WANT, parameters=(("a", "1"),)), replace(FOUND, parameters=(("a", "2"),)), ["set_parameter"]),
        (replace(WANT, admin_login="root"), FOUND, ["set_admin"]),
        (replace(WANT, admin_password="secret"), FOUND, ["set_admin"]),
        (replace(WANT, admin_password="secret"), replace(FOUND, admin_password_matches=True), []),
        (replace(WANT, blocked=True), FOUND, ["block"]),
        (replace(WANT, blocked=True), replace(FOUND, blocked=True), []),
        (replace(WANT, blocked=True), replace(FOUND, blocked=True, lingering=True), ["block"]),
        (replace(WANT, blocked=True), replace(FOUND, blocked=True, admits=True), ["block"]),
        (replace(WANT, blocked=False), replace(FOUND, blocked=True), ["open"]),
        (replace(WANT, blocked=False), replace(FOUND, blocked=True, admits=True), ["open"]),
        (replace(WANT, home=HOME), FOUND, ["set_home"]),
        (replace(WANT, home=HOME), replace(FOUND, home=HOME), []),
        (replace(WANT, home=HOME), replace(FOUND, home=replace(HOME, number=16)), ["set_home"]),
        (replace(WANT, home=HOME, blocked=False), replace(FOUND, blocked=True), ["open"]),
        (replace(WANT, home=HOME, blocked=True), FOUND, ["block", "set_home"]),
        (WANT, replace(FOUND, blocked=True), []),
        (replace(WANT, present=False, may_drop=True), FOUND, ["drop"]),
        (replace(WANT, present=False, may_drop=True), replace(FOUND, closed=True, broken=True), ["drop"]),
    ],
)
def test_each_difference_is_one_step(want: Desired, found: Database, expected: list[str]) -> None:
    assert actions(with_database(found), want) == expected


@pytest.mark.parametrize("there", [Home(18, "app"), Home(17, "app")])
@pytest.mark.parametrize("blocked", [None, False])
def test_a_later_home_is_not_taken_for_an_earlier_one(there: Home, blocked: bool | None) -> None:
    server = with_database(replace(FOUND, blocked=True, home=there))
    with pytest.raises(RefusedError, match=f"database harbour is {there}, and a number only rises"):
        plan(server, [replace(WANT, home=HOME, blocked=blocked)])


@pytest.mark.parametrize(
    "want",
    [
        replace(WANT, fencing_number=17, blocked=True),
        replace(WANT, fencing_number=17, present=False, may_drop=True),
        replace(WANT, name="harbour__retired", fencing_number=17, rename_from="harbour"),
    ],
)
def test_a_change_that_was_overtaken_leaves_the_database_alone(want: Desired) -> None:
    server = with_database(replace(FOUND, home=Home(18, "box")))
    with pytest.raises(
        RefusedError, match="database harbour is home 18 of box, and this change has 17, so that it was"
    ):
        plan(server, [want])
    assert plan(server, [replace(want, fencing_number=18)])


def test_a_database_that_has_to_be_there_is_not_made() -> None:
    with pytest.raises(StateError, match="database harbour does not exist, and create is false; see where it is now"):
        plan(SERVER, [replace(WANT, create=False, blocked=True)])
    assert plan(with_database(FOUND), [replace(WANT, create=False, blocked=True)])


def test_a_database_becomes_a_home_with_its_name_or_where_it_is_opened() -> None:
    for server in (SERVER, with_database(replace(FOUND, blocked=True))):
        want = replace(WANT, home=HOME, blocked=False)
        planned = plan(server, [want])
        last = planned["harbour"][-1]
        assert isinstance(last, (Publish, Open))
        assert last.home == HOME
        assert predict(server, [want], planned).databases["harbour"].home == HOME


def test_odoo_installs_while_the_database_is_open() -> None:
    want = replace(WANT, addons=WANT.addons | {"stock"}, blocked=False)
    assert actions(with_database(replace(FOUND, blocked=True)), want) == ["open", "install"]
    assert actions(with_database(), replace(want, blocked=True)) == ["install", "block"]
    with pytest.raises(RefusedError, match="is blocked"):
        plan(with_database(replace(FOUND, blocked=True)), [replace(want, blocked=None)])


def test_a_dropped_database_leaves_its_files_in_the_recycle_directory() -> None:
    server = with_database(filestores=frozenset({"harbour"}))
    assert actions(server, replace(WANT, present=False, may_drop=True)) == ["recycle_filestore", "drop"]


def test_a_renamed_database_is_settled_under_its_new_name() -> None:
    server = with_database(replace(FOUND, name="old"), filestores=frozenset({"old"}))
    want = replace(WANT, rename_from="old", parameters=(("a", "1"),))
    assert actions(server, want) == ["rename", "set_parameter"]
    assert plan(with_database(), [replace(WANT, rename_from="old")]) == {}


@pytest.mark.parametrize("former", ["old", unfinished("harbour")])
def test_a_filestore_left_behind_by_a_killed_rename_follows(former: str) -> None:
    server = with_database(filestores=frozenset({former}))
    planned = plan(server, [replace(WANT, rename_from="old")])
    (step,) = planned["harbour"]
    assert isinstance(step, MoveFilestore)
    assert step.former == former


def test_what_a_killed_creation_left_is_removed_first() -> None:
    left = {unfinished("harbour"): Leftover(unfinished("harbour"), ours=True)}
    assert actions(replace(SERVER, leftovers=left), WANT)[:2] == ["discard", "create"]
    assert actions(replace(SERVER, filestores=frozenset({unfinished("harbour")})), WANT)[:2] == ["discard", "create"]


def test_an_orphan_filestore_is_put_aside_and_not_adopted() -> None:
    assert actions(replace(SERVER, filestores=frozenset({"harbour"})), WANT)[0] == "recycle_filestore"


@pytest.mark.parametrize(
    ("server", "want", "words"),
    [
        (with_database(replace(FOUND, odoo=False)), WANT, "not Odoo's"),
        (with_database(replace(FOUND, odoo=False)), replace(WANT, present=False, may_drop=True), "not Odoo's"),
        (with_database(), replace(WANT, present=False), "policy: drop"),
        (with_database(replace(FOUND, closed=True)), WANT, "accepts no connections"),
        (with_database(replace(FOUND, closed=True, broken=True)), WANT, "DROP DATABASE that was interrupted"),
        (with_database(replace(FOUND, closed=True)), replace(WANT, name="x", clone_from="harbour"), "accepts no"),
        (
            replace(SERVER, leftovers={"harbour__new": Leftover("harbour__new", ours=False)}),
            WANT,
            "was not left by this module",
        ),
        (
            replace(SERVER, databases={"harbour": FOUND, "old": replace(FOUND, name="old")}),
            replace(WANT, rename_from="old"),
            "both databases exist",
        ),
    ],
)
def test_what_would_destroy_something_is_refused(server: Server, want: Desired, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        plan(server, [want])


@pytest.mark.parametrize(
    ("server", "want", "words"),
    [
        (SERVER, replace(WANT, rename_from="old"), "neither old nor harbour"),
        (SERVER, replace(WANT, config_user=""), "needs an owner"),
        (SERVER, replace(WANT, owner="nobody"), "role nobody"),
        (SERVER, replace(WANT, config_user="stranger"), "grant it membership"),
        (SERVER, replace(WANT, owner="other"), "logs in as odoo_harbour"),
        (SERVER, replace(WANT, extensions=frozenset({"vector"})), "does not have vector"),
        (replace(SERVER, creates=False), WANT, "CREATEDB"),
        (replace(SERVER, addons=frozenset({BASE})), WANT, "project for harbour is in no directory"),
        (with_database(addons=frozenset({BASE})), replace(WANT, addons=frozenset({"nope"})), "nope for harbour"),
    ],
)
def test_what_cannot_be_meant_is_said_before_any_step(server: Server, want: Desired, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan(server, [want])


def test_one_impossible_database_stops_all_of_them() -> None:
    with pytest.raises(InputError):
        plan(SERVER, [WANT, replace(WANT, name="other", config_user="nobody")])


def test_the_diff_shows_no_secret() -> None:
    want = replace(WANT, admin_password="hunter2", parameters=(("api.key", "k3y"), ("web.base.url", "https://a.b")))
    server = with_database(replace(FOUND, parameters=(("api.key", "old-k3y"),)))
    shown = repr((view(server, [want]), view(predict(server, [want], plan(server, [want])), [want])))
    assert "hunter2" not in shown
    assert "k3y" not in shown
    assert "https://a.b" in shown
    assert "hunter2" not in repr(want)


# -- for any server -------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["harbour", "north", "south"])
ADDONS = st.frozensets(st.sampled_from(["project", "stock", "account"])).map(lambda some: some | {BASE})
PARAMETERS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"])).map(
    lambda some: tuple(sorted(some.items()))
)


@st.composite
def servers(draw: st.DrawFn) -> Server:
    databases = [
        Database(
            name=name,
            owner=draw(st.sampled_from([OWNER, "other"])),
            blocked=draw(st.booleans()),
            admits=draw(st.booleans()),
            lingering=draw(st.booleans()),
            installed=draw(ADDONS),
            parameters=draw(PARAMETERS),
            admin_login=draw(st.sampled_from(["admin", "root"])),
            admin_password_matches=draw(st.booleans()),
        )
        for name in draw(st.sets(NAMES))
    ]
    leftovers = [Leftover(unfinished(name), ours=True) for name in draw(st.sets(NAMES))]
    return replace(
        SERVER,
        databases={database.name: database for database in databases},
        leftovers={left.name: left for left in leftovers},
        filestores=draw(st.frozensets(NAMES | NAMES.map(unfinished))),
    )


@st.composite
def declarations(draw: st.DrawFn) -> list[Desired]:
    return [
        Desired(
            name=name,
            config_user=OWNER,
            present=draw(st.booleans()),
            addons=draw(ADDONS),
            admin_login=draw(st.sampled_from(["", "admin", "root"])),
            admin_password=draw(st.sampled_from(["", "secret"])),
            parameters=draw(PARAMETERS),
            blocked=draw(st.sampled_from([False, True])),
            may_drop=draw(st.booleans()),
        )
        for name in draw(st.lists(NAMES, unique=True))
    ]


@given(servers(), declarations())
def test_a_second_run_has_nothing_to_do(server: Server, declared: list[Desired]) -> None:
    try:
        planned = plan(server, declared)
    except RefusedError:
        return
    assert plan(predict(server, declared, planned), declared) == {}


@given(servers(), declarations())
def test_no_database_is_dropped_without_leave(server: Server, declared: list[Desired]) -> None:
    try:
        planned = plan(server, declared)
    except RefusedError:
        return
    allowed = {one.name for one in declared if not one.present and one.may_drop}
    after = predict(server, declared, planned)
    assert set(server.databases) - set(after.databases) <= allowed
    assert {name for name, steps in planned.items() for step in steps if step.action == "drop"} <= allowed


@given(servers(), declarations())
def test_the_plan_of_one_database_does_not_depend_on_the_others(server: Server, declared: list[Desired]) -> None:
    try:
        planned = plan(server, declared)
    except RefusedError:
        return
    for one in declared:
        assert plan(server, [one]).get(one.name) == planned.get(one.name)


def test_a_database_that_cannot_be_read_stops_only_what_needs_it() -> None:
    server = replace(with_database(), errors={"bent": "bent cannot be read"})
    declared = [
        WANT,
        replace(WANT, name="bent"),
        replace(WANT, name="copy", clone_from="bent"),
        replace(WANT, name="new"),
    ]
    wants, reasons = split_readable(server, declared)
    assert ([one.name for one in wants], reasons) == (["harbour", "new"], ["bent cannot be read"])


def test_a_language_that_odoo_does_not_list_is_refused() -> None:
    known = frozenset({"en_GB", "en_US", "sr@Cyrl"})
    refuse_languages([WANT, replace(WANT, language="sr@Cyrl")], known)
    # without Odoo's list nothing can be said
    refuse_languages([replace(WANT, language="en_UK")], frozenset())
    with pytest.raises(InputError, match=r"en_UK is not in Odoo's list of languages; give one of en_GB, en_US$"):
        refuse_languages([replace(WANT, language="en_UK")], known)


# -- clones ----------------------------------------------------------------------------------------------------------

COPY = replace(WANT, name="trial", clone_from="harbour")


def test_a_copy_is_another_database_and_gets_its_name_last() -> None:
    want = replace(COPY, parameters=(("web.base.url", "https://trial.example"),), admin_password="secret")
    expected = ["clone", "renew_identity", "set_parameter", "set_admin", "open", "publish"]
    assert actions(with_database(), want) == expected


def test_a_copy_gets_its_own_owner_and_the_addons_that_it_lacks() -> None:
    server = with_database(replace(FOUND, owner="other"))
    want = replace(COPY, addons=COPY.addons | {"stock"})
    steps = plan(server, [want])["trial"]
    done = ["clone", "change_owner", "renew_identity", "open", "initialize", "publish"]
    assert [step.action for step in steps] == done
    assert isinstance(steps[4], Install)
    assert (steps[4].addons, steps[4].at) == (("stock",), "trial__new")


def test_a_copy_that_is_there_is_left_alone() -> None:
    server = replace(SERVER, databases={name: replace(FOUND, name=name) for name in ("harbour", "trial")})
    assert plan(server, [COPY]) == {}


def test_a_copy_needs_its_original_and_an_original_of_odoo() -> None:
    with pytest.raises(InputError, match="there is no database harbour to make trial from"):
        plan(SERVER, [COPY])
    with pytest.raises(RefusedError, match="harbour is not Odoo's"):
        plan(with_database(replace(FOUND, odoo=False)), [COPY])


def test_a_copy_is_predicted_as_it_will_be_found() -> None:
    server = with_database(replace(FOUND, owner="other"))
    want = replace(COPY, addons=COPY.addons | {"stock"}, parameters=(("a", "1"),))
    after = predict(server, [want], plan(server, [want]))
    assert plan(after, [want]) == {}
    assert after.databases["trial"].owner == OWNER
    assert after.databases["harbour"].owner == "other"


def test_a_staging_copy_is_opened_only_when_it_is_harmless() -> None:
    server = with_database(addons=FOUND.installed | {"stock"})
    want = replace(COPY, neutralize=True)
    assert actions(server, want) == ["clone", "renew_identity", "neutralize", "open", "publish"]
    # what is installed after that may bring harm again
    more = replace(want, addons=want.addons | {"stock"})
    expected = ["clone", "renew_identity", "neutralize", "open", "initialize", "neutralize", "open", "publish"]
    assert actions(server, more) == expected
    for one in (want, more):
        assert plan(predict(server, [one], plan(server, [one])), [one]) == {}
    blocked = replace(want, blocked=True)
    assert actions(server, blocked) == ["clone", "renew_identity", "neutralize", "publish"]


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (with_database(addons=frozenset({BASE, "project"})), "harbour has web installed, and no directory"),
        (with_database(addons=None), "cannot be seen from this host"),
        (with_database(addons=FOUND.installed, login=OWNER), "is to own trial as well"),
    ],
)
def test_a_copy_that_could_not_be_made_harmless_is_not_begun(server: Server, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan(server, [replace(COPY, neutralize=True)])


def test_an_addon_that_lives_in_the_database_alone_needs_no_code() -> None:
    server = with_database(replace(FOUND, imported=frozenset({"web"})), addons=FOUND.installed - {"web"})
    assert actions(server, replace(COPY, neutralize=True))[:3] == ["clone", "renew_identity", "neutralize"]


def test_a_database_in_use_is_not_made_harmless_in_place() -> None:
    there = {name: replace(FOUND, name=name) for name in ("harbour", "trial")}
    with pytest.raises(RefusedError, match="was never neutralized"):
        plan(replace(SERVER, databases=there), [replace(COPY, neutralize=True)])
    there["trial"] = replace(there["trial"], neutralized=True)
    assert plan(replace(SERVER, databases=there), [replace(COPY, neutralize=True)]) == {}


# -- templates --------------------------------------------------------------------------------------------------------

CACHED = replace(WANT, cached=True)
MADE_FROM = Template("gantry-template-1", "kind", superseded=("gantry-template-0",))


def test_a_template_is_made_once_and_before_what_is_made_from_it() -> None:
    south = replace(CACHED, name="south")
    server = replace(SERVER, templates={one.name: MADE_FROM for one in (CACHED, south)})
    wants = [*templates(server, [CACHED, south]), CACHED, south]
    planned = plan(server, wants)
    assert [want.name for want in wants] == ["gantry-template-1", "harbour", "south"]
    made = [step.action for step in planned["gantry-template-1"]]
    assert made == ["create", "initialize", "seal", "drop_template"]
    for name in ("harbour", "south"):
        actions_of = [step.action for step in planned[name]]
        assert actions_of == ["make_from_template", "renew_identity", "change_owner", "publish"]
    after = predict(server, wants, planned)
    assert plan(after, [CACHED, south]) == {}
    assert after.databases["harbour"].owner == OWNER


def test_a_template_that_is_there_is_used() -> None:
    server = replace(SERVER, templates={"harbour": replace(MADE_FROM, exists=True)})
    assert templates(server, [CACHED]) == []
    assert actions(server, CACHED) == ["make_from_template", "renew_identity", "change_owner", "publish"]
    left = replace(server, leftovers={"harbour__new": Leftover("harbour__new", ours=True)})
    assert actions(left, CACHED)[0] == "discard"
