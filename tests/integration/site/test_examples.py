# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the READMEs of the roles, run in check mode on the estate as they stand there."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration import ansible
from tests.lab import pki
from tests.lab.state import ROOT
from tests.unit.project.tree import ROLES, example_plays

from .conftest import Estate

GROUPS = {"odoo": "app1", "edges": "edge1", "databases": "db1", "controller": "app1", "authority": "db1"}
PEMS = "/etc/gantry/certificates/harbour"


def values(estate: Estate) -> dict[str, Any]:
    """What a reader puts in the place of the examples' secrets, addresses and files."""
    declared = estate.inventory["all"]["vars"]
    passwords = declared["odoo_db_passwords"]
    login = {"host": "db1", "user": "gantry", "password": passwords["gantry"], "ca_cert": "/etc/odoo/postgresql-ca.pem"}
    return {
        "vault_backup_repository": declared["backup_repository"],
        "vault_gantry": passwords["gantry"],
        "vault_odoo_harbour": "of-harbour",
        "vault_harbour_password": "of-harbour",
        "vault_redis_password": declared["redis_password"],
        "backup_login": login,
        "backup_databases": [{"tenant": "north", "database": "north", "config": "/etc/odoo/shared.conf"}],
        "certificate_acme_directory": declared["certificate_acme_directory"],
        "certificate_internal_host": GROUPS["authority"],
        "certificate_internal_authorities": [{"name": "internal-2026", "zones": ["internal.harbour.example"]}],
        "redis_nodes": [{"host": estate.lab.address("cache1")}],
        "traefik_binary_source": str(Path(sys.executable).with_name("traefik")),
    }


@pytest.mark.deep
def test_examples_of_all_roles_run_in_check_mode_without_a_warning(estate: Estate, tmp_path: Path) -> None:
    certificate, key = pki.issue(estate.lab.state, ["erp.harbour.example"], [])
    for suffix, content in (("crt", certificate), ("key", key)):
        estate.hosts["edge1"].write(f"{PEMS}.{suffix}", content)
    (tmp_path / "releases").symlink_to(ROOT / "tests/lab/releases")
    (tmp_path / "postgresql-ca.pem").write_bytes(estate.hosts["app1"].read("/etc/odoo/postgresql-ca.pem"))
    playbook = tmp_path / "examples.yml"
    playbook.write_text("\n".join(play for role in ROLES for play in example_plays(role)), encoding="utf-8")
    inventory = copy.deepcopy(estate.inventory)
    inventory["all"]["children"] |= {group: {"hosts": {host: {}}} for group, host in GROUPS.items()}

    run = ansible.run_playbook(playbook, inventory, values(estate), check=True).expect_success()

    assert "[WARNING]" not in run.stdout + run.stderr
    used = {event.task.split(" : ")[0] for event in run.events if " : " in event.task}
    assert used == {f"gantry.odoo.{role}" for role in ROLES}
