# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a second Traefik, alone on loopback and gone a moment later, what it makes of a directory of documents."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import DIRECTORY
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import SENTINEL
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

_CALL_SECONDS = 5.0
_STOP_SECONDS = 5.0
# It lives for a second: to collect garbage less often saves a fifth of its work, for 50 MB at 1,000 routes.
_GOGC = "400"
_PREFIX = "gantry-traefik-"
_STATIC, _LOG = "traefik.yml", "log"
_PR_SET_PDEATHSIG = 1
# Traefik tells nobody when it has loaded a directory; an object of ours among the others does.
SENTINEL_FILE = f"{SENTINEL}.yml"
_SENTINEL = {SENTINEL: {"compress": {"minResponseBodyBytes": 1024}}}


@dataclass(frozen=True)
class Verdict:
    """What the scratch Traefik made of the directory. refusal: its words when it loaded nothing at all.

    twice: objects that more than one file has, of which Traefik takes the first: what it calls them, and their name.
    """

    raw: dict[str, Any]
    certificates: list[dict[str, Any]]
    refusal: str | None
    errors: list[str]
    twice: frozenset[tuple[str, str]] = frozenset()


def available(command: Sequence[str]) -> bool:
    """Whether the Traefik program is there to ask."""
    return bool(command) and shutil.which(command[0]) is not None


def ask(
    command: Sequence[str],
    files: Mapping[str, bytes],
    entry_points: Mapping[str, Mapping[str, Any]],
    deadline: Deadline,
    probes: Mapping[str, Any] | None = None,
) -> Verdict:
    """Start a Traefik on `files` (content by relative path) and return its view of them.

    entry_points: settings of those of the live Traefik, by name. probes: routers by name that are there for this look
    alone. Raises StateError when the process ends by itself,
    DeadlineError when it does not answer in time.
    """
    with own_folder() as folder:
        watched, log_path = os.path.join(folder, "dynamic"), os.path.join(folder, _LOG)
        sentinel = {"middlewares": _SENTINEL, **({"routers": probes} if probes else {})}
        _lay_out(watched, {**files, SENTINEL_FILE: json.dumps({"http": sentinel}).encode()})
        port = _free_port()
        _lay_out(folder, {_STATIC: json.dumps(_static(watched, port, entry_points)).encode(), _LOG: b""})
        with open(log_path, "ab") as log:
            process = _start(command, os.path.join(folder, _STATIC), log)
        try:
            return _watch(process, Api(f"http://127.0.0.1:{port}", _CALL_SECONDS), log_path, watched, deadline)
        finally:
            _stop(process)


@contextlib.contextmanager
def own_folder() -> Iterator[str]:
    """A folder of this process alone, removed at the end. Those that killed runs have left are removed first."""
    _sweep()
    folder, handle = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _locked_folder() -> tuple[str, int]:
    while True:
        try:
            folder = tempfile.mkdtemp(prefix=_PREFIX)
            handle = os.open(folder, DIRECTORY)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StateError(f"no folder can be made in {tempfile.gettempdir()}: {error}") from error
        fcntl.flock(handle, fcntl.LOCK_EX)
        # another run may have swept it before it was locked
        if os.path.isdir(folder):
            return folder, handle
        os.close(handle)


def _sweep() -> None:
    """Remove the folders of this account whose process is gone, and end a Traefik that still runs in one of them."""
    above = tempfile.gettempdir()
    for name in os.listdir(above):
        if not name.startswith(_PREFIX):
            continue
        folder = os.path.join(above, name)
        try:
            handle = os.open(folder, DIRECTORY)
        except OSError:
            # a link, or gone meanwhile
            continue
        try:
            if os.fstat(handle).st_uid != os.geteuid():
                continue
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _end_left(folder)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)


def _end_left(folder: str) -> None:
    """End each process of this account that was started on a folder."""
    wanted = _configured(os.path.join(folder, _STATIC)).encode()
    for one in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{one}/cmdline", "rb") as stream:
                is_left = wanted in stream.read().split(b"\0")
            if is_left and os.stat(f"/proc/{one}").st_uid == os.geteuid():
                os.kill(int(one), signal.SIGKILL)


def _watch(
    process: subprocess.Popen[bytes],
    api: Api,
    log_path: str,
    watched: str,
    deadline: Deadline,
) -> Verdict:
    def loaded() -> Verdict | None:
        refusal = _refusal(log_path, watched)
        if refusal:
            return Verdict({}, [], refusal, [])
        if process.poll() is not None:
            raise StateError(f"the scratch Traefik ended with exit code {process.returncode}: {_last_words(log_path)}")
        try:
            # All of a thousand routes each time would keep it from loading them.
            if api.one("middlewares", SENTINEL) is None:
                return None
            return Verdict(api.raw(), api.certificates(), None, _errors(log_path), _twice(log_path))
        except UnreachableError:
            return None

    return deadline.wait(loaded, "The answer of the scratch Traefik to the new document", interval=0.05)


def _lay_out(folder: str, files: Mapping[str, bytes]) -> None:
    try:
        for relative, content in files.items():
            path = os.path.join(folder, relative)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as handle:
                handle.write(content)
    except OSError as error:
        raise StateError(f"the documents cannot be laid out in {folder}: {error}; nothing was changed") from error


def _static(watched: str, port: int, entry_points: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    addresses: dict[str, dict[str, Any]] = {
        name: {
            "address": "127.0.0.1:0/udp" if str(one.get("address")).endswith("/udp") else "127.0.0.1:0",
            # a router that names no entry point has these
            "asDefault": bool(one.get("asDefault")),
        }
        for name, one in entry_points.items()
    }
    addresses["traefik"] = {"address": f"127.0.0.1:{port}"}
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN", "format": "json"},
        "api": {"insecure": True, "dashboard": False},
        "entryPoints": addresses,
        "providers": {"providersThrottleDuration": "0s", "file": {"directory": watched, "watch": False}},
    }


def _configured(path: str) -> str:
    return f"--configFile={path}"


def _start(command: Sequence[str], static_path: str, log: Any) -> subprocess.Popen[bytes]:
    library, parent = ctypes.CDLL(None), os.getpid()

    def end_with_parent() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    try:
        return subprocess.Popen(  # pylint: disable=ansible-bad-function,subprocess-popen-preexec-fn  # beside the module
            # A file of its own, or Traefik would find the live process's and forget the rest.
            [*command, _configured(static_path)],
            # A run that is killed ends nothing, and a Traefik that is left goes on with the health checks.
            preexec_fn=end_with_parent,  # noqa: PLW1509  # it takes no lock
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Traefik takes TRAEFIK_* of its environment for configuration.
            env={
                "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
                "HOME": "/nonexistent",
                "GOGC": _GOGC,
            },
            cwd="/",
        )
    except OSError as error:
        raise StateError(f"the scratch Traefik {command[0]} could not be started: {error}") from error


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(timeout=_STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _log(path: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    with open(path, encoding="utf-8", errors="replace") as handle:
        for line in handle:
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"level": "error", "message": line.strip()})
    return lines


def _refusal(path: str, watched: str) -> str | None:
    for line in _log(path):
        if line.get("level") == "error" and "*file.Provider" in str(line.get("message")):
            words = str(line.get("error") or line.get("message"))
            return words.replace("collecting file configs: ", "").replace(watched + os.sep, "")
    return None


def _errors(path: str) -> list[str]:
    return [
        ": ".join(" ".join(str(line[key]).split()) for key in ("message", "error") if line.get(key))
        for line in _log(path)
        if line.get("level") == "error"
    ]


def _twice(path: str) -> frozenset[tuple[str, str]]:
    said = [(str(line.get("message")).partition(" already configured, skipping"), line) for line in _log(path)]
    return frozenset(
        (words[0], str(value))
        for words, line in said
        if words[1]
        for key, value in line.items()
        if key not in ("level", "time", "message", "providerName", "origin")
    )


def _last_words(path: str) -> str:
    words = [str(line.get("error") or line.get("message")) for line in _log(path)]
    return words[-1] if words else "no word of its own"
