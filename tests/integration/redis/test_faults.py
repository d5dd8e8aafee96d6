# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What breaks by itself, under writers that count: one more run converges, and the master is not moved back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.direct import Direct
from tests.lab.wait import until

from .audit import audited
from .rig import LOOPBACK, PASSWORD, ROOT, Rig, declared, endpoints

pytestmark = pytest.mark.fault
NODES = (7201, 7202, 7203)
SENTINELS = (8201, 8202, 8203)
FOREIGN = (7211, 7212)
OTHERS, OTHER_SENTINELS = (7221, 7222), (8221, 8222, 8223)
SOCKET = f"{ROOT}/inside.sock"


def guarded(**changes: Any) -> dict[str, Any]:
    """Three nodes for a queue with three quick Sentinels; a master whose replicas are silent for 3 s takes no write."""
    wish = {
        "purpose": "queue",
        "settings": {"maxmemory": "256mb", "min-replicas-max-lag": 3},
        "sentinel_settings": {"down-after-milliseconds": 1500, "failover-timeout": 10000},
        "snapshot_dir": f"{ROOT}/snapshots",
    }
    return {**declared(NODES, SENTINELS), **wish, **changes}


@pytest.fixture(scope="module")
def broken_rig(rig: Rig, direct: Direct) -> Rig:
    """A whole topology, to be broken."""
    for port in NODES:
        rig.start(port, lines=(f"unixsocket {SOCKET}-{port}", f"dir {rig.small_disk(port, 96)}"))
    rig.start(*SENTINELS, sentinel=True)
    assert not direct.call(**guarded()).get("failed")
    return rig


def persistence(rig: Rig, port: int) -> str:
    """How the last write to the append-only file went."""
    return rig.info(port, "persistence")["aof_last_write_status"]


def converge(rig: Rig, direct: Direct, master: int) -> dict[str, Any]:
    """One more run, after which everything is whole under `master` and nothing is left to do."""
    result = direct.call(**guarded())
    assert not result.get("failed"), result.get("msg")
    assert [rig.master_of(port) for port in NODES] == [None if port == master else master for port in NODES]
    assert {rig.named_master(port) for port in SENTINELS} == {master}
    assert direct.call(**guarded())["changed"] is False
    return result


def test_a_primary_that_is_killed(broken_rig: Rig, direct: Direct) -> None:
    old = broken_rig.primary(NODES)
    # A write counts here when a replica has it: that is what a queue may promise when its primary dies.
    with audited(broken_rig.host, NODES, SENTINELS, writes=200, replicas=1) as audit:
        broken_rig.kill(old)
        new = broken_rig.elected(SENTINELS, old)
        assert f"{LOOPBACK}:{old} cannot be reached" in direct.call(**guarded(connect_timeout=1))["msg"]
        broken_rig.start(old)
        converge(broken_rig, direct, new)
    assert audit.lost == 0


@pytest.mark.deep
def test_a_replica_that_is_killed(broken_rig: Rig, direct: Direct) -> None:
    master = broken_rig.primary(NODES)
    lost = next(port for port in NODES if port != master)
    with audited(broken_rig.host, NODES, SENTINELS) as audit:
        broken_rig.kill(lost)
        assert f"{LOOPBACK}:{lost} cannot be reached" in direct.call(**guarded(connect_timeout=1))["msg"]
        broken_rig.start(lost)
        converge(broken_rig, direct, master)
    assert audit.lost == 0


@pytest.mark.deep
def test_a_sentinel_that_is_killed(broken_rig: Rig, direct: Direct) -> None:
    master = broken_rig.primary(NODES)
    with audited(broken_rig.host, NODES, SENTINELS) as audit:
        broken_rig.kill(SENTINELS[0])
        assert f"{LOOPBACK}:{SENTINELS[0]} cannot be reached" in direct.call(**guarded(connect_timeout=1))["msg"]
        broken_rig.start(SENTINELS[0], sentinel=True)
        converge(broken_rig, direct, master)
    assert audit.lost == 0


def test_a_primary_that_is_cut_off_and_returns(broken_rig: Rig, direct: Direct) -> None:
    old = broken_rig.primary(NODES)

    def inside(*words: str) -> str:
        return broken_rig.cli(old, *words, arguments=("-s", f"{SOCKET}-{old}"))

    with audited(broken_rig.host, NODES, SENTINELS, writes=200, replicas=1) as audit:
        broken_rig.cut(old)
        try:
            assert inside("SET", "only-inside", "kept") == "OK"
            new = broken_rig.elected(SENTINELS, old)
            # The promise of min-replicas-to-write: soon nobody is told that a write counts which nobody else has.
            until(lambda: None if "NOREPLICAS" in inside("SET", "late", "1") else "still writes", "its refusal", 10)
            assert inside("GET", "late") in ("", "1")
        finally:
            broken_rig.join_up()
        converge(broken_rig, direct, new)
    assert audit.lost == 0
    assert broken_rig.cli(new, "EXISTS", "only-inside") == "0"


def test_a_full_disk_under_the_append_only_file(broken_rig: Rig, direct: Direct) -> None:
    old = broken_rig.primary(NODES)
    with audited(broken_rig.host, NODES, SENTINELS, writes=100) as audit:
        filler = f"{ROOT}/{old}/disk/filler"
        broken_rig.host.attempt(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"])
        try:
            until(lambda: None if persistence(broken_rig, old) == "err" else "ok", "a failed write", 30)
            # a master that cannot write answers PING with an error too, so it counts as down
            new = broken_rig.elected(SENTINELS, old)
            refused = direct.call(**guarded(timeout=3))
            assert f"{LOOPBACK}:{old} could not write its data to disk" in refused["msg"]
        finally:
            broken_rig.host.run(["rm", filler])
        converge(broken_rig, direct, new)
    assert audit.lost == 0


def test_a_wrong_password_on_one_node(broken_rig: Rig, direct: Direct) -> None:
    master = broken_rig.primary(NODES)
    victim = next(port for port in NODES if port != master)
    broken_rig.cli(victim, "CONFIG", "SET", "requirepass", "another")
    try:
        refused = direct.call(**guarded(settings={"maxmemory": "128mb"}))
        assert f"{LOOPBACK}:{victim} refused the credentials" in refused["msg"]
        assert broken_rig.setting(master, "maxmemory") == str(256 * 1024 * 1024)
    finally:
        broken_rig.host.run(
            ["redis-cli", "-p", str(victim), "CONFIG", "SET", "requirepass", PASSWORD], env={"REDISCLI_AUTH": "another"}
        )
    converge(broken_rig, direct, master)


def test_a_node_with_data_of_its_own(rig: Rig, direct: Direct) -> None:
    rig.start(*FOREIGN)
    args = {"mode": "replicated", "nodes": endpoints(*FOREIGN), "password": PASSWORD, "snapshot_dir": f"{ROOT}/kept"}
    rig.cli(FOREIGN[0], "SET", "ours", "1")
    rig.cli(FOREIGN[1], "SET", "theirs", "1")
    refused = direct.call(**args)
    assert refused["msg"].startswith("split brain:")
    assert [rig.master_of(port) for port in FOREIGN] == [None, None]
    assert [rig.cli(port, "DBSIZE") for port in FOREIGN] == ["1", "1"]


@pytest.mark.deep
def test_a_sentinel_that_watches_another_master(rig: Rig, direct: Direct) -> None:
    rig.start(*OTHERS)
    rig.start(*OTHER_SENTINELS, sentinel=True)
    # No election is held here, so that the Sentinels' words weigh the same and they do not settle it by themselves.
    args = guarded(nodes=endpoints(*OTHERS), sentinels=endpoints(*OTHER_SENTINELS), name="others", settle_timeout=1)
    args["sentinel_settings"] = {"down-after-milliseconds": 600000}
    assert not direct.call(**args).get("failed")
    stray = OTHER_SENTINELS[2]
    rig.cli(stray, "SENTINEL", "REMOVE", "others")
    rig.cli(stray, "SENTINEL", "MONITOR", "others", LOOPBACK, str(FOREIGN[0]), "2")
    refused = direct.call(**args)
    assert "the Sentinels disagree about the primary others" in refused["msg"]
    assert rig.named_master(stray, "others") == FOREIGN[0]
    result = direct.call(**{**args, "resolve": f"{LOOPBACK}:{OTHERS[0]}"})
    assert [(step["action"], step["target"]) for step in result["steps"]] == [("monitor", f"{LOOPBACK}:{stray}")]
    assert rig.named_master(stray, "others") == OTHERS[0]
    assert direct.call(**args)["changed"] is False
