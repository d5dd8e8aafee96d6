# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that starts a container, taken apart so that the container can end with the one who started it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

_ENTRYPOINT = "--entrypoint"
# The options of `docker run` that take no value; each other one takes the next word where it holds none itself.
_FLAGS = frozenset(
    [
        "--detach",
        "--disable-content-trust",
        "--init",
        "--interactive",
        "--no-healthcheck",
        "--oom-kill-disable",
        "--privileged",
        "--publish-all",
        "--quiet",
        "--read-only",
        "--rm",
        "--sig-proxy",
        "--tty",
        "--use-api-socket",
    ]
)
# The first process of the container. Its standard input is held open by the one who started it: a length, as many
# bytes for the program's own input, and then nothing until that one is gone. When it ends, the kernel ends the others.
WATCH = """
import os, signal, subprocess, sys, threading
length = sys.stdin.buffer.readline()
given = sys.stdin.buffer.read(int(length or 0))
if not length or len(given) < int(length):
    os._exit(137)
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
def end():
    while os.read(0, 1024):
        pass
    child.kill()
    os._exit(137)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: child.send_signal(number))
threading.Thread(target=end, daemon=True).start()
try:
    child.stdin.write(given)
    child.stdin.close()
except BrokenPipeError:
    pass
code = child.wait()
os._exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True)
class Guarded:
    """`docker run` in parts. engine: the words before `run`. program: the entry point. arguments: what follows it."""

    engine: tuple[str, ...]
    options: tuple[str, ...]
    program: str
    image: str
    arguments: tuple[str, ...] = ()

    def python(self, source: str, *arguments: str) -> tuple[str, ...]:
        """The command that runs a Python program in the image instead, with standard input attached."""
        started = (*self.engine, "run", "--interactive", *self.options, f"{_ENTRYPOINT}=python3", self.image)
        return (*started, "-u", "-c", source, *arguments)

    def watched(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """The command that runs the program below WATCH."""
        return self.python(WATCH, self.program, *self.arguments, *arguments)


def guarded(command: Sequence[str]) -> Guarded | None:
    """The parts of a command that starts a container; None for one that starts none.

    Raises InputError where no entry point or no image is named.
    """
    names = [PurePosixPath(word).name for word in command]
    if "docker" not in names or "run" not in names[names.index("docker") :]:
        return None
    run = names.index("run", names.index("docker"))
    engine = tuple(word for word in command[:run] if word != "container")
    options: list[str] = []
    program = ""
    words = iter(command[run + 1 :])
    for word in words:
        if not word.startswith("-"):
            if not program:
                break
            return Guarded(engine, tuple(options), program, word, tuple(words))
        name, equals, value = word.partition("=")
        apart = not equals and _takes_value(word)
        value = next(words, "") if apart else value
        if name == _ENTRYPOINT:
            program = value
        elif name != "--interactive":
            options += [word, value] if apart else [word]
    raise InputError(
        "odoo_command: it starts a container and names no image with an entry point before it; give --entrypoint, such "
        "as --entrypoint=/usr/bin/odoo, and then the image"
    )


def _takes_value(word: str) -> bool:
    if word.startswith("--"):
        return word not in _FLAGS
    # several flags in one word, such as -it, or an option with its value, such as -u8069
    return len(word) == 2 and word[1] not in "diPqt"
