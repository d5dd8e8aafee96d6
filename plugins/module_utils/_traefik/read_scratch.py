# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a second Traefik, alone on loopback and gone a moment later, what it makes of a directory of documents."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import SENTINEL
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

_CALL_SECONDS = 5.0
_STOP_SECONDS = 5.0
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
    with tempfile.TemporaryDirectory(prefix="gantry-traefik-") as folder:
        watched = os.path.join(folder, "dynamic")
        sentinel = {"middlewares": _SENTINEL, **({"routers": probes} if probes else {})}
        _lay_out(watched, {**files, SENTINEL_FILE: json.dumps({"http": sentinel}).encode()})
        port = _free_port()
        static_path = os.path.join(folder, "traefik.yml")
        with open(static_path, "w", encoding="utf-8") as static:
            json.dump(_static(watched, port, entry_points), static)
        log_path = os.path.join(folder, "log")
        with open(log_path, "wb") as log:
            process = _start(command, static_path, log)
        try:
            return _watch(process, Api(f"http://127.0.0.1:{port}", _CALL_SECONDS), log_path, watched, deadline)
        finally:
            _stop(process)


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
            raw = api.raw()
            if f"{SENTINEL}@file" not in (raw.get("middlewares") or {}):
                return None
            return Verdict(raw, api.certificates(), None, _errors(log_path), _twice(log_path))
        except UnreachableError:
            return None

    return deadline.wait(loaded, "The answer of the scratch Traefik to the new document", interval=0.05)


def _lay_out(watched: str, files: Mapping[str, bytes]) -> None:
    for relative, content in files.items():
        path = os.path.join(watched, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(content)


def _static(watched: str, port: int, entry_points: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    addresses = {
        name: {"address": "127.0.0.1:0/udp" if str(one.get("address")).endswith("/udp") else "127.0.0.1:0"}
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


def _start(command: Sequence[str], static_path: str, log: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # pylint: disable=ansible-bad-function  # it runs beside the module
            # A file of its own, or Traefik would find the live process's and forget the rest.
            [*command, f"--configFile={static_path}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Traefik takes TRAEFIK_* of its environment for configuration.
            env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "HOME": "/nonexistent"},
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
