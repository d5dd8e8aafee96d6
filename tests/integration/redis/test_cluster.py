# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis Cluster with real servers under writers: bootstrap, join, leave, and a kill between any two steps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_lock import MARK
from tests.integration.deep import all_but
from tests.integration.direct import Direct
from tests.lab.wait import until

from .audit import audited
from .rig import LOOPBACK, PASSWORD, Rig, endpoints

SIX = (7401, 7402, 7403, 7404, 7405, 7406)
MORE, SPARE = (7407, 7408), (7409, 7410)
STANDALONE = 7431
# By the number of steps after which each run is killed.
BEGIN = {1: (7411, 7412, 7413, 7414, 7415, 7416), 5: (7421, 7422, 7423, 7424, 7425, 7426)}
# The bracket keeps it from finding itself.
AT_WORK = "[r]edis-cli.*reshard"
LINES = ("cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000")


def cluster(*ports: int, **changes: Any) -> dict[str, Any]:
    """These nodes as a cluster with one replica for each primary."""
    return {
        "mode": "cluster",
        "nodes": endpoints(*ports),
        "settings": {"maxmemory": "64mb"},
        "password": PASSWORD,
        **changes,
    }


def layout(rig: Rig, ports: tuple[int, ...]) -> dict[int, int]:
    """How many slots each primary serves, as every node tells it."""
    told = []
    for port in ports:
        rows = [line.split() for line in rig.cli(port, "CLUSTER", "NODES").splitlines()]
        served = {}
        for row in rows:
            ranges = [item.split("-") for item in row[8:]]
            slots = sum(int(item[-1]) - int(item[0]) + 1 for item in ranges)
            if slots:
                served[int(row[1].split("@")[0].rsplit(":", 1)[1])] = slots
        told.append((len(rows), served))
    assert all(one == told[0] for one in told), told
    assert told[0][0] == len(ports)
    return told[0][1]


def assert_complete(rig: Rig, ports: tuple[int, ...]) -> None:
    """Every node says the same, all slots are served, and redis-cli finds nothing to complain of."""
    served = layout(rig, ports)
    assert len(served) == len(ports) // 2
    assert sum(served.values()) == 16384
    assert max(served.values()) - min(served.values()) <= 2 * 0.02 * 16384
    followed = [rig.master_of(port) for port in ports if port not in served]
    assert sorted(followed) == sorted(served)
    assert "[ERR]" not in rig.cli(ports[0], "--cluster", "check", f"{LOOPBACK}:{ports[0]}")


@pytest.fixture(scope="module")
def six(rig: Rig) -> Rig:
    """Ten nodes that were started as nodes of a cluster."""
    rig.start(*SIX, *MORE, *SPARE, lines=LINES)
    return rig


@pytest.fixture(scope="module")
def stepwise(direct: Direct) -> Direct:
    """The module, killed between steps."""
    return replace(direct, hook="_redis.apply_cluster.carry_out")


def test_a_cluster_in_four_beats(six: Rig, four_beats: Callable[..., list[dict[str, Any]]]) -> None:
    check, run, *again = four_beats(cluster(*SIX))
    assert check["steps"] == run["steps"]
    assert check["diff"] == run["diff"]
    assert [result["changed"] for result in again] == [False, False]
    assert_complete(six, SIX)
    assert sorted(item["slots"] for item in run["topology"]["primaries"]) == [5461, 5461, 5462]
    assert {six.setting(port, "maxmemory-policy") for port in SIX} == {"allkeys-lru"}
    told = json.dumps([{key: value for key, value in one.items() if key != "invocation"} for one in (check, run)])
    assert json.dumps(PASSWORD)[1:-1] not in told


def test_a_planned_failover_hands_slots_to_a_replica_and_loses_no_write(six: Rig, direct: Direct) -> None:
    before = layout(six, SIX)
    replica = next(port for port in SIX if six.master_of(port) is not None)
    former = six.master_of(replica)
    wish = {**cluster(*SIX), "primary": f"{LOOPBACK}:{replica}", "failover": "planned"}
    foretold = direct.call(**wish, _ansible_check_mode=True)
    assert layout(six, SIX) == before
    with audited(six.host, SIX[:3], cluster=True) as audit:
        result = direct.call(**wish)
        assert not result.get("failed"), result.get("msg")
    assert audit.lost == 0
    assert [step["action"] for step in result["steps"]] == ["take_over"]
    assert foretold["steps"] == result["steps"]
    assert foretold["diff"] == result["diff"]
    assert_complete(six, SIX)
    assert layout(six, SIX) == {replica if port == former else port: slots for port, slots in before.items()}
    assert six.master_of(former) == replica
    assert direct.call(**wish)["changed"] is False
    assert direct.call(**cluster(*SIX))["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_a_failover_that_cannot_end_is_given_up_and_one_that_cannot_be_won_is_not_begun(
    six: Rig, direct: Direct
) -> None:
    whole = direct.call(**cluster(*SIX))
    assert not whole.get("failed"), whole.get("msg")
    replica = next(port for port in SIX if six.master_of(port) is not None)
    former = six.master_of(replica)
    assert former is not None
    wish = {**cluster(*SIX), "primary": f"{LOOPBACK}:{replica}", "failover": "planned"}
    with audited(six.host, SIX[:3], cluster=True) as audit:
        # the replica cannot get the last writes: the connection by which they come is cut, and nothing else
        (source,) = re.findall(r" addr=\S+:(\d+) ", six.cli(former, "CLIENT", "LIST", "TYPE", "replica"))
        six.cut(int(source))
        try:
            given_up = direct.call(**wish)
        finally:
            six.join_up()
        # the replica cannot get votes
        six.cut(replica + 10000)
        try:
            until(lambda: None if len(waiting_for(six, replica)) == 3 else "answers", "unanswered pings", 30)
            not_begun = direct.call(**wish, timeout=2)
        finally:
            six.join_up()
    assert given_up["msg"] == (
        f"{LOOPBACK}:{replica} taking over did not happen within 10 s, so its primary serves as before; see the log of "
        f"{LOOPBACK}:{replica} for why, and run again after 8 s, as Redis may hold no other election before"
    )
    assert re.match(
        rf"{LOOPBACK}:{replica} was not told to take over, as after 2 s {LOOPBACK}:\d+ has no answer", not_begun["msg"]
    )
    assert audit.lost == 0
    assert six.master_of(replica) == former
    until(lambda: None if offset(six, replica) == offset(six, former) else "less", "the replica having all writes", 30)
    # connections of the bus that were cut may deliver nothing for seconds yet
    result = direct.call(**wish)
    assert not result.get("failed"), result.get("msg")
    assert six.master_of(former) == replica


def waiting_for(rig: Rig, port: int) -> list[int]:
    """The primaries that wait for an answer of a node to a ping."""
    found = []
    for one in layout(rig, SIX):
        rows = [line.split() for line in rig.cli(one, "CLUSTER", "NODES").splitlines()]
        found += [one for row in rows if row[1].startswith(f"{LOOPBACK}:{port}@") and row[4] != "0"]
    return found


def offset(rig: Rig, port: int) -> str:
    """How much of its primary's writes a node has."""
    seen = rig.info(port, "replication")
    return seen.get("slave_repl_offset") or seen["master_repl_offset"]


def change(rig: Rig, direct: Direct, *ports: int) -> set[str]:
    """Make these nodes the cluster; the kinds of steps that it took."""
    result = direct.call(**cluster(*ports))
    assert not result.get("failed"), result.get("msg")
    assert_complete(rig, ports)
    assert direct.call(**cluster(*ports))["changed"] is False
    return {step["action"] for step in result["steps"]}


@pytest.mark.deep
def test_nodes_join_and_are_exchanged_under_writers(six: Rig, direct: Direct) -> None:
    with audited(six.host, SIX[:3], cluster=True, leisure_s=0.02) as audit:
        # two operators at once: one waits for the other, and finds nothing left to do
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda _operator: direct.call(**cluster(*SIX, *MORE), timeout=300), range(2)))
        assert [run.get("msg") for run in runs] == [None, None]
        second, first = sorted(({step["action"] for step in run["steps"]} for run in runs), key=len)
        assert (second, first) == (set(), {"configure", "meet", "replicate", "move"})
        assert_complete(six, (*SIX, *MORE))
        # the replica of the one that leaves inherits its slots, so that none has to move
        assert change(six, direct, *exchanged(six)) == {"configure", "meet", "take_over", "replicate", "forget"}
    assert audit.lost == 0


def exchanged(rig: Rig) -> tuple[int, ...]:
    """The eight nodes with a primary and the replica of another one replaced by spare ones."""
    eight = (*SIX, *MORE)
    primary = next(port for port in layout(rig, eight) if port in SIX)
    other = next(port for port in SIX if rig.master_of(port) not in (None, primary))
    return tuple(port for port in (*eight, *SPARE) if port not in (primary, other))


def test_a_run_from_another_host_is_waited_for_and_named(six: Rig, direct: Direct) -> None:
    nodes = members(six)
    script = f"(echo CLIENT SETNAME {MARK}:far:17:ab; sleep 6) | redis-cli -p {nodes[-1]}"
    six.host.container.exec_run(["sh", "-c", script], environment={"REDISCLI_AUTH": PASSWORD}, detach=True)
    until(lambda: None if MARK in six.cli(nodes[-1], "CLIENT", "LIST") else "no run", "the other run", 5)
    refused = direct.call(**cluster(*nodes), timeout=1)
    assert refused["msg"].startswith(
        f"another run works on this topology: process 17 on far, connected to {LOOPBACK}:{nodes[-1]} for "
    )
    # check mode changes nothing, and waits for nobody
    assert not direct.call(**cluster(*nodes), timeout=1, _ansible_check_mode=True).get("failed")
    assert direct.call(**cluster(*nodes), timeout=20)["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_nodes_leave_and_a_move_that_is_killed_is_mended(six: Rig, direct: Direct) -> None:
    eight = members(six)
    primary = next(iter(layout(six, eight)))
    follower = next(port for port in eight if six.master_of(port) == primary)
    rest = tuple(port for port in eight if port not in (primary, follower))
    with audited(six.host, rest[:2], cluster=True, leisure_s=0.02) as audit:
        # redis-cli is killed while slots are on their way
        script = f"until pgrep -f '{AT_WORK}'; do sleep 0.01; done; sleep 0.5; pkill -KILL -f '{AT_WORK}'"
        six.host.container.exec_run(["timeout", "60", "sh", "-c", script], detach=True)
        failed = direct.call(**cluster(*rest))
        assert re.match(r"moving \d+ slots failed: exit code -9", failed["msg"])
        assert "move" in change(six, direct, *rest)
    assert audit.lost == 0


def members(rig: Rig) -> tuple[int, ...]:
    """The nodes of the cluster, whichever tests ran before: the others know fewer nodes."""
    counts = {port: known(rig, port) for port in (*SIX, *MORE, *SPARE)}
    return tuple(port for port in counts if counts[port] == max(counts.values()))


def known(rig: Rig, port: int) -> int:
    """How many nodes a node knows."""
    return len(rig.cli(port, "CLUSTER", "NODES").splitlines())


@pytest.mark.fault
@pytest.mark.parametrize("steps", all_but((5,), (1, 5)))
@pytest.mark.deep
def test_a_bootstrap_that_is_killed_is_completed_by_the_next_run(
    rig: Rig, direct: Direct, stepwise: Direct, steps: int
) -> None:
    nodes = BEGIN[steps]
    rig.start(*nodes, lines=LINES)
    for _boundary in range(40):
        foretold = direct.call(**cluster(*nodes), _ansible_check_mode=True)
        if len(foretold["steps"]) <= steps:
            break
        # Each run is killed after a few more steps than it finds done, until few are left.
        stepwise.killed_after(steps, **cluster(*nodes))
    change(rig, direct, *nodes)


@pytest.mark.fault
def test_a_node_of_another_kind_is_refused(rig: Rig, direct: Direct) -> None:
    rig.start(STANDALONE)
    refused = direct.call(**cluster(*SIX[:5], STANDALONE))
    assert f"{LOOPBACK}:{STANDALONE} runs as standalone" in refused["msg"]
