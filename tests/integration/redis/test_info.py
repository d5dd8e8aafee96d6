# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""redis_topology_info against real servers, compared with what redis-cli says, and the examples of both pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.modules import redis_topology, redis_topology_info
from tests.lab.wait import until

from .rig import LOOPBACK, PASSWORD, ROOT, Rig, declared, endpoints, quoted

NODES, SENTINELS = (7301, 7302, 7303), (8301, 8302, 8303)
MODULE = "gantry.odoo.redis_topology_info"
# As the examples call them.
SECRETS = {
    "redis_password": PASSWORD,
    "redis_replication_password": "one of replicas",
    "redis_sentinel_password": "one-of-sentinels",
    "redis_odoo_password": "one of the application",
}
ADDRESSES = ("10.20.0.41", "10.20.0.42", "10.20.0.43")
CLUSTER = tuple(f"10.20.0.{number}" for number in range(51, 57))
WISH = declared(NODES, SENTINELS)


@pytest.fixture(scope="module")
def whole(rig: Rig, topology: Callable[..., dict[str, Any]]) -> Rig:
    """A topology as it is declared."""
    rig.start(*NODES)
    rig.start(*SENTINELS, sentinel=True)
    topology(WISH)
    return rig


@pytest.fixture(scope="module")
def info(rig: Rig, ansible_module: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Call redis_topology_info: `info(args)`."""

    def call(args: dict[str, Any]) -> dict[str, Any]:
        found = ansible_module(rig.host, MODULE, args)
        assert found["changed"] is False
        return found

    return call


def test_a_whole_topology_is_told_as_redis_cli_tells_it(whole: Rig, info: Callable[..., dict[str, Any]]) -> None:
    whole.cli(NODES[0], "SET", "session:1", "alive")
    found = info(WISH)
    assert found["primary"] == endpoints(NODES[0])[0]
    assert (found["faults"], found["next_steps"], found["refused"]) == ([], [], None)
    for port, node in zip(NODES, found["nodes"], strict=True):
        memory, stats = whole.info(port, "memory"), whole.info(port, "replication")
        assert node["max_bytes"] == int(memory["maxmemory"]) == 64 * 1024 * 1024
        assert 0 < node["memory_pressure"] < 0.5
        assert (node["key_count"], node["aof"], node["aof_ok"], node["rdb_ok"]) == (1, True, True, True)
        assert node["history"] == stats["master_replid"]
        assert node["role"] == ("primary" if port == NODES[0] else "replica")
        assert node["follows"] == (None if port == NODES[0] else f"{LOOPBACK}:{NODES[0]}")
    for sentinel in found["sentinels"]:
        assert (sentinel["quorum_ok"], sentinel["other_sentinels"]) == (True, 2)
        assert sentinel["replicas"] == [f"{LOOPBACK}:{port}" for port in NODES[1:]]
    told = json.dumps({key: value for key, value in found.items() if key != "invocation"})
    assert json.dumps(PASSWORD)[1:-1] not in told


def test_what_a_run_would_change_is_foretold_and_not_done(whole: Rig, info: Callable[..., dict[str, Any]]) -> None:
    whole.cli(NODES[1], "CONFIG", "SET", "maxmemory-policy", "noeviction")
    found = info(WISH)
    assert [(step["action"], step["target"]) for step in found["next_steps"]] == [
        ("configure", f"{LOOPBACK}:{NODES[1]}")
    ]
    assert whole.setting(NODES[1], "maxmemory-policy") == "noeviction"
    whole.cli(NODES[1], "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")


def test_a_node_that_is_gone_is_told_beside_the_others(whole: Rig, info: Callable[..., dict[str, Any]]) -> None:
    whole.kill(NODES[2])
    found = info(WISH)
    assert [node["answers"] for node in found["nodes"]] == [True, True, False]
    assert f"{LOOPBACK}:{NODES[2]} cannot be reached: Connection refused" in found["nodes"][2]["error"]
    assert found["faults"][0] == found["refused"] == found["nodes"][2]["error"]
    assert found["primary"] == endpoints(NODES[0])[0]
    whole.start(NODES[2])
    until(lambda: "; ".join(info(WISH)["faults"]) or None, "a whole topology", 30)


def begin(rig: Rig, address: str, program: str, port: int, *lines: str) -> None:
    """Start a process on an address of its own, as on a host of its own."""
    rig.host.attempt(["ip", "address", "add", f"{address}/32", "dev", "lo"])
    directory = f"{ROOT}/{address}-{port}"
    # all are on one host, and Redis knows its peers by the addresses that they call from
    first = [f"port {port}", f"bind {address}", f"bind-source-addr {address}", f"dir {directory}"]
    rig.host.run(["mkdir", "-p", directory])
    text = "\n".join([*first, f"requirepass {quoted(PASSWORD)}", *lines, ""])
    rig.host.write(f"{directory}/redis.conf", text, mode=0o600)
    options = ["--daemonize", "yes", "--logfile", f"{directory}/log", "--pidfile", f"{directory}/pid"]
    rig.host.run([program, f"{directory}/redis.conf", *options])


@pytest.mark.deep
def test_the_examples_of_the_pages_run_as_they_are(rig: Rig, run_playbook: Callable[..., Any]) -> None:
    for address in ADDRESSES:
        begin(rig, address, "redis-server", 6379, f"masterauth {quoted(PASSWORD)}")
        begin(rig, address, "redis-sentinel", 26379)
    for address in CLUSTER:
        begin(
            rig,
            address,
            "redis-server",
            6379,
            f"masterauth {quoted(PASSWORD)}",
            "cluster-enabled yes",
            "cluster-node-timeout 2000",
        )
    tasks = [task for page in (redis_topology, redis_topology_info) for task in yaml.safe_load(page.EXAMPLES)]
    play = {"hosts": rig.host.name, "gather_facts": False, "tasks": tasks}
    done = run_playbook([play], extra_vars=SECRETS, command_line=True).expect_success()
    assert len(done.events) == len(tasks)
    said = rig.cli(26379, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "sessions", arguments=("-h", ADDRESSES[2]))
    assert said.splitlines() == [ADDRESSES[1], "6379"]
    said = rig.cli(6379, "CLUSTER", "INFO", arguments=("-h", CLUSTER[5]))
    assert {"cluster_state:ok", "cluster_known_nodes:6", "cluster_size:3"} <= set(said.split())
    assert PASSWORD not in done.stdout.replace(json.dumps(PASSWORD)[1:-1], "")
