# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a container host beside two hosts with systemd, all behind TLS: set up, certified anew, and patched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import change_store
from tests.integration.ansible import PlaybookRun
from tests.lab import images, pki
from tests.lab.hosts import Host, Lab
from tests.lab.wait import until

from .audit import audited
from .estate import AUTHORITY, NODE, PEMS, SENTINEL, TLS, Estate, assert_four_beats, estate
from .rig import LOGINS, PASSWORD

UID = 6379
# Of the container host, and of the others; each with its port.
CONTAINERS = (("redis-server-gantry", NODE), ("redis-sentinel-gantry", SENTINEL))
UNITS = (("redis-server@gantry", NODE), ("redis-sentinel@gantry", SENTINEL))
NEXT = "gantry-lab/redis:next"
REPLACE = "program=$(readlink -f /usr/bin/redis-server); cp -p $program $program.new; mv $program.new $program"
SECRETS = {PASSWORD, LOGINS["replication_password"], LOGINS["sentinel_password"]}


@pytest.fixture(scope="module")
def image(lab: Lab) -> dict[str, str]:
    """The image, and the archive that brings it to a host."""
    tag = images.ensure(lab.client, ["redis"])["redis"]
    return {"redis_image": tag, "redis_image_archive": str(images.export(lab.client, "redis"))}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The change store of these tests."""
    return tmp_path_factory.mktemp("changes") / "store"


@pytest.fixture(scope="module")
def mixed(lab: Lab, run_playbook: Callable[..., PlaybookRun], image: dict[str, str], store: Path) -> Iterator[Estate]:
    """A container host and two others, which hold certificates, and nothing of Redis yet."""
    wish = {
        "redis_purpose": "session",
        "redis_settings": {"maxmemory": "64mb"},
        "redis_sentinel_settings": {"down-after-milliseconds": 2000},
        "change_classes": {"patch_redis": "standard"},
        "change_store": {"directory": str(store), "outbox": f"{store}-outbox"},
        **TLS,
        **{f"redis_{name}": value for name, value in LOGINS.items()},
    }
    kinds = {"crate1": "box", "crate2": "vm", "crate3": "vm"}
    runtime = "{{ 'docker' if inventory_hostname == 'crate1' else 'systemd' }}"
    with estate(lab, kinds, run_playbook, redis_runtime=runtime, **image, **wish) as mixed:
        for host in mixed.hosts:
            certify(mixed, host)
        yield mixed


def certify(mixed: Estate, host: Host, **options: Any) -> bytes:
    """A new certificate on a host, for who runs Redis there."""
    return mixed.certify(host, gid=UID if in_containers(host) else None, **options)


def in_containers(host: Host) -> bool:
    """Whether Redis runs in containers there."""
    return host.name == "crate1"


def inspected(host: Host, name: str) -> dict[str, Any]:
    """What the host's engine says of a container."""
    found: list[dict[str, Any]] = json.loads(host.run(["docker", "inspect", name]))
    return found[0]


def processes(mixed: Estate) -> dict[tuple[str, int], str]:
    """The main process of Redis and of Sentinel on each host."""
    show = ["systemctl", "show", "--property", "MainPID", "--value"]
    return {
        (host.name, port): str(inspected(host, name)["State"]["Pid"])
        if in_containers(host)
        else host.run([*show, name]).strip()
        for host in mixed.hosts
        for name, port in (CONTAINERS if in_containers(host) else UNITS)
    }


def shown(host: Host, port: int) -> str:
    """The certificate that a process shows."""
    return host.run(["timeout", "10", "sh", "-c", f"openssl s_client -connect {host.address}:{port} </dev/null"])


def first_pem(certificate: bytes) -> str:
    """The certificate itself, without what leads to the authority."""
    return certificate.decode().partition("-----END CERTIFICATE-----")[0]


def places(mixed: Estate) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Where the nodes are, and where the Sentinels."""
    return [(host.address, NODE) for host in mixed.hosts], [(host.address, SENTINEL) for host in mixed.hosts]


def primary(mixed: Estate) -> Host:
    """The host whose Redis takes writes."""
    return next(host for host in mixed.hosts if mixed.roles()[host.name] == "master")


def assert_healthy(mixed: Estate) -> None:
    """One primary that both others follow by a link that is up, and three Sentinels that agree."""
    assert sorted(mixed.roles().values()) == ["master", "slave", "slave"]
    for host in mixed.hosts:
        if mixed.roles()[host.name] == "slave":
            assert "master_link_status:up" in mixed.cli(host, "INFO", "replication")
        assert mixed.cli(host, "SENTINEL", "CKQUORUM", "main", port=SENTINEL).startswith("OK 3 usable")
    named = {mixed.cli(host, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main", port=SENTINEL) for host in mixed.hosts}
    assert len(named) == 1


@pytest.mark.deep
def test_bad_input_is_refused_before_anything_is_touched(mixed: Estate) -> None:
    one, two, three = mixed.hosts
    certificate, key = pki.issue(mixed.lab.state, ["elsewhere"], ["192.0.2.1"])
    one.write(TLS["redis_tls_key"], key)
    two.write(TLS["redis_tls_certificate"], certificate)
    two.write(TLS["redis_tls_key"], key)
    certify(mixed, three, expired=True)
    run = mixed.role().expect_failure()
    assert "the key is that of another certificate" in run.errors[0]
    assert "IP address mismatch" in run.errors[1]
    assert "certificate has expired" in run.errors[2]
    for host in mixed.hosts:
        certify(mixed, host)
    run = mixed.role(extra={"redis_tls_clients": "optional"}).expect_failure()
    assert "unsuitable certificate purpose" in run.errors[0]
    run = mixed.role(extra={"redis_tls_key": ""}).expect_failure()
    assert "not all of redis_tls_certificate, redis_tls_key and redis_tls_ca are set" in run.errors[0]
    run = mixed.role(extra={"redis_image": ""}, hosts="crate1").expect_failure()
    assert "redis_image is empty; name the image with its tag" in run.errors[0]
    for host in mixed.hosts:
        assert host.attempt(["test", "-e", "/etc/redis"])[0] == 1


@pytest.mark.deep
def test_a_key_that_redis_cannot_read_is_refused_before_redis_is_set_up(mixed: Estate) -> None:
    host = mixed.hosts[1]
    host.run(["chmod", "0600", TLS["redis_tls_key"]])
    # the first time the user comes with the packages, the second time it is there
    for _time in range(2):
        run = mixed.role(hosts=host.name).expect_failure()
        assert f"The user redis cannot read {TLS['redis_tls_key']};" in run.errors[0]
    assert host.attempt(["test", "-e", "/etc/redis/redis-gantry.conf"])[0] == 1
    host.run(["chmod", "0640", TLS["redis_tls_key"]])


def test_both_runtimes_in_four_beats(mixed: Estate) -> None:
    assert_four_beats(mixed.role)
    assert_healthy(mixed)
    crate = mixed.hosts[0]
    for name, _port in CONTAINERS:
        seen = inspected(crate, name)
        confined = seen["HostConfig"]
        assert (confined["ReadonlyRootfs"], confined["CapDrop"], confined["NetworkMode"]) == (True, ["ALL"], "host")
        assert "no-new-privileges" in str(confined["SecurityOpt"])
        assert seen["Config"]["User"] == f"{UID}:{UID}"
        assert not [secret for secret in SECRETS if secret in json.dumps(seen, ensure_ascii=False)]
    # what Redis was told at run time is in the file that a new container starts from
    kept = crate.read("/etc/redis/redis-gantry.conf").decode()
    assert "maxmemory 64mb" in kept
    assert crate.run(["stat", "--format", "%u %a", "/etc/redis/redis-gantry.conf"]).split() == [str(UID), "640"]


def test_nodes_and_sentinels_talk_tls_and_nothing_else(mixed: Estate) -> None:
    other = f"{PEMS}/other.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
    asker = mixed.hosts[1]
    asker.run(["openssl", "req", "-x509", *key, "-out", other, "-subj", "/CN=Another authority"])
    for host in mixed.hosts:
        for port in (NODE, SENTINEL):
            ping = ["-h", host.address, "-p", str(port), "PING"]
            code, _out, err = asker.attempt(["redis-cli", *ping], env={"REDISCLI_AUTH": PASSWORD})
            assert (code != 0, "PONG" in err) == (True, False)
            strange = ["redis-cli", "--tls", "--cacert", other, *ping]
            code, _out, err = asker.attempt(strange, env={"REDISCLI_AUTH": PASSWORD})
            assert (code != 0, "certificate verify failed" in err) == (True, True)
        rows = host.run(["ss", "--listening", "--tcp", "--numeric", "--no-header"]).splitlines()
        listening = {row.split()[3] for row in rows}
        assert {place for place in listening if place.startswith(f"{host.address}:")} == {
            f"{host.address}:{port}" for port in (NODE, SENTINEL)
        }


def test_the_certificate_of_each_process_is_found_by_what_is_declared(mixed: Estate) -> None:
    here = "(hostvars | gantry.odoo.certificate_places(groups, []))[inventory_hostname]"
    asked = {"files": f"{{{{ {here}.files }}}}", "endpoints": f"{{{{ {here}.endpoints }}}}"}
    tasks = [{"name": "Gather", "gantry.odoo.certificate_info": asked}]
    run = mixed.play([{"hosts": "cache", "gather_facts": False, "tasks": tasks}]).expect_success()
    for host in mixed.hosts:
        answer = run.results("Gather")[host.name]
        (one,) = answer["certificates"]
        assert one["served"] == [f"{host.address}:{port}" for port in (NODE, SENTINEL)]
        assert (one["name"], one["key_fits"], one["chain"], one["findings"]) == ("redis", True, "trusted", [])
        assert answer["unknown"] == []


@pytest.mark.deep
def test_a_planned_failover_over_tls_loses_no_write(mixed: Estate) -> None:
    old = primary(mixed)
    new = mixed.hosts[0] if old is not mixed.hosts[0] else mixed.hosts[1]
    with audited(mixed.hosts[2], *places(mixed), writes=200, authority=AUTHORITY) as audit:
        mixed.role("failover", {"redis_failover_to": new.address}, hosts=old.name).expect_success()
    assert mixed.roles()[new.name] == "master"
    assert_healthy(mixed)
    assert audit.lost == 0


@pytest.mark.deep
def test_a_renewed_certificate_is_taken_up_without_losing_a_write(mixed: Estate) -> None:
    old = {(host.name, port): shown(host, port) for host in mixed.hosts for port in (NODE, SENTINEL)}
    before = processes(mixed)
    renewed = {host.name: first_pem(certify(mixed, host)) for host in mixed.hosts}

    assert mixed.role("certificate", check=True).expect_success().changed > 0
    assert all(renewed[host.name] not in shown(host, port) for host in mixed.hosts for port in (NODE, SENTINEL))
    with audited(mixed.hosts[1], *places(mixed), writes=200, authority=AUTHORITY) as audit:
        assert mixed.role("certificate", serial=1).expect_success().changed > 0
    assert audit.lost == 0
    after = processes(mixed)
    for host in mixed.hosts:
        for port in (NODE, SENTINEL):
            assert renewed[host.name] in shown(host, port)
            assert shown(host, port) != old[host.name, port]
            # Sentinel alone has to start again for it
            assert (after[host.name, port] == before[host.name, port]) == (port == NODE)
    assert_healthy(mixed)
    assert [mixed.role("certificate", check=check).expect_success().changed for check in (True, False)] == [0, 0]


@pytest.mark.deep
def test_check_mode_goes_on_where_role_certificate_has_yet_to_install_the_pair(mixed: Estate) -> None:
    away = {f"redis_tls_{name}": f"/srv/pairs/{name}.pem" for name in ("certificate", "key", "ca")}
    published = {**away, "certificate_published": [*away.values()]}
    assert mixed.role("certificate", published, check=True).expect_success().changed > 0
    mixed.role("main", published, check=True).expect_success()
    for entry in ("certificate", "main"):
        assert "/srv/pairs/certificate.pem" in mixed.role(entry, away, check=True).expect_failure().errors[0]
    assert_healthy(mixed)


@pytest.mark.deep
def test_an_expired_certificate_that_redis_still_shows_is_replaced_too(mixed: Estate) -> None:
    host = mixed.hosts[2]
    good = {name: host.read(f"{PEMS}/{name}") for name in ("node.pem", "node.key")}
    certify(mixed, host, expired=True)
    set_both = ["CONFIG", "SET", "tls-cert-file", TLS["redis_tls_certificate"], "tls-key-file", TLS["redis_tls_key"]]
    assert mixed.cli(host, *set_both) == "OK"
    assert "certificate verify failed" in mixed.cli(host, "PING")
    refused = mixed.role("certificate", hosts=host.name).expect_failure()
    assert "certificate has expired" in refused.errors[0]
    gid = int(host.run(["getent", "group", "redis"]).split(":")[2])
    for name, content in good.items():
        host.write(f"{PEMS}/{name}", content, mode=0o640, gid=gid)
    mixed.role("certificate", hosts=host.name).expect_success()
    assert mixed.cli(host, "PING") == "PONG"
    until(lambda: None if "link_status:down" not in mixed.cli(host, "INFO", "replication") else "down", "the link", 30)
    assert_healthy(mixed)


@pytest.mark.deep
def test_files_that_redis_owns_are_not_rewritten_for_another_transport(mixed: Estate) -> None:
    file = "/etc/redis/redis-gantry.conf"
    before = {host.name: host.read(file) for host in mixed.hosts}
    run = mixed.role(extra={"redis_tls": False}).expect_failure()
    assert "was set up with TLS and redis_tls is false; the role does not rewrite" in run.errors[0]
    assert run.changed == 0
    assert {host.name: host.read(file) for host in mixed.hosts} == before


def test_an_image_that_nobody_can_bring_is_told_in_one_sentence(mixed: Estate) -> None:
    wish = {"redis_image": "gantry-lab/redis:absent", "redis_image_archive": ""}
    run = mixed.role("upgrade", wish, hosts="crate1").expect_failure()
    (told,) = run.errors
    assert "the image gantry-lab/redis:absent is not on this host, and no archive is given" in told


@pytest.mark.parametrize("entry", ["main", "upgrade"])
@pytest.mark.deep
def test_a_topology_without_nodes_is_refused_before_anything_is_touched(mixed: Estate, entry: str) -> None:
    run = mixed.role(entry, {"redis_nodes": []}, hosts="crate1").expect_failure()
    assert run.errors == [
        "redis_nodes is empty on crate1; name all data nodes of the topology, the same list on every host"
    ]
    assert run.changed == 0


def test_a_topology_that_is_not_healthy_is_not_patched(mixed: Estate, store: Path) -> None:
    lost = next(host for host in mixed.hosts[1:] if host is not primary(mixed))
    lost.run(["systemctl", "stop", UNITS[0][0]])
    try:
        before = processes(mixed)
        run = mixed.play("gantry.odoo.patch_redis", {"patch_redis_restart": True}).expect_failure()
        assert f"so no node can be spared: {lost.address}:{NODE} cannot be reached" in run.errors[0]
        assert processes(mixed) == before
        assert not store.exists()
    finally:
        lost.run(["systemctl", "start", UNITS[0][0]])
    link = ("INFO", "replication")
    until(lambda: None if "link_status:up" in mixed.cli(lost, *link) else "down", "the return of the replica", 30)


@pytest.mark.deep
def test_new_programs_and_a_new_image_are_taken_up_one_host_at_a_time_and_no_write_is_lost(
    mixed: Estate, image: dict[str, str], store: Path
) -> None:
    crate, first = mixed.hosts[0], primary(mixed)
    build = f"printf 'FROM {image['redis_image']}\\nLABEL gantry.test=next\\n' | docker build --tag {NEXT} -"
    crate.run(["sh", "-c", build])
    for host in mixed.hosts[1:]:
        host.run(["sh", "-c", REPLACE])
    identity = crate.run(["docker", "image", "ls", "--quiet", "--no-trunc", NEXT]).strip()
    before = processes(mixed)
    wish = {"redis_image": NEXT}
    # the role itself leaves what runs alone, and so does a check of the patch
    assert mixed.role(extra=wish).expect_success().changed == 0
    assert mixed.play("gantry.odoo.patch_redis", wish, check=True).expect_success().changed > 0
    assert (processes(mixed), primary(mixed)) == (before, first)
    with audited(mixed.hosts[1], *places(mixed), writes=200, authority=AUTHORITY) as audit:
        mixed.play("gantry.odoo.patch_redis", wish).expect_success()
    after = processes(mixed)
    assert audit.lost == 0
    assert not [place for place, process in before.items() if after[place] == process]
    assert {inspected(crate, name)["Image"] for name, _port in CONTAINERS} == {identity}
    assert primary(mixed) is not first
    assert_healthy(mixed)
    told = change_store.entries(store)
    change = [line for line in told if line["change"]["id"] == told[-1]["change"]["id"]]
    assert [line["event"] for line in change] == [
        "opened",
        "gate",
        *("begun", "proven") * 2,
        *("begun", "switched", "proven"),
        "closed",
    ]
    assert change[-2]["facts"]["host"] == first.name
    assert not [secret for secret in SECRETS if secret in change_store.text(store)]
    assert mixed.play("gantry.odoo.patch_redis", wish).expect_success().changed == 0
