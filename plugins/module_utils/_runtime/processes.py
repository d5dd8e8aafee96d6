# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a host's instances, as systemd or the Docker Engine and /proc tell of them."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import CRON, WEB, Instance, Process

SYSTEMD = "systemd"
DOCKER = "docker"
_KINDS = (WEB, CRON)


def unit(instance: str, kind: str) -> str:
    """The systemd unit of one process of an instance."""
    return f"odoo-{kind}@{instance}.service"


def container(instance: str, kind: str) -> str:
    """The container of one process of an instance."""
    return f"odoo-{kind}-{instance}"


class Host:
    """The processes of one host under one runtime."""

    def __init__(
        self, runtime: str, root: str, config_dir: str = "/etc/odoo", unit_dir: str = "/etc/systemd/system"
    ) -> None:
        self.runtime = runtime
        self.releases = os.path.join(root, "releases")
        self.config_dir = config_dir
        self.unit_dir = unit_dir
        self.units_changed = False

    def read(self, instances: Sequence[Instance], deadline: Deadline) -> dict[tuple[str, str], Process]:
        """Every process of the instances, by instance and kind, whether it is wanted or not."""
        keys = [(instance.name, kind) for instance in instances for kind in _KINDS]
        states = self._systemd(keys, deadline) if self.runtime == SYSTEMD else self._docker(keys, deadline)
        children = _children()
        return {key: self._process(key, states[key], children) for key in keys}

    def act(self, verb: str, targets: Iterable[tuple[str, str]], deadline: Deadline) -> None:
        """Have systemd do `verb` to all targets at once, and wait until it is done."""
        units = [unit(name, kind) for name, kind in targets]
        if units:
            run(["systemctl", verb, *units], deadline, what=f"systemctl {verb} {' '.join(units)}")

    def reload(self, deadline: Deadline) -> None:
        """Have systemd read the unit files where it knows them to be newer, or does not know them yet."""
        if self.units_changed:
            run(["systemctl", "daemon-reload"], deadline, what="systemctl daemon-reload")

    def _process(self, key: tuple[str, str], state: tuple[int, bool], children: Mapping[int, list[int]]) -> Process:
        main, enabled = state
        name, kind = key
        if not main:
            return Process(name, kind, running=False, enabled=enabled)
        pids = _tree(main, children)
        seen = {pid: _release(pid, self.releases) for pid in pids}
        alive = {pid: found for pid, found in seen.items() if found is not None}
        return Process(
            name,
            kind,
            running=main in alive,
            enabled=enabled,
            started=_started(main),
            written=max(_written(path) for path in self._files(name, kind)),
            releases=tuple(alive.values()),
            pids=tuple(alive),
        )

    def _files(self, name: str, kind: str) -> tuple[str, ...]:
        files = [
            os.path.join(self.config_dir, f"{name}.conf"),
            os.path.join(self.config_dir, "postgresql-ca.pem"),
            os.path.join(os.path.dirname(self.releases), "current", "release.json"),
        ]
        if self.runtime == SYSTEMD:
            files.append(os.path.join(self.unit_dir, f"odoo-{kind}@.service"))
        if kind == CRON:
            files.append(os.path.join(self.config_dir, f"{name}.cron"))
        return tuple(files)

    def _systemd(self, keys: Sequence[tuple[str, str]], deadline: Deadline) -> dict[tuple[str, str], tuple[int, bool]]:
        units = [unit(name, kind) for name, kind in keys]
        wanted = "--property=Id,MainPID,UnitFileState,LoadState,NeedDaemonReload"
        told = run(["systemctl", "show", wanted, *units], deadline, what="systemctl show of the Odoo units")
        shown = [dict(line.split("=", 1) for line in block.splitlines()) for block in told.strip().split("\n\n")]
        if len(shown) != len(keys):
            raise StateError(f"systemctl show told of {len(shown)} units instead of {len(keys)}: {told.strip()[:200]}")
        self.units_changed = any(
            properties["NeedDaemonReload"] == "yes" or properties["LoadState"] != "loaded" for properties in shown
        )
        return {
            key: (int(properties["MainPID"]), properties["UnitFileState"] == "enabled")
            for key, properties in zip(keys, shown)
        }

    @staticmethod
    def _docker(keys: Sequence[tuple[str, str]], deadline: Deadline) -> dict[tuple[str, str], tuple[int, bool]]:
        listed = run(["docker", "ps", "--all", "--format", "{{.Names}}"], deadline, what="docker ps").split()
        names = {key: container(*key) for key in keys}
        there = [name for name in names.values() if name in listed]
        states: dict[str, tuple[int, bool]] = {}
        if there:
            told = json.loads(run(["docker", "inspect", *there], deadline, what="docker inspect"))
            for item in told:
                policy = item["HostConfig"]["RestartPolicy"]["Name"]
                states[item["Name"].lstrip("/")] = (int(item["State"]["Pid"]), policy not in ("", "no"))
        return {key: states.get(name, (0, False)) for key, name in names.items()}


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
        directory = _working_directory(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    parent, identity = os.path.split(directory)
    return identity if parent == releases else ""


def _working_directory(pid: int) -> str:
    path = f"/proc/{pid}"
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
