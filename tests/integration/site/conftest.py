# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small estate, made by gantry.odoo.site on fresh hosts as its admin would have it made, watched while it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration import ansible
from tests.integration.ansible import PlaybookRun
from tests.lab import thirdparty
from tests.lab.hosts import Host, Lab
from tests.lab.spec import BUCKET, EDGES, RECORDS_BUCKET, lab_of_tests
from tests.lab.state import ROOT

from . import watch

HOSTS = (*EDGES, "app1", "db1", "cache1", "acme", "s3")
LONGEST_S = 3600
SECRETS = (
    "gantry",
    "odoo_shared",
    "odoo_harbour",
    "redis",
    "admin_north",
    "admin_south",
    "admin_harbour",
    "s3_secret_key",
)
# One with an instance of its own, which a test removes from the declaration.
OWN = {
    "name": "harbour",
    "tenancy": "dedicated",
    "runtime": {"group": "app"},
    "routes": [{"audience": "public", "host": "harbour.lab.example"}],
}
# Employees come to an address of its own, by a name that no public CA signs. Examples of roles have another authority.
INTERNAL = "south.corp.internal"
INTERNAL_PORT = 8443
AUTHORITY = "corp-2026"
AUTHORITY_HOST = "cache1"
Play = Callable[..., PlaybookRun]


@dataclass(frozen=True)
class Estate:
    """The lab, its hosts, and the inventory that declares the estate on them."""

    lab: Lab
    hosts: dict[str, Host]
    inventory: dict[str, Any]

    @property
    def secrets(self) -> list[str]:
        """Every secret of the estate."""
        return [self.lab.state.secret(name) for name in SECRETS]

    @property
    def edges(self) -> tuple[str, ...]:
        """The addresses of the edges."""
        return tuple(self.lab.address(name) for name in EDGES)

    @property
    def store(self) -> Path:
        """The change store on this machine."""
        return self.lab.state.directory / "store"

    def play(self, playbook: str, extra: dict[str, Any] | None = None, **options: Any) -> PlaybookRun:
        """Run a playbook of the collection on the estate. Tenants in `extra` are declared by the inventory."""
        given, inventory = dict(extra or {}), self.inventory
        if "odoo_tenants" in given:
            declared = {**inventory["all"]["vars"], "odoo_tenants": given.pop("odoo_tenants")}
            inventory = {"all": {**inventory["all"], "vars": declared}}
        return ansible.run_playbook(f"gantry.odoo.{playbook}", inventory, given, **options)


@dataclass(frozen=True)
class Converged:
    """The first run of the site playbook on fresh hosts, and what was seen of the machine's processes meanwhile."""

    estate: Estate
    first: PlaybookRun
    seen: watch.Seen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the time for many playbooks, on a machine that does other work: the first one makes the estate."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(LONGEST_S))


@pytest.fixture(scope="session")
def converged() -> Iterator[Converged]:
    lab = Lab(lab_of_tests(os.environ, "site"))
    lab.down()
    estate = Estate(lab, lab.up(HOSTS), _inventory(lab))
    # the ACME server finds the others at the first edge
    thirdparty.resolve(estate.hosts["acme"], "south.lab.example", [lab.address("edge2")])
    try:
        with watch.processes(estate.secrets) as seen:
            # As talkative as an admin in trouble would have it.
            first = estate.play("site", arguments=["-vvv"], command_line=True)
        first.expect_success()
        yield Converged(estate, first, seen)
    finally:
        if os.environ.get("GANTRY_KEEP_LAB") != "1":
            lab.down()


@pytest.fixture(scope="session")
def estate(converged: Converged) -> Estate:
    return converged.estate


def _inventory(lab: Lab) -> dict[str, Any]:
    def group(*names: str, **variables: Any) -> dict[str, Any]:
        return {"hosts": {name: lab.connection(name) for name in names}, "vars": variables}

    network = lab.address("db1").rsplit(".", 1)[0] + ".0/24"
    inside = [f"{lab.address(name)}/32" for name in (*EDGES, "app1")]
    internal = {"audience": "internal", "host": INTERNAL, "allow": inside}
    passwords = {name: lab.state.secret(name) for name in ("gantry", "odoo_shared", "odoo_harbour")}
    return {
        "all": {
            "vars": {
                "odoo_runtime_groups": ["app"],
                "odoo_tenants": [
                    {
                        "name": name,
                        "tier": tier,
                        "runtime": {"group": "app"},
                        "routes": [{"audience": "public", "host": f"{name}.lab.example"}, *more],
                    }
                    for name, tier, more in (("north", 2, []), ("south", 3, [internal]))
                ]
                + [OWN],
                "odoo_release": "2026.11.1",
                "odoo_release_source": str(ROOT / "tests/lab/releases"),
                "odoo_db_passwords": passwords,
                "odoo_admin_passwords": {
                    name: lab.state.secret(f"admin_{name}") for name in ("north", "south", "harbour")
                },
                "redis_password": lab.state.secret("redis"),
                "certificate_acme_directory": "https://acme:14000/dir",
                "certificate_contact": "admin@lab.example",
                "certificate_internal_host": AUTHORITY_HOST,
                "certificate_internal_authorities": [{"name": AUTHORITY, "zones": ["corp.internal"]}],
                "change_classes": {"migrate": "standard", "decommission": "standard"},
                "change_store": {
                    "directory": str(lab.state.directory / "store"),
                    "outbox": str(lab.state.directory / "outbox"),
                },
                "backup_repository": {
                    "endpoint_url": f"https://{lab.address('s3')}:9000",
                    "bucket": BUCKET,
                    "records_bucket": RECORDS_BUCKET,
                    "access_key": lab.state.secret("s3_access_key"),
                    "secret_key": lab.state.secret("s3_secret_key"),
                    "keys": [{"name": "lab", "secret": lab.state.sealing_key("backup_key")}],
                },
                "backup_repository_from_controller": {"ca_bundle": str(lab.state.ca)},
            },
            "children": {
                "edge": group(
                    *EDGES,
                    traefik_binary_source=str(Path(sys.executable).with_name("traefik")),
                    traefik_entry_points={
                        "web": ":80",
                        "websecure": ":443",
                        "websecure-internal": f"{{{{ ansible_host }}}}:{INTERNAL_PORT}",
                    },
                ),
                "cache": group(
                    "cache1",
                    redis_purpose="session",
                    redis_nodes=[{"host": lab.address("cache1"), "port": 6379}],
                ),
                "database": group(
                    "db1", postgresql_tls_names=["db1"], postgresql_allowed_networks=[network], postgresql_memory_mb=512
                ),
                "app": group("app1", odoo_runtime="systemd", odoo_database_server="db1"),
            },
        }
    }
