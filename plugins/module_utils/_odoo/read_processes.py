# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads with which options the processes of an instance were started, those in containers included."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import (
    Process,
    options_of_command,
    options_of_environment,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_processes import working_directory

# of Python's own options, those with a value in the next word, alone or behind others in one word
_WITH_VALUE = re.compile(r"-[bBdEiIOPqsSuvx]*[WX]|--check-hash-based-pycs")
_MODULE = re.compile(r"-[bBdEiIOPqsSuvx]*m")
_CODE = re.compile(r"-[bBdEiIOPqsSuvx]*c")


def read_processes(config: str, warn: Callable[[str], None], proc: str = "/proc") -> list[Process]:
    """The running processes of the instance whose odoo.conf has the path `config`, without those that are alike.

    warn: is told where the environment of one may not be read, so that options there are not seen.
    """
    found: dict[str, Process] = {}
    for entry in sorted((name for name in os.listdir(proc) if name.isdecimal()), key=int):
        # a process may end while it is looked at
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # PID files, editors and the like name the file too
            arguments = arguments_of(_strings(f"{proc}/{entry}/cmdline"))
            if arguments is not None:
                process = _process(int(entry), arguments, config, warn, proc)
                if process is not None:
                    found.setdefault(repr((process.options, process.environment)), process)
    return list(found.values())


def arguments_of(argv: Sequence[str]) -> Sequence[str] | None:
    """The arguments that a command line gives to Odoo; None where it starts something else."""
    place = 0
    if argv and os.path.basename(argv[0]).startswith(("python", "pypy")):
        place = 1
        while place < len(argv) and argv[place].startswith("-") and not _CODE.fullmatch(argv[place]):
            if _MODULE.fullmatch(argv[place]):
                place += 1
                break
            place += 2 if _WITH_VALUE.fullmatch(argv[place]) else 1
    if place < len(argv) and os.path.basename(argv[place]).startswith(("odoo", "openerp")):
        return argv[place + 1 :]
    return None


def _process(pid: int, arguments: Sequence[str], config: str, warn: Callable[[str], None], proc: str) -> Process | None:
    options = options_of_command(arguments)
    given = options.pop("config", "")
    try:
        pairs = [word.partition("=") for word in _strings(f"{proc}/{pid}/environ")]
    except PermissionError:
        pairs = []
        if given and _same(_absolute(given, pid, {}, proc), config):
            warn(f"config: the environment of process {pid} of {config} cannot be read; use become to see its options")
    variables = {name: value for name, _equals, value in pairs}
    # as Odoo looks for it; the second variable was the first one's name before
    given = given or variables.get("ODOO_RC") or variables.get("OPENERP_SERVER") or "~/.odoorc"
    if not _same(_absolute(given, pid, variables, proc), config):
        return None
    return Process(pid, options, options_of_environment(variables))


def _absolute(path: str, pid: int, variables: Mapping[str, str], proc: str) -> str:
    """The path of a file that a process names, "" where it cannot be told."""
    if path.startswith("~/") and variables.get("HOME"):
        path = variables["HOME"] + path[1:]
    if os.path.isabs(path):
        return path
    try:
        return os.path.join(working_directory(pid, proc), path)
    except PermissionError:
        return ""


def _same(path: str, other: str) -> bool:
    # that of a container need not be a path of this host
    return bool(path) and (
        os.path.normpath(path) == os.path.normpath(other) or os.path.realpath(path) == os.path.realpath(other)
    )


def _strings(path: str) -> list[str]:
    with open(path, "rb") as stream:
        return [os.fsdecode(word) for word in stream.read().split(b"\0") if word]
