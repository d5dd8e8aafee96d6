# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of PostgreSQL and Redis on a bad day: which are renewed, what is put back, and what the end says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.integration import change_store
from tests.integration.orchestration.rig import Rig
from tests.integration.orchestration.test_moves import until_free

STORE = "/etc/gantry/certificates"
STEPS = tuple(
    f" {step}"
    for step in (
        "certificate main",
        "certificate put_back",
        "certificate revoke",
        "postgresql certificate",
        "redis certificate",
        "traefik certificates",
    )
)
ALL = ("cache1", "cache2", "db1", "edge1", "edge2")


def server(name: str, **variables: Any) -> dict[str, Any]:
    """What a host with a server declares. The edges' request is another one."""
    domain = f"{name}.example.com"
    return {
        "ansible_host": domain,
        "certificate_requests": [{"name": name, "domains": [domain], "issuer": "given"}],
        "certificate_given": {name: {"certificate": "pem", "key": "key"}},
        **variables,
    }


def cache(name: str) -> dict[str, Any]:
    """A host of Redis that shows a certificate."""
    pair = f"{STORE}/{name}/current"
    nodes = [{"host": f"cache{number}.example.com"} for number in (1, 2, 3)]
    files = {"redis_tls_certificate": f"{pair}/certificate.pem", "redis_tls_key": f"{pair}/key.pem"}
    tls = {"redis_nodes": nodes, "redis_tls": True, **files}
    return server(name, certificate_group="redis", **tls)


OWN = {
    "db1": server(
        "db1",
        estate_database_host="db1.example.com",
        postgresql_cert_file=f"{STORE}/db1/current/certificate.pem",
        postgresql_key_file=f"{STORE}/db1/current/key.pem",
    ),
    "cache1": cache("cache1"),
    "cache2": cache("cache2"),
}


@pytest.fixture
def servers(rig: Rig) -> Rig:
    """An estate whose edges and servers show the first certificate."""
    rig = replace(rig, own=OWN)
    rig.change(certificates=dict.fromkeys(ALL, 1), served=dict.fromkeys(ALL, 1), orders=[])
    return rig


def steps(rig: Rig) -> list[str]:
    """What was ordered, shown, put back and revoked."""
    return [line for line in rig.world.log if line.endswith(STEPS)]


def forget(rig: Rig) -> None:
    """End the fault, and begin with an empty log."""
    rig.mend()
    until_free(rig)
    rig.change(step=0, log=[], reads=[], harm=[])


EDGES = [f"{edge} {step}" for edge in ("edge1", "edge2") for step in ("certificate main", "traefik certificates")]


def test_a_server_that_is_off_or_refuses_its_certificate_hides_no_other(servers: Rig) -> None:
    servers.change(gone=["db1"], fault={"words": "cache1 redis certificate", "kind": "disk full"})
    run = servers.play("renew_certificates", renew_force=True).expect_failure()
    done = steps(servers)
    turns = {host: [line for line in done if line.startswith(host)] for host in OWN}
    # whichever of them comes first is done before the other one begins, and both are before the edges
    assert done in ([*turns["cache1"], *turns["cache2"], *EDGES], [*turns["cache2"], *turns["cache1"], *EDGES])
    assert turns == {
        "cache1": [
            *(f"cache1 {step}" for step in ("certificate main", "redis certificate")),
            *(f"cache1 {step}" for step in ("certificate put_back", "redis certificate")),
        ],
        "cache2": [f"cache2 {step}" for step in ("certificate main", "redis certificate")],
        "db1": [],
    }
    assert servers.world.served == {"cache1": 1, "db1": 1, "cache2": 2, "edge1": 2, "edge2": 2}
    assert "the servers on cache1 show the certificates that they had: " in run.errors[-1]
    assert "No space left on device" in run.errors[-1]
    assert "db1 was off or lost, and its servers show the certificates that they had; start it" in run.errors[-1]
    closed = change_store.entries(servers.store)[-1]
    assert (closed["event"], list(closed["facts"]["servers"])) == ("unfinished", ["cache2"])
    # what was ordered then is not ordered again
    orders = servers.world.orders
    forget(servers)
    servers.play("renew_certificates").expect_success()
    assert servers.world.orders == orders


@pytest.mark.deep
def test_a_server_that_is_lost_meanwhile_hides_no_other(servers: Rig) -> None:
    servers.change(fault={"words": "cache1 redis certificate", "kind": "host off"})
    run = servers.play("renew_certificates", renew_force=True).expect_failure()
    assert {name for name, number in servers.world.served.items() if number == 2} == {*ALL} - {"cache1"}
    assert "cache1 was off or lost" in run.errors[-1]
    forget(servers)
    # it has what was installed
    servers.play("renew_certificates").expect_success()
    assert set(servers.world.served.values()) == {2}


@pytest.mark.deep
def test_what_a_killed_run_has_installed_is_shown_by_the_next_one_or_put_back(servers: Rig) -> None:
    servers.change(fault={"words": "db1 postgresql certificate", "kind": "controller killed before"})
    assert servers.play("renew_certificates", renew_force=True).rc != 0
    assert (servers.world.certificates["db1"], servers.world.served["db1"]) == (2, 1)
    forget(servers)
    twin = servers.twin("refuses")
    servers.play("renew_certificates").expect_success()
    assert servers.world.served["db1"] == 2
    twin.change(fault={"words": "db1 postgresql certificate", "kind": "disk full"})
    run = twin.play("renew_certificates").expect_failure()
    assert (twin.world.certificates["db1"], twin.world.served["db1"]) == (1, 1)
    assert "the servers on db1 show the certificates that they had: " in run.errors[-1]


@pytest.mark.deep
def test_a_server_that_cannot_be_put_back_is_named(servers: Rig) -> None:
    more = [{"words": "db1 certificate put_back", "kind": "disk full"}]
    servers.change(fault={"words": "db1 postgresql certificate", "kind": "disk full", "more": more})
    run = servers.play("renew_certificates", renew_force=True).expect_failure()
    assert "the servers on db1 may show other certificates than those that are installed: " in run.errors[-1]
    assert "; on the way back: " in run.errors[-1]
    assert steps(servers)[-len(EDGES) :] == EDGES


@pytest.mark.deep
def test_a_certificate_of_a_server_is_revoked_by_name_once_it_shows_another_one(servers: Rig) -> None:
    run = servers.play("renew_certificates", renew_revoke=["nobody"]).expect_failure()
    assert (
        "renew_revoke names nobody, and the certificates of the estate are harbour, quarry, cache1, " in run.errors[-1]
    )
    servers.change(fault={"words": "db1 postgresql certificate", "kind": "disk full"})
    run = servers.play("renew_certificates", renew_revoke=["db1"]).expect_failure()
    assert (servers.world.lost, servers.world.served["db1"]) == ({"db1": 1}, 1)
    forget(servers)
    servers.play("renew_certificates").expect_success()
    assert [line for line in steps(servers) if line.endswith(" revoke")] == ["db1 certificate revoke"]
    served = servers.world.served
    assert (servers.world.lost, served.pop("db1") > 1, set(served.values())) == ({}, True, {1})


@pytest.mark.deep
def test_site_gives_a_server_its_certificate_before_it_is_set_up_and_then_changes_nothing(servers: Rig) -> None:
    servers.change(certificates={"edge1": 1, "edge2": 1}, served={"edge1": 1, "edge2": 1})
    servers.play("site").expect_success()
    log = servers.world.log
    for host, role in (("db1", "postgresql"), ("cache1", "redis"), ("cache2", "redis")):
        assert log.index(f"{host} certificate main") < log.index(f"{host} {role} main")
    assert (servers.world.harm, servers.world.served) == ([], dict.fromkeys(ALL, 1))
    orders = servers.world.orders
    servers.play("site").expect_success()
    assert servers.world.orders == orders


@pytest.mark.deep
def test_check_mode_orders_nothing_and_a_fault_of_the_declaration_begins_nothing(servers: Rig) -> None:
    before = servers.world
    servers.play("renew_certificates", check=True, renew_force=True).expect_success()
    assert (servers.world.certificates, servers.world.served) == (before.certificates, before.served)
    unread = replace(servers, own={**OWN, "cache1": {**OWN["cache1"], "certificate_group": "root"}})
    run = unread.play("renew_certificates").expect_failure()
    assert "cache1: Redis cannot read the key of certificate cache1, as certificate_group is root" in run.errors[-1]
