# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""redis_topology against real servers; every state is read back with redis-cli."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.wait import until

from .rig import PASSWORD, ROOT, Rig, endpoints

ALONE = 7000
NODES = (7001, 7002, 7003)
SENTINELS = (8001, 8002, 8003)
PAIR = (7011, 7012)
SECURE = 7020
SPELLED, COPY, RIVALS = 7031, 7032, (7033, 7034)
EXTRA = (8014, 8015)
NAMED = (7041, 7042, 8041, 8042, 8043)
MIB = 1024 * 1024


def guarded(**changes: Any) -> dict[str, Any]:
    """Three nodes for sessions with three quick Sentinels."""
    return {
        "mode": "sentinel",
        "nodes": endpoints(*NODES),
        "sentinels": endpoints(*SENTINELS),
        "primary": f"127.0.0.1:{NODES[0]}",
        "purpose": "session",
        "settings": {"maxmemory": "64mb"},
        "sentinel_settings": {"down-after-milliseconds": 2000, "failover-timeout": 10000},
        "snapshot_dir": f"{ROOT}/snapshots",
        "password": PASSWORD,
        **changes,
    }


def pair(**changes: Any) -> dict[str, Any]:
    """A primary and its replica."""
    return {
        "mode": "replicated",
        "nodes": endpoints(*PAIR),
        "settings": {"maxmemory": "64mb"},
        "snapshot_dir": f"{ROOT}/snapshots",
        "password": PASSWORD,
        **changes,
    }


@pytest.fixture(scope="module")
def sentinel_rig(rig: Rig) -> Rig:
    """Three nodes and three Sentinels that run."""
    rig.start(*NODES)
    rig.start(*SENTINELS, sentinel=True)
    return rig


def steps(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["action"], step["target"]) for step in result["steps"]]


def test_standalone_in_four_beats_and_after_a_crash(rig, four_beats):
    rig.start(ALONE)
    args = {"nodes": endpoints(ALONE), "purpose": "queue", "settings": {"maxmemory": "32mb"}, "password": PASSWORD}
    check, run, *again = four_beats(args)
    assert check["changed"]
    assert check["steps"] == run["steps"]
    assert check["diff"] == run["diff"]
    assert run["topology"]["primary"] == endpoints(ALONE)[0]
    assert [result["changed"] for result in again] == [False, False]
    rig.cli(ALONE, "SET", "job", "1")
    rig.kill(ALONE)
    rig.start(ALONE)
    assert rig.setting(ALONE, "maxmemory") == str(32 * MIB)
    assert rig.setting(ALONE, "maxmemory-policy") == "noeviction"
    assert rig.setting(ALONE, "appendonly") == "yes"


def test_sentinels_in_four_beats(sentinel_rig, played_beats):
    check, run, *again = played_beats(sentinel_rig, guarded())
    assert check["steps"] == run["steps"]
    assert check["diff"] == run["diff"]
    assert len(run["steps"]) == 8
    assert [result["changed"] for result in again] == [False, False]
    assert [sentinel_rig.master_of(port) for port in NODES] == [None, NODES[0], NODES[0]]
    assert {sentinel_rig.named_master(port) for port in SENTINELS} == {NODES[0]}
    assert all(sentinel_rig.cli(port, "SENTINEL", "CKQUORUM", "main").startswith("OK 3 usable") for port in SENTINELS)
    assert {sentinel_rig.setting(port, "maxmemory-policy") for port in NODES} == {"volatile-ttl"}
    facts = run["topology"]
    assert facts["quorum_ok"]
    assert [item["link_up"] for item in facts["replicas"]] == [True, True]
    for result in (check, run, *again):
        result.pop("invocation")
        assert PASSWORD not in json.dumps(result, ensure_ascii=False)
        assert json.dumps(PASSWORD)[1:-1] not in json.dumps(result)


def test_what_was_broken_by_hand_is_all_that_is_named(sentinel_rig, topology):
    sentinel_rig.cli(NODES[2], "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    sentinel_rig.cli(SENTINELS[1], "SENTINEL", "SET", "main", "quorum", "1")
    found = topology(guarded(), check=True)
    assert steps(found) == [("configure", f"127.0.0.1:{NODES[2]}"), ("tune", f"127.0.0.1:{SENTINELS[1]}")]
    assert sentinel_rig.setting(NODES[2], "maxmemory-policy") == "allkeys-lru"
    assert steps(topology(guarded())) == steps(found)
    assert sentinel_rig.setting(NODES[2], "maxmemory-policy") == "volatile-ttl"


def test_a_killed_primary_stays_replaced_and_returns_as_a_replica(sentinel_rig, topology, four_beats):
    old = next(port for port in NODES if sentinel_rig.master_of(port) is None)
    sentinel_rig.cli(old, "SET", "session:1", "alive", "EX", "3600")
    sentinel_rig.cli(old, "WAITAOF", "1", "2", "5000")
    sentinel_rig.kill(old)
    new = sentinel_rig.elected(SENTINELS, old)
    refused = topology(guarded(connect_timeout=2), fails=True)
    assert f"127.0.0.1:{old} cannot be reached" in refused["msg"]

    sentinel_rig.start(old)
    results = four_beats(guarded(primary=f"127.0.0.1:{old}"))
    assert results[1]["topology"]["primary"]["port"] == new
    assert [result["changed"] for result in results[2:]] == [False, False]
    assert sentinel_rig.master_of(old) == new
    assert sentinel_rig.master_of(new) is None
    assert {sentinel_rig.named_master(port) for port in SENTINELS} == {new}
    assert sentinel_rig.cli(new, "GET", "session:1") == "alive"
    assert f"replicaof 127.0.0.1 {new}" in sentinel_rig.host.read(f"{ROOT}/{old}/redis.conf").decode()


def test_sentinels_that_are_gone_for_good_are_reported(sentinel_rig, topology):
    """The quorum stays as it was, so that nothing but the missing ones is left to report."""
    five = guarded(sentinels=endpoints(*SENTINELS, *EXTRA), quorum=3)
    sentinel_rig.start(*EXTRA, sentinel=True)
    topology(five)
    for port in EXTRA:
        sentinel_rig.kill(port)

    def fault() -> str | None:
        return None if len(topology(guarded(quorum=3), check=True)["faults"]) == len(SENTINELS) else "no fault"

    until(fault, "the dead Sentinels", 30)
    assert f"counts 127.0.0.1:{EXTRA[0]}, which is not declared" in topology(guarded(quorum=3), check=True)["faults"][0]
    planned = topology(guarded(quorum=3, forget_sentinels=True), check=True)
    assert steps(planned) == [("reset", f"127.0.0.1:{port}") for port in SENTINELS]


@pytest.mark.deep
def test_sentinels_that_are_gone_for_good_are_forgotten(sentinel_rig, topology):
    result = topology(guarded(quorum=3, forget_sentinels=True))
    assert steps(result) == [("reset", f"127.0.0.1:{port}") for port in SENTINELS]
    for port in SENTINELS:
        lines = sentinel_rig.cli(port, "SENTINEL", "MASTER", "main").splitlines()
        assert lines[lines.index("num-other-sentinels") + 1] == "2"
    assert topology(guarded(quorum=3, forget_sentinels=True))["changed"] is False


def write_until_refused(rig: Rig, port: int) -> Callable[[], str]:
    """Let somebody count up on a node until it refuses; returns what asks for the last number that was acknowledged."""
    told = f"{ROOT}/counted"
    program = (
        "import redis, sys\n"
        f"link, number = redis.Redis(port={port}, password=sys.argv[1]), 0\n"
        "try:\n    while True: number = link.incr('counter')\n"
        f"except redis.RedisError: open({told!r}, 'w').write(str(number))\n"
    )
    rig.host.container.exec_run(["python3", "-c", program, PASSWORD], detach=True)
    until(lambda: None if int(rig.cli(port, "GET", "counter") or 0) > 1000 else "few writes", "writes", 30)

    def last() -> str:
        until(lambda: None if rig.host.attempt(["test", "-s", told])[0] == 0 else "it writes", "the refusal", 30)
        return rig.host.read(told).decode()

    return last


def test_the_copy_of_a_node_that_gives_up_holds_every_write_that_it_acknowledged(rig, topology):
    rig.start(*RIVALS)
    for port in RIVALS:
        rig.cli(port, "SET", "written-on", str(port))
    acknowledged = write_until_refused(rig, RIVALS[0])
    resolved = topology(pair(nodes=endpoints(*RIVALS), name="rivals", resolve=f"127.0.0.1:{RIVALS[1]}"))
    (kept,) = resolved["snapshots"]
    directory = f"{ROOT}/{COPY}"
    rig.host.run(["mkdir", "-p", directory])
    rig.host.run(["cp", kept, f"{directory}/dump.rdb"])
    rig.start(COPY)
    last = acknowledged()
    assert (rig.cli(COPY, "GET", "counter"), int(last) > 1000) == (last, True)
    assert rig.setting(RIVALS[0], "min-replicas-to-write") == "0"


def test_split_brain_is_refused_until_a_person_says_who_wins(rig, topology):
    rig.start(*PAIR)
    topology(pair())
    rig.cli(PAIR[1], "REPLICAOF", "NO", "ONE")
    rig.cli(PAIR[0], "SET", "written-on", "first")
    rig.cli(PAIR[1], "SET", "written-on", "second")

    refused = topology(pair(), fails=True)
    assert refused["msg"].startswith("split brain: 127.0.0.1:7011 is a primary with 1 keys")
    assert [rig.master_of(port) for port in PAIR] == [None, None]
    assert [rig.cli(port, "GET", "written-on") for port in PAIR] == ["first", "second"]

    resolved = topology(pair(resolve=f"127.0.0.1:{PAIR[1]}"))
    assert steps(resolved) == [("snapshot", "127.0.0.1:7011"), ("follow", "127.0.0.1:7011")]
    assert [rig.master_of(port) for port in PAIR] == [PAIR[1], None]
    assert [rig.cli(port, "GET", "written-on") for port in PAIR] == ["second", "second"]
    (kept,) = resolved["snapshots"]
    assert b"first" in rig.host.read(kept)
    assert rig.host.run(["stat", "--format=%a", kept]).strip() == "600"
    assert not topology(pair(resolve=f"127.0.0.1:{PAIR[0]}"))["changed"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"primary": "cache9"}, "primary 'cache9' is no node"),
        ({"password": "wrong"}, "refused the credentials"),
        ({"settings": {"maxmemry": 1}}, "settings.maxmemry is not a setting of Redis 8"),
        ({"settings": {"databases": 3}}, "127.0.0.1:7011: settings.databases '3' is refused by Redis: "),
        ({"settings": {"loglevel": "chatty"}}, "127.0.0.1:7011: settings.loglevel 'chatty' is refused by Redis: "),
    ],
)
def test_bad_input_is_one_sentence_and_touches_nothing(rig, topology, changes, words):
    before = [rig.cli(port, "CONFIG", "GET", "*") for port in PAIR]
    refused = topology(pair(**changes), fails=True)
    assert words in refused["msg"]
    assert "\n" not in refused["msg"]
    assert [rig.cli(port, "CONFIG", "GET", "*") for port in PAIR] == before


def test_settings_are_compared_in_the_spelling_of_the_node_and_quotes_outlive_a_crash(rig, four_beats, topology):
    rig.start(SPELLED)
    settings = {
        "notify-keyspace-events": "KEA",
        "loglevel": "NOTICE",
        "maxmemory-policy": "ALLKEYS-LFU",
        "stream-node-max-bytes": "8kb",
        "client-output-buffer-limit": "pubsub 64mb 16mb 90",
        "maxmemory-clients": "5%",
        "maxclients": "04000",
        "oom-score-adj": "RELATIVE",
        "shutdown-on-sigterm": "NOW nosave",
        "proc-title-template": '{title} it\'s "quoted" {listen-addr}',
    }
    wish = {"nodes": endpoints(SPELLED), "settings": {"maxmemory": "16mb", **settings}, "password": PASSWORD}
    wish["users"] = [{"name": "app", "rules": ["~app:*", "+@read"], "passwords": ["app"]}]
    before = rig.cli(SPELLED, "CONFIG", "GET", "*")
    rig.cli(SPELLED, "CONFIG", "RESETSTAT")
    assert topology(wish, check=True)["changed"]
    assert rig.cli(SPELLED, "CONFIG", "GET", "*") == before
    sent = {name.removeprefix("cmdstat_") for name in rig.info(SPELLED, "commandstats")}
    # A user of a reserved name is made, listed and deleted in one transaction.
    assert {"acl|setuser", "acl|deluser"} <= sent
    reads = "acl|list auth client|setinfo config|get config|resetstat exec hello info multi"
    assert sent - {"acl|setuser", "acl|deluser"} <= set(reads.split())
    assert "gantry" not in rig.cli(SPELLED, "ACL", "LIST")
    assert [result["changed"] for result in four_beats(wish)] == [True, True, False, False]
    assert rig.setting(SPELLED, "client-output-buffer-limit").endswith("pubsub 67108864 16777216 90")
    rig.kill(SPELLED)
    rig.start(SPELLED)
    assert topology(wish)["changed"] is False
    assert rig.setting(SPELLED, "proc-title-template") == settings["proc-title-template"]


def test_something_else_at_the_port_of_a_node_is_named(rig, topology):
    serve = "exec python3 -m http.server --bind 127.0.0.1 7098 > /dev/null 2>&1"
    rig.host.container.exec_run(["sh", "-c", serve], detach=True)
    listening = ["sh", "-c", "ss -ltn | grep -c :7098"]
    until(lambda: None if rig.host.attempt(listening)[0] == 0 else "nobody listens", "the web server", 15)
    refused = topology({"nodes": endpoints(7098), "password": PASSWORD}, fails=True)
    assert refused["msg"].startswith("127.0.0.1:7098 ")
    assert "its port, and whether it wants TLS" in refused["msg"]
    rig.host.run(["sh", "-c", "kill $(ss -ltnp | sed -n 's/.*:7098 .*pid=\\([0-9]*\\).*/\\1/p')"])
    plain = {"nodes": endpoints(PAIR[0]), "password": PASSWORD, "tls": True, "connect_timeout": 0.5}
    assert re.match(f"127.0.0.1:{PAIR[0]} (did not answer|cannot be reached).* TLS", topology(plain, fails=True)["msg"])


def test_sentinels_that_announce_names_know_nodes_that_are_declared_by_address(rig, topology):
    nodes, sentinels = NAMED[:2], NAMED[2:]
    rig.host.run(["sh", "-c", "grep -q cache.test /etc/hosts || echo 127.0.0.1 cache.test >> /etc/hosts"])
    rig.start(*nodes)
    rig.start(*sentinels, sentinel=True, lines=("sentinel resolve-hostnames yes", "sentinel announce-hostnames yes"))
    rig.cli(nodes[1], "REPLICAOF", "cache.test", str(nodes[0]))
    for port in sentinels:
        rig.cli(port, "SENTINEL", "MONITOR", "main", "cache.test", str(nodes[0]), "2")
        rig.cli(port, "SENTINEL", "SET", "main", "auth-pass", PASSWORD)
    wish = {**guarded(nodes=endpoints(*nodes), sentinels=endpoints(*sentinels)), "primary": None}
    assert not [step for step in steps(topology(wish)) if step[0] in ("monitor", "follow")]
    assert topology(wish)["changed"] is False
    assert "cache.test" in rig.cli(sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
    by_name = [{"host": "cache.test", "port": port} for port in nodes]
    assert (
        topology({**wish, "nodes": by_name, "sentinels": [{**at, "host": "cache.test"} for at in wish["sentinels"]]})[
            "changed"
        ]
        is False
    )


def test_a_node_that_cannot_write_its_configuration_is_left_alone(rig, topology):
    file = f"{ROOT}/{PAIR[1]}/redis.conf"
    rig.host.run(["mv", file, f"{file}.away"])
    rig.host.run(["mkdir", file])
    refused = topology(pair(settings={"maxmemory": "65mb"}), fails=True)
    rig.host.run(["rmdir", file])
    rig.host.run(["mv", f"{file}.away", file])
    assert f"127.0.0.1:{PAIR[1]} cannot write its configuration file" in refused["msg"]
    # and the other one before it was touched
    assert [rig.setting(port, "maxmemory") for port in PAIR] == [str(64 * MIB)] * 2
    assert steps(topology(pair(settings={"maxmemory": "65mb"})))[-1] == ("configure", f"127.0.0.1:{PAIR[1]}")
    assert rig.setting(PAIR[1], "maxmemory") == str(65 * MIB)
    # as a disk that fills up meanwhile leaves it: the next run writes what is in memory
    rig.host.run(["sed", "-i", "s/^maxmemory .*/maxmemory 64mb/", file])
    assert not topology(pair(settings={"maxmemory": "65mb"}))["changed"]
    assert "maxmemory 65mb" in rig.host.read(file).decode().splitlines()


def test_a_node_behind_tls_is_verified(rig, topology):
    directory = f"{ROOT}/{SECURE}"
    rig.host.run(["mkdir", "-p", directory])
    subject = ["-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    rig.host.run(["openssl", "req", "-x509", *key, *files, *subject])
    lines = (
        f"tls-port {SECURE + 1}",
        f"tls-cert-file {directory}/cert.pem",
        f"tls-key-file {directory}/key.pem",
        f"tls-ca-cert-file {directory}/cert.pem",
        "tls-auth-clients no",
    )
    rig.start(SECURE, lines=lines)
    args = {"nodes": endpoints(SECURE + 1), "password": PASSWORD, "tls": True, "settings": {"maxmemory": "16mb"}}
    refused = topology(args, fails=True)
    assert f"127.0.0.1:{SECURE + 1} cannot be reached" in refused["msg"]
    assert "certificate verify failed" in refused["msg"]
    assert topology({**args, "ca_cert": f"{directory}/cert.pem"})["changed"]
    assert rig.setting(SECURE, "maxmemory") == str(16 * MIB)
