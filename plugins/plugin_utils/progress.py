# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module that may take hours, and shows meanwhile how far it is."""

from __future__ import annotations

import contextvars
import copy
import math
import secrets
import shlex
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import (
    MOST_BYTES,
    Snapshot,
    parse,
    path_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_progress import WINDOW_S, line

INTERVAL_S = 5
# Where nothing was read for so long, and so often in a row, nothing more is: a module may take long to begin.
PATIENCE_S = 60.0
ATTEMPTS = 3
# How long the end of a reading is waited for when the module has ended.
ENDING_S = 5.0

display = Display()


class ProgressAction(ActionBase):
    """Runs the module of the same name, and shows a line every few seconds until it has ended."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if self._task.async_val:
            result.update(self._execute_module(module_args=args, task_vars=task_vars, wrap_async=True))
            return result
        args["progress_id"] = secrets.token_hex(16)
        with followed(self, args["progress_id"], self._host(task_vars or {}), interval_of(args)):
            result.update(self._execute_module(module_args=args, task_vars=task_vars))
        self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _host(self, variables: dict[str, Any]) -> str:
        """The host as Ansible names it in its lines."""
        host = str(variables["inventory_hostname"])
        return f"{host} -> {self._task.delegate_to}" if self._task.delegate_to else host


def interval_of(args: dict[str, Any]) -> int:
    """The seconds between two lines, 0 for none; what is no number is the module's to refuse."""
    try:
        return int(args.get("progress_interval", INTERVAL_S))
    except (TypeError, ValueError):
        return 0


@contextmanager
def followed(action: ActionBase, identity: str, host: str, interval: int) -> Iterator[None]:
    """Show, during the block, how far the call of a module is. Nothing that goes wrong with that harms the block."""
    if interval <= 0:
        yield
        return
    follower = Follower(action, path_of(identity), host, interval)
    # Ansible keeps what a task is at in the context, which a thread does not inherit
    thread = threading.Thread(target=contextvars.copy_context().run, args=(follower.follow,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        follower.end()
        thread.join(ENDING_S)


class Follower:
    """Reads how far a module is, beside it, and shows that."""

    def __init__(self, action: ActionBase, path: str, host: str, interval: int) -> None:
        self._action = action
        self._command = f"head -c {MOST_BYTES} {shlex.quote(path)}"
        self._host = host
        self._interval = interval
        self._ended = threading.Event()
        self._showing = threading.Lock()

    def follow(self) -> None:
        """Show a line every few seconds, the first after as many, until the end or until nothing can be read."""
        read: deque[Snapshot] = deque(maxlen=math.ceil(WINDOW_S / self._interval) + 1)
        last = time.monotonic()
        while not self._ended.wait(self._interval):
            seen, why = self._read()
            if seen:
                last = time.monotonic()
                read.append(seen)
                self._show(line(self._host, list(read)))
            elif time.monotonic() - last > max(PATIENCE_S, ATTEMPTS * self._interval):
                self._show(f"progress: [{self._host}] => is not shown, as it could not be read: {why[-200:]}", 1)
                return

    def _read(self) -> tuple[Snapshot | None, str]:
        """How far the module is, None where that cannot be read, and why."""
        try:
            answer = beside(self._action)(self._command)
        except Exception as error:  # noqa: BLE001  # plugins for connections raise anything, and the work goes on
            return None, str(error)
        seen = parse(answer["stdout"]) if answer["rc"] == 0 else None
        return seen, " ".join(str(answer.get("stderr") or answer["stdout"]).split())

    def end(self) -> None:
        """Show nothing from now on: a process that ends while it writes to the queue of its run would block it."""
        with self._showing:
            self._ended.set()

    def _show(self, text: str, verbosity: int = 0) -> None:
        with self._showing:
            if not self._ended.is_set() and display.verbosity >= verbosity:
                # standard output may be a document, and is written late where it is no terminal
                display.display(text, stderr=True)


def beside(action: ActionBase) -> Callable[[str], dict[str, Any]]:
    """A function that runs a command on the host while the action runs another one.

    The plugins for connections and for become keep the state of a command in themselves, so each command has its own.
    Where the connection is shared, as by ControlPersist, this one is one more session of it.
    """
    other = copy.copy(action)
    other._connection = copy.copy(action._connection)
    if other._connection.become:
        other._connection.set_become_plugin(copy.copy(other._connection.become))
    execute: Callable[[str], dict[str, Any]] = other._low_level_execute_command
    return execute
