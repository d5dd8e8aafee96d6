# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gantry.odoo.patch_redis on three hosts under writers: one host at a time, the primary last, no write lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Host, Lab

from .audit import audited
from .rig import LOGINS, PASSWORD

NAMES = ("cache1", "cache2", "cache3")
UNITS = ("redis-server@gantry", "redis-sentinel@gantry")
# What dpkg does to the program of a process that runs: another file takes its name.
REPLACE = "program=$(readlink -f /usr/bin/redis-server); cp -p $program $program.new; mv $program.new $program"


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> list[Host]:
    """Three hosts for Redis."""
    found = lab.up(NAMES)
    return [found[name] for name in NAMES]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of this machine for these tests."""
    return tmp_path_factory.mktemp("ledger") / "ledger.jsonl"


@pytest.fixture(scope="module")
def play(lab: Lab, hosts: list[Host], ledger: Path, run_playbook: Callable[..., PlaybookRun]) -> Callable[..., Any]:
    """Run a play or a playbook on the three hosts, whose topology is declared in the inventory."""
    declared = {
        "redis_nodes": [{"host": host.address} for host in hosts],
        "redis_purpose": "session",
        "redis_settings": {"maxmemory": "64mb"},
        "redis_password": PASSWORD,
        **{f"redis_{name}": value for name, value in LOGINS.items()},
        "gantry_ledger": str(ledger),
    }
    members = {host.name: lab.connection(host.name) for host in hosts}
    inventory = {"all": {"children": {"cache": {"hosts": members, "vars": declared}}}}

    def run(playbook: Any, extra: dict[str, Any] | None = None, **options: Any) -> PlaybookRun:
        return run_playbook(playbook, inventory, extra, **options)

    role = {"name": "Redis", "ansible.builtin.include_role": {"name": "gantry.odoo.redis"}}
    run([{"hosts": "cache", "gather_facts": False, "tasks": [role]}]).expect_success()
    return run


def processes(hosts: list[Host]) -> dict[tuple[str, str], str]:
    """The main process of each unit on each host."""
    argv = ["systemctl", "show", "--property", "MainPID", "--value"]
    return {(host.name, unit): host.run([*argv, unit]).strip() for host in hosts for unit in UNITS}


def master(hosts: list[Host]) -> str:
    """The host whose Redis is the only master."""
    env = {"REDISCLI_AUTH": PASSWORD}
    roles = {host.name: host.run(["redis-cli", "ROLE"], env=env).splitlines()[0] for host in hosts}
    assert sorted(roles.values()) == ["master", "slave", "slave"]
    return next(name for name, role in roles.items() if role == "master")


def test_where_every_process_runs_the_newest_program_nothing_is_changed(
    hosts: list[Host], play: Callable[..., PlaybookRun]
) -> None:
    before = processes(hosts)
    assert play("gantry.odoo.patch_redis").expect_success().changed == 0
    assert processes(hosts) == before


def test_a_new_program_is_taken_up_by_one_host_at_a_time_and_no_write_is_lost(
    hosts: list[Host], play: Callable[..., PlaybookRun], ledger: Path
) -> None:
    first = master(hosts)
    for host in hosts:
        host.run(["sh", "-c", REPLACE])
    before = processes(hosts)
    foretold = play("gantry.odoo.patch_redis", check=True).expect_success()
    assert foretold.changed > 0
    assert processes(hosts) == before
    assert master(hosts) == first
    places = [(host.address, 6379) for host in hosts], [(host.address, 26379) for host in hosts]
    with audited(hosts[0], *places, writes=200) as audit:
        play("gantry.odoo.patch_redis").expect_success()
    after = processes(hosts)
    assert not [unit for unit, process in before.items() if after[unit] == process]
    assert master(hosts) != first
    assert audit.lost == 0
    told = [json.loads(line) for line in ledger.read_text().splitlines()]
    change = [line for line in told if line["change"]["id"] == told[-1]["change"]["id"]]
    assert [line["event"] for line in change] == ["opened", "proven", "proven", "switched", "proven", "closed"]
    assert change[-2]["facts"]["host"] == first
    assert PASSWORD not in ledger.read_text()
    assert play("gantry.odoo.patch_redis").expect_success().changed == 0


def test_a_topology_that_is_not_whole_is_not_patched(
    hosts: list[Host], play: Callable[..., PlaybookRun], ledger: Path
) -> None:
    lost = next(host for host in hosts if host.name != master(hosts))
    lines = len(ledger.read_text().splitlines())
    lost.run(["systemctl", "stop", UNITS[0]])
    try:
        before = processes(hosts)
        run = play("gantry.odoo.patch_redis", {"patch_restart": True}).expect_failure()
        assert f"Redis is not whole, so no node can be spared: {lost.address}:6379 cannot be reached" in run.errors[0]
        assert processes(hosts) == before
        assert len(ledger.read_text().splitlines()) == lines
    finally:
        lost.run(["systemctl", "start", UNITS[0]])
