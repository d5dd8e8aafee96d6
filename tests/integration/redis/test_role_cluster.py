# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role with a Redis Cluster behind TLS on six hosts: set up, guarded against a careless restart, and patched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import change_store
from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Host, Lab

from .audit import audited
from .estate import AUTHORITY, NODE, TLS, Estate, estate
from .rig import PASSWORD

NAMES = tuple(f"slot{number}" for number in range(1, 7))
UNIT = "redis-server@gantry"
# What dpkg does to the program of a process that runs: another file takes its name.
REPLACE = "program=$(readlink -f /usr/bin/redis-server); cp -p $program $program.new; mv $program.new $program"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The change store of these tests."""
    return tmp_path_factory.mktemp("changes") / "store"


@pytest.fixture(scope="module")
def six(lab: Lab, run_playbook: Callable[..., PlaybookRun], store: Path) -> Iterator[Estate]:
    """Six hosts that hold certificates, good for clients too, and nothing of Redis yet."""
    wish = {
        "redis_mode": "cluster",
        "redis_settings": {"maxmemory": "64mb"},
        "change_classes": {"patch_redis": "standard"},
        "change_store": {"directory": str(store), "outbox": f"{store}-outbox"},
        **TLS,
    }
    with estate(lab, dict.fromkeys(NAMES, "vm"), run_playbook, redis_tls_clients="optional", **wish) as six:
        for host in six.hosts:
            six.certify(host, for_clients=True)
        yield six


def masters(six: Estate) -> list[Host]:
    """The hosts whose Redis is a primary."""
    told = six.roles()
    return [host for host in six.hosts if told[host.name] == "master"]


def process(host: Host) -> str:
    """The process of Redis."""
    return host.run(["systemctl", "show", "--property", "MainPID", "--value", UNIT]).strip()


def assert_whole(six: Estate) -> None:
    """Three primaries that serve all slots, with one replica each whose link is up, as every node tells it."""
    assert len(masters(six)) == 3
    for host in six.hosts:
        told = six.cli(host, "CLUSTER", "INFO")
        assert "cluster_state:ok" in told
        assert "cluster_slots_ok:16384" in told
        assert "cluster_known_nodes:6" in told
        if host not in masters(six):
            assert "master_link_status:up" in six.cli(host, "INFO", "replication")


@pytest.mark.deep
def test_certificates_for_servers_only_are_refused(six: Estate) -> None:
    six.certify(six.hosts[0])
    run = six.role(extra={"redis_tls_clients": "never"}, hosts="slot1").expect_failure()
    assert "unsuitable certificate purpose" in run.errors[0]
    six.certify(six.hosts[0], for_clients=True)


@pytest.mark.deep
def test_a_check_foretells_the_cluster_and_makes_none(six: Estate) -> None:
    assert six.role(check=True).expect_success().changed > 0
    assert all(host.attempt(["test", "-e", "/etc/redis/redis-gantry.conf"])[0] == 1 for host in six.hosts)


@pytest.mark.deep
def test_a_cluster_is_made_once(six: Estate) -> None:
    made, again = [six.role().expect_success().changed for _time in range(2)]
    assert made > 0
    assert again == 0
    assert_whole(six)
    for host in six.hosts:
        plain = ["redis-cli", "-h", host.address, "PING"]
        assert host.attempt(plain, env={"REDISCLI_AUTH": PASSWORD})[0] != 0
        assert host.attempt(["systemctl", "is-active", "redis-sentinel@gantry"])[0] != 0
        # The cluster's own connections are a port of their own, where a node has to show a certificate.
        # That it is missing is told after the handshake, so that one must stay to hear of it.
        bus = ["timeout", "10", "sh", "-c", f"sleep 2 | openssl s_client -connect {host.address}:{NODE + 10000}"]
        assert "alert certificate required" in host.attempt(bus)[2]


@pytest.mark.deep
def test_a_check_finds_nothing_left_of_the_cluster(six: Estate) -> None:
    assert six.role(check=True).expect_success().changed == 0


@pytest.mark.deep
def test_a_primary_that_serves_slots_is_not_restarted(six: Estate) -> None:
    host = masters(six)[0]
    before = process(host)
    run = six.role("restart", hosts=host.name).expect_failure()
    assert f"{host.name} is not restarted: it is the primary; run the tasks failover first" in run.errors[0]
    assert process(host) == before


@pytest.mark.deep
def test_a_node_that_is_none_cannot_take_over(six: Estate) -> None:
    run = six.role("failover", {"redis_failover_to": "192.0.2.1"}, hosts="slot1").expect_failure()
    assert "primary '192.0.2.1' is no node; the nodes are" in run.errors[0]
    assert_whole(six)


@pytest.mark.deep
def test_a_new_program_is_taken_up_replicas_first_and_no_write_is_lost(six: Estate, store: Path) -> None:
    first = {host.name for host in masters(six)}
    for host in six.hosts:
        host.run(["sh", "-c", REPLACE])
    before = {host.name: process(host) for host in six.hosts}
    with audited(
        six.hosts[0], [(host.address, NODE) for host in six.hosts], cluster=True, authority=AUTHORITY
    ) as audit:
        six.play("gantry.odoo.patch_redis").expect_success()
    assert audit.lost == 0
    assert not [host.name for host in six.hosts if process(host) == before[host.name]]
    assert not first & {host.name for host in masters(six)}
    assert_whole(six)
    told = change_store.entries(store)
    events = [line["event"] for line in told]
    assert events == ["opened", "gate", *["begun", "proven"] * 3, *["begun", "switched", "proven"] * 3, "closed"]
    assert {line["facts"]["host"] for line in told if line["event"] == "proven"} == set(NAMES)
    restarted = [line["facts"]["host"] for line in told if line["event"] == "proven"]
    assert set(restarted[3:]) == first
    assert six.play("gantry.odoo.patch_redis").expect_success().changed == 0
