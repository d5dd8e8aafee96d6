# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change of the administrator's password on running servers: both valid meanwhile, a kill, the old one refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.direct import Direct
from tests.lab.wait import until

from .rig import LOOPBACK, PASSWORD, ROOT, Rig, declared, endpoints

NODES, SENTINELS = (7901, 7902), (8901, 8902, 8903)
EVERY = (*NODES, *SENTINELS)
FILED, CLUSTER = 7911, (7921, 7922, 7923)
NEW = "another\\b#c$d%e{f}ü"
QUICK = {"down-after-milliseconds": 2000, "failover-timeout": 10000}
GUARDED = declared(NODES, SENTINELS, sentinel_settings=QUICK)
# Steps after which a run is killed, each going on where the last one was: among the additions, among the nodes that
# are to log in with the new one, before the Sentinels are, before the first removal, and among the removals.
KILLS = (2, 4, 1, 1, 2)


@pytest.fixture(scope="module")
def stepwise(direct: Direct) -> Direct:
    """The module, killed between steps."""
    return replace(direct, hook="_redis.apply_topology.carry_out,_redis.apply_topology.watch_all")


def rotated(wish: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same, with the new password in place of the one that the servers were started with."""
    return {**wish, "password": NEW, "former_passwords": [PASSWORD], **changes}


def valid(rig: Rig, ports: tuple[int, ...], password: str) -> list[bool]:
    """Which of the servers accept a new connection with a password."""
    return [rig.cli(port, "PING", password=password) == "PONG" for port in ports]


def assert_untold(*results: dict[str, Any]) -> None:
    """Neither a password nor its digest is anywhere in what the module returned."""
    told = json.dumps(results, ensure_ascii=False)
    for secret in (PASSWORD, NEW):
        assert json.dumps(secret, ensure_ascii=False)[1:-1] not in told
        assert hashlib.sha256(secret.encode()).hexdigest() not in told


def test_a_password_is_changed_without_a_stop_and_a_killed_run_is_completed(rig: Rig, stepwise: Direct) -> None:
    rig.start(*NODES)
    rig.start(*SENTINELS, sentinel=True)
    assert not stepwise.call(**GUARDED).get("failed")
    refused = stepwise.call(**{**GUARDED, "password": NEW})
    assert "name the password that it still has in former_passwords" in refused["msg"]

    check = stepwise.call(**rotated(GUARDED), _ansible_check_mode=True)
    assert valid(rig, EVERY, NEW) == [False] * 5
    kinds = [step["action"] for step in check["steps"]]
    assert kinds == ["add_password"] * 5 + ["configure"] * 2 + ["tune"] * 3 + ["remove_password"] * 5
    assert check["diff"]["before"]["passwords"] == {f"{LOOPBACK}:{port}": "former" for port in EVERY}
    assert check["diff"]["after"]["passwords"] == {f"{LOOPBACK}:{port}": "new" for port in EVERY}
    results = [check]
    for number, steps in enumerate(KILLS):
        stepwise.killed_after(steps, **rotated(GUARDED))
        if number < len(KILLS) - 1:
            assert valid(rig, EVERY, PASSWORD) == [True] * 5
        if number == 1:
            # what is in the files is valid, too
            rig.kill(NODES[1])
            rig.kill(SENTINELS[2])
            rig.start(NODES[1])
            rig.start(SENTINELS[2], sentinel=True)
    assert sorted(valid(rig, EVERY, PASSWORD)) == [False] * 2 + [True] * 3
    results.append(stepwise.call(**rotated(GUARDED)))
    assert not results[-1].get("failed"), results[-1].get("msg")
    assert {step["action"] for step in results[-1]["steps"]} == {"remove_password"}
    results += [stepwise.call(**rotated(GUARDED), _ansible_check_mode=check) for check in (True, False)]
    assert [result["changed"] for result in results[2:]] == [False, False]
    assert_untold(*results)

    assert valid(rig, EVERY, PASSWORD) == [False] * 5
    after = replace(rig, password=NEW)
    assert [after.setting(NODES[1], name) for name in ("requirepass", "masterauth")] == [NEW, NEW]
    # everybody logs in anew, and from the files
    for port in (NODES[1], SENTINELS[0]):
        after.kill(port)
        after.start(port, sentinel=port in SENTINELS)
    for kind in ("normal", "replica"):
        after.cli(NODES[0], "CLIENT", "KILL", "TYPE", kind)

    def absent() -> str | None:
        there = len(re.findall("name=sentinel-.{8}-cmd ", after.cli(NODES[0], "CLIENT", "LIST")))
        return None if there == len(SENTINELS) else f"{there} Sentinels are logged in"

    until(absent, "the Sentinels logging in again", 30)
    assert stepwise.call(**{**GUARDED, "password": NEW})["changed"] is False


def test_both_passwords_are_kept_while_clients_are_moved(rig: Rig, topology: Callable[..., dict[str, Any]]) -> None:
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    directory = f"{ROOT}/{FILED}"
    rig.host.run(["mkdir", "-p", directory])
    rig.host.write(f"{directory}/users.acl", f"user default on #{digest} ~* &* +@all\n", mode=0o600)
    lines = (f"port {FILED}", f"bind {LOOPBACK}", f"dir {directory}", f"aclfile {directory}/users.acl", "")
    rig.host.write(f"{directory}/redis.conf", "\n".join(lines), mode=0o600)
    rig.start(FILED)
    wish = rotated({"nodes": endpoints(FILED), "settings": {"maxmemory": "64mb"}})
    kept = topology({**wish, "keep_former_passwords": True})
    assert "add_password" in [step["action"] for step in kept["steps"]]
    assert topology({**wish, "keep_former_passwords": True})["changed"] is False
    assert [valid(rig, (FILED,), one) for one in (PASSWORD, NEW)] == [[True], [True]]
    removed = topology(wish)
    assert [step["action"] for step in removed["steps"]] == ["remove_password"]
    assert_untold({**kept, "invocation": None}, {**removed, "invocation": None})
    after = replace(rig, password=NEW)
    after.kill(FILED)
    after.start(FILED)
    assert valid(rig, (FILED,), PASSWORD) == [False]
    assert topology(wish)["changed"] is False


def test_the_nodes_of_a_cluster_change_their_password(rig: Rig, direct: Direct) -> None:
    rig.start(*CLUSTER, lines=("cluster-enabled yes", "cluster-node-timeout 2000"))
    wish = {"mode": "cluster", "nodes": endpoints(*CLUSTER), "replicas": 0, "password": PASSWORD}
    assert not direct.call(**wish).get("failed")
    result = direct.call(**rotated(wish))
    kinds = [step["action"] for step in result["steps"]]
    assert kinds == ["add_password"] * 3 + ["configure"] * 3 + ["remove_password"] * 3
    assert valid(rig, CLUSTER, PASSWORD) == [False] * 3
    assert direct.call(**rotated(wish))["changed"] is False
    assert direct.call(**{**wish, "password": NEW})["changed"] is False
