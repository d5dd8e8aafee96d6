# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads with which options the processes of an instance were started, those in containers included."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import (
    Process,
    options_of_command,
    options_of_environment,
)


def read_processes(config: str, warn: Callable[[str], None], proc: str = "/proc") -> list[Process]:
    """The running processes of the instance whose odoo.conf has the path `config`, without those that are alike.

    warn: is told where the environment of one may not be read, so that options there are not seen.
    """
    found: dict[str, Process] = {}
    for entry in sorted((name for name in os.listdir(proc) if name.isdigit()), key=int):
        # a process may end while it is looked at
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            argv = _strings(f"{proc}/{entry}/cmdline")
            # PID files, editors and the like name the file too
            if any(os.path.basename(word).startswith(("odoo", "openerp")) for word in argv[:3]):
                process = _process(int(entry), argv, config, warn, proc)
                if process is not None:
                    found.setdefault(repr((process.options, process.environment)), process)
    return list(found.values())


def _process(pid: int, argv: list[str], config: str, warn: Callable[[str], None], proc: str) -> Process | None:
    options = options_of_command(argv)
    try:
        pairs = [word.partition("=") for word in _strings(f"{proc}/{pid}/environ")]
    except PermissionError:
        if options.get("config") == config:
            warn(f"config: the environment of process {pid} of {config} cannot be read; use become to see its options")
        pairs = []
    environment = options_of_environment({name: value for name, _equals, value in pairs})
    if options.pop("config", environment.get("config")) != config:
        return None
    environment.pop("config", None)
    return Process(pid, options, environment)


def _strings(path: str) -> list[str]:
    with open(path, "rb") as stream:
        return [os.fsdecode(word) for word in stream.read().split(b"\0") if word]
