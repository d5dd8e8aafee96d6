# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of systemd that run playbooks on a schedule: pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

UNIT_DIR = "/etc/systemd/system"
PREFIX = "gantry-schedule-"
HEAD = "# Written by the role gantry.odoo.estate, which removes it where the schedule has it no more."
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_PLAYBOOK = re.compile(r"[A-Za-z0-9_./-]+")


@dataclass(frozen=True)
class Runner:
    """How playbooks are run. command: program and first arguments. on_failure: units that are started then.

    vault_password_file: path, which systemd alone reads and gives to the run; empty without a vault.
    """

    command: tuple[str, ...]
    inventory: str
    user: str
    directory: str
    vault_password_file: str = ""
    on_failure: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One playbook with its inputs, and when it runs.

    calendar: as systemd.time has it. delay_s: seconds of which each host adds a part of its own, always the same one.
    timeout_s: seconds after which a run is ended. after: the jobs that it follows as well, whatever became of those.
    """

    name: str
    playbook: str
    calendar: str
    delay_s: int = 0
    timeout_s: int = 86400
    inputs: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The name of its units, without their kind."""
        return PREFIX + self.name


def parse_jobs(items: Sequence[Mapping[str, Any]]) -> list[Job]:
    """The jobs of a schedule. Raises InputError for one that systemd or Ansible would refuse."""
    jobs = [_job(number, item) for number, item in enumerate(items)]
    names = [job.name for job in jobs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"schedule: two jobs are called {twice[0]}; give each a name of its own")
    for job in jobs:
        unknown = sorted(set(job.after) - (set(names) - {job.name}))
        if unknown:
            raise InputError(f"schedule: job {job.name} follows {unknown[0]}, which is no other job; name one that is")
    return jobs


def without(items: Sequence[Mapping[str, Any]], playbooks: Collection[str]) -> list[dict[str, Any]]:
    """The schedule without the jobs that run one of some playbooks. No other job follows them any more."""
    gone = [item.get("name") for item in items if item.get("playbook") in playbooks]
    left = (dict(item) for item in items if item.get("playbook") not in playbooks)
    return [
        {**item, "after": [name for name in item["after"] if name not in gone]} if item.get("after") else item
        for item in left
    ]


def parse_runner(values: Mapping[str, Any]) -> Runner:
    """How playbooks are run. Raises InputError for paths that systemd refuses."""
    runner = Runner(
        tuple(values["command"]),
        values["inventory"],
        values["user"],
        values["directory"],
        values.get("vault_password_file") or "",
        tuple(values.get("on_failure") or ()),
    )
    if not runner.command:
        raise InputError("schedule: the command is empty; give the program that runs playbooks")
    paths = {"command": runner.command[0], "inventory": runner.inventory, "directory": runner.directory}
    if runner.vault_password_file:
        paths["vault_password_file"] = runner.vault_password_file
    for option, path in paths.items():
        if not path.startswith("/") or "\n" in path or (option != "command" and " " in path):
            raise InputError(f"schedule: {option} {path!r} is not an absolute path without spaces")
    for option, names in (("user", [runner.user]), ("on_failure", runner.on_failure)):
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_@.:-]+", name):
                raise InputError(f"schedule: {option} {name!r} is not a name that systemd takes")
    return runner


def plan_units(jobs: Sequence[Job], runner: Runner) -> list[dict[str, str]]:
    """The files of all units, as gantry.odoo.host_files takes them."""
    files = []
    for job in jobs:
        following = [other.unit for other in jobs if job.name in other.after]
        files.append(_file(f"{job.unit}.service", _service(job, runner, following)))
        files.append(_file(f"{job.unit}.timer", _timer(job)))
    return files


def left_over(found: Sequence[str], jobs: Sequence[Job]) -> list[str]:
    """The units among `found`, names of files of ours, that no job has any more; timers first."""
    wanted = {f"{job.unit}.{kind}" for job in jobs for kind in ("service", "timer")}
    return sorted(set(found) - wanted, key=lambda name: (not name.endswith(".timer"), name))


def _job(number: int, item: Mapping[str, Any]) -> Job:
    where = f"schedule[{number}]"
    unknown = sorted(set(item) - {"name", "playbook", "calendar", "delay_s", "timeout_s", "inputs", "after"})
    if unknown:
        raise InputError(f"{where}: there is no option {unknown[0]}; give name, playbook, calendar, and inputs")
    for option, pattern in (("name", _NAME), ("playbook", _PLAYBOOK)):
        value = item.get(option)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise InputError(f"{where}: {option} {value!r} cannot be used; {option} has {pattern.pattern}")
    calendar = item.get("calendar")
    if not isinstance(calendar, str) or not calendar.strip() or "\n" in calendar:
        raise InputError(f"{where}: calendar {calendar!r} is no time of systemd; give one such as '*-*-* 03:00'")
    inputs = item.get("inputs") or {}
    if not isinstance(inputs, Mapping):
        raise InputError(f"{where}: inputs {inputs!r} is no dictionary of the playbook's inputs")
    after = item.get("after") or []
    if not isinstance(after, list) or not all(isinstance(name, str) for name in after):
        raise InputError(f"{where}: after {after!r} is no list of names of jobs")
    numbers = {}
    for option, least, default in (("delay_s", 0, 0), ("timeout_s", 1, 86400)):
        value = item.get(option, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InputError(f"{where}: {option} {value!r} is no number of seconds from {least} on")
        numbers[option] = value
    return Job(item["name"], item["playbook"], calendar.strip(), inputs=inputs, after=tuple(after), **numbers)


def _file(name: str, lines: Sequence[str]) -> dict[str, str]:
    return {"path": f"{UNIT_DIR}/{name}", "content": "\n".join([HEAD, *lines, ""]), "mode": "0644"}


def _service(job: Job, runner: Runner, following: Sequence[str]) -> list[str]:
    """The unit that runs a playbook. following: the units without their kind that are started at its end.

    A unit that runs already is not started twice; it is by the end of the next job that it follows.
    """
    after = [f"{unit}.service" for unit in following]
    failed = [*runner.on_failure, *after]
    argv = [*runner.command, "-i", runner.inventory, job.playbook]
    credential = []
    if runner.vault_password_file:
        argv += ["--vault-password-file", "%d/vault"]
        credential = [f"LoadCredential=vault:{runner.vault_password_file}"]
    words = [_quoted(word, keep_specifier=word == "%d/vault") for word in argv]
    if job.inputs:
        words += ["-e", _quoted(json.dumps(job.inputs, sort_keys=True))]
    return [
        "[Unit]",
        f"Description={job.playbook} by schedule ({job.name})".replace("%", "%%"),
        "Wants=network-online.target",
        "After=network-online.target",
        *([f"OnSuccess={' '.join(after)}"] if after else []),
        *([f"OnFailure={' '.join(failed)}"] if failed else []),
        "",
        "[Service]",
        "Type=oneshot",
        f"User={runner.user}",
        f"WorkingDirectory={runner.directory}",
        *credential,
        f"ExecStart={' '.join(words)}",
        f"TimeoutStartSec={job.timeout_s}",
    ]


def _timer(job: Job) -> list[str]:
    return [
        "[Unit]",
        f"Description=Schedule of {job.playbook} ({job.name})".replace("%", "%%"),
        "",
        "[Timer]",
        f"OnCalendar={job.calendar}",
        # one that was missed is made good when the host is up again
        "Persistent=true",
        f"RandomizedDelaySec={job.delay_s}",
        "FixedRandomDelay=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]


def _quoted(word: str, keep_specifier: bool = False) -> str:
    """A word of a command line as systemd reads it back, without variables and, unless kept, without specifiers."""
    safe = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    safe = safe if keep_specifier else safe.replace("%", "%%")
    return f'"{safe}"' if re.search(r"[^A-Za-z0-9_./:=@%-]", word) or not word else safe
