# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a lease: a process, told so that another run can see that it is gone.

Only a process of the same boot and of the same pid namespace can be looked for. Anywhere else the same number is
another process, so a holder there counts as alive until its lease expires.
"""

from __future__ import annotations

import os
import re
import socket

from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder

_PROCESS = re.compile(r"process (?P<pid>\d+) \(started (?P<started>\d+), (?P<namespace>[^)]+)\)")


def this_process(kind: str) -> Holder:
    """This process as the holder of a lease for a `kind` of work."""
    pid = os.getpid()
    return Holder(kind, f"process {pid} (started {_started(pid)}, {_namespace()})", socket.gethostname())


def is_gone(holder: Holder) -> bool:
    """Whether the process that holds a lease was one of this namespace and is there no more."""
    found = _PROCESS.fullmatch(holder.who)
    if found is None or found["namespace"] != _namespace():
        return False
    return found["started"] != _started(int(found["pid"]))


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty when it is gone. A pid that is used again differs."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _namespace() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
        boot = handle.read().strip()
    return f"boot {boot[:8]}, {os.readlink('/proc/self/ns/pid')}"
