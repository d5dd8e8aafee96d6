# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that starts a container, taken apart so that the container can end with the one who started it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
# Programs below which Odoo would outlive the module: they have another process start it, or keep signals from it.
_ELSEWHERE = frozenset(
    [
        "crictl",
        "ctr",
        "doas",
        "docker-compose",
        "incus",
        "kubectl",
        "lxc",
        "machinectl",
        "nerdctl",
        "podman",
        "podman-compose",
        "ssh",
        "sudo",
        "systemd-run",
    ]
)
# The options of `docker` itself that take a value.
_GLOBAL = frozenset(
    ["--config", "--context", "--host", "--log-level", "--tlscacert", "--tlscert", "--tlskey", "-H", "-c", "-l"]
)
# Runs a program and what it starts, on a host or as first process of a container. Its standard input is held open by
# the one who started it: a length, the numbers of an account and its group where the program is to be another's, as
# many bytes for the program's own input, and then nothing until that one is gone. What the program started ends with
# it, and all of it ends with that one: also what left its group or lost its parent is below this process.
WATCH = """
import os, signal, subprocess, sys, threading, time
first = sys.stdin.buffer.readline().split()
given = sys.stdin.buffer.read(int(first[0] if first else 0))
if not first or len(given) < int(first[0]):
    os._exit(137)
try:
    import ctypes
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
except (ImportError, OSError, AttributeError):
    pass
account = {}
if len(first) == 3:
    account = {"user": int(first[1]), "group": int(first[2]), "extra_groups": []}
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True, **account)
def below():
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, errors="replace") as stream:
                    fields = stream.read().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(name))
    found = [os.getpid()]
    for pid in found:
        found += parents.get(pid, [])
    return found[1:]
def sweep():
    for _ in range(250):
        left = below()
        if not left:
            break
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.02)
def end():
    while os.read(0, 1024):
        pass
    sweep()
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
sweep()
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

    def mounting(self, directories: Sequence[str]) -> Guarded:
        """The same with directories of the host in the container, each by its own path."""
        return replace(self, options=(*self.options, *(f"--volume={path}:{path}" for path in directories)))

    def watched(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """The command that runs the program below WATCH."""
        return self.python(WATCH, self.program, *self.arguments, *arguments)


def guarded(command: Sequence[str]) -> Guarded | None:
    """The parts of a command that starts a container by `docker run`; None for one that starts none.

    Raises InputError where no entry point or no image is named, and for a command that starts Odoo where nothing can
    end it with the module.
    """
    names = [PurePosixPath(word).name for word in command]
    run = _place_of_run(names)
    if run is None:
        return None
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
        flags, apart = _letters(word) if not word.startswith("--") else ("", not equals and word not in _FLAGS)
        if "d" in flags or (name == "--detach" and value != "false"):
            raise InputError("odoo_command: docker run --detach does not wait for Odoo; leave --detach out")
        value = next(words, "") if apart else value
        if name == _ENTRYPOINT:
            program = value
        elif name != "--interactive":
            options += [word, value] if apart else [word]
    raise InputError(
        "odoo_command: it starts a container and names no image with an entry point before it; give --entrypoint, such "
        "as --entrypoint=/usr/bin/odoo, and then the image"
    )


def _place_of_run(names: Sequence[str]) -> int | None:
    """The place of the word `run` after `docker`, None without it. Raises InputError for what runs Odoo elsewhere."""
    engine = names.index("docker") if "docker" in names else None
    for name in names:
        if name in _ELSEWHERE and (engine is None or name not in ("doas", "sudo")):
            raise InputError(
                f"odoo_command: below {name} Odoo would go on without the module that started it; give a command that "
                "starts Odoo itself, as the account odoo_user, or docker run"
            )
    if engine is None:
        return None
    place = engine + 1
    while place < len(names) and (names[place].startswith("-") or names[place] == "container"):
        place += 2 if names[place] in _GLOBAL else 1
    if names[place : place + 1] != ["run"]:
        raise InputError(
            f"odoo_command: with docker {' '.join(names[place : place + 1])} Odoo would go on without the module that "
            "started it; give docker run, with --rm and --entrypoint"
        )
    return place


def _letters(word: str) -> tuple[str, bool]:
    """The flags in a word of short options such as -it, and whether its last option takes the next word."""
    flags = ""
    for place, letter in enumerate(word[1:], start=2):
        if letter not in "diPqt":
            # with its value in the same word, such as -u8069, or in the next
            return flags, place == len(word)
        flags += letter
    return flags, False
