# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role with TLS on three hosts: set up, switched and given new certificates, read back over TLS with redis-cli."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab import pki
from tests.lab.hosts import Host, Lab
from tests.lab.wait import until

from .audit import audited
from .estate import AUTHORITY, NODE, PEMS, SENTINEL, TLS, Estate, assert_four_beats, estate
from .rig import PASSWORD

PLACES = (("redis-server@gantry", NODE), ("redis-sentinel@gantry", SENTINEL))
ENVIRONMENT = {"REDISCLI_AUTH": PASSWORD}


@pytest.fixture(scope="module")
def trio(lab: Lab, run_playbook: Callable[..., PlaybookRun]) -> Iterator[Estate]:
    """Three hosts that hold certificates, and nothing of Redis yet."""
    quick = {"down-after-milliseconds": 2000}
    wish = {
        "redis_purpose": "session",
        "redis_settings": {"maxmemory": "64mb"},
        "redis_sentinel_settings": quick,
        **TLS,
    }
    with estate(lab, dict.fromkeys(("tls1", "tls2", "tls3"), "vm"), run_playbook, **wish) as trio:
        for host in trio.hosts:
            trio.certify(host)
        yield trio


def shown(host: Host, port: int) -> str:
    """The certificate that a process shows."""
    return host.run(["timeout", "10", "sh", "-c", f"openssl s_client -connect {host.address}:{port} </dev/null"])


def process(host: Host, unit: str) -> str:
    """The process of a unit."""
    return host.run(["systemctl", "show", "--property", "MainPID", "--value", unit]).strip()


def first_pem(certificate: bytes) -> str:
    """The certificate itself, without what leads to the authority."""
    return certificate.decode().partition("-----END CERTIFICATE-----")[0]


def assert_whole(trio: Estate) -> None:
    """One master that both others follow by a link that is up, and three Sentinels that agree."""
    assert sorted(trio.roles().values()) == ["master", "slave", "slave"]
    for host in trio.hosts:
        if trio.roles()[host.name] == "slave":
            assert "master_link_status:up" in trio.cli(host, "INFO", "replication")
        assert trio.cli(host, "SENTINEL", "CKQUORUM", "main", port=SENTINEL).startswith("OK 3 usable")
    named = {trio.cli(host, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main", port=SENTINEL) for host in trio.hosts}
    assert len(named) == 1


def test_what_cannot_work_is_refused_before_anything_is_touched(trio: Estate) -> None:
    one, two, three = trio.hosts
    certificate, key = pki.issue(trio.lab.state, ["elsewhere"], ["192.0.2.1"])
    one.write(TLS["redis_tls_key"], key)
    two.write(TLS["redis_tls_certificate"], certificate)
    two.write(TLS["redis_tls_key"], key)
    trio.certify(three, expired=True)
    run = trio.role().expect_failure()
    assert "the key is that of another certificate" in run.errors[0]
    assert "IP address mismatch" in run.errors[1]
    assert "certificate has expired" in run.errors[2]
    for host in trio.hosts:
        trio.certify(host)
    run = trio.role(extra={"redis_tls_clients": "optional"}).expect_failure()
    assert "unsuitable certificate purpose" in run.errors[0]
    run = trio.role(extra={"redis_tls_key": ""}).expect_failure()
    assert "not all of redis_tls_certificate, redis_tls_key and redis_tls_ca are set" in run.errors[0]
    for host in trio.hosts:
        assert host.attempt(["test", "-e", "/etc/redis"])[0] == 1


def test_a_key_that_redis_cannot_read_is_refused_before_redis_is_set_up(trio: Estate) -> None:
    for host in trio.hosts:
        host.run(["chmod", "0600", TLS["redis_tls_key"]])
    # the first time the user comes with the packages, the second time it is there
    for _time in range(2):
        run = trio.role().expect_failure()
        assert f"The user redis cannot read {TLS['redis_tls_key']} on tls1" in run.errors[0]
    for host in trio.hosts:
        assert host.attempt(["test", "-e", "/etc/redis/redis-gantry.conf"])[0] == 1
        host.run(["chmod", "0640", TLS["redis_tls_key"]])


def test_nodes_and_sentinels_talk_tls_and_nothing_else(trio: Estate) -> None:
    assert_four_beats(trio.role)
    assert_whole(trio)
    other = f"{PEMS}/other.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
    for host in trio.hosts:
        host.run(["openssl", "req", "-x509", *key, "-out", other, "-subj", "/CN=Another authority"])
        for _unit, port in PLACES:
            where = ["-h", host.address, "-p", str(port), "PING"]
            code, _out, err = host.attempt(["redis-cli", *where], env=ENVIRONMENT)
            assert (code != 0, "PONG" in err) == (True, False)
            code, _out, err = host.attempt(["redis-cli", "--tls", "--cacert", other, *where], env=ENVIRONMENT)
            assert (code != 0, "certificate verify failed" in err) == (True, True)
        rows = host.run(["ss", "--listening", "--tcp", "--numeric", "--no-header"]).splitlines()
        places = {row.split()[3] for row in rows}
        assert {place for place in places if place.startswith(f"{host.address}:")} == {
            f"{host.address}:{port}" for _unit, port in PLACES
        }


def test_a_switch_over_tls_loses_no_write(trio: Estate) -> None:
    old = next(host for host in trio.hosts if trio.roles()[host.name] == "master")
    new = next(host for host in trio.hosts if host is not old)
    places = [(host.address, NODE) for host in trio.hosts], [(host.address, SENTINEL) for host in trio.hosts]
    with audited(old, *places, writes=200, authority=AUTHORITY) as audit:
        trio.role("switch", {"redis_switch_to": new.address}, hosts=old.name).expect_success()
    assert trio.roles()[new.name] == "master"
    assert_whole(trio)
    assert audit.lost == 0


def test_a_renewed_certificate_is_taken_up_without_losing_a_write(trio: Estate) -> None:
    old = {(host.name, port): shown(host, port) for host in trio.hosts for _unit, port in PLACES}
    before = {(host.name, unit): process(host, unit) for host in trio.hosts for unit, _port in PLACES}
    renewed = {host.name: first_pem(trio.certify(host)) for host in trio.hosts}

    assert trio.role("certificate", check=True).expect_success().changed > 0
    assert all(renewed[host.name] not in shown(host, port) for host in trio.hosts for _unit, port in PLACES)
    places = [(host.address, NODE) for host in trio.hosts], [(host.address, SENTINEL) for host in trio.hosts]
    with audited(trio.hosts[0], *places, writes=200, authority=AUTHORITY) as audit:
        assert trio.role("certificate", serial=1).expect_success().changed > 0
    assert audit.lost == 0
    for host in trio.hosts:
        for unit, port in PLACES:
            assert renewed[host.name] in shown(host, port)
            assert shown(host, port) != old[host.name, port]
            # Sentinel alone has to start again for it
            assert (process(host, unit) == before[host.name, unit]) == (port == NODE)
    assert_whole(trio)
    assert [trio.role("certificate", check=check).expect_success().changed for check in (True, False)] == [0, 0]
    assert trio.role().expect_success().changed == 0


def test_an_expired_certificate_that_redis_still_shows_is_replaced_too(trio: Estate) -> None:
    host = trio.hosts[2]
    good = {name: host.read(f"{PEMS}/{name}") for name in ("node.pem", "node.key")}
    trio.certify(host, expired=True)
    set_both = ["CONFIG", "SET", "tls-cert-file", TLS["redis_tls_certificate"], "tls-key-file", TLS["redis_tls_key"]]
    assert trio.cli(host, *set_both) == "OK"
    assert "certificate verify failed" in trio.cli(host, "PING")
    refused = trio.role("certificate", hosts=host.name).expect_failure()
    assert "certificate has expired" in refused.errors[0]
    gid = int(host.run(["getent", "group", "redis"]).split(":")[2])
    for name, content in good.items():
        host.write(f"{PEMS}/{name}", content, mode=0o640, gid=gid)
    trio.role("certificate", hosts=host.name).expect_success()
    assert trio.cli(host, "PING") == "PONG"
    until(lambda: None if "link_status:down" not in trio.cli(host, "INFO", "replication") else "down", "the link", 30)
    assert_whole(trio)


def test_files_that_redis_owns_are_not_rewritten_for_another_transport(trio: Estate) -> None:
    file = "/etc/redis/redis-gantry.conf"
    before = {host.name: host.read(file) for host in trio.hosts}
    run = trio.role(extra={"redis_tls": False}).expect_failure()
    assert "was set up with TLS and redis_tls is false; the role does not rewrite" in run.errors[0]
    assert run.changed == 0
    assert {host.name: host.read(file) for host in trio.hosts} == before
