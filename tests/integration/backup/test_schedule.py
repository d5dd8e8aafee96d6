# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers on a real systemd: installed, accepted by it, started, and removed again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.backup.conftest import HOST, Estate

RUNNER = "/srv/run-playbook"
# In place of ansible-playbook, which this host does not have: writes down how it was called.
SCRIPT = """#!/usr/bin/python3
import getpass, json, os, sys
given = sys.argv[1:]
vault = open(given[given.index("--vault-password-file") + 1]).read()
called = {"argv": given, "user": getpass.getuser(), "cwd": os.getcwd(), "vault": vault}
print(json.dumps(called), file=open("/tmp/called.json", "w"))
sys.exit("fail" in given[-1])
"""
VARIABLES = {
    "estate_schedule_command": [RUNNER],
    "estate_schedule_inventory": "/srv/inventory.yml",
    "estate_schedule_directory": "/srv",
    "estate_schedule_user": "odoo",
    "estate_schedule_vault_password_file": "/root/vault-password",
    "estate_schedule_on_failure": ["noted.service"],
}
TOLD = "{{ told + [{'changed': estate_changed, 'timers': seen.stdout | from_json}] }}"
INPUTS = {"note": 'a "quoted" word, 100% and $HOME', "tier": 1}


def converging(schedule: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The role with a schedule, by default its own, and then the timers that systemd has."""
    given = {**VARIABLES, **({"estate_schedule": schedule} if schedule is not None else {})}
    role = {"name": "gantry.odoo.estate", "tasks_from": "schedule"}
    command = "systemctl list-timers gantry-schedule-* --all --output=json"
    return [
        {"name": "timers", "ansible.builtin.include_role": role, "vars": given},
        {"name": "seen", "ansible.builtin.command": command, "register": "seen", "check_mode": False},
        {"name": "told", "ansible.builtin.set_fact": {"told": TOLD}},
    ]


@pytest.mark.deep
def test_timers_are_installed_run_and_removed(estate: Estate, run_playbook: Callable[..., Any]) -> None:
    estate.host.write(RUNNER, SCRIPT, mode=0o755)
    estate.host.write("/root/vault-password", "secret of the vault", mode=0o600)
    estate.host.write("/etc/systemd/system/noted.service", "[Service]\nType=oneshot\nExecStart=/bin/touch /srv/noted\n")
    # as systemd does it itself where it boots a machine: credentials of a service are a mount
    estate.shell("mount --make-rshared /; systemctl daemon-reload")
    own = {"name": "own", "playbook": "gantry.odoo.backup", "calendar": "hourly", "inputs": INPUTS}
    failing = {"name": "failing", "playbook": "gantry.odoo.backup", "calendar": "daily", "inputs": {"way": "fail"}}

    def converge(*passes: list[dict[str, Any]], check: bool = False) -> list[tuple[bool, set[str]]]:
        """Whether each pass has changed something, and the timers that are there then."""
        tasks = [{"name": "begin", "ansible.builtin.set_fact": {"told": []}}, *(one for each in passes for one in each)]
        run = run_playbook([{"hosts": HOST, "gather_facts": False, "tasks": tasks}], check=check).expect_success()
        told = run.results("told")[HOST]["ansible_facts"]["told"]
        return [(bool(one["changed"]), {timer["unit"] for timer in one["timers"]}) for one in told]

    jobs = ("tier1", "tier2", "tier3", "expiry", "drill", "check", "compliance", "certificates")
    by_tier = {f"gantry-schedule-{name}.timer" for name in jobs}
    assert converge(converging(), check=True) == [(True, set())]
    assert converge(converging(), converging()) == [(True, by_tier), (False, by_tier)]
    assert converge(converging(), check=True) == [(False, by_tier)]
    estate.shell("systemd-analyze verify /etc/systemd/system/gantry-schedule-*")
    assert estate.shell("systemctl is-enabled gantry-schedule-tier1.timer").strip() == "enabled"

    # another schedule: the units of the former one go
    mine = {"gantry-schedule-own.timer", "gantry-schedule-failing.timer"}
    assert converge(converging([own, failing])) == [(True, mine)]
    assert estate.shell("ls /etc/systemd/system | grep -c ^gantry-schedule-").strip() == "4"
    estate.shell("systemctl start gantry-schedule-own.service")
    called = json.loads(estate.shell("cat /tmp/called.json"))
    assert json.loads(called["argv"][-1]) == INPUTS
    assert called["argv"][:3] == ["-i", "/srv/inventory.yml", "gantry.odoo.backup"]
    assert (called["user"], called["cwd"], called["vault"]) == ("odoo", "/srv", "secret of the vault")
    assert estate.host.attempt(["systemctl", "start", "gantry-schedule-failing.service"])[0] != 0
    estate.shell("for try in $(seq 50); do [ -e /srv/noted ] && exit; sleep 0.1; done; exit 1")

    # a job that follows others runs at the end of each, a good one and one that fails
    following = {**own, "name": "following", "after": ["own", "failing"], "inputs": {"note": "follows"}}
    later = {*mine, "gantry-schedule-following.timer"}
    assert converge(converging([own, failing, following])) == [(True, later)]
    estate.shell("systemd-analyze verify /etc/systemd/system/gantry-schedule-*")
    for name in ("own", "failing"):
        estate.shell("rm -f /tmp/called.json")
        estate.host.attempt(["systemctl", "start", f"gantry-schedule-{name}.service"])
        estate.shell("for try in $(seq 50); do grep -q follows /tmp/called.json && exit; sleep 0.1; done; exit 1")

    assert converge(converging([]), converging([])) == [(True, set()), (False, set())]
