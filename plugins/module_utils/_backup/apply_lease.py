# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer at a time for each tenant of a repository, without trusting that S3 compares and swaps.

Some S3 servers accept conditional writes and ignore the condition. So every contender writes an object of its own and
then lists: a listing shows every write that ended before it, so of two contenders at least one sees the other, and
whoever sees another live one withdraws. A lease whose object was not renewed for TTL_S seconds, or whose process is
gone from this host, is dead.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket

TTL_S = 90
RENEW_S = 20


@dataclass
class Lease:
    """The right to write below one tenant's prefix, for as long as `assert_held` does not raise."""

    bucket: Bucket
    key: str
    body: bytes
    lost: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def assert_held(self) -> None:
        """Raises StateError when another run may have taken over."""
        if self.lost.is_set() or not self.bucket.exists(self.key):
            raise StateError(f"the lease {self.key} was lost while at work; nothing more was written, run again")

    def renew_until_done(self) -> None:
        """Keep the object young. Ends when the work is done or the lease is lost."""
        while not self.done.wait(RENEW_S):
            try:
                if not self.bucket.exists(self.key):
                    self.lost.set()
                    return
                self.bucket.put(self.key, self.body)
            except GantryError:
                # a passing fault of the network is only fatal when assert_held sees the object gone
                continue


@contextmanager
def held(bucket: Bucket, layout: Layout, operation: str, wait_s: float) -> Iterator[Lease]:
    """Hold the tenant's lease during the block; wait at most `wait_s` seconds for another to end."""
    identity = uuid.uuid4().hex
    body = json.dumps({"operation": operation, "host": socket.gethostname(), "boot": _boot_id(), **_process()}).encode()
    lease = Lease(bucket, f"{layout.locks}{identity}.json", body)
    _acquire(lease, layout, Deadline(wait_s), pause=0.5 + int(identity[:2], 16) / 256)
    renewing = threading.Thread(target=lease.renew_until_done, daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        lease.done.set()
        renewing.join()
        bucket.delete([lease.key])


def _acquire(lease: Lease, layout: Layout, deadline: Deadline, pause: float) -> None:
    other: list[str] = []

    def attempt() -> bool | None:
        lease.bucket.put(lease.key, lease.body)
        other[:] = _others(lease, layout)
        if not other:
            return True
        lease.bucket.delete([lease.key])
        return None

    try:
        deadline.wait(attempt, "the lease", interval=pause)
    except DeadlineError as error:
        raise DeadlineError(
            f"tenant {layout.tenant} in {lease.bucket.settings.where} is held by {other[0]} for more than "
            f"{deadline.seconds:g} s; wait for it to end, or give a longer lock_timeout"
        ) from error


def _others(lease: Lease, layout: Layout) -> list[str]:
    """The other live leases in words; dead ones are removed."""
    now = lease.bucket.now()
    alive = []
    for key, stored in sorted(lease.bucket.objects(layout.locks).items()):
        if key == lease.key:
            continue
        holder = lease.bucket.get_json(key)
        if holder is None:
            continue
        if _is_dead(holder, stored.modified, now):
            lease.bucket.delete([key])
        else:
            alive.append(f"a {holder['operation']} of process {holder['pid']} on {holder['host']}")
    return alive


def _is_dead(holder: dict, modified: datetime, now: datetime) -> bool:
    if (now - modified).total_seconds() > TTL_S:
        return True
    here = holder["host"] == socket.gethostname() and holder["boot"] == _boot_id()
    return here and _started(holder["pid"]) != holder["started"]


def _process() -> dict:
    return {"pid": os.getpid(), "started": _started(os.getpid())}


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty when it is gone. A reused pid has another start."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _boot_id() -> str:
    # containers of one machine share the kernel's boot id, so the hostname is compared as well
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
        return handle.read().strip()
