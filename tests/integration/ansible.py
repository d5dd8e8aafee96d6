# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible as a user runs it, over SSH, with results that a test can look into."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab.state import ROOT

DEADLINE_S = 900
# The exit code of a shell for a command that SIGKILL ended.
KILLED = 137
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Event:
    """What one task said about one host."""

    play: str
    task: str
    host: str
    result: dict[str, Any]


@dataclass(frozen=True)
class PlaybookRun:
    """One finished run: exit code, counters by host, every task's result in order, and the raw output."""

    rc: int
    stats: dict[str, dict[str, int]]
    events: list[Event]
    stdout: str
    stderr: str

    @property
    def changed(self) -> int:
        """The number of changes over all hosts."""
        return sum(counters["changed"] for counters in self.stats.values())

    @property
    def errors(self) -> list[str]:
        """The messages of the tasks that failed or did not reach their host, in order."""
        bad = [event.result for event in self.events if event.result.get("failed") or event.result.get("unreachable")]
        return [str(result.get("msg", result)) for result in bad]

    def results(self, task: str) -> dict[str, dict[str, Any]]:
        """The result of the last task whose name contains `task`, by host."""
        return {event.host: event.result for event in self.events if task in event.task}

    def expect_success(self) -> PlaybookRun:
        """This run, if it succeeded; otherwise an error that shows why."""
        assert self.rc == 0, f"ansible-playbook ended with {self.rc}: {'; '.join(self.errors) or self.stderr[-3000:]}"
        return self

    def expect_failure(self) -> PlaybookRun:
        """This run, if it failed as it should."""
        assert self.rc != 0, "ansible-playbook succeeded, and should have refused"
        return self


def run_playbook(
    playbook: str | Path | list[dict[str, Any]],
    inventory: str | Path | dict[str, Any],
    extra_vars: dict[str, Any] | None = None,
    *,
    check: bool = False,
    diff: bool = True,
    arguments: list[str] | None = None,
    command_line: bool = False,
    env: Mapping[str, str] | None = None,
    server: Server | None = None,
) -> PlaybookRun:
    """Run `playbook` (a path, a full name such as gantry.odoo.site, or plays as data) on `inventory` (path or data).

    command_line: start ansible-playbook itself, not a fork of the process that has Ansible imported already.
    env: variables for the command itself, which is started then. server: whose fork runs it, this module's by default.
    """
    with tempfile.TemporaryDirectory(prefix="gantry-test-") as directory:
        scratch = Path(directory)
        command = [str(BIN / "ansible-playbook"), "--inventory", _file(scratch, "inventory", inventory)]
        command += ["--check"] if check else []
        command += ["--diff"] if diff else []
        if extra_vars:
            command += ["--extra-vars", f"@{_file(scratch, 'vars', extra_vars)}"]
        command += [*(arguments or []), _file(scratch, "playbook", playbook)]
        stdout, stderr = scratch / "stdout", scratch / "stderr"
        rc = (
            _start(command, stdout, stderr, env)
            if command_line or env
            else (server or _SERVER).run(command, stdout, stderr)
        )
        said, complained = stdout.read_text(errors="replace"), stderr.read_text(errors="replace")
    stats, events = _parse(said)
    return PlaybookRun(rc, stats, events, said, complained)


def run_module(
    inventory: str | Path | dict[str, Any],
    host: str,
    module: str,
    args: dict[str, Any],
    *,
    check: bool = False,
    diff: bool = True,
    fails: bool = False,
    command_line: bool = False,
) -> dict[str, Any]:
    """Call `module` on `host` and return its result. `fails` says whether it should; the other outcome is an error."""
    plays = [{"hosts": host, "gather_facts": False, "tasks": [{"name": "call", module: args}]}]
    run = run_playbook(plays, inventory, check=check, diff=diff, command_line=command_line)
    found = run.results("call").get(host)
    assert found is not None, (
        f"{module} gave no result on {host} (exit code {run.rc}): {run.stdout[-1500:]}{run.stderr[-1500:]}"
    )
    assert not found.get("unreachable"), f"{host} cannot be reached: {found.get('msg')}"
    assert bool(found.get("failed")) == fails, (
        f"{module} on {host}: {found.get('msg', 'succeeded')} {found.get('exception', '')}"
    )
    return found


def _environment() -> dict[str, str]:
    # The user's own Ansible settings must not decide whether a test passes.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    ours = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "PATH": f"{BIN}:{kept.get('PATH', '')}",
    }
    return {**kept, **ours}


def _start(command: list[str], stdout: Path, stderr: Path, env: Mapping[str, str] | None) -> int:
    """Run the command itself; its exit code."""
    with stdout.open("wb") as out, stderr.open("wb") as err:
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            timeout=DEADLINE_S,
            check=False,
        ).returncode


class Server:
    """A process that has Ansible imported, started by the first run and gone with this process.

    collections: the path on which it finds collections, where that is another than the project's.
    """

    def __init__(self, collections: Path | None = None) -> None:
        self._environment = {"ANSIBLE_COLLECTIONS_PATH": str(collections)} if collections else {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._path = ""

    def run(self, command: list[str], stdout: Path, stderr: Path) -> int:
        """Run ansible-playbook in a fork; its exit code, 137 where it was killed.

        Raises TimeoutError, having ended it, past the deadline.
        """
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._ready())
            request = {"argv": command, "stdout": str(stdout), "stderr": str(stderr)}
            connection.sendall(json.dumps(request).encode() + b"\n")
            connection.settimeout(DEADLINE_S)
            with connection.makefile("r") as answers:
                pid = int(answers.readline())
                try:
                    return int(answers.readline() or KILLED)
                except TimeoutError:
                    os.killpg(pid, signal.SIGKILL)
                    raise

    def _ready(self) -> str:
        with self._lock:
            if self._process is None:
                self._path = str(Path(tempfile.mkdtemp(prefix="gantry-ansible-")) / "socket")
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.integration.ansible_server", self._path],
                    cwd=ROOT,
                    env={**_environment(), **self._environment},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                assert self._process.stdout is not None
                assert self._process.stdout.readline() == "ready\n"
        return self._path


_SERVER = Server()


def _file(directory: Path, name: str, given: str | Path | Any) -> str:
    """The path of `given`: itself, or a file readable to nobody else when it is data."""
    if isinstance(given, (str, Path)):
        return str(given)
    path = directory / f"{name}.yml"
    path.touch(mode=0o600)
    path.write_text(yaml.dump(given, Dumper=_Dumper, sort_keys=False), encoding="utf-8")
    return str(path)


class _Dumper(yaml.SafeDumper):
    """Data as it is."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _parse(stdout: str) -> tuple[dict[str, dict[str, int]], list[Event]]:
    """Counters and events of the JSON callback; nothing where the run ended before its first play."""
    start = stdout.find("{\n")
    if start < 0:
        return {}, []
    document = json.loads(stdout[start:])
    events = [
        Event(play["play"]["name"], task["task"]["name"], host, result)
        for play in document["plays"]
        for task in play["tasks"]
        for host, result in task["hosts"].items()
    ]
    return document["stats"], events
