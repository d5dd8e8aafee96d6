# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory declares for the gate is verified before a playbook looks at a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.plugin_utils.policy import require_policy


def verify(path: Path, playbook: str = "patch", classification: str | None = "standard", **declared: Any) -> None:
    """Verify what is declared, for a playbook with inputs of a change, or with none."""
    variables = {"change_store": {"outbox": str(path / "outbox")}, **declared}
    inputs = {} if classification is None else {"change_class": classification}
    require_policy(playbook, inputs, variables.get)


def damaged(path: Path) -> list[dict[str, str]]:
    """A calendar whose file ends early."""
    file = path / "payroll.ics"
    file.write_text("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", encoding="utf-8")
    return [{"name": "payroll", "kind": "freeze", "concerns": "estate", "source": str(file)}]


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"change_classes": ["patch"]}, "change_classes must be a mapping"),
        ({"change_classes": {"patch": "routine"}}, "change_classes has routine for patch"),
        ({"change_calendars": {"name": "payroll"}}, "change_calendars must be a list of mappings"),
        ({"change_calendars": ["payroll.ics"]}, "change_calendars must be a list of mappings"),
        ({"change_identities": [{"logins": ["mara"]}]}, "change_identities is not valid: missing required"),
        ({"change_identities": [{"name": "tom", "keys": [{}]}]}, "change_identities is not valid: missing required"),
        ({"change_identities": [{"name": "tom", "may": ["all"]}]}, "change_identities is not valid: value of may"),
        ({"change_identities": [{"name": "tom", "logins": "a"}, {"name": "ines", "logins": "A"}]}, "cannot be told"),
        ({"change_calendars": [{"name": "payroll"}]}, "calendar payroll: kind must be one of window, freeze"),
    ],
)
@pytest.mark.parametrize("playbook", ["patch", "backup"])
def test_what_cannot_be_meant_is_one_sentence(
    tmp_path: Path, playbook: str, declared: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InputError, match=fault):
        verify(tmp_path, playbook, **declared)


@pytest.mark.parametrize(("playbook", "classification"), [("patch", None), ("patch", "normal"), ("precheck", None)])
def test_a_calendar_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, playbook: str, classification: str | None
) -> None:
    inputs = {} if playbook == "precheck" else {"change_class": classification}
    declared = {"change_store": {"outbox": str(tmp_path)}, "change_calendars": damaged(tmp_path)}
    with pytest.raises(InputError, match="calendar payroll, "):
        require_policy(playbook, inputs, declared.get)


@pytest.mark.parametrize(
    ("playbook", "classification"),
    [("backup", "standard"), ("resume", "standard"), ("patch", "emergency"), ("certificates", None)],
)
def test_it_keeps_out_nothing_that_no_freeze_forbids(tmp_path: Path, playbook: str, classification: str | None) -> None:
    verify(tmp_path, playbook, classification, change_calendars=damaged(tmp_path))


def test_nothing_declared_is_nothing_to_verify(tmp_path: Path) -> None:
    verify(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_typed_approver_is_refused_before_anything_where_there_are_identities() -> None:
    inputs = {"change_class": "normal", "change_approver": "tom"}
    with pytest.raises(InputError, match="a typed name approves nothing; leave it out"):
        require_policy("patch", inputs, {"change_identities": [{"name": "tom", "logins": "tom"}]}.get)
    require_policy("patch", inputs, {}.get)
