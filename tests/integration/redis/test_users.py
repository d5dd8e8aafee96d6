# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users with least rights: what they may and may not do, Redis and Sentinel living on them, and no secret told."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.direct import Direct

from .audit import audited
from .rig import APP_PASSWORD, LOGINS, LOOPBACK, PASSWORD, Rig, declared, endpoints

NODES, SENTINELS = (7801, 7802, 7803), (8801, 8802, 8803)
ALONE, FILED, FULL, ODD = 7811, 7812, 7813, 7814
CLUSTER = (7821, 7822, 7823)
QUICK = {"down-after-milliseconds": 2000, "failover-timeout": 10000}
AS_APP = ("--user", "app")
SECRETS = {PASSWORD, APP_PASSWORD, LOGINS["replication_password"], LOGINS["sentinel_password"]}

Topology = Callable[..., dict[str, Any]]


def alone(port: int, *users: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One node with these users."""
    return {
        "nodes": endpoints(port),
        "settings": {"maxmemory": "64mb"},
        "password": PASSWORD,
        "users": list(users),
        **changes,
    }


def app(*rules: str, **changes: Any) -> dict[str, Any]:
    """A user with these rules."""
    return {"name": "app", "rules": list(rules), "passwords": [APP_PASSWORD], **changes}


def names(rig: Rig, port: int) -> set[str]:
    """The users of a node."""
    return set(rig.cli(port, "ACL", "USERS").splitlines())


def assert_untold(*results: Any) -> None:
    """Neither a password nor its digest is anywhere in what a module returned."""
    told = json.dumps(results, ensure_ascii=False)
    for secret in SECRETS:
        assert secret not in told
        assert hashlib.sha256(secret.encode()).hexdigest() not in told


@pytest.fixture(scope="module")
def guarded(rig: Rig) -> Rig:
    """Three nodes and three Sentinels that were started with one password for everything."""
    rig.start(*NODES)
    rig.start(*SENTINELS, sentinel=True)
    return rig


def sentinel_logins(rig: Rig, port: int) -> list[str]:
    """With whom the Sentinels are logged in to a node."""
    return sorted(re.findall(r"name=sentinel-\w{8}-cmd .*?user=(\S+)", rig.cli(port, "CLIENT", "LIST")))


def test_a_topology_that_runs_is_moved_to_logins_of_its_own(
    guarded: Rig, topology: Topology, played_beats: Callable[..., Any]
) -> None:
    first = declared(NODES, SENTINELS, sentinel_settings=QUICK)
    topology(first)
    assert sentinel_logins(guarded, NODES[0]) == ["default"] * 3

    check, run, *again = played_beats(guarded, {**first, **LOGINS})
    assert check["changed"]
    assert check["steps"] == run["steps"]
    assert check["diff"] == run["diff"]
    assert [result["changed"] for result in again] == [False, False]
    assert_untold(check, run, *again)
    for port in NODES:
        assert names(guarded, port) == {"default", "app", "replication", "sentinel"}
        assert guarded.setting(port, "masteruser") == "replication"
    assert sentinel_logins(guarded, NODES[0]) == ["sentinel"] * 3


def test_the_application_may_do_what_it_is_for_and_nothing_else(guarded: Rig) -> None:
    def as_app(*words: str) -> str:
        return guarded.cli(NODES[0], *words, arguments=AS_APP, password=APP_PASSWORD)

    assert as_app("SET", "app:1", "x") == "OK"
    assert "NOPERM" in as_app("SET", "other:1", "x")
    assert "NOPERM" in as_app("FLUSHALL")
    assert "NOPERM" in as_app("CONFIG", "GET", "masterauth")
    replication = ("--user", "replication")
    refused = guarded.cli(NODES[0], "GET", "app:1", arguments=replication, password=LOGINS["replication_password"])
    assert "NOPERM" in refused


def test_a_planned_failover_and_an_election_go_on_with_them(guarded: Rig, topology: Topology) -> None:
    wish = declared(NODES, SENTINELS, sentinel_settings=QUICK, **LOGINS)
    with audited(guarded.host, NODES, SENTINELS) as audit:
        topology({**wish, "primary": f"{LOOPBACK}:{NODES[1]}", "failover": "planned"})
    assert audit.lost == 0
    assert guarded.primary(NODES) == NODES[1]

    guarded.kill(NODES[1])
    primary = guarded.elected(SENTINELS, NODES[1])
    guarded.start(NODES[1])
    assert topology(wish)["topology"]["primary"]["port"] == primary
    assert [guarded.master_of(port) for port in NODES] == [None if port == primary else primary for port in NODES]
    assert names(guarded, NODES[1]) == {"default", "app", "replication", "sentinel"}
    assert topology(wish)["changed"] is False


def test_what_somebody_changed_by_hand_is_named_and_put_right(rig: Rig, topology: Topology) -> None:
    rig.start(ALONE)
    wish = alone(ALONE, app("~app:*", "+get", "+set"))
    topology(wish)
    rig.cli(ALONE, "ACL", "SETUSER", "app", "+flushall", "nopass")
    check = topology(wish, check=True)
    (step,) = check["steps"]
    assert step["action"] == "permit"
    assert "+flushall" in step["why"]
    assert "+flushall" in rig.cli(ALONE, "ACL", "LIST"), "check mode has changed something"
    assert names(rig, ALONE) == {"default", "app"}
    assert_untold(check, topology(wish))
    assert "+flushall" not in rig.cli(ALONE, "ACL", "LIST")
    assert rig.cli(ALONE, "PING", arguments=AS_APP, password="anything").startswith("NOAUTH")


def test_a_password_is_changed_while_both_are_valid(rig: Rig, topology: Topology) -> None:
    rig.start(ALONE)

    def wish(*passwords: str) -> dict[str, Any]:
        return alone(ALONE, app("+ping", passwords=list(passwords)))

    def works(password: str) -> bool:
        return rig.cli(ALONE, "PING", arguments=AS_APP, password=password) == "PONG"

    topology(wish("old"))
    check = topology(wish("old", "new"), check=True)
    assert "passwords differ" in check["steps"][0]["why"]
    assert check["diff"]["before"] != check["diff"]["after"]
    topology(wish("old", "new"))
    assert works("old")
    assert works("new")
    assert topology(wish("new", "old"))["changed"] is False
    topology(wish("new"))
    assert not works("old")
    assert works("new")


def test_what_redis_cannot_read_again_is_refused_and_the_rest_outlives_a_crash(rig: Rig, topology: Topology) -> None:
    rig.start(ODD)
    odd = {
        "name": "a\\b#c$d%e{f}ü;*",
        "rules": ["~it\\s:*", "~#x", "&ü{a}", "%R~b;c", "(~s:* +get)"],
        "passwords": ["x"],
    }
    for refused in ({**odd, "name": "o'brien"}, {**odd, "rules": ["~it's:*"]}, {**odd, "rules": ['&a"b']}):
        assert "cannot start from that file" in topology(alone(ODD, refused), fails=True)["msg"]
    wish = alone(ODD, app("+get"), odd)
    topology(wish)
    rig.kill(ODD)
    rig.start(ODD)
    assert topology(wish)["changed"] is False
    rig.cli(ODD, "ACL", "SETUSER", "o'brien", "+get")
    assert "could not start from its own file" in topology(alone(ODD, app("+set"), odd), fails=True)["msg"]
    rig.kill(ODD)
    rig.start(ODD)
    assert "o'brien" not in names(rig, ODD)


def test_a_rule_that_redis_does_not_know_is_told_before_anything_changed(rig: Rig, topology: Topology) -> None:
    rig.start(ALONE)
    topology(alone(ALONE, app("+get")))
    before = rig.cli(ALONE, "ACL", "LIST"), rig.cli(ALONE, "CONFIG", "GET", "*")
    wish = alone(ALONE, app("+get"), {"name": "other", "rules": ["+@nonsense"], "passwords": ["x"]}, purpose="queue")
    for check in (True, False):
        message = topology(wish, check=check, fails=True)["msg"]
        assert message.startswith(f"{LOOPBACK}:{ALONE}: the user 'other' has rules that Redis refuses: ")
        assert "@nonsense" in message
    assert (rig.cli(ALONE, "ACL", "LIST"), rig.cli(ALONE, "CONFIG", "GET", "*")) == before


def test_users_that_nobody_declared_go_only_where_that_is_asked_for(rig: Rig, topology: Topology) -> None:
    rig.start(ALONE)
    rig.cli(ALONE, "ACL", "SETUSER", "former", "on", ">x", "+@all", "~*")
    rig.cli(ALONE, "ACL", "SETUSER", "left", "on", ">x", "+get", "~*")
    topology(alone(ALONE, app("+get"), {"name": "former", "state": "absent"}))
    assert names(rig, ALONE) == {"default", "app", "left"}
    result = topology(alone(ALONE, app("+get"), purge_users=True))
    assert [(step["action"], step["why"].split(":")[0]) for step in result["steps"]] == [("withdraw", "user left")]
    assert names(rig, ALONE) == {"default", "app"}
    assert topology(alone(ALONE, app("+get"), purge_users=True))["changed"] is False


@pytest.mark.deep
def test_users_outlive_a_crash_in_the_configuration_and_in_an_acl_file(rig: Rig, topology: Topology) -> None:
    rig.host.run(["mkdir", "-p", "/srv/redis-test/acl"])
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    rig.host.write("/srv/redis-test/acl/users.acl", f"user default on #{digest} ~* &* +@all\n", mode=0o600)
    rig.start(ALONE)
    lines = ("port 7812", "bind 127.0.0.1", "dir /srv/redis-test/7812", "aclfile /srv/redis-test/acl/users.acl", "")
    rig.host.run(["mkdir", "-p", "/srv/redis-test/7812"])
    rig.host.write("/srv/redis-test/7812/redis.conf", "\n".join(lines), mode=0o600)
    rig.start(FILED)
    for port in (ALONE, FILED):
        topology(alone(port, app("~app:*", "+get")))
        rig.kill(port)
        rig.start(port)
        assert names(rig, port) == {"default", "app"}
        assert "NOPERM" in rig.cli(port, "GET", "x", arguments=AS_APP, password=APP_PASSWORD)
        assert topology(alone(port, app("~app:*", "+get")))["changed"] is False
    assert "user app" in rig.host.read("/srv/redis-test/acl/users.acl").decode()


@pytest.mark.deep
def test_an_administrator_shuts_the_default_user_out_and_one_without_the_right_is_told_so(
    rig: Rig, topology: Topology
) -> None:
    rig.start(FULL)
    everything = ["~*", "&*", "+@all"]
    admin = {"name": "admin", "rules": everything, "passwords": ["an admin's"]}
    limited = {"name": "limited", "rules": [*everything, "-acl"], "passwords": ["limited's"]}
    topology(alone(FULL, admin, limited))

    wish = alone(FULL, {"name": "default", "enabled": False}, username="admin", password="an admin's")
    topology(wish)
    assert rig.cli(FULL, "PING").startswith("NOAUTH")
    assert topology(wish)["changed"] is False

    refused = topology(alone(FULL, app("+get"), username="limited", password="limited's"), fails=True)
    assert "no permissions to run the 'acl" in refused["msg"]
    assert_untold(refused)


@pytest.mark.deep
def test_a_cluster_has_the_same_users_on_every_node(rig: Rig, direct: Direct) -> None:
    rig.start(*CLUSTER, lines=("cluster-enabled yes", "cluster-node-timeout 2000"))
    wish = {
        "mode": "cluster",
        "nodes": endpoints(*CLUSTER),
        "replicas": 0,
        "settings": {"maxmemory": "64mb"},
        "password": PASSWORD,
        "users": [app("~app:*", "+@all", "-@dangerous")],
    }
    result = direct.call(**wish)
    assert not result.get("failed"), result
    assert_untold(result)
    assert direct.call(**wish)["changed"] is False
    for port in CLUSTER:
        assert names(rig, port) == {"default", "app"}
