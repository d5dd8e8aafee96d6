# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a topology that is on one host: its services, the files they start from, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.filter.redis_host import redis_host, redis_services
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import Found, plan_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_openssl import refuse_certificate
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import Host, Listener, Tls
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_certificate import plan_certificate, refuse_stale
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_files import (
    items,
    refuse_host,
    refuse_pair,
    verifications,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_host import standing
from ansible_collections.gantry.odoo.plugins.modules import redis_certificate, redis_files

ONE, TWO, THREE = ({"host": f"10.0.0.{number}"} for number in (1, 2, 3))
TLS = Tls("/pems/node.pem", "/pems/node.key", "/pems/ca.pem")
LISTENER = Listener("sentinel", ("127.0.0.1", "10.0.0.1"), 6379, 26379, 'a "secret" \\ word')
CERTIFICATE = "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----\n-----BEGIN CERTIFICATE-----\n"


def declared(nodes: list[dict[str, Any]], **given: Any) -> dict[str, Any]:
    return redis_host(nodes, ["cache1", "10.0.0.1"], 6379, 26379, **given)


@pytest.mark.parametrize(
    ("nodes", "mode", "sentinels"),
    [([ONE], "standalone", 0), ([ONE, TWO], "replicated", 0), ([ONE, TWO, THREE], "sentinel", 3)],
)
def test_the_number_of_nodes_chooses_the_mode(nodes: list[dict[str, Any]], mode: str, sentinels: int) -> None:
    found = declared(nodes)
    assert (found["mode"], len(found["sentinels"]), found["runs_topology"]) == (mode, sentinels, True)
    assert found["own_nodes"] == [{"host": "10.0.0.1", "port": 6379}]


def test_a_port_of_its_own_goes_first() -> None:
    found = declared([{"host": "cache1", "port": 7000}, {**TWO, "port": None}])
    assert [node["port"] for node in found["nodes"]] == [7000, 6379]
    assert (found["own_port"], found["own_sentinel_port"], found["own_host"]) == (7000, 26379, "cache1")


def test_a_host_that_is_no_node() -> None:
    found = declared([TWO, THREE], mode="sentinel", sentinels=[ONE, TWO, THREE], runs_topology=None)
    assert (found["own_nodes"], found["own_host"], found["runs_topology"]) == ([], "", False)
    assert found["own_sentinels"] == [{"host": "10.0.0.1", "port": 26379}]
    assert declared([ONE, {"host": "cache1"}])["own_host"] == ""


def test_services_of_a_host_under_systemd() -> None:
    first, second = redis_services(declared([ONE, TWO, THREE]), "systemd")
    assert first == {
        "name": "redis-server@gantry",
        "program": "/usr/bin/redis-server",
        "host": "10.0.0.1",
        "port": 6379,
    }
    assert (second["name"], second["port"]) == ("redis-sentinel@gantry", 26379)


def test_services_of_a_host_under_docker() -> None:
    (only,) = redis_services(declared([ONE]), "docker", image="redis:8", uid=70, tls_dirs=["/pems"])
    assert (only["name"], only["user"], only["image"]) == ("redis-server-gantry", "70:70", "redis:8")
    assert only["command"] == ["umask 007; exec /usr/bin/redis-server /etc/redis/redis-gantry.conf --daemonize no"]
    assert "/pems:/pems:ro" in only["volumes"]
    assert "/var/lib/redis/gantry:/var/lib/redis/gantry" in only["volumes"]
    assert "/var/lib/redis:/var/lib/redis" not in only["volumes"]


def seen(primary: dict[str, Any] | None, *nodes: dict[str, Any]) -> dict[str, Any]:
    return {"changed": False, "failed": False, "primary": primary, "nodes": list(nodes), "faults": []}


def node(number: int, follows: str | None = None, **more: Any) -> dict[str, Any]:
    role = "replica" if follows else "primary"
    return {"host": f"10.0.0.{number}", "port": 6379, "answers": True, "role": role, "follows": follows, **more}


def test_a_primary_has_its_replica_as_successor() -> None:
    silent = {"host": "10.0.0.2", "port": 6379, "answers": False, "error": "no"}
    topology = seen({"host": "10.0.0.1", "port": 6379}, node(1), silent, node(3, "10.0.0.1:6379"))
    found = standing(topology, declared([ONE, TWO, THREE]))
    assert (found["primary"], found["successor"]) == (True, "10.0.0.3")
    assert set(found["info"]) == {"primary", "nodes", "faults"}


def test_a_replica_and_a_topology_without_a_primary() -> None:
    for primary in ({"host": "10.0.0.2", "port": 6379}, None):
        found = standing(seen(primary, node(1, "10.0.0.2:6379"), node(2)), declared([ONE, TWO]))
        assert (found["primary"], found["successor"]) == (False, "")


def test_addresses_are_compared_as_the_module_writes_them() -> None:
    nodes = [{"host": "FD00::1"}, {"host": "fd00::2"}]
    replica = {**node(2, "[fd00::1]:6379"), "host": "fd00::2"}
    topology = seen({"host": "fd00::1", "port": 6379}, {**node(1), "host": "FD00::1"}, replica)
    found = standing(topology, redis_host(nodes, ["FD00::1"], 6379, 26379))
    assert (found["primary"], found["successor"]) == (True, "fd00::2")


def test_in_a_cluster_a_primary_without_slots_takes_no_writes() -> None:
    for slots in (0, 100):
        found = standing(seen(None, node(1, slots=slots)), declared([ONE], mode="cluster"))
        assert found["primary"] == bool(slots)


def test_configuration_without_tls() -> None:
    texts = {item.path: item.text or "" for item in items(LISTENER, "systemd", 1, False)}
    redis = texts["/etc/redis/redis-gantry.conf"].splitlines()
    assert "bind 127.0.0.1 10.0.0.1" in redis
    assert "port 6379" in redis
    assert 'masterauth "a \\"secret\\" \\\\ word"' in redis
    assert not [line for line in redis if line.startswith(("tls", "cluster"))]
    assert "port 26379" in texts["/etc/redis/sentinel-gantry.conf"].splitlines()


def test_configuration_with_tls_closes_the_plain_ports() -> None:
    listener = replace(LISTENER, tls=replace(TLS, clients="optional"), mode="cluster")
    found = {item.path: (item.text or "").splitlines() for item in items(listener, "systemd", 1, False)}
    redis = found["/etc/redis/redis-gantry.conf"]
    assert {"port 0", "tls-port 6379", "tls-auth-clients optional", "tls-cluster yes", "cluster-enabled yes"} < set(
        redis
    )
    assert "unixsocket /run/redis-gantry/redis.sock" in redis
    assert "/etc/redis/sentinel-gantry.conf" not in found


def test_items_of_each_kind_of_host() -> None:
    systemd = {item.path: item for item in items(LISTENER, "systemd", 70, True)}
    docker = {item.path: item for item in items(LISTENER, "docker", 70, True)}
    assert systemd["/var/lib/redis/gantry"].owner == "redis"
    assert "PrivateUsers=no" in str(systemd["/etc/systemd/system/redis-.service.d/container.conf"].text)
    assert docker["/etc/redis/redis-gantry.conf"].owner == "70"
    assert "d /run/redis-gantry 0755 70 70 -" in str(docker["/etc/tmpfiles.d/gantry-redis.conf"].text)
    assert {"/etc/redis", "/run/sentinel-gantry"} <= set(docker)
    assert "/etc/systemd/system/redis-.service.d/container.conf" not in docker
    first = [item.path for item in items(LISTENER, "systemd", 70, False)]
    assert first.index("/var/lib/redis/gantry") < first.index("/etc/redis/redis-gantry.conf")


def test_a_configuration_is_written_once_and_everything_else_is_kept() -> None:
    wanted = items(LISTENER, "docker", 70, False)
    assert [step.action for step in plan_files(wanted, {})] == ["create"] * len(wanted)
    found = {item.path: Found(True, item.mode, None if item.once else item.text) for item in wanted}
    found["/etc/redis/redis-gantry.conf"] = Found(False, 0o600)
    assert plan_files(wanted, found) == ()
    found["/var/lib/redis/gantry"] = Found(False, 0o750)
    found["/etc/tmpfiles.d/gantry-redis.conf"] = Found(True, 0o644, "other")
    assert [(step.action, step.target, step.why) for step in plan_files(wanted, found)] == [
        ("change", "/var/lib/redis/gantry", "its owner or mode differs"),
        ("change", "/etc/tmpfiles.d/gantry-redis.conf", "its text differs"),
    ]


@pytest.mark.parametrize(
    ("host", "tls", "runtime", "words"),
    [
        (Host(configured_with_tls=True), False, "systemd", "was set up with TLS and redis_tls is false"),
        (Host(configured_with_tls=False), True, "docker", "was set up without TLS and redis_tls is true"),
        (Host(under_systemd=True), False, "docker", "runs under systemd already"),
        (Host(packaged=True), False, "systemd", "is not the role's"),
    ],
)
def test_hosts_that_are_refused(host: Host, tls: bool, runtime: str, words: str) -> None:
    with pytest.raises(GantryError, match=words):
        refuse_host(host, tls, runtime, False)


def test_hosts_that_are_taken() -> None:
    refuse_host(Host(), True, "docker", False)
    refuse_host(Host(packaged=True), False, "systemd", True)
    refuse_host(Host(packaged=True, configured_with_tls=False, under_systemd=True), False, "systemd", False)


@pytest.mark.parametrize(
    ("pair", "public", "words"),
    [
        (CERTIFICATE, "-----BEGIN PUBLIC KEY-----\nB", "the key is that of another certificate"),
        ("Can't open /pems/node.pem\nmore", "-----BEGIN PUBLIC KEY-----\nA", "Can't open /pems/node.pem; put"),
        (CERTIFICATE, "Could not read key", "Could not read key"),
    ],
)
def test_files_that_are_no_pair(pair: str, public: str, words: str) -> None:
    with pytest.raises(StateError, match=words):
        refuse_pair(TLS, pair, public)


def test_a_pair() -> None:
    refuse_pair(TLS, CERTIFICATE, "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----\n")


@pytest.mark.parametrize(
    ("name", "kind"), [("10.0.0.1", "-verify_ip"), ("fd00::1", "-verify_ip"), ("cache1.example", "-verify_hostname")]
)
def test_a_certificate_is_verified_for_the_name_of_the_host(name: str, kind: str) -> None:
    assert verifications(TLS, name, "sentinel") == [["-purpose", "sslserver", kind, name]]


def test_a_certificate_is_verified_for_clients_where_they_are_asked_for_one() -> None:
    for tls, mode in ((replace(TLS, clients="optional"), "sentinel"), (TLS, "cluster")):
        assert verifications(tls, "cache1", mode)[1:] == [["-purpose", "sslclient"]]


def test_the_words_of_openssl_are_in_the_sentence() -> None:
    question = ["-purpose", "sslclient"]
    refuse_certificate(TLS.certificate, TLS.ca, question, "/pems/node.pem: OK\n")
    answer = "CN=cache1\nerror 26 at 0 depth lookup: unsuitable certificate purpose\nerror node.pem: failed"
    with pytest.raises(
        StateError, match=r"unsuitable certificate purpose; get another one that is good for clients too"
    ):
        refuse_certificate(TLS.certificate, TLS.ca, question, answer)


def test_redis_reads_its_files_where_it_has_to() -> None:
    assert plan_certificate(due=False, stale=False) == ()
    assert [step.why for step in plan_certificate(due=True, stale=False)] == ["asked for"]
    refuse_stale([], TLS)
    with pytest.raises(StateError, match="redis-sentinel still shows another certificate than"):
        refuse_stale(["redis-sentinel"], TLS)


def test_in_check_mode_a_pair_that_is_to_be_installed_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: str(tmp_path / name) for name in ("certificate", "key", "ca")}
    monkeypatch.setattr(redis_files, "read_host", lambda _deadline: Host(True, False, True, False))
    asked = {"tls": {**files, "clients": "never"}, "host": "cache1", "mode": "sentinel", "runtime": "systemd"}
    asked |= {"replace_packaged": False, "timeout": 5, "state": "verified", "awaited": [*files.values()]}
    assert redis_files.work(Call(asked, check_mode=True)).facts == {"awaited": True}
    for call in (Call(asked), Call({**asked, "awaited": []}, check_mode=True)):
        with pytest.raises(StateError):
            redis_files.work(call)

    monkeypatch.setattr(redis_certificate, "read_shown", lambda *_given: b"that of before")
    place = {"host": "10.0.0.1", "port": 6379}
    asked = {**files, "node": place, "sentinel": place, "state": "current", "timeout": 5, "awaited": [*files.values()]}
    outcome = redis_certificate.work(Call(asked, check_mode=True))
    assert ([step.action for step in outcome.steps or ()], outcome.facts) == (
        ["read"],
        {"sentinel_restart_needed": True},
    )
    with pytest.raises(InputError, match="cannot be read"):
        redis_certificate.work(Call(asked))
