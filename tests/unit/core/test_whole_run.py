# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that leaves tasks out is refused before its first task."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.filter.whole_run import whole_run


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, ""),
        ({"tags": ("all",), "skip_tags": (), "step": False, "start_at_task": None}, ""),
        # as Molecule calls it
        ({"skip_tags": ("molecule-notest", "notest")}, ""),
        ({"tags": ("routes",)}, "--tags"),
        ({"skip_tags": ("untagged",)}, "--skip-tags"),
        ({"start_at_task": "Drain"}, "--start-at-task"),
        ({"step": True}, "--step"),
    ],
)
def test_a_run_that_leaves_tasks_out(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], refused: str) -> None:
    monkeypatch.setattr(context, "CLIARGS", given)
    if refused:
        with pytest.raises(AnsibleFilterError, match=f"{refused} leaves tasks of this playbook out"):
            whole_run("all", ["db1"])
    else:
        assert whole_run("all", ["db1"]) == "all"


def test_an_inventory_without_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", {})
    with pytest.raises(AnsibleFilterError, match="the inventory has no host, so that nothing would be done"):
        whole_run("all", [])
    monkeypatch.setattr(context, "CLIARGS", {"syntax": True})
    assert whole_run("all", []) == "all"
