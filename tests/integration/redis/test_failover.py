# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planned failover under writers that count every acknowledged write, and what kills and faults make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.deep import all_but
from tests.integration.direct import Direct
from tests.lab.wait import until

from .audit import audited
from .rig import LOOPBACK, PASSWORD, ROOT, Rig, declared, endpoints

NODES = (7101, 7102, 7103)
SENTINELS = (8101, 8102, 8103)
PAIR = (7111, 7112)
STATE_DIR = f"{ROOT}/state"


def guarded(**changes: Any) -> dict[str, Any]:
    """Three nodes with three quick Sentinels."""
    quick = {"down-after-milliseconds": 2000, "failover-timeout": 10000}
    return declared(NODES, SENTINELS, settings={"maxmemory": "256mb"}, sentinel_settings=quick, **changes)


def to(port: int, **changes: Any) -> dict[str, Any]:
    """The same, to be ruled by the node on this port."""
    return guarded(primary=f"{LOOPBACK}:{port}", failover="planned", **changes)


def next_of(rig: Rig) -> int:
    """A node that is no master."""
    return NODES[(NODES.index(rig.primary(NODES)) + 1) % len(NODES)]


def assert_complete(rig: Rig, master: int) -> None:
    """Whom everybody follows and names, live and in the files that a restart would read."""
    assert [rig.master_of(port) for port in NODES] == [None if port == master else master for port in NODES]
    assert {rig.named_master(port) for port in SENTINELS} == {master}
    for port in NODES:
        lines = rig.host.read(f"{ROOT}/{port}/redis.conf").decode().splitlines()
        followed = [line for line in lines if line.startswith("replicaof")]
        assert followed == ([] if port == master else [f"replicaof {LOOPBACK} {master}"])
    for port in SENTINELS:
        assert f"monitor main {LOOPBACK} {master} 2" in rig.host.read(f"{ROOT}/{port}/redis.conf").decode()


@pytest.fixture(scope="module")
def sentinel_rig(rig: Rig, topology: Any) -> Rig:
    """A whole topology."""
    rig.start(*NODES)
    rig.start(*SENTINELS, sentinel=True)
    topology(guarded())
    return rig


def test_a_failover_in_four_beats_loses_no_write(sentinel_rig: Rig, four_beats: Any) -> None:
    old, new = sentinel_rig.primary(NODES), next_of(sentinel_rig)
    with audited(sentinel_rig.host, NODES, SENTINELS) as audit:
        check, run, *again = four_beats(to(new))
    assert check["steps"] == run["steps"]
    assert check["diff"] == run["diff"]
    assert (run["steps"][0]["action"], run["steps"][0]["target"]) == ("failover", f"{LOOPBACK}:{new}")
    assert run["diff"]["before"]["nodes"][f"{LOOPBACK}:{old}"] == "primary"
    assert run["diff"]["after"]["nodes"][f"{LOOPBACK}:{old}"] == f"replica of {LOOPBACK}:{new}"
    assert [result["changed"] for result in again] == [False, False]
    assert run["topology"]["primary"]["port"] == new
    assert_complete(sentinel_rig, new)
    assert (audit.lost, audit.acknowledged > 4000) == (0, True)
    assert sentinel_rig.host.attempt(["ls", STATE_DIR])[1].split() == ["main.lock"]
    told = json.dumps([check, run, *again], ensure_ascii=False)
    assert PASSWORD not in told.replace(json.dumps(PASSWORD, ensure_ascii=False)[1:-1], "")


def test_without_failover_the_declared_primary_moves_nothing(sentinel_rig: Rig, topology: Any) -> None:
    old = sentinel_rig.primary(NODES)
    assert not topology(guarded(primary=f"{LOOPBACK}:{next_of(sentinel_rig)}"))["changed"]
    assert sentinel_rig.primary(NODES) == old


@pytest.mark.deep
def test_a_pair_without_sentinels_fails_over_too(rig: Rig, topology: Any) -> None:
    rig.start(*PAIR)
    args = {"mode": "replicated", "nodes": endpoints(*PAIR), "purpose": "queue", "password": PASSWORD}
    args |= {"settings": {"maxmemory": "64mb"}, "state_dir": STATE_DIR, "name": "pair"}
    topology(args)
    with audited(rig.host, PAIR) as audit:
        topology({**args, "primary": f"{LOOPBACK}:{PAIR[1]}", "failover": "planned"})
    assert [rig.master_of(port) for port in PAIR] == [PAIR[1], None]
    assert audit.lost == 0


@pytest.mark.fault
@pytest.mark.parametrize("boundary", all_but((3,), range(9)))
def test_a_kill_between_any_two_stages_ends_by_itself(sentinel_rig: Rig, direct: Direct, boundary: int) -> None:
    old, new = sentinel_rig.primary(NODES), next_of(sentinel_rig)
    with audited(sentinel_rig.host, NODES, SENTINELS) as audit:
        direct.killed_after(boundary, **to(new))
        # Without any further run: the guard has ended what was begun, in whichever direction it had gone.
        until(lambda: None if not journal(sentinel_rig) else "the journal", "the end of the journal", 20)
        met = sentinel_rig.primary(NODES)
        assert met == old if boundary <= 3 else met in (old, new)
        result = direct.call(**to(new))
        assert not result.get("failed"), result.get("msg")
    assert_complete(sentinel_rig, new)
    assert audit.lost == 0
    assert direct.call(**to(new))["changed"] is False


def journal(rig: Rig) -> bool:
    """Whether a failover is unfinished."""
    return rig.host.attempt(["test", "-e", f"{STATE_DIR}/main.json"])[0] == 0


@pytest.mark.fault
@pytest.mark.parametrize("boundary", all_but((5,), range(4, 9)))
def test_a_failover_that_was_killed_with_its_guard_is_finished_by_the_next_run(
    sentinel_rig: Rig, direct: Direct, boundary: int
) -> None:
    new = next_of(sentinel_rig)
    with audited(sentinel_rig.host, NODES, SENTINELS) as audit:
        direct.killed_after(boundary, before="children", **to(new))
        assert journal(sentinel_rig)
        foretold = direct.call(**guarded(), settle_timeout=1, _ansible_check_mode=True)
        assert foretold["steps"][0]["action"] == "resume"
        result = direct.call(**guarded())
    assert result["steps"][0]["action"] == "resume"
    assert_complete(sentinel_rig, new)
    assert audit.lost == 0
    assert direct.call(**guarded())["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_a_failover_without_any_journal_is_finished_from_what_is_seen(sentinel_rig: Rig, direct: Direct) -> None:
    old, new = sentinel_rig.primary(NODES), next_of(sentinel_rig)
    sentinel_rig.cli(old, "FAILOVER", "TO", LOOPBACK, str(new), "TIMEOUT", "5000")
    until(lambda: None if sentinel_rig.master_of(new) is None else "a replica", "the failover", 10)
    result = direct.call(**guarded(), settle_timeout=3)
    assert [step["action"] for step in result["steps"]] == ["write"] * 2 + ["follow"] + ["monitor"] * 3
    assert_complete(sentinel_rig, new)


@pytest.mark.fault
def test_a_replica_that_cannot_keep_up_leaves_the_old_master_in_charge(sentinel_rig: Rig, direct: Direct) -> None:
    old, new = sentinel_rig.primary(NODES), next_of(sentinel_rig)
    pid = sentinel_rig.info(new, "server")["process_id"]
    with audited(sentinel_rig.host, NODES, SENTINELS) as audit:
        # It hangs as soon as the failover has begun: the module has seen it well, and it acknowledges nothing any more.
        script = (
            f"until test -e {STATE_DIR}/main.json; do sleep 0.001; done; kill -STOP {pid}; sleep 6; kill -CONT {pid}"
        )
        sentinel_rig.host.container.exec_run(["timeout", "60", "sh", "-c", script], detach=True)
        result = direct.call(**to(new, failover_timeout=2, connect_timeout=1))
        assert result["failed"]
        assert "\n" not in result["msg"]
    assert sentinel_rig.primary(NODES) in (old, new)
    until(lambda: None if sentinel_rig.cli(new, "PING") == "PONG" else "hanging", "its return", 20)
    until(lambda: None if not direct.call(**guarded()).get("failed") else "not whole", "a whole topology", 60)
    assert_complete(sentinel_rig, sentinel_rig.primary(NODES))
    assert audit.lost == 0


@pytest.mark.fault
def test_a_node_that_cannot_write_its_file_is_found_before_anything_is_touched(
    sentinel_rig: Rig, direct: Direct
) -> None:
    old, new = sentinel_rig.primary(NODES), next_of(sentinel_rig)
    for port in (new, SENTINELS[1]):
        directory = f"{ROOT}/{port}"
        sentinel_rig.host.run(["mv", directory, f"{directory}.away"])
        result = direct.call(**to(new))
        sentinel_rig.host.run(["mv", f"{directory}.away", directory])
        assert f"{LOOPBACK}:{port} cannot write its configuration file" in result["msg"]
        assert not journal(sentinel_rig)
        assert_complete(sentinel_rig, old)
