# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate that a drill is for: only what is due, and a lease on nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.filter.backup_due import (
    backup_asked,
    backup_checked,
    backup_copied,
    backup_due,
)

ESTATE: dict[str, Any] = {
    "backups": {"app": [{"tenant": "harbour"}, {"tenant": "north"}], "box": [{"tenant": "south"}]},
    "not_backed_up": {"lost": "db9 did not answer"},
    "hosts": ["app1"],
    "tenants": {name: {"home": "app"} for name in ("harbour", "north")},
    "groups": {"app": {}, "box": {}},
}


def test_who_is_asked_for_includes_who_cannot_be_backed_up() -> None:
    assert backup_asked(ESTATE) == ["harbour", "lost", "north", "south"]


def test_only_what_is_due_is_left() -> None:
    found = backup_due(ESTATE, ["north", "lost"])
    assert found["backups"] == {"app": [{"tenant": "north"}]}
    assert found["not_backed_up"] == ESTATE["not_backed_up"]
    assert found["drill_covers"] == ["backup:drill:lost", "backup:drill:north"]
    assert found["hosts"] == ["app1"]
    nothing = backup_due(ESTATE, [])
    assert (nothing["backups"], nothing["not_backed_up"], nothing["drill_covers"]) == ({}, {}, ["backup:drill"])


def test_backups_are_checked_wherever_the_database_is() -> None:
    found = backup_checked({**ESTATE, "not_backed_up": {"lost": "db9 did not answer", "quay": "no database"}})
    assert found["backups"]["app"] == [
        {"tenant": "harbour"},
        {"tenant": "north"},
        {"tenant": "lost"},
        {"tenant": "quay"},
    ]
    assert found["not_backed_up"] == {}
    assert found["check_covers"][:2] == ["backup:check:harbour", "backup:check:lost"]
    there = backup_checked({**ESTATE, "tenants": {"lost": {"home": "box"}}})
    assert there["backups"]["box"] == [{"tenant": "south"}, {"tenant": "lost"}]
    assert backup_checked({**ESTATE, "backups": {}, "not_backed_up": {}})["check_covers"] == ["backup:check"]


def test_all_that_is_known_to_have_backups_is_copied_by_one_host() -> None:
    estate = {**ESTATE, "policies": [{"tenant": "harbour"}, {"tenant": "gone"}, {"tenant": "new"}]}
    estate["known_backups"] = {"harbour": 4, "gone": 2, "quay": 1}
    found = backup_copied(estate, None)
    assert (found["backups"], found["not_backed_up"]) == ({"app": [{"tenant": "harbour"}, {"tenant": "gone"}]}, {})
    assert backup_copied(estate, "new")["backups"] == {"app": [{"tenant": "new"}]}
    # a new ledger says nothing of what there is
    every = backup_copied({**estate, "known_backups": {}}, None)["backups"]["app"]
    assert [one["tenant"] for one in every] == ["harbour", "gone", "new"]


def test_where_no_group_runs_odoo_it_is_said() -> None:
    nowhere = {**ESTATE, "groups": {}, "tenants": {}, "policies": [{"tenant": "gone"}], "known_backups": {"gone": 2}}
    with pytest.raises(AnsibleFilterError, match="name one in odoo_runtime_groups"):
        backup_copied(nowhere, None)
    with pytest.raises(AnsibleFilterError, match="name one in odoo_runtime_groups"):
        backup_checked(nowhere)
