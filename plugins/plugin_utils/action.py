# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of actions that run on the controller alone: options in, work, one outcome out, as for modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.validation import check_type_dict
from ansible.plugins.action import ActionBase

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, sentence_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import require_text, shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, printable
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError


class ControllerAction(ActionBase):
    """An action that connects to no host.

    OPTIONS: as an argument_spec takes them. An action is this class with its own OPTIONS and `work`.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {}

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Do the work. variables: those of the task. Raises GantryError with one sentence."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the options, do the work and return its outcome as the result of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._task.args = _plain(self._task.args)
        self._require_mappings()
        _spec, options = self.validate_argument_spec(argument_spec=dict(self.OPTIONS))
        warnings: list[str] = []
        call = Call(options, bool(self._task.check_mode), warnings.append)
        try:
            require_text(options)
            outcome = self.work(call, task_vars or {})
        except LostError as error:
            outcome = Outcome(facts={"lease_lost": True}, failure=str(error))
        except GantryError as error:
            outcome = Outcome(failure=str(error))
        except OSError as error:
            outcome = Outcome(failure=sentence_of(error))
        result.update(printable(outcome.values()))
        if warnings:
            result["warnings"] = printable(warnings)
        if outcome.failure:
            result.update(failed=True, msg=printable(outcome.failure))
        return result

    def _require_mappings(self) -> None:
        """Fail for what is no mapping by the name of the option, which the validation of Ansible does not say."""
        given = self._task.args
        for name in (name for name, option in self.OPTIONS.items() if option["type"] == "dict" and given.get(name)):
            try:
                check_type_dict(given[name])
            except TypeError:
                raise AnsibleActionFail(f"{name} must be a mapping, not {shown(given[name])}") from None


def _plain(value: Any) -> Any:
    """The same value without Ansible's marks on where it stood, which take far longer to copy than the value."""
    if isinstance(value, str):
        return f"{value}"
    if isinstance(value, Mapping):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
