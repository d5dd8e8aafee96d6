# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run of ansible-playbook: the declaration is verified and placed, then each host renders its own part.

The plays are those of gantry.odoo.precheck, without the tasks that connect to a host: what the database servers hold is
in the inventory, as role postgresql would have published it.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tests.bench.harness import Contender, Result, Timed, compare
from tests.integration.ansible import run_playbook
from tests.lab.state import ROOT

SMALL, LARGE = (80, 24), (500, 60)
DEDICATED = 5  # one tenant of so many
# What a task that connects to a host, or judges what one said, has in it.
CONNECTING = ("ansible.builtin.ping", "gantry.odoo.backup_policy", "__precheck_reached", "tasks/plan_filter.yml")
RELEASE = "2026.11.1"
SERVERS = "gantry.odoo.postgresql"
RENDER = "Render the part of this host"
# As an operator runs it; the callback of the tests would write every result down.
CALLBACK = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
# What the roles give to their modules on each kind of host.
PART = """\
{{ __odoo_files if inventory_hostname in estate.group_of
   else estate.roles[inventory_hostname] | gantry.odoo.with_secrets(odoo_db_passwords, by='name', field='password')
   if inventory_hostname in estate.roles
   else estate.routes if inventory_hostname in groups['edge'] else [] }}"""


def run(_erp: object) -> list[Result]:
    """80 tenants on 24 hosts, and 500 on 60."""
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as directory:
        playbook = precheck(Path(directory))
        small, large = (contender(playbook, *size) for size in (SMALL, LARGE))
        seconds = compare("estate", [large, small])
    facts = {"small_s": round(seconds.median(small.name), 3), "tenants": LARGE[0], "hosts": LARGE[1]}
    return [Result("estate", large.name, {large.name: seconds.seconds[large.name]}, facts)]


def contender(playbook: Path, tenants: int, hosts: int) -> Contender:
    """The run for an estate of that size, whose inventory is made here."""
    inventory = playbook.parents[1] / f"inventory-{hosts}"
    declare(inventory, tenants, hosts)

    def timed() -> Timed:
        begun = time.monotonic()
        done = run_playbook(playbook, inventory, diff=False, env=CALLBACK)
        seconds = time.monotonic() - begun
        assert done.rc == 0, f"ansible-playbook ended with {done.rc}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
        rendered = done.stdout.partition(f"[{RENDER}]")[2].count("ok: [")
        assert rendered == hosts, f"{rendered} of {hosts} hosts rendered their part"
        return Timed(seconds, "")

    return Contender(f"{tenants} tenants on {hosts} hosts", timed)


def precheck(directory: Path) -> Path:
    """The playbooks of the collection, with a precheck that connects to no host, and a last play that renders."""
    shutil.copytree(ROOT / "playbooks", directory / "playbooks")
    path = directory / "playbooks/precheck.yml"
    plays = [play for play in yaml.safe_load(path.read_text(encoding="utf-8")) if not _asks_servers(play)]
    for play in plays:
        play["tasks"] = [task for task in play["tasks"] if not _connects(task)]
    (run_odoo,) = yaml.safe_load((directory / "playbooks/tasks/odoo.yml").read_text(encoding="utf-8"))
    render = {
        "name": "Render",
        "hosts": "all",
        "gather_facts": False,
        "vars": {**_vars("odoo/defaults"), **_vars("odoo/vars")},
        "tasks": [{"name": RENDER, "ansible.builtin.set_fact": {"part": PART}, "vars": run_odoo["vars"]}],
    }
    plays.append(render)
    path.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    return path


def _asks_servers(play: dict[str, Any]) -> bool:
    """Whether a play asks PostgreSQL what it holds, which the inventory says here."""
    return any(task.get("ansible.builtin.include_role", {}).get("name") == SERVERS for task in play["tasks"])


def _connects(task: dict[str, Any]) -> bool:
    """Whether a task connects to hosts, also in a block, or judges what such a one has found."""
    return any(one in str(task) for one in CONNECTING)


def _vars(directory: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "roles" / directory / "main.yml").read_text(encoding="utf-8"))
    return found


def declare(directory: Path, tenants: int, hosts: int) -> None:
    """Write the inventory of an estate: 2 edges, 3 caches, and groups of 4 nodes with a database server for each."""
    groups = (hosts - 5) // 5
    nodes = hosts - 5 - groups
    named = [f"tenant{number:03d}" for number in range(tenants)]
    group_of = {name: f"app{place % groups}" for place, name in enumerate(named)}
    children: dict[str, Any] = {
        "edge": {"hosts": {f"edge{number}": {} for number in range(2)}},
        "cache": {"hosts": {f"cache{number}": {} for number in range(3)}},
        "database": {"hosts": {f"db{number}": _holds(group_of, f"app{number}") for number in range(groups)}},
    }
    for number in range(groups):
        children[f"app{number}"] = {
            "hosts": {f"node{place}": {"ansible_host": f"10.0.0.{place}"} for place in range(number, nodes, groups)},
            "vars": {"odoo_runtime": "systemd", "odoo_database_server": f"db{number}"},
        }
    declared = [_tenant(name, group_of[name], place % DEDICATED == 0) for place, name in enumerate(named)]
    users = ["gantry", "odoo_shared", *(f"odoo_{tenant['name']}" for tenant in declared)]
    variables = {
        "ansible_connection": "local",
        "odoo_release": RELEASE,
        "odoo_release_source": str(directory.parent / "releases"),
        "odoo_tenants": declared,
        "odoo_db_passwords": {user: f"password of {user}" for user in users},
        "odoo_admin_passwords": {tenant["name"]: f"password of {tenant['name']}" for tenant in declared},
    }
    addon = directory.parent / "releases" / RELEASE / "addons" / "base_estate"
    for made in (directory / "group_vars", addon):
        made.mkdir(parents=True, exist_ok=True)
    (addon / "__manifest__.py").write_text("{}", encoding="utf-8")
    for path, content in (("hosts.yml", {"all": {"children": children}}), ("group_vars/all.yml", variables)):
        (directory / path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _tenant(name: str, group: str, dedicated: bool) -> dict[str, Any]:
    return {
        "name": name,
        "tier": 2,
        "tenancy": "dedicated" if dedicated else "shared",
        "addons": ["account", "project", "purchase", "stock"],
        "parameters": {"mail.default.from": f"erp@{name}.example"},
        "routes": [
            {"audience": "public", "host": f"{name}.erp.example"},
            {"audience": "internal", "host": f"{name}.erp.internal", "allow": ["10.20.0.0/16"]},
        ],
        "runtime": {"group": group},
    }


def _holds(group_of: dict[str, str], group: str) -> dict[str, Any]:
    """What role postgresql publishes of the server of a group."""
    databases = [
        {"name": name, "owner": "odoo_shared", "open": True} for name, home in group_of.items() if home == group
    ]
    return {
        "postgresql_answers": True,
        "postgresql_databases": databases,
        "postgresql_tls_certificate": "certificate",
    }
