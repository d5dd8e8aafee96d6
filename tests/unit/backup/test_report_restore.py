# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a restore: the diff shows the state that the run leads to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import (
    Fetch,
    Server,
    Survey,
    Target,
    Wish,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import FINISHED, origin, restoration
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_restore import drill_record, report, unproven
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Outcome
from ansible_collections.gantry.odoo.plugins.modules import odoo_restore
from tests.unit.backup.build import MANIFEST

WISH = Wish(database="harbour", tenant="harbour")
STANDS = Target(True, FINISHED + origin(MANIFEST), files=True)


def told(target: Target, wish: Wish) -> dict[str, Any]:
    steps = restoration(target, wish, MANIFEST, Fetch(1, 1))
    seen = Survey(target, Server(17, False, frozenset(), frozenset()), MANIFEST, Fetch(1, 1), [], steps)
    return report(wish, seen, MANIFEST.snapshot_time + timedelta(seconds=90)).values()


def test_a_restored_database_is_shown_with_its_access() -> None:
    for blocked in (False, True):
        found = told(Target(), replace(WISH, blocked=blocked))
        assert found["diff"]["before"] == {"state": "absent"}
        assert found["diff"]["after"]["blocked"] is blocked
        assert (found["restored"], found["rpo_s"], found["counts"]["bytes_fetched"]) == (True, 90.0, 1)


def test_only_the_access_of_a_database_that_stands_changes() -> None:
    found = told(STANDS, replace(WISH, blocked=True))
    assert (found["diff"]["before"]["blocked"], found["diff"]["after"]["blocked"]) == (False, True)
    assert (found["restored"], found["counts"]["files_fetched"]) == (False, 0)


def test_a_drill_leads_nowhere() -> None:
    drill = replace(WISH, drill=True, neutralize=True, load_registry=True)
    found = told(STANDS, drill)
    assert found["changed"]
    assert found["diff"]["before"] == found["diff"]["after"]


def test_the_record_of_a_drill_says_what_is_known() -> None:
    begun = MANIFEST.snapshot_time
    early = json.loads(drill_record("harbour", begun, {"rto_s": 2.5}, "the store has no complete backup"))
    assert (early["ok"], early["error"], early["backup"]) == (False, "the store has no complete backup", "")
    assert (early["rto_s"], early["rpo_s"], early["left_out"], early["counts"]) == (2.5, None, None, None)
    facts = told(STANDS, replace(WISH, drill=True))
    good = json.loads(drill_record("harbour", begun, {**facts, "rto_s": 2.5, "left_out": ["a grant"] * 99}, ""))
    lost = {**facts, "rto_s": 2.5, "left_out": [], "files_left_out": ["ab/abc", "cd/cde"]}
    bad = json.loads(drill_record("harbour", begun, lost, unproven("harbour", lost)))
    assert (bad["ok"], bad["files_left_out_count"], bad["files_left_out"]) == (False, 2, lost["files_left_out"])
    assert (good["ok"], good["rpo_s"], len(good["left_out"]), good["left_out_count"]) == (True, 90.0, 50, 99)


def test_a_drill_that_left_files_out_proves_nothing() -> None:
    assert unproven("harbour", {"backup": "b07", "files_left_out": []}) == ""
    assert unproven("harbour", {"backup": "b07", "files_left_out": ["ab/abc", "cd/cde"]}) == (
        "the drill of tenant harbour proves nothing, as 2 files of backup b07 are missing or damaged, such as "
        "'ab/abc'; run gantry.odoo.backup, which sends those in the filestore again"
    )


def test_a_drill_that_leaves_files_out_fails_and_is_recorded_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[dict[str, Any]] = []
    found = {"backup": MANIFEST.name, "files_left_out": ["ab/abc"]}

    def restored(*given: Any) -> Outcome:
        given[-1].update(found)
        return Outcome([], facts=dict(found))

    monkeypatch.setattr(odoo_restore, "restored", restored)
    monkeypatch.setattr(odoo_restore, "repository_of", lambda _params: None)
    monkeypatch.setattr(odoo_restore, "keep_record", lambda *given: records.append(json.loads(given[-1])))
    params = {name: option.get("default") for name, option in odoo_restore.OPTIONS.items()}
    params.update(tenant="harbour", drill=True, missing_files="list", known_backups={}, timeout=60)

    class Asked:
        """A call of the module."""

        check_mode = False

    Asked.params = params  # type: ignore[attr-defined]
    outcome = odoo_restore.work(Asked(), Progress())  # type: ignore[arg-type]
    assert "as 1 files of backup" in outcome.failure
    assert outcome.values()["files_left_out"] == ["ab/abc"]
    assert [(one["ok"], one["error"]) for one in records] == [(False, outcome.failure)]
    # a restore that was told to go on without them does what it was asked for
    params["drill"] = False
    assert odoo_restore.work(Asked(), Progress()).failure == ""  # type: ignore[arg-type]
