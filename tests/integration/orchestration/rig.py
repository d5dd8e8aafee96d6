# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's own playbooks on a world: real plays, estate, change store and leases; hosts are a file.

A copy of the collection has actions of the world's in the place of the modules and of the roles' entry points that
reach for a host. Everything that decides is the collection's.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import outbox
from tests.integration import ansible
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.world import Cache, Copy, Node, World
from tests.lab.state import ROOT

HERE = Path(__file__).parent
# The modules that reach for a host, and what stands in the place of Ansible's own.
MODULES = (
    "odoo_database",
    "odoo_database_info",
    "odoo_backup",
    "odoo_backup_check",
    "odoo_backup_info",
    "odoo_restore",
    "backup_policy",
    "backup_compliance",
    "odoo_backup_copy",
    "traefik_proof",
    "certificate_info",
)
BUILTIN = {
    "ansible.builtin.ping": "gantry.odoo.reach",
    "ansible.builtin.wait_for_connection": "gantry.odoo.connect",
    "ansible.builtin.uri": "gantry.odoo.fetch",
    "ansible.builtin.stat": "gantry.odoo.look",
    "ansible.builtin.group": "gantry.odoo.account",
}
# What a role's entry point is given, by role.
GIVEN = {
    "odoo": {"release": "{{ odoo_release | default('') }}", "fencing_number": "{{ odoo_fencing_number | default(0) }}"},
    "postgresql": {},
    "traefik": {
        "routes": "{{ traefik_routes }}",
        "fencing_number": "{{ traefik_routes_fencing_number | default(0) }}",
        "require_all_servers": "{{ traefik_routes_require_all_servers | default(false) }}",
        "settle": "{{ traefik_routes_settle | default('each') }}",
        "dynamic_dir": "{{ traefik_dynamic_dir | default('') }}",
    },
    "certificate": {
        "requests": "{{ certificate_requests }}",
        "hosts": "{{ certificate_hosts | default([]) }}",
        "force": "{{ certificate_force | default(false) }}",
        "forced_by": "{{ certificate_forced_by | default('') }}",
        "results": "{{ certificate_results | default([]) }}",
        "revoke": "{{ certificate_revoke | default([]) }}",
        "shown": "{{ certificate_shown | default([]) }}",
    },
    "redis": {"to": "{{ redis_failover_to | default('') }}"},
    "backup": {},
}
# Entry points that are the roles' own: they call modules of the world's.
REAL = {("backup", "run"), ("backup", "check"), ("backup", "drill"), ("backup", "copy")}
# What is refused as an extra variable, so that an inventory declares it.
DECLARED = (
    "odoo_tenants",
    "change_store",
    "change_classes",
    "change_identities",
    "change_gated_tiers",
    "change_calendars",
    "change_score_thresholds",
)
# The tenants that are declared.
TENANTS: list[dict[str, Any]] = [
    {
        "name": name,
        "tenancy": "dedicated",
        "tier": 2,
        "runtime": {"group": "app"},
        "routes": [{"host": f"{name}.example.com"}],
    }
    for name in ("harbour", "quarry")
]
ACTION = """from ansible_collections.gantry.odoo.plugins.plugin_utils.simulated import Simulated


class ActionModule(Simulated):
    STEP = "{step}"
"""


@dataclass(frozen=True)
class Rig:
    """A world, its change store, and the copy of the collection that acts on it.

    beside: hosts of the inventory that are none of the estate, with their variables. own: further variables of others.
    """

    path: Path
    collection: Path
    server: ansible.Server
    beside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The file of the world."""
        return self.path / "world.json"

    @property
    def store(self) -> Path:
        """The change store."""
        return self.path / "store"

    @property
    def world(self) -> World:
        """The world as it is."""
        return worlds.read(self.file)

    def change(self, **values: Any) -> None:
        """Set fields of the world."""
        with worlds.opened(self.file) as world:
            for name, value in values.items():
                setattr(world, name, value)

    def mend(self) -> None:
        """End the fault: hosts that were off run again, the store is back."""
        gone = self.store.with_suffix(".gone")
        if gone.exists():
            if self.store.is_dir():
                shutil.rmtree(self.store)
            self.store.unlink(missing_ok=True)
            gone.rename(self.store)
        with worlds.opened(self.file) as world:
            for name in world.gone:
                for machines in (world.nodes, world.caches):
                    if name in machines:
                        machines[name].running = True
            world.gone, world.fault = [], {}

    def twin(self, name: str) -> Rig:
        """Another rig beside this one, whose world and store are as this one's are."""
        return self.copy(self.path.with_name(f"{self.path.name}-{name}"))

    def copy(self, path: Path) -> Rig:
        """Another rig in a directory, whose world and store are as this one's are."""
        made = replace(self, path=path)
        shutil.copytree(self.path, made.path)
        # what was not recorded yet is kept by the address of the store
        held = made.path / "outbox" / Path(outbox(self.variables()["change_store"]).directory).name
        if held.exists():
            held.rename(outbox(made.variables()["change_store"]).directory)
        return made

    def play(
        self, name: str, *, check: bool = False, limit: str = "", env: Mapping[str, str] | None = None, **extra: Any
    ) -> ansible.PlaybookRun:
        """Run a playbook of the collection. env: variables of the environment, such as settings of ansible-core.

        What the inventory declares is declared there in another way; the others are extra variables.
        """
        declared = {name: extra.pop(name) for name in DECLARED if name in extra}
        return ansible.run_playbook(
            self.collection / f"ansible_collections/gantry/odoo/playbooks/{name}.yml",
            self.inventory(declared),
            extra,
            check=check,
            arguments=["--limit", limit] if limit else None,
            env={**env, "ANSIBLE_COLLECTIONS_PATH": str(self.collection)} if env else None,
            server=self.server,
        )

    def inventory(self, declared: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Two groups of Odoo hosts on two database servers, two edges, three caches: all of them this machine.

        declared: what is declared in another way.
        """
        world = self.world
        groups: dict[str, dict[str, Any]] = {}
        for name, node in world.nodes.items():
            groups.setdefault(node.group, {"hosts": {}, "vars": {}})["hosts"][name] = {"ansible_host": name}
            groups[node.group]["vars"] = {
                "odoo_runtime": "docker" if node.server == name else "systemd",
                "odoo_database_server": node.server,
            }
        groups["edge"] = {"hosts": {name: {"traefik_dynamic_dir": worlds.watched(name)} for name in world.routes}}
        groups["cache"] = {"hosts": {name: self.own.get(name, {}) for name in world.caches}}
        groups["database"] = {"hosts": {"db1": self.own.get("db1", {})}}
        groups["beside"] = {"hosts": dict(self.beside)}
        return {"all": {"vars": {**self.variables(), **(declared or {})}, "children": groups}}

    def variables(self) -> dict[str, Any]:
        """What the inventory declares for all hosts."""
        return {
            "ansible_connection": "local",
            "ansible_become": False,
            # what is not there for the localhost of ansible-core
            "ansible_ssh_private_key_file": "{{ inventory_dir }}/key",
            "sim_world": str(self.file),
            "change_store": {"directory": str(self.store), "outbox": str(self.path / "outbox")},
            "change_gated_tiers": [],
            # what asks for papers is tried in test_gate.py
            "change_classes": {"migrate": "standard", "patch_redis": "standard", "decommission": "standard"},
            "odoo_runtime_groups": ["app", "box"],
            "odoo_tenants": TENANTS,
            "odoo_release": "r1",
            "odoo_db_passwords": {
                "gantry": "a",
                "odoo_harbour": "b",
                "odoo_quarry": "c",
                "odoo_shared": "d",
                "odoo_wharf": "j",
            },
            "odoo_admin_passwords": {"harbour": "e", "quarry": "f", "wharf": "k"},
            "redis_password": "g",
            "redis_nodes": [{"host": name, "port": 6379} for name in self.world.caches],
            "backup_repository": {
                "bucket": "backup",
                "access_key": "h",
                "secret_key": "i",
                "keys": [{"name": "estate", "secret": base64.b64encode(b"l" * 32).decode()}],
            },
            "certificate_acme_directory": "https://acme.example.com/directory",
        }


def estate() -> World:
    """An estate that was converged: two tenants on two nodes, a container host beside them."""
    world = World(
        nodes={"app1": Node("app", "db1"), "app2": Node("app", "db1"), "box1": Node("box", "box1")},
        servers={"db1": {"harbour": Copy(), "quarry": Copy()}, "box1": {}},
        caches={"cache1": Cache(primary=True), "cache2": Cache(), "cache3": Cache()},
    )
    nodes = [{"url": f"http://{name}:8169", "drained": False} for name in ("app1", "app2")]
    for edge in ("edge1", "edge2"):
        world.routes[edge] = [
            {"name": f"{tenant}-public", "mode": "serve", "servers": nodes} for tenant in ("harbour", "quarry")
        ]
    return world


def make(path: Path, collection: Path, server: ansible.Server) -> Rig:
    """A world in a directory, with the copy of the collection that acts on it."""
    rig = Rig(path, collection, server)
    worlds.write(rig.file, estate())
    return rig


def copy_collection(path: Path) -> Path:
    """The collection with actions of the world's, below `path`."""
    made = path / "ansible_collections/gantry/odoo"
    made.mkdir(parents=True)
    for name in ("galaxy.yml", "meta"):
        (made / name).symlink_to(ROOT / name)
    for name in ("playbooks", "plugins", "roles"):
        shutil.copytree(ROOT / name, made / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("world.py", "simulated.py"):
        shutil.copy(HERE / name, made / "plugins/plugin_utils" / name)
    for step in (*MODULES, *GIVEN, *(one.rpartition(".")[2] for one in BUILTIN.values())):
        (made / f"plugins/action/{step}.py").write_text(ACTION.format(step=step), encoding="utf-8")
    for role, given in GIVEN.items():
        for entry in (made / "roles" / role / "tasks").glob("*.yml"):
            if (role, entry.stem) not in REAL:
                entry.write_text(yaml.safe_dump(_task(role, entry.stem, given)), encoding="utf-8")
    (made / "playbooks/tasks/prove_certificates.yml").write_text(
        yaml.safe_dump(_task("certificate", "prove", {})), encoding="utf-8"
    )
    for file in (made / "playbooks").rglob("*.yml"):
        text = file.read_text(encoding="utf-8")
        for name, ours in BUILTIN.items():
            text = text.replace(f"{name}:", f"{ours}:")
        file.write_text(text, encoding="utf-8")
    return path


def _task(role: str, entry: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    task: dict[str, Any] = {"name": f"{role} {entry}", f"gantry.odoo.{role}": {"entry": entry, "given": dict(given)}}
    if (role, entry) not in {("traefik", "routes"), ("traefik", "put_back")}:
        return [task]
    # as the role does: a fact of the playbook's would win over what an action returns
    names = ("traefik_changed", "traefik_waits_for_others")
    facts = {name: f"{{{{ traefik_said.ansible_facts.{name} }}}}" for name in names}
    published = {"name": "published", "ansible.builtin.set_fact": facts, "when": "traefik_said is reachable"}
    return [{**task, "register": "traefik_said"}, published]
