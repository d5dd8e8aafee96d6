# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a restore: the diff shows the state that the run leads to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import (
    Fetch,
    Server,
    Survey,
    Target,
    Wish,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import FINISHED, origin, restoration
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_restore import drill_record, report, unproven
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
    assert (good["ok"], good["rpo_s"], len(good["left_out"]), good["left_out_count"]) == (True, 90.0, 50, 99)


def test_a_drill_that_left_files_out_proves_nothing() -> None:
    assert unproven("harbour", {"backup": "b07", "files_left_out": []}) == ""
    assert unproven("harbour", {"backup": "b07", "files_left_out": ["ab/abc", "cd/cde"]}) == (
        "the drill of tenant harbour proves nothing, as 2 files of backup b07 are missing or damaged in the "
        "repository, such as ab/abc; run gantry.odoo.backup, which sends them again"
    )
