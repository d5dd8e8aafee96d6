# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings what happened in changes into the store: by way of files on the controller, so that none of it is lost.

Each event is a file before it is written into the store, and until it is there. What is written a second time, because
the first time was cut off before the file was removed, is found in the ledger.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import directory_of
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_witness import Witness, open_witness
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import Event, event_from
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import OVERTAKEN, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import has_part, with_part
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import lock_file, replace_file, sync_directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

_SUFFIX = ".json"


@dataclass(frozen=True)
class Outbox:
    """The events of a controller that are not in a store yet, in a directory. witness: that of the ledger."""

    directory: str
    witness: Witness | None = None

    def add(self, event: Event) -> str:
        """Keep an event, on disk; its file. Raises InputError where it is no JSON."""
        text = event.as_text()
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        names = self._names()
        number = int(names[-1].split("-")[0]) + 1 if names else 1
        path = os.path.join(self.directory, f"{number:09d}-{uuid.uuid4().hex}{_SUFFIX}")
        replace_file(path, text, 0o600)
        return path

    def held(self) -> list[str]:
        """The files of the events that are kept, in the order of the events."""
        return [os.path.join(self.directory, name) for name in self._names()]

    def deliver(self, store: Objects, deadline: Deadline) -> dict[str, Entry]:
        """Write all events that are kept into the store, in their order; the entries by file."""
        if not self.held():
            return {}
        with self._alone(deadline):
            return {path: self._delivered(path, store, deadline) for path in self.held()}

    def tell_witness(self) -> None:
        """Tell the witness of the entries that wait for it. Raises UnreachableError where it does not answer."""
        if self.witness is not None:
            self.witness.catch_up()

    def _delivered(self, path: str, store: Objects, deadline: Deadline) -> Entry:
        with open(path, encoding="utf-8") as stream:
            event = event_from(stream.read(), path)
        ledger = Ledger(store, self.witness)
        newest = ledger.newest_number()
        # A ledger that ends before `after` was rolled back, and holds this event no more. It has happened all the same.
        if event.after is None or event.after > newest:
            event = event.tried(newest)
            replace_file(path, event.as_text(), 0o600)
        entry = write(event, ledger, deadline)
        os.unlink(path)
        sync_directory(self.directory)
        return entry

    def _names(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.directory) if name.endswith(_SUFFIX))
        except FileNotFoundError:
            return []

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        handle = os.open(os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock_file(handle, deadline, f"the end of another process that writes what is in {self.directory}")
            yield
        finally:
            os.close(handle)


def users_first(
    resumes: bool, asked: Callable[[], Collection[Entry]], warn: Callable[[str], None]
) -> Collection[Entry]:
    """Entries of the ledger; none of a damaged one, as it keeps nothing that is resumed from going on.

    resumes: whether a change is resumed; another one raises the StateError of the damage.
    """
    try:
        return asked()
    except StateError as error:
        if not resumes:
            raise
        warn(str(error))
        return ()


@dataclass(frozen=True)
class Brought:
    """An event on its way. entry: the one that it became. why: why it waits, and where; empty where it does not.

    unwitnessed: why the witness of the ledger was not told of it yet, empty where it was.
    """

    entry: Entry | None
    why: str = ""
    unwitnessed: str = ""


def bring(declared: Mapping[str, Any], make: Callable[[datetime, bool], Event], deadline: Deadline) -> Brought:
    """Bring an event into the store, or keep it until the store answers; service does not wait for the record.

    make: gives the event at a time; whether that is the controller's, as the store did not answer.
    """
    box = outbox(declared)
    try:
        store = open_store(declared)
        ledger = Ledger(store, box.witness)
        event = make(store.now(), False).tried(ledger.newest_number())
    except (UnreachableError, StateError, OSError) as error:
        _path, kept = _keep(box, make(datetime.now(timezone.utc), True))
        return Brought(None, f"{error}; {kept}")
    path, kept = _keep(box, event)
    try:
        if not path:
            # without a place for files, what is cut off before its end is lost
            entry = write(event, ledger, deadline)
        else:
            # another process may have brought it there meanwhile
            entry = box.deliver(store, deadline).get(path) or ledger.append(event.body, deadline, event.after)
        return Brought(entry, unwitnessed=box.witness.waits if box.witness else "")
    except (GantryError, OSError) as error:
        return Brought(None, f"{error}; {kept}")


def _keep(box: Outbox, event: Event) -> tuple[str, str]:
    """The file in which an event is kept, empty where there is none; and a clause that says so."""
    try:
        path = box.add(event)
    except OSError as full:
        return "", f"and it could not be kept: {full}"
    return path, f"it is kept in {path}"


def write(event: Event, ledger: Ledger, deadline: Deadline) -> Entry:
    """Write an event: the part first, for which the next batch and other operators ask, and then the ledger."""
    part, parts = event.part, PartsLog(ledger.objects)
    if part is None:
        return ledger.append(event.body, deadline, event.after)
    # another change may have taken the part over meanwhile, and what follows is no outcome of it
    if not has_part(parts.read(), part):
        return ledger.append({**event.body, OVERTAKEN: True}, deadline, event.after)
    parts.write(lambda seen: with_part(seen, part), deadline)
    return ledger.append(event.body, deadline, event.after)


def outbox(declared: Mapping[str, Any]) -> Outbox:
    """The events for the store that the option `store` describes, whether it answers or not."""
    return Outbox(directory_of(declared), open_witness(declared))
