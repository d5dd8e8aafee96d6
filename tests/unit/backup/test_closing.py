# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run of backups names every tenant of the estate, whatever became of its host."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.filter.backup_closing import backup_closing
from ansible_collections.gantry.odoo.plugins.filter.backup_outcomes import backup_outcomes

NAMES = ["harbour", "north", "quay"]
TENANTS = [{"tenant": name} for name in NAMES]
ESTATE: dict[str, Any] = {
    "backups": {"app": TENANTS[:2], "box": TENANTS[2:]},
    "not_backed_up": {"south": "tenant south has no database on db1; make it with gantry.odoo.site"},
    "group_of": {"app1": "app", "app2": "app", "box1": "box"},
}
TAKEN = {"id": "20261122T103000Z", "bytes_sent": 6291456, "files_missing": 0, "duration_s": 3.41}


def test_each_database_has_an_outcome_good_or_failed_or_never_begun() -> None:
    taken = {"tenant": "harbour", **TAKEN}
    result = {"failed": True, "msg": "m", "backups": [taken], "failures": [{"tenant": "north", "error": "disk full"}]}
    assert backup_outcomes(result, NAMES) == [
        {"ok": True, "error": "", **taken},
        {"tenant": "north", "ok": False, "error": "disk full"},
        {"tenant": "quay", "ok": False, "error": "m"},
    ]
    crashed = backup_outcomes({"failed": True, "msg": "MODULE FAILURE"}, NAMES[:1])
    assert crashed == [{"tenant": "harbour", "ok": False, "error": "MODULE FAILURE"}]
    assert backup_outcomes({"skipped": True}, []) == []
    # a check tells of what it has read also where some of it is damaged
    read = {"tenant": "north", "ok": False, "parts": 1, "backups": []}
    checked = backup_outcomes({"checks": [read], "failures": [{"tenant": "north", "error": "1 of 2"}]}, ["north"])
    assert checked == [{**read, "error": "1 of 2"}]


def test_the_end_says_of_each_tenant_what_became_of_it() -> None:
    results = [
        [
            {"tenant": "harbour", "ok": True, "error": "", **TAKEN},
            {"tenant": "north", "ok": False, "error": "disk full"},
        ],
        [],
    ]
    assert backup_closing(ESTATE, results, ["app2", "box1"], ["", "its task failed"]) == {
        "lines": ["harbour: backup 20261122T103000Z, 6.00 MB sent in 3.4 s", "app1 did not answer"],
        "failures": [
            "north: disk full",
            "quay: no host of box came to its end; its task failed",
            "tenant south has no database on db1; make it with gantry.odoo.site",
        ],
    }


def test_a_backup_that_suffices_a_due_one_and_a_drill_have_lines_of_their_own() -> None:
    def line(entry: dict[str, Any]) -> str:
        estate = {"backups": {"app": TENANTS[:1]}, "not_backed_up": {}, "group_of": {}}
        told = backup_closing(estate, [[{"tenant": "harbour", "ok": True, **entry}]], [], [])
        assert told["failures"] == []
        return told["lines"][0]

    assert line({"id": "a", "taken": False}) == "harbour: backup a suffices"
    assert line({"id": "", "taken": True}) == "harbour: a backup is due"
    assert line({"backup": "a", "rto_s": 33.4, "rpo_s": 53.0}) == (
        "harbour: a restore drill has proven backup a: RTO 33 s, RPO 53 s"
    )
    backups = [{"restorable": "full"}, {"restorable": "none"}]
    assert line({"part": 2, "parts": 10, "backups": backups}) == (
        "harbour: 1 of 2 backups can be restored in full; part 2 of 10 was read"
    )
    assert line({"part": 1, "parts": 1, "backups": backups}).endswith("1 of 2 backups can be restored in full")
    assert line({**TAKEN, "id": "a", "files_missing": 2}).endswith(" in 3.4 s, 2 files lost before")


def test_the_end_of_a_copy_says_what_it_is_worth() -> None:
    amounts = {"objects_sent": 2, "bytes_sent": 2048, "bytes_read": 1024, "backups": 3, "restorable": 2, "parts": 10}
    outcomes = backup_outcomes({"copies": [{"tenant": "harbour", **amounts}]}, ["harbour"])
    estate = {"backups": {"app": TENANTS[:1]}, "not_backed_up": {}, "group_of": {}}
    assert backup_closing(estate, [outcomes], [], [])["lines"] == [
        "harbour: 2 of 3 backups can be restored in full from the copy; 2.00 KB were sent, 1.00 KB were read there"
    ]
