# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of Redis: what may be declared, what a node is asked, and what its answers mean."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_answers import logins_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import (
    Grant,
    User,
    grants_from,
    questions,
    unreadable_users,
    unseen,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_failover import with_failover
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import make_plan
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_faults import faults
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_topology import shown

from .build import ONE, S_TWO, TWO, desired, fresh, healthy, node, watching, with_nodes, with_sentinels

DIGEST = hashlib.sha256(b"secret").hexdigest()
APP = User("app", ("~app:*", "+get"), (DIGEST,))
GONE = User("former", present=False)


def app(**changes: Any) -> dict[str, Any]:
    return {"name": "app", "rules": ["+get"], "passwords": ["secret"], "enabled": True, "state": "present", **changes}


def answers(*lines: str) -> list[Any]:
    """What a node answers to `questions([APP])`: OK, all users with the trial, and how many were deleted."""
    return ["OK", ["user default on nopass ~* &* +@all", *lines, f"user gantry.trial.0 on #{DIGEST} ~app:* +get"], 1]


def test_passwords_become_digests_and_the_rights_of_replication_and_sentinel_are_added():
    logins = {"replication_username": "repl", "replication_password": "r"}
    logins |= {"sentinel_username": "guard", "sentinel_password": "s"}
    wish = desired(users=[app(passwords=["secret", "secret", "old"])], **logins)
    users = {user.name: user for user in wish.users}
    assert users["app"].hashes == (DIGEST, hashlib.sha256(b"old").hexdigest())
    assert set(users["repl"].rules) == {"+psync", "+replconf", "+ping"}
    assert "+@all" not in users["guard"].rules
    assert wish.sentinel_user == "guard"
    assert desired(username="gantry").sentinel_user == "gantry"
    assert desired().sentinel_user == "default"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"users": [app(rules=[">x"])]}, "begins with '>'"),
        ({"users": [app(rules=["#abc"])]}, "begins with '#'"),
        ({"users": [app(rules=["nopass"])]}, "that belongs to passwords"),
        ({"users": [app(rules=["OFF"])]}, "that belongs to enabled"),
        ({"users": [app(rules=["~a +get"])]}, "write each rule as an element of its own"),
        ({"users": [app(rules=[" "])]}, "write each rule as an element of its own"),
        ({"users": [app(passwords=[])]}, "has no password"),
        ({"users": [app(passwords=[""])]}, "is empty"),
        ({"users": [app(name="a b")]}, "a name has no blanks"),
        ({"users": [app(name="gantry.trial.1")]}, "does not begin with gantry.trial."),
        ({"users": [app(name="o'brien")]}, "holds a quote"),
        ({"users": [app(rules=["~it's:*"])]}, "cannot start from that file"),
        ({"users": [app(rules=['~"x"'])]}, "holds a quote"),
        ({"users": [app(rules=["(~a\n+get)"])]}, "a control character"),
        ({"replication_username": "o'brien", "replication_password": "x"}, "holds a quote"),
        ({"users": [app(), app()]}, "declared twice"),
        ({"users": [app()], "sentinel_username": "app", "sentinel_password": "x"}, "declared twice"),
        ({"users": [app(name="default", state="absent")], "username": "root"}, "cannot be removed"),
        ({"users": [app(name="default")]}, "this run logs in with it"),
        ({"users": [app()], "username": "app"}, "this run logs in with it"),
        ({"replication_username": "repl"}, "belong together"),
        ({"sentinel_password": "x"}, "belong together"),
        ({"sentinel_username": "guard", "sentinel_password": "a b"}, "sentinel_password holds a blank"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence.replace("(", r"\(")) as caught:
        desired(**changes)
    assert "\n" not in str(caught.value)


def test_a_login_for_sentinels_needs_sentinels():
    with pytest.raises(InputError, match="without sentinels"):
        desired(mode="replicated", sentinels=[], sentinel_username="guard", sentinel_password="x")


def test_a_password_with_a_blank_is_fine_where_sentinels_have_a_login_of_their_own():
    assert desired(password="a b", sentinel_username="guard", sentinel_password="x").sentinel_user == "guard"


def test_a_selector_is_one_rule():
    (user,) = desired(users=[app(rules=["(~a:* +get)"])]).users
    assert user.rules == ("(~a:* +get)",)


def test_no_plain_password_is_in_any_command():
    commands = questions(desired(users=[app()]).users)
    assert "secret" not in str(commands)
    assert commands[0][:6] == ("ACL", "SETUSER", "gantry.trial.0", "reset", "resetchannels", "on")
    assert commands[1:] == [("ACL", "LIST"), ("ACL", "DELUSER", "gantry.trial.0")]


def test_one_who_is_to_go_needs_no_trial():
    assert questions([GONE]) == [("ACL", "LIST")]


def test_a_user_is_right_when_the_node_spells_both_alike():
    (grant,) = grants_from([APP], answers(f"user app on #{DIGEST} ~app:* +get"))
    assert grant.is_right
    assert DIGEST not in str(grant)


def test_passwords_are_a_set_and_never_shown():
    other = "f" * 64
    (grant,) = grants_from([APP], answers(f"user app on #{other} ~app:* +get"))
    assert not grant.is_right
    assert grant.shown() == "on ~app:* +get (passwords differ)"
    assert grant.shown(after=True) == "on ~app:* +get"


def test_a_user_that_is_missing_and_one_that_is_to_go():
    missing, gone = grants_from([APP, GONE], answers("user former on nopass ~* +@all"))
    assert (missing.seen, missing.wanted) == (None, "on ~app:* +get")
    assert (gone.seen, gone.wanted) == ("on nopass ~* +@all", None)
    assert grants_from([GONE], [["user default on nopass +@all"]])[0].is_right


def test_strangers_go_where_only_some_are_kept():
    lines = answers("user admin on +@all", "user left on +get")
    found = grants_from([APP], lines, frozenset({"default", "admin"}))
    assert [(grant.name, grant.wanted) for grant in found if grant.name != "app"] == [("left", None)]


def test_a_rule_that_is_refused_names_the_user():
    refused = [ValueError("unknown command"), *answers()[1:]]
    with pytest.raises(InputError, match="the user 'app' has rules that Redis refuses: unknown command"):
        grants_from([APP], refused)


def test_a_node_that_could_not_read_its_own_file_is_not_told_to_write_it():
    lines = ["user default on nopass ~* +@all", "user o'brien on +@all", "user app on ~it's +get", "user fine on ~a\\b"]
    assert unreadable_users(lines) == ("o'brien", "app")
    first = replace(healthy().nodes[0], unreadable=("o'brien",))
    assert make_plan(with_nodes(healthy(), first), desired()).steps == ()
    with pytest.raises(StateError, match='has the user "o\'brien" with a quote'):
        make_plan(with_nodes(healthy(), first), desired(settings={"maxmemory": "1gb"}))
    planned = desired(primary=str(TWO), failover="planned")
    with pytest.raises(StateError, match="could not start from its own file"):
        with_failover(make_plan(with_nodes(healthy(), first), planned), planned)


def test_users_come_first_and_go_last():
    wish = desired()
    grants = (Grant("app", None, "on +get"), Grant("former", "on +get", None))
    current = with_nodes(healthy(), replace(healthy().nodes[0], grants=grants, config=node(ONE).config))
    actions = [step.action for step in make_plan(current, wish).steps]
    assert actions == ["permit", "configure", "withdraw"]
    after = shown(make_plan(current, wish).after, ())
    assert after["users"] == {str(ONE): {"app": "on +get", "former": None}}


def test_a_node_that_is_not_yet_there_is_planned_to_get_all_users():
    (grant,) = unseen([APP, GONE])
    current = with_nodes(fresh(), node(TWO, new=True, grants=(grant,)))
    first = make_plan(current, desired()).steps[0]
    assert (first.action, first.target) == ("permit", str(TWO))


def test_a_sentinel_with_another_login_is_given_the_right_one():
    wish = desired(sentinel_username="guard", sentinel_password="x")
    identity = "0123456789abcdef"
    ruling = replace(healthy().nodes[0], logins={"01234567": "default"})
    watcher = watching(S_TWO, ONE, *(item.endpoint for item in healthy().nodes[1:]), identity=identity)
    current = with_sentinels(with_nodes(healthy(), ruling), watcher)
    (step,) = make_plan(current, wish).steps
    assert (step.action, step.target) == ("tune", str(S_TWO))
    assert step.why == f"it logs in to {ONE} as default, not as guard"
    assert list(map(str, faults(current, wish, ONE))) == [f"Sentinel {S_TWO} logs in to {ONE} as default, not as guard"]
    right = with_nodes(current, replace(ruling, logins={"01234567": "guard"}))
    assert make_plan(right, wish).steps == ()


def test_logins_are_read_from_the_list_of_clients():
    text = (
        "id=3 addr=127.0.0.1:5 laddr=127.0.0.1:6 fd=8 name=sentinel-d1b2c3a4-cmd age=1 user=guard redir=-1 resp=2\n"
        "id=4 addr=127.0.0.1:7 laddr=127.0.0.1:6 fd=9 name= age=1 user=default redir=-1 resp=2\n"
    )
    assert logins_from(text) == {"d1b2c3a4": "guard"}
