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

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import record
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_freshness import require_fresh_backup
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import write_document
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import POLICY
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
    write_document(tenant.repository, POLICY, record(Policy("harbour", tier, rpo_s, 3600, Keep(last=1))))


@pytest.mark.parametrize("tier", [1, 3])
def test_a_policy_that_alerts_late_permits_no_drop_with_an_old_backup(
    harbour: Rotting, monkeypatch: pytest.MonkeyPatch, tier: int
) -> None:
    backed_up(harbour, monkeypatch, 29 * DAY)
    promised(harbour, tier, 30 * DAY)
    with pytest.raises(RefusedError, match=r"s old, and at most 900 s are accepted before its database is given up;"):
        require_fresh_backup(harbour.repository, 1, UUID)


def test_a_policy_that_promises_more_is_kept(harbour: Rotting, monkeypatch: pytest.MonkeyPatch) -> None:
    name = backed_up(harbour, monkeypatch, 120)
    assert require_fresh_backup(harbour.repository, 1, UUID) == name
    promised(harbour, 1, 60)
    with pytest.raises(RefusedError, match="and at most 60 s are accepted"):
        require_fresh_backup(harbour.repository, 1, UUID)


def test_a_run_that_names_the_latest_backup_accepts_its_age_and_nothing_else(
    harbour: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = backed_up(harbour, monkeypatch, 3 * DAY)
    name = backed_up(harbour, monkeypatch, DAY)
    assert require_fresh_backup(harbour.repository, 1, UUID, name) == name
    with pytest.raises(RefusedError, match=rf"its latest backup {name} is 864\d\d s old"):
        require_fresh_backup(harbour.repository, 1, UUID, former)
    with pytest.raises(RefusedError, match="is of another database"):
        require_fresh_backup(harbour.repository, 1, "another", name)


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
