# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook of the collection as an admin would, with its output in a log and its progress on the screen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.state import ROOT

_RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=(?P<unreachable>\d+)\s+failed=(?P<failed>\d+)"
)
_HEADING = re.compile(r"^(?:PLAY|TASK|RUNNING HANDLER) \[(?P<name>.*)\] \**$")
# What Ansible's default callback writes ahead of the sentence that a module or an action failed with.
_ERROR = re.compile(r"^\[ERROR\]: (?:Task failed: )?(?:Module failed: |Action failed: )?(?P<sentence>.*)$")


@dataclass(frozen=True)
class Recap:
    """What PLAY RECAP told: changed tasks by host."""

    changed: Mapping[str, int]

    @property
    def total(self) -> int:
        """Changed tasks over all hosts."""
        return sum(self.changed.values())


def run(name: str, log: Path, told: Callable[[str], None], **extra: str) -> Recap:
    """Run the playbook `name` on the lab's inventory; `told` hears each task's name.

    Raises LabError with the playbook's own sentence where it fails, and where the whole output is.
    """
    # A killed demo takes its playbook with it, so that the next one is alone on the estate.
    command = [
        "setpriv",
        "--pdeathsig",
        "TERM",
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        "inventories/lab",
        f"gantry.odoo.{name}",
    ]
    for key, value in extra.items():
        command += ["-e", f"{key}={value}"]
    log.parent.mkdir(parents=True, exist_ok=True)
    sentences: list[str] = []
    changed: dict[str, int] = {}
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "PYTHONUNBUFFERED": "1"}
    # ansible-playbook is found by the tools it starts itself.
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', '')}"
    with (
        log.open("w", encoding="utf-8", buffering=1) as stream,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            stream.write(line)
            if heading := _HEADING.match(line):
                told(heading["name"])
            elif recap := _RECAP.match(line):
                changed[recap["host"]] = int(recap["changed"])
            elif error := _ERROR.match(line):
                sentences.append(error["sentence"])
    if process.returncode != 0:
        why = sentences[0] if sentences else f"it ended with exit code {process.returncode}"
        raise LabError(f"gantry.odoo.{name}: {why} (whole output in {log.relative_to(ROOT)})")
    return Recap(changed)
