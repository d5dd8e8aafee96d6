# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the lease of a change while ansible-playbook lives, in a process of its own.

An action ends with its task, and what it has in memory with it. So the lease is renewed by a program that the action
starts, and that ends with ansible-playbook or with the change. They share a directory of the change.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Held, Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log

LEASES = "leases"
# How often the program looks whether it is still needed, in seconds; and what is left of a lease when no step begins.
_LOOK_S, _LEAST_S = 1.0, 5.0


def register(store: Mapping[str, Any], seconds: float) -> Register:
    """The leases in the change store that the option describes."""
    return Register(Log(open_store(store), LEASES), seconds)


def start(store: Mapping[str, Any], held: Held, seconds: float, playbook: int) -> str:
    """Start to renew a lease while the process `playbook` lives; the directory of the change."""
    session = tempfile.mkdtemp(prefix="gantry-change-")
    _tell(session, held.valid_until)
    root = Path(__file__).parents[5]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    order = {
        "store": dict(store),
        "number": held.lease.number,
        "seconds": seconds,
        "playbook": playbook,
        "session": session,
    }
    # the order holds the credentials of the store, so it goes where no other user looks
    with open(os.path.join(session, "log"), "wb") as log, tempfile.TemporaryFile(dir=session) as stream:
        stream.write(json.dumps(order).encode())
        stream.seek(0)
        subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=stream,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=env,
        )
    return session


def require(session: str) -> None:
    """Raise LostError or StateError unless the change still holds its lease for a while."""
    try:
        told = json.loads(Path(session, "lease.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateError(
            f"it is not known whether the change still holds its lease: {session}/lease.json cannot be read ({error}); "
            "nothing more is begun, run gantry.odoo.resume"
        ) from error
    if told["lost"]:
        raise LostError(f"{told['lost']}; nothing more is begun, run gantry.odoo.resume")
    if told["until"] - time.monotonic() < _LEAST_S:
        raise StateError(
            f"the lease of the change could not be renewed: {told['trouble'] or _gone(session)}; "
            "nothing more is begun, run gantry.odoo.resume"
        )


def stop(session: str) -> None:
    """End the program that renews a lease."""
    shutil.rmtree(session, ignore_errors=True)


def keep(order: Mapping[str, Any]) -> None:
    """Renew the lease until it is lost, or nobody needs it any more."""
    session, number, seconds = order["session"], order["number"], order["seconds"]
    until = time.monotonic() + seconds
    leases: Register | None = None
    due = time.monotonic() + seconds / 4
    while _is_needed(session, order["playbook"]):
        if time.monotonic() < due:
            time.sleep(_LOOK_S)
            continue
        try:
            leases = leases or register(order["store"], seconds)
            until = leases.renew(number, Deadline(seconds / 4)).valid_until
            trouble = ""
        except LostError as error:
            _tell(session, until, lost=str(error))
            return
        except GantryError as error:
            trouble = str(error)
        _tell(session, until, trouble=trouble)
        due = time.monotonic() + (seconds / 4 if not trouble else _LOOK_S)
    if os.path.isdir(session):
        # nobody works under the lease any more: the next run does not have to wait for its end
        (leases or register(order["store"], seconds)).release(number, Deadline(seconds))
        stop(session)


def _gone(session: str) -> str:
    """Why the program that renews the lease is gone."""
    try:
        last = Path(session, "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    except OSError:
        last = []
    return f"the program that renews it is gone ({last[0] if last else 'it said nothing'})"


def _is_needed(session: str, playbook: int) -> bool:
    try:
        os.kill(playbook, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return os.path.isdir(session)


def _tell(session: str, until: float, *, lost: str = "", trouble: str = "") -> None:
    told = json.dumps({"until": until, "lost": lost, "trouble": trouble})
    try:
        replace_file(os.path.join(session, "lease.json"), told, 0o600)
    except FileNotFoundError:
        return  # the change has ended meanwhile


if __name__ == "__main__":
    keep(json.load(sys.stdin))
