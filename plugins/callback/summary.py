# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what a run did, or in check mode would do, as its last screen."""

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
type: aggregate
short_description: Show what a run did, or in check mode would do, as its last screen
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Lists, after the recap, each step of the modules of this collection and each other task that changed something, with
    the hosts and the reason; what failed; and the state of each part of a change, with the command that finishes or
    undoes it. A change that the run opened and did not close is shown as well.
  - In check mode it is the plan. It needs no C(--diff), and shows no value that a diff would show.
requirements:
  - enabled in the configuration with C(callbacks_enabled=gantry.odoo.summary)
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible import context
from ansible.executor.task_result import CallbackTaskResult
from ansible.playbook import Playbook
from ansible.plugins.callback import CallbackBase

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import ENDED_BEFORE, closing
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_run import Deed, deeds, failure, screen
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import for_playbook
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen
from ansible_collections.gantry.odoo.plugins.plugin_utils.command_line import command_line

_PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
_OPEN = "gantry.odoo.change_open"
# The action that closes a change, and those that report: their own lines end the screen.
_CLOSE = "gantry.odoo.change_close"
_REPORTS = (
    "gantry.odoo.certificate_report",
    "gantry.odoo.backup_report",
    "gantry.odoo.change_approve",
    "gantry.odoo.change_audit",
)


class CallbackModule(CallbackBase):
    """Callback behind gantry.odoo.summary."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "gantry.odoo.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._done: list[Deed] = []
        self._failed: list[Deed] = []
        self._closing: list[str] = []
        self._opened: dict[str, Any] = {}
        self._playbook = ""

    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        """Keep which playbook of the collection is run; its report names its inputs."""
        path = Path(playbook._file_name).resolve()
        self._playbook = path.stem if path.parent == _PLAYBOOKS else ""

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Keep what the task did, or what the close of a change says."""
        self._keep(result)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """Keep what the task did before it failed, and why it failed. A task whose failure is ignored did not fail."""
        self._keep(result)
        if not ignore_errors and result.task.action != _CLOSE:
            self._failed.append(self._failure(result, result.result))

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Keep which host was lost. A task that may lose one is followed by what judges that."""
        if not result.task_fields.get("ignore_unreachable"):
            self._failed.append(self._failure(result, {**result.result, "unreachable": True}))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show the screen."""
        ended_well = not (stats.failures or stats.dark)
        check = context.CLIARGS["check"]
        closing_lines = self._closing or ([] if check else self._left_open())
        lines = screen(self._done, self._failed, closing_lines, check=check, ended_well=ended_well)
        self._display.display("\n".join(["", *lines]))

    def _failure(self, result: CallbackTaskResult, said: dict[str, Any]) -> Deed:
        deed = failure(_host(result), result.task_name, said)
        return replace(deed, why=for_playbook(deed.why, self._playbook)) if self._playbook else deed

    def _left_open(self) -> list[str]:
        """What is said of a change that the run opened, and ended before it was closed."""
        if not self._opened:
            return []
        change, store = self._opened["change"], open_store(self._opened["store"])
        parts = last_seen.recall_parts(store).of(change["id"])
        return closing(change["id"], change["kind"], parts, [ENDED_BEFORE], command_line(), done=False)

    def _keep(self, result: CallbackTaskResult) -> None:
        if result.task.action == _OPEN and "change" in result.result:
            self._opened = {"change": result.result["change"], "store": result.task_fields["args"]["store"]}
        if result.task.action in (_CLOSE, *_REPORTS):
            self._closing += result.result.get("screen", [])
        # a task that only ever plans does nothing in a run that acts
        elif context.CLIARGS["check"] or not result.task_fields.get("check_mode"):
            self._done += deeds(_host(result), result.task_name, result.result)


def _host(result: CallbackTaskResult) -> str:
    """The host that the task worked on."""
    return str(result.task_fields.get("delegate_to") or result.host.name)
