# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of actions on the controller: options validated, errors as one sentence, check mode, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class Action(ControllerAction):
    """Returns what it was called with."""

    OPTIONS: ClassVar[dict[str, Any]] = {
        "number": {"type": "int", "required": True},
        "store": {"type": "dict", "options": {"directory": {"type": "path"}}},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Fail below zero, warn at zero."""
        if call.params["number"] < 0:
            raise InputError("number is negative; give a positive one")
        if call.params["number"] == 404:
            raise FileNotFoundError(2, "No such file or directory", "/etc/caf\udce9")
        if not call.params["number"]:
            call.warn("number is zero")
        failure = "too high" if call.params["number"] > 9 else ""
        return Outcome(facts={"number": call.params["number"], "check": call.check_mode, **variables}, failure=failure)


def run(check_mode: bool = False, **args: Any) -> dict[str, Any]:
    task = mock.Mock(args=args, check_mode=check_mode, async_val=0, action="gantry.odoo.example", environment=[])
    templar = mock.Mock()
    templar.template.side_effect = lambda value, **_rest: value
    return Action(task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock()).run(None, {"seen": True})


def test_options_are_converted_and_facts_returned() -> None:
    assert run(number="3", check_mode=True) == {"changed": False, "number": 3, "check": True, "seen": True}


def test_an_option_of_another_type_is_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="number"):
        run(number="three")
    with pytest.raises(AnsibleActionFail, match="store must be a mapping, not '/srv/store'"):
        run(number=1, store="/srv/store")
    assert run(number=1, store='{"directory": "/srv/store"}')["number"] == 1


def test_an_error_is_one_sentence() -> None:
    found = run(number=-1)
    assert (found["failed"], found["changed"], found["msg"]) == (True, False, "number is negative; give a positive one")


def test_what_the_operating_system_refuses_is_one_sentence_that_can_be_printed() -> None:
    found = run(number=404)
    assert found["failed"]
    assert found["msg"].startswith("/etc/caf\\xe9 cannot be used: No such file or directory; see who owns it")


def test_a_failure_keeps_its_facts_and_a_warning_is_told() -> None:
    assert run(number=10)["number"] == 10
    assert run(number=10)["msg"] == "too high"
    assert run(number=0)["warnings"] == ["number is zero"]


def test_actions_that_connect_to_nothing_use_the_skeleton() -> None:
    directory = Path(__file__).resolve().parents[3] / "plugins/action"
    assert [path.name for path in directory.glob("*.py") if "_requires_connection" in path.read_text()] == []
