# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a host until it is what a person would call up; every wait ends."""

from __future__ import annotations

import socket
import time
from typing import Callable, cast

from docker.models.containers import Container

from tests.lab.errors import LabError

BOOT_DEADLINE_S = 120.0
INTERVAL_S = 0.2


def until(probe: Callable[[], str | None], what: str, seconds: float = BOOT_DEADLINE_S) -> None:
    """Call `probe` until it returns None; what it returned last is what was seen when the time is up."""
    ends = time.monotonic() + seconds
    while (seen := probe()) is not None:
        if time.monotonic() > ends:
            raise LabError(f"{what} did not happen within {seconds:g} s; seen last: {seen}")
        time.sleep(INTERVAL_S)


def for_vm(container: Container, address: str, fresh: bool) -> None:
    """Wait until systemd has booted and SSH answers. On a `fresh` host, which nobody has used, no unit may fail."""

    def booted() -> str | None:
        _require_running(container)
        state = systemd_state(container)
        return None if state in ("running", "degraded") else f"systemd is {state}"

    until(booted, f"the boot of {container.name}")
    if fresh and systemd_state(container) == "degraded":
        failed = _said(container, "systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines()
        raise LabError(f"{container.name} booted with failed units: {' | '.join(failed)}")
    until(lambda: _ssh_banner(address), f"an answer of SSH at {address}")


def systemd_state(container: Container) -> str:
    """What `systemctl is-system-running` says in the container."""
    said = _said(container, "systemctl", "is-system-running")
    return said.splitlines()[-1] if said else "unknown"


def _said(container: Container, *argv: str) -> str:
    return cast("bytes", container.exec_run(list(argv)).output).decode(errors="replace").strip()


def _require_running(container: Container) -> None:
    container.reload()
    if container.status != "running":
        log = container.logs(tail=5).decode(errors="replace").strip().replace("\n", " | ")
        raise LabError(f"{container.name} is {container.status} instead of running: {log}")


def _ssh_banner(address: str) -> str | None:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            banner = connection.recv(64)
    except OSError as error:
        return str(error)
    return None if banner.startswith(b"SSH-2.0-") else f"greeting {banner!r}"
