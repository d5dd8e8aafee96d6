# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of tenants and hosts: the real plays, estate and change store, with the work on hosts noted instead of done.

The databases of the servers are a file, which the playbook's tasks on tenants write.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration import ansible
from tests.integration.ansible import PlaybookRun
from tests.lab.state import ROOT

NAMES = ("alpha", "bravo", "carol", "cecil", "delta")
_BLOCKS = ("tasks", "block", "rescue")
_REAL = ("gantry.odoo.estate", "gantry.odoo.change")
_NOTE = (
    "echo {{ inventory_hostname }} {{ odoo_entry | default('main') }}"
    " {% for one in estate.groups[estate.group_of[inventory_hostname]].instances %}"
    "{{ one.name }}:{{ one.http_port }}:{{ one.databases | join('+') }} {% endfor %} >> {{ sim }}/notes"
)
_MAKE = """
import json, sys
path, wanted = sys.argv[1], json.loads(sys.argv[2])
with open(path) as stream:
    held = json.load(stream)
for item in wanted:
    former = item.get("rename_from")
    held = [{**one, "name": item["name"]} if one["name"] == former else one for one in held]
    if item["name"] not in [one["name"] for one in held]:
        held.append({"name": item["name"], "open": True, "owner": item["owner"], "home": item.get("home")})
with open(path, "w") as stream:
    json.dump(held, stream)
"""
_LOCAL = {"delegate_to": "localhost", "changed_when": True}
_ODOO = [{"name": "note the instances", "ansible.builtin.shell": _NOTE, **_LOCAL}]
_TENANTS = [
    {
        "name": "make the databases",
        "ansible.builtin.command": {
            "argv": [
                sys.executable,
                "-c",
                _MAKE,
                "{{ sim }}/databases",
                "{{ estate.groups[estate.leads[inventory_hostname]].databases | to_json }}",
            ]
        },
        **_LOCAL,
    }
]
_NOTHING = [{"name": "nothing", "ansible.builtin.meta": "noop"}]
_ROUTES = {"name": "Manage the routes", "ansible.builtin.include_role": {"name": "gantry.odoo.traefik"}}


@dataclass
class Estate:
    """An estate on this machine. tenants: as declared. hosts: by group."""

    path: Path
    tenants: list[dict[str, Any]]
    hosts: dict[str, list[str]] = field(
        default_factory=lambda: {"app": ["app1"], "edge": ["edge1", "edge2"], "cache": ["cache1"], "database": ["db1"]}
    )

    def play(self, name: str, **extra: Any) -> PlaybookRun:
        """Run a playbook."""
        inventory = {
            "all": {
                "vars": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                    "ansible_become": False,
                    "change_classes": {"decommission": "standard"},
                    "change_store": {"directory": str(self.path / "store"), "outbox": str(self.path / "outbox")},
                    "sim": str(self.path),
                    "odoo_runtime_groups": ["app"],
                    "odoo_tenants": self.tenants,
                    "odoo_running_release": "r1",
                    "odoo_release": "2026.11.1",
                    "odoo_release_source": str(ROOT / "tests/lab/releases"),
                    "traefik_pending": [],
                    "precheck_repository": False,
                    "odoo_db_passwords": {"gantry": "none", **{f"odoo_{name}": "none" for name in (*NAMES, "shared")}},
                    "odoo_admin_passwords": dict.fromkeys(NAMES, "none"),
                    "backup_repository": {"bucket": "none"},
                    "redis_nodes": [{"host": "cache1", "port": 6379}],
                    "redis_password": "none",
                    "certificate_acme_directory": "https://acme.lab.example",
                    "backup_results": [{"tenant": "bravo", "id": "20261126T120000Z"}],
                    "odoo_command": ["odoo"],
                    "odoo_command_user": "odoo",
                },
                "children": {name: {"hosts": {host: {} for host in hosts}} for name, hosts in self.hosts.items()},
            }
        }
        groups: dict[str, Any] = inventory["all"]["children"]  # type: ignore[assignment]
        groups["app"]["vars"] = {"odoo_runtime": "systemd", "odoo_database_server": "db1"}
        groups["database"]["vars"] = {
            "postgresql_databases": "{{ lookup('ansible.builtin.file', sim ~ '/databases') | from_json }}",
            "postgresql_answers": True,
            "postgresql_silence": "",
        }
        return ansible.run_playbook(self.path / f"playbooks/{name}.yml", inventory, extra)

    @property
    def record(self) -> dict[str, Any]:
        """The newest estate record, read by other means than the collection's."""
        newest = sorted(path for path in (self.path / "store/estate").rglob("*") if path.is_file())[0]
        found: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
        return found

    def steps(self) -> list[str]:
        """The names of the tasks that would have worked on hosts since the last call."""
        file = self.path / "steps"
        said = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return said

    def notes(self) -> list[str]:
        """The instances that hosts were told to run since the last call."""
        file = self.path / "notes"
        said = file.read_text(encoding="utf-8").splitlines()
        file.unlink()
        return said


def own(name: str, **fields: Any) -> dict[str, Any]:
    """A tenant with an instance of its own."""
    routes = [{"host": f"{name}.lab.example"}]
    return {"name": name, "tenancy": "dedicated", "runtime": {"group": "app"}, "routes": routes, **fields}


def _works(task: dict[str, Any]) -> bool:
    """Whether a task works on hosts: by a module for them, or by a role."""
    role = task.get("ansible.builtin.include_role", {"name": _REAL[0]})["name"]
    return role not in _REAL or not {"gantry.odoo.odoo_database", "ansible.builtin.file"}.isdisjoint(task)


def _noted(task: dict[str, Any]) -> dict[str, Any]:
    """The task, with its name written down instead of its work on hosts done."""
    if not _works(task):
        return {name: [_noted(one) for one in part] if name in _BLOCKS else part for name, part in task.items()}
    note = {"cmd": "cat >> {{ sim }}/steps", "stdin": task["name"]}
    return {"name": task["name"], "ansible.builtin.shell": note, "when": task.get("when", True), **_LOCAL}


def _simulated(play: dict[str, Any]) -> dict[str, Any]:
    """The play without the roles that work on hosts."""
    tasks = [task for task in play.get("tasks", []) if not any(map(_works, task.get("block", [task])))]
    return {**play, **({"tasks": tasks} if tasks or "tasks" in play else {})}


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """The playbooks of the collection, without their work on hosts."""
    shutil.copytree(ROOT / "playbooks", tmp_path / "playbooks")
    for name in ("precheck", "site", "plays/platform"):
        path = tmp_path / f"playbooks/{name}.yml"
        plays = [_simulated(play) for play in yaml.safe_load(path.read_text(encoding="utf-8"))]
        path.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    for path in (tmp_path / "playbooks/tasks").glob("decommission_*.yml"):
        tasks = [_noted(task) for task in yaml.safe_load(path.read_text(encoding="utf-8"))]
        path.write_text(yaml.safe_dump(tasks, sort_keys=False), encoding="utf-8")
    noted = {"odoo": _ODOO, "tenants": _TENANTS, "routes_edge": [_noted(_ROUTES)]}
    for name, tasks in {**noted, "edge": _NOTHING, "plan_filter": _NOTHING}.items():
        (tmp_path / f"playbooks/tasks/{name}.yml").write_text(yaml.safe_dump(tasks), encoding="utf-8")
    (tmp_path / "databases").write_text("[]", encoding="utf-8")
    return Estate(tmp_path, [own("alpha"), own("bravo"), own("carol")])


def test_what_the_declaration_loses_is_not_lost(estate: Estate) -> None:
    estate.play("site").expect_success()
    assert estate.notes()[-1] == "app1 run alpha:8169:alpha bravo:8269:bravo carol:8369:carol shared:8069:"
    assert estate.record["ports"] == {"shared": 8069, "alpha": 8169, "bravo": 8269, "carol": 8369}
    (number,) = {home["number"] for home in estate.record["homes"].values()}
    assert estate.record["homes"] == {name: {"group": "app", "number": number} for name in ("alpha", "bravo", "carol")}
    assert estate.record["roster"] == ["app1", "cache1", "db1", "edge1", "edge2"]

    # a tenant is removed, and a host: the host is refused before anything is touched
    estate.tenants = [own("alpha"), own("carol")]
    estate.hosts["edge"].remove("edge2")
    refused = estate.play("precheck").expect_failure()
    assert refused.changed == 0
    (sentence,) = set(refused.errors)
    assert sentence.startswith("edge2 of the estate at the last run of gantry.odoo.site is no host of it any more")
    assert (
        'run gantry.odoo.site with -e \'{"site_released_hosts": ["edge2"]}\', or first gantry.odoo.resume' in sentence
    )

    # released on purpose: what remains keeps its ports, and the removed tenant is named
    run = estate.play("site", site_released_hosts=["edge2"]).expect_success()
    assert "edge2 left the estate for good" in run.stdout
    assert "tenant bravo is not declared any more and lives on app" in run.stdout
    assert estate.notes()[-1] == "app1 run alpha:8169:alpha carol:8369:carol shared:8069:"
    assert estate.record["ports"]["bravo"] == 8269
    assert estate.record["roster"] == ["app1", "cache1", "db1", "edge1"]

    # a new one does not get the port that the removed one listens on, and a renamed one keeps its own
    estate.tenants = [own("alpha"), own("cecil", renamed_from="carol"), own("delta")]
    estate.play("site").expect_success()
    assert estate.notes()[-1] == "app1 run alpha:8169:alpha carol:8369:cecil delta:8469:delta shared:8069:"
    held = json.loads((estate.path / "databases").read_text(encoding="utf-8"))
    assert sorted(one["name"] for one in held) == ["alpha", "bravo", "cecil", "delta"]
    assert sorted(estate.record["homes"]) == ["alpha", "bravo", "cecil", "delta"]


def test_a_tenant_leaves_in_steps_that_are_recorded(estate: Estate) -> None:
    estate.play("site").expect_success()
    (refused,) = set(estate.play("decommission", tenant="bravo").expect_failure().errors)
    assert "tenant bravo is not declared with state decommissioned" in refused
    assert not (estate.path / "steps").exists()

    estate.tenants[1] = own("bravo", state="decommissioned", hold_until="2999-12-31")
    estate.play("decommission", tenant="bravo").expect_success()
    # one of each edge
    routes = ["Manage the routes"] * 2
    assert estate.steps() == [
        *routes,
        "Block the database once its jobs have ended",
        "Back up",
        "Restore the backup for proof",
        "Stop the tenant's own instance for good",
    ]
    held = estate.record["leaving"]["bravo"]
    assert (held["phase"], held["backup"]) == ("held", "20261126T120000Z")

    estate.tenants[1] = own("bravo", state="decommissioned", hold_until="2020-01-31")
    estate.play("decommission", tenant="bravo").expect_success()
    assert estate.steps() == [
        "Stop the tenant's own instance for good",
        "Back up once more, which is compared before anything is dropped",
        "Drop the database, its files go to the recycle directory",
        "Remove the configuration of its own instance",
        *routes,
    ]
    assert estate.record["leaving"]["bravo"]["phase"] == "gone"
    assert "bravo" not in {**estate.record["ports"], **estate.record["homes"], **estate.record["tenants"]}
