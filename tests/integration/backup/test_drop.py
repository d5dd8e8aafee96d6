# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant of tier 1 is dropped only when its backup is there, young, of this very database, and whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backup.conftest import DATA, HOST, Estate, Failures
from tests.lab.hosts import Lab
from tests.lab.spec import S3_PORT

MODULE = "gantry.odoo.odoo_database"
GONE = "harbour-gone"


def test_a_tenant_of_tier_1_is_dropped_only_with_a_backup_that_stands_for_it(
    estate: Estate, failures: Failures, ansible_module: Callable[..., Any]
) -> None:
    login = {key: value for key, value in estate.login.items() if key != "repository"}
    drop = {**login, "name": GONE, "state": "absent", "policy": "drop", "tier": 1}
    proven = {**drop, "repository": estate.repository}
    ansible_module(HOST, MODULE, {**login, "name": GONE, "clone_from": "harbour"})
    alone, unknown = failures((MODULE, drop), (MODULE, proven))
    assert "harbour-gone is of tier 1, and is dropped only when a backup of it is found" in alone
    assert "harbour-gone is of tier 1 and has no backup in the bucket" in unknown

    ansible_module(HOST, "gantry.odoo.odoo_backup", {**estate.login, "databases": [{"name": GONE}]})
    (identifier,) = estate.complete(GONE)
    dump = f"{GONE}/data/{estate.manifest(identifier, GONE)['dump']['held'][0]}"
    complete = estate.object(dump)
    estate.put(dump, complete[:-1])
    (damaged,) = failures((MODULE, proven))
    assert f"its latest backup {identifier} is damaged: {dump.removeprefix(GONE + '/')} in the bucket" in damaged
    estate.put(dump, complete)
    policy = {
        "repository": estate.repository,
        "policies": [{"tenant": GONE, "tier": 1, "rpo_s": 1, "versioning": False, "immutability": "none"}],
    }
    ansible_module(HOST, "gantry.odoo.backup_policy", policy)
    time.sleep(1)
    (old,) = failures((MODULE, proven))
    assert "s old, and at most 1 s are accepted" in old
    gone = {"repository": estate.repository, "policies": [{"tenant": GONE, "state": "absent"}]}
    ansible_module(HOST, "gantry.odoo.backup_policy", gone)
    uuid = estate.sql("SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'", GONE)[0]
    estate.sql("UPDATE ir_config_parameter SET value = 'another' WHERE key = 'database.uuid'", GONE)
    (foreign,) = failures((MODULE, proven))
    assert f"is of another database, with uuid {uuid}" in foreign
    estate.sql(f"UPDATE ir_config_parameter SET value = '{uuid}' WHERE key = 'database.uuid'", GONE)
    assert GONE in estate.databases()

    done = ansible_module(HOST, MODULE, proven)
    assert [step["action"] for step in done["steps"]] == ["recycle_filestore", "drop"]
    assert GONE not in estate.databases()
    assert any(name.endswith(f"-{GONE}") for name in estate.shell(f"ls {DATA}/filestore/.recycled").split())
    assert ansible_module(HOST, MODULE, proven)["changed"] is False


@pytest.mark.deep
def test_a_change_goes_on_with_a_backup_that_only_the_repository_knows(
    estate: Estate, lab: Lab, tmp_path: Path, ansible_module: Callable[..., Any], run_playbook: Callable[..., Any]
) -> None:
    ansible_module(HOST, "gantry.odoo.odoo_backup", {**estate.login, "databases": [{"name": "harbour"}]})
    url = f"https://{lab.host('s3').address}:{S3_PORT}"
    known = {**estate.repository, "endpoint_url": url, "ca_bundle": str(lab.state.ca)}

    def ask(**options: Any) -> Any:
        gate = {
            "store": {"directory": str(tmp_path / "store"), "outbox": str(tmp_path / "outbox")},
            "change": {"id": "patch-1", "kind": "patch", "requester": "mara"},
            **options,
        }
        tasks = [{"name": "gate", "gantry.odoo.change_gate": gate}]
        return run_playbook([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}])

    tenants = [{"name": "harbour", "tier": 1}, {"name": "quarry", "tier": 1}]
    (alone,) = ask(tenants=tenants).expect_failure().errors
    assert "no backup of harbour" in alone
    (found,) = ask(tenants=tenants, repository=known).expect_failure().errors
    assert "no backup of harbour" not in found
    assert "no restore drill of harbour" in found
    assert "no backup of quarry" in found
    silent = ask(tenants=tenants, repository={**known, "ca_bundle": "/etc/ssl/certs/ca-certificates.crt"})
    assert "no backup of harbour" in silent.expect_failure().errors[0]
    assert known["secret_key"] not in silent.stdout + silent.stderr
