# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a host's instances, read in /proc."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import CRON, Key, Layout, Process


@dataclass(frozen=True)
class State:
    """One process as its runtime shows it.

    main: pid of its first process, 0 without one. files: what it reads at its start beside the files of the layout.
    """

    main: int = 0
    enabled: bool = False
    differs: str = ""
    files: tuple[str, ...] = ()


def read_processes(layout: Layout, states: Mapping[Key, State]) -> dict[Key, Process]:
    """The processes that belong to the states, each with its children."""
    children = _children()
    return {key: _process(layout, key, state, children) for key, state in states.items()}


def _process(layout: Layout, key: Key, state: State, children: Mapping[int, list[int]]) -> Process:
    name, kind = key
    if not state.main:
        return Process(name, kind, enabled=state.enabled, differs=state.differs)
    seen = {pid: _release(pid, layout.releases) for pid in _tree(state.main, children)}
    alive = {pid: found for pid, found in seen.items() if found is not None}
    return Process(
        name,
        kind,
        running=state.main in alive,
        enabled=state.enabled,
        started=_started(state.main),
        written=max(_written(path) for path in (*layout.read_at_start(name, kind), *state.files)),
        listed=_written(layout.cron(name)) if kind == CRON else 0.0,
        releases=tuple(alive.values()),
        pids=tuple(alive),
        differs=state.differs,
    )


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields is not None:
                found.setdefault(int(fields[1]), []).append(int(entry))
    return found


def _tree(top: int, children: Mapping[int, list[int]]) -> tuple[int, ...]:
    waiting, found = [top], []
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, ()))
    return tuple(sorted(found))


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the command's name, None when the process has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _release(pid: int, releases: str) -> str | None:
    """The release whose directory is the process's working directory, "" for any other, None when it has ended."""
    try:
        directory = working_directory(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    parent, identity = os.path.split(directory)
    return identity if parent == releases else ""


def working_directory(pid: int, proc: str = "/proc") -> str:
    """The directory that a process works in. Raises OSError as readlink() does."""
    path = f"{proc}/{pid}"
    try:
        return os.readlink(f"{path}/cwd")
    except PermissionError:
        # root without CAP_SYS_PTRACE, as in a container: the process's own account may look
        owner = os.stat(path)
        with _acting_as(owner.st_uid, owner.st_gid):
            return os.readlink(f"{path}/cwd")


@contextlib.contextmanager
def _acting_as(uid: int, gid: int) -> Iterator[None]:
    own_uid, own_gid = os.geteuid(), os.getegid()
    try:
        os.setegid(gid)
        os.seteuid(uid)
        yield
    finally:
        os.seteuid(own_uid)
        os.setegid(own_gid)


def _started(pid: int) -> float:
    fields = _stat(pid)
    if fields is None:
        return 0.0
    with open("/proc/uptime", encoding="ascii") as handle:
        uptime = float(handle.read().split()[0])
    return time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0
