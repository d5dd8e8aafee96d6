# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a container host beside two hosts with systemd, all behind TLS: set up, certified anew, and patched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab import images
from tests.lab.hosts import Host, Lab

from .audit import audited
from .estate import AUTHORITY, NODE, SENTINEL, TLS, Estate, assert_four_beats, estate
from .rig import PASSWORD

CONTAINERS = ("redis-server-gantry", "redis-sentinel-gantry")
UID = 6379


@pytest.fixture(scope="module")
def image(lab: Lab) -> dict[str, str]:
    """The image, and the archive that brings it to a host."""
    tag = images.ensure(lab.client, ["redis"])["redis"]
    return {"redis_image": tag, "redis_image_archive": str(images.export(lab.client, "redis"))}


@pytest.fixture(scope="module")
def mixed(
    lab: Lab, run_playbook: Callable[..., PlaybookRun], image: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Estate]:
    """A container host and two others, which hold certificates, and nothing of Redis yet."""
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    wish = {"redis_purpose": "session", "redis_settings": {"maxmemory": "64mb"}, "gantry_ledger": str(ledger), **TLS}
    kinds = {"crate1": "box", "crate2": "vm", "crate3": "vm"}
    runtime = "{{ 'docker' if inventory_hostname == 'crate1' else 'systemd' }}"
    with estate(lab, kinds, run_playbook, redis_runtime=runtime, **image, **wish) as mixed:
        for host in mixed.hosts:
            mixed.certify(host, gid=UID if host.name == "crate1" else None)
        yield mixed


def inspected(host: Host, name: str) -> dict[str, Any]:
    """What the host's engine says of a container."""
    found: list[dict[str, Any]] = json.loads(host.run(["docker", "inspect", name]))
    return found[0]


def assert_whole(mixed: Estate) -> None:
    """One master that both others follow by a link that is up, and three Sentinels that agree."""
    assert sorted(mixed.roles().values()) == ["master", "slave", "slave"]
    for host in mixed.hosts:
        assert "master_link_status:down" not in mixed.cli(host, "INFO", "replication")
        assert mixed.cli(host, "SENTINEL", "CKQUORUM", "main", port=SENTINEL).startswith("OK 3 usable")


def test_without_an_image_nothing_is_touched(mixed: Estate) -> None:
    run = mixed.role(extra={"redis_image": ""}, hosts="crate1").expect_failure()
    assert "redis_image is empty; name the image with its tag" in run.errors[0]
    assert mixed.hosts[0].attempt(["test", "-e", "/etc/redis"])[0] == 1


def test_a_container_host_takes_part_in_four_beats(mixed: Estate) -> None:
    assert_four_beats(mixed.role)
    assert_whole(mixed)
    crate = mixed.hosts[0]
    for name in CONTAINERS:
        seen = inspected(crate, name)
        confined = seen["HostConfig"]
        assert (confined["ReadonlyRootfs"], confined["CapDrop"], confined["NetworkMode"]) == (True, ["ALL"], "host")
        assert "no-new-privileges" in str(confined["SecurityOpt"])
        assert seen["Config"]["User"] == f"{UID}:{UID}"
        assert PASSWORD not in json.dumps(seen, ensure_ascii=False)
    # what Redis was told at run time is in the file that a new container starts from
    kept = crate.read("/etc/redis/redis-gantry.conf").decode()
    assert "maxmemory 64mb" in kept
    assert crate.run(["stat", "--format", "%u %a", "/etc/redis/redis-gantry.conf"]).split() == [str(UID), "640"]


def test_a_renewed_certificate_is_taken_up_in_the_containers(mixed: Estate) -> None:
    crate = mixed.hosts[0]
    before = {name: inspected(crate, name)["State"]["Pid"] for name in CONTAINERS}
    renewed = mixed.certify(crate, gid=UID).decode().partition("-----END CERTIFICATE-----")[0]
    mixed.role("certificate", hosts="crate1").expect_success()
    for port in (NODE, SENTINEL):
        show = f"openssl s_client -connect {crate.address}:{port} </dev/null"
        assert renewed in crate.run(["timeout", "10", "sh", "-c", show])
    after = {name: inspected(crate, name)["State"]["Pid"] for name in CONTAINERS}
    assert [after[name] == before[name] for name in CONTAINERS] == [True, False]
    assert mixed.role("certificate", hosts="crate1").expect_success().changed == 0
    assert_whole(mixed)


def test_another_image_is_taken_up_and_no_write_is_lost(mixed: Estate, image: dict[str, str]) -> None:
    crate = mixed.hosts[0]
    if mixed.roles()[crate.name] != "master":
        mixed.role("switch", {"redis_switch_to": crate.address}, hosts="crate2").expect_success()
    other = "gantry-lab/redis:next"
    build = f"printf 'FROM {image['redis_image']}\\nLABEL gantry.test=next\\n' | docker build --tag {other} -"
    crate.run(["sh", "-c", build])
    identity = crate.run(["docker", "image", "ls", "--quiet", "--no-trunc", other]).strip()
    before = {name: inspected(crate, name)["Image"] for name in CONTAINERS}
    wish = {"redis_image": other}
    # the role itself leaves what runs alone
    assert mixed.role(extra=wish).expect_success().changed == 0
    assert {name: inspected(crate, name)["Image"] for name in CONTAINERS} == before
    places = [(host.address, NODE) for host in mixed.hosts], [(host.address, SENTINEL) for host in mixed.hosts]
    with audited(mixed.hosts[1], *places, writes=200, authority=AUTHORITY) as audit:
        mixed.play("gantry.odoo.patch_redis", wish).expect_success()
    assert audit.lost == 0
    assert {inspected(crate, name)["Image"] for name in CONTAINERS} == {identity}
    assert mixed.roles()[crate.name] == "slave"
    assert_whole(mixed)
    assert mixed.play("gantry.odoo.patch_redis", wish).expect_success().changed == 0


def test_an_image_that_nobody_can_bring_is_told_in_one_sentence(mixed: Estate) -> None:
    wish = {"redis_image": "gantry-lab/redis:absent", "redis_image_archive": ""}
    run = mixed.role("upgrade", wish, hosts="crate1").expect_failure()
    (told,) = run.errors
    assert told.startswith("Image gantry-lab/redis:absent is not on crate1 and redis_image_archive is empty")
