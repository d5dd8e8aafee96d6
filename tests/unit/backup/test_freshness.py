# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup that permits to give a database up, whatever an inventory promises or alerts on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._backup import read_freshness
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import marks_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_freshness import HELD_DAYS, require_fresh_backup
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_expire
from ansible_collections.gantry.odoo.plugins.modules import odoo_database
from tests.unit.backup import rotting
from tests.unit.backup.build import MANIFEST
from tests.unit.backup.rotting import Rotting, rotting_in

ROOT = Path(__file__).parents[3]
UUID = MANIFEST.database.uuid
DAY = 86400


@pytest.fixture
def harbour(tmp_path: Path) -> Rotting:
    """A tenant without a backup."""
    return rotting_in(tmp_path)


def backed_up(tenant: Rotting, monkeypatch: pytest.MonkeyPatch, age_s: float) -> str:
    """Take a backup that shows a moment so long ago; its identifier."""
    moment = datetime.now(timezone.utc) - timedelta(seconds=age_s)
    monkeypatch.setattr(rotting, "MANIFEST", rotting.replace(MANIFEST, snapshot_time=moment))
    return tenant.backup().name


def promised(tenant: Rotting, tier: int, rpo_s: int) -> None:
    """Record a policy."""
    tenant.promise(Policy("harbour", tier, rpo_s, 3600, Keep(last=1)))


@pytest.mark.parametrize("tier", [1, 3])
def test_a_policy_that_alerts_late_permits_no_drop_with_an_old_backup(
    harbour: Rotting, monkeypatch: pytest.MonkeyPatch, tier: int
) -> None:
    backed_up(harbour, monkeypatch, 29 * DAY)
    promised(harbour, tier, 30 * DAY)
    with pytest.raises(RefusedError, match="days old, and at most 15 min are accepted before its database"):
        require_fresh_backup(harbour.repository, 1, UUID)


def test_a_policy_that_promises_more_is_kept(harbour: Rotting, monkeypatch: pytest.MonkeyPatch) -> None:
    name = backed_up(harbour, monkeypatch, 120)
    assert require_fresh_backup(harbour.repository, 1, UUID) == name
    promised(harbour, 1, 60)
    with pytest.raises(RefusedError, match="and at most 1 min are accepted"):
        require_fresh_backup(harbour.repository, 1, UUID)


def test_a_run_that_names_the_latest_backup_accepts_its_age_and_nothing_else(
    harbour: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = backed_up(harbour, monkeypatch, 3 * DAY)
    name = backed_up(harbour, monkeypatch, DAY)
    assert require_fresh_backup(harbour.repository, 1, UUID, name) == name
    with pytest.raises(RefusedError, match=rf"its latest backup {name} is 1 day old"):
        require_fresh_backup(harbour.repository, 1, UUID, former)
    with pytest.raises(RefusedError, match="is of another database"):
        require_fresh_backup(harbour.repository, 1, "another", name)


def test_a_backup_that_lacks_files_permits_nothing_unless_it_is_named(
    harbour: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = backed_up(harbour, monkeypatch, DAY)
    harbour.names = ["00/" + "0" * 40]
    partial = backed_up(harbour, monkeypatch, 60)
    with pytest.raises(RefusedError, match=rf"its latest backup {former} is 1 day old"):
        require_fresh_backup(harbour.repository, 1, UUID)
    assert require_fresh_backup(harbour.repository, 1, UUID, former) == former
    assert require_fresh_backup(harbour.repository, 1, UUID, partial) == partial


def test_the_backup_that_a_drop_relies_on_stays(harbour: Rotting, monkeypatch: pytest.MonkeyPatch) -> None:
    name = backed_up(harbour, monkeypatch, 60)
    require_fresh_backup(harbour.repository, 1, UUID)
    assert harbour.repository.catalog.read().holds == ()
    require_fresh_backup(harbour.repository, 1, UUID, hold=True)
    backed_up(harbour, monkeypatch, 0)
    catalog, now = harbour.repository.catalog.read(), harbour.repository.store.now()
    (hold,) = catalog.holds
    assert (hold.backups, hold.reason) == ((name,), "its database was given up on the strength of it")
    assert hold.keeps(name, now + timedelta(days=HELD_DAYS))
    policy = Policy("harbour", 1, 900, 3600, Keep(last=1))
    assert marks_of(policy, catalog, now, catalog.holds) == ((), ())
    assert marks_of(policy, catalog, now, ()) == ((name,), ())


def test_a_backup_that_was_expired_meanwhile_permits_nothing(harbour: Rotting, monkeypatch: pytest.MonkeyPatch) -> None:
    name = backed_up(harbour, monkeypatch, 60)
    proven = read_freshness.damage

    def late(repository: Repository, entry: Entry) -> str:
        with writing(repository, "expiry", 5):
            repository.catalog.write(lambda seen: plan_expire(seen, [name], repository.store.now()), Deadline(5))
        return proven(repository, entry)

    monkeypatch.setattr(read_freshness, "damage", late)
    with pytest.raises(StateError, match=f"backup {name} is to be removed since it was looked at; back harbour up"):
        require_fresh_backup(harbour.repository, 1, UUID, hold=True)


@pytest.mark.parametrize("check", [True, False])
def test_modules_hold_it_unless_in_check_mode(monkeypatch: pytest.MonkeyPatch, check: bool) -> None:
    held: list[bool] = []
    monkeypatch.setattr(read_freshness, "require_fresh_backups", lambda *_given, hold: held.append(hold))
    monkeypatch.setattr(odoo_database, "location_from", lambda _given: None)
    given = {"repository": {"directory": "/srv"}, "accept_backup": None}
    odoo_database.require_backups(Call(given, check), 1, [])
    assert held == [not check]


@pytest.mark.parametrize("tasks", ["restore_keep", "decommission_hold", "decommission_drop"])
def test_a_backup_before_the_end_of_a_database_is_a_new_one(tasks: str) -> None:
    def walk(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for item in items for one in (item, *walk(item.get("block", [])))]

    listed = walk(yaml.safe_load((ROOT / f"playbooks/tasks/{tasks}.yml").read_text()))
    runs = [
        one["vars"]
        for one in listed
        if one.get("ansible.builtin.include_role") == {"name": "gantry.odoo.backup", "tasks_from": "run"}
    ]
    assert [one.get("backup_max_age_s") for one in runs] == [0]
