# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the lease of a change while ansible-playbook lives, in a process of its own.

An action ends with its task, and what it has in memory with it. So the lease is renewed by a program that the action
starts, and that ends when the lease is released or ansible-playbook is gone.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Callable

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import Outbox, bring, outbox
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import UNFINISHED, Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import ENDED_BEFORE
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Lease
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError

# How often the program looks whether ansible-playbook lives, in seconds.
_LOOK_S = 1.0
_START_S = 30.0
_READY = b"ready\n"


def start(store: Mapping[str, Any], lease: Lease, seconds: float, playbook: int, change: Mapping[str, Any]) -> None:
    """Have the lease of a change renewed while the process `playbook` lives.

    change: as the ledger names it. Raises StateError where the program does not begin.
    """
    root = Path(__file__).parents[5]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    order = {
        "store": dict(store),
        "fencing_number": lease.fencing_number,
        "seconds": seconds,
        "playbook": playbook,
        "change": dict(change),
    }
    # the order holds the credentials of the store: in a file without a name nobody else reads them
    with tempfile.TemporaryFile() as stream, tempfile.TemporaryFile() as complaints:
        stream.write(json.dumps(order).encode())
        stream.seek(0)
        program = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=stream,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
            cwd="/",
            env=env,
        )
        with program.stdout as answer:  # type: ignore[union-attr]
            ready, _write, _error = select.select([answer], [], [], _START_S)
            if ready and answer.readline() == _READY:
                return
        program.kill()
        program.wait()
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise StateError(
            f"the program that renews the lease did not begin: {said[0]}; see whether {sys.executable} runs by hand"
        )


def keep(order: Mapping[str, Any]) -> None:
    """Renew the lease until it is released or lost; when ansible-playbook is gone, record that, and release it."""
    number, seconds = order["fencing_number"], order["seconds"]
    leases, box = Register(open_store(order["store"]), seconds), outbox(order["store"])
    lives = _watch(order["playbook"])
    _tell_ready()
    due = time.monotonic() + seconds / 4
    while lives():
        if box.held():
            with suppress(GantryError, OSError):
                box.deliver(leases.objects, Deadline(0))
        if time.monotonic() < due:
            continue
        try:
            leases.renew(number, Deadline(seconds / 4))
        except LostError:
            return
        except GantryError:
            continue  # the store may answer again before the lease ends
        with suppress(GantryError, OSError):
            box.tell_witness()
        due = time.monotonic() + seconds / 4
    _leave(order, leases, box)


def _leave(order: Mapping[str, Any], leases: Register, box: Outbox) -> None:
    """Bring what is left into the store, and release the lease, so that the next run does not wait for its end.

    A run that ends without the close of its change is recorded, so that the ledger shows that it has ended.
    """
    deadline, number, recorded = Deadline(leases.seconds), order["fencing_number"], False
    while True:
        try:
            box.deliver(leases.objects, deadline)
            if not recorded and any(one.fencing_number == number for one in leases.read().held):
                # what the store does not take is delivered before the lease is released
                recorded = True
                bring(order["store"], partial(_left_open, order["change"]), deadline)
            leases.release(number, deadline)
        except LostError:
            return
        except (GantryError, OSError):
            if deadline.remaining <= 0:
                return
            time.sleep(_LOOK_S)
        else:
            return


def _left_open(change: Mapping[str, Any], now: datetime, late: bool) -> Event:
    return event(change, UNFINISHED, {"lost": ENDED_BEFORE}, now, None, late)


def _tell_ready() -> None:
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.close()


def _watch(pid: int) -> Callable[[], bool]:
    """What waits a moment for a process to end, and tells whether it lives.

    Another one that gets its number later is not taken for it. That it ended is seen at once, so that the next run
    finds the end recorded when it reads the ledger.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return lambda: False
    except (AttributeError, OSError):
        return lambda: _lives_on(pid)
    return lambda: not select.select([handle], [], [], _LOOK_S)[0]


def _lives_on(pid: int) -> bool:
    time.sleep(_LOOK_S)
    return _lives(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    keep(json.load(sys.stdin))
