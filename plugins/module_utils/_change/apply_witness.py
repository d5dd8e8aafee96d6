# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the hash of each entry of a ledger in a second place, so that a ledger that was cut off or rewritten is found.

Whoever wrote an entry tells the witness, and nobody else does: an entry that is there without that was written by other
means. Each is an object of its own that is created once, so that the witness needs no right but to read and to create.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import (
    Seen,
    directory_of,
    identity_of,
    remember,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store, require_two_places
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_witness import (
    Head,
    head_from,
    head_of,
    require_known,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file, sync_directory
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import decoded, number
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

# What says from which entry on the witness was told of each.
_BEGUN = "begun"


class Witness:
    """The witness of a ledger. waits: why heads wait on this controller, empty where none does.

    declared: the place, as the option `store` names one. directory: on the controller, for heads that wait.
    """

    NAME = "heads"

    def __init__(self, declared: Mapping[str, Any], directory: str) -> None:
        self._declared, self._directory = declared, directory
        self.waits = ""

    @cached_property
    def objects(self) -> Objects:
        """The store of the witness, which is asked nothing yet."""
        return open_store(self._declared, "store.witness")

    @property
    def where(self) -> str:
        """The witness as an error sentence names it."""
        return self.objects.where

    def newest(self) -> Head | None:
        """The last entry that the witness knows, None before the first."""
        record = self._log.newest()
        return None if record is None else head_from(record.number, record.body, self.where)

    def head(self, sequence: int) -> Head | None:
        """What the witness knows of an entry, None where it does not know it."""
        record = self._log.record(sequence)
        return None if record is None else head_from(sequence, record.body, self.where)

    def numbers(self) -> list[int]:
        """The numbers of all entries that the witness knows, the highest first."""
        return self._log.numbers()

    @cached_property
    def begun(self) -> int | None:
        """The last entry that was in the ledger before the witness was told of each; None before its first use."""
        found = self.objects.get(_BEGUN)
        try:
            return None if found is None else number(decoded(found)["sequence"])
        except BAD_VALUES as error:
            raise StateError(
                f"{_BEGUN} in the witness in the {self.where} cannot be read: {error!r}; see who wrote it"
            ) from error

    def begin(self, last: int) -> None:
        """Take all entries up to `last` as they are; whoever is first has said it."""
        identity = identity_of(self.objects)
        self.objects.create(_BEGUN, json.dumps({"sequence": last}).encode())
        self.__dict__.pop("begun", None)
        remember(self._declared, Seen(identity, {}))
        # from now on, whatever is read and written is kept as seen
        self.__dict__.pop("objects", None)

    def add(self, entry: Entry) -> None:
        """Tell the witness of an entry that was written; where it does not answer, a later call does.

        Raises StateError where it knows another one with that number.
        """
        head = head_of(entry)
        try:
            # a task that got no answer does not wait for a second one
            if not self.waits:
                self.catch_up()
                self._write(head)
        except UnreachableError as error:
            self.waits = str(error)
        if self.waits:
            self._keep(head)

    def catch_up(self) -> None:
        """Tell the witness of the entries that wait. Raises UnreachableError where it does not answer."""
        for name in self._waiting():
            path = os.path.join(self._directory, name)
            with suppress(FileNotFoundError):
                self._write(self._kept(path))
                os.unlink(path)
                sync_directory(self._directory)
        self.waits = ""

    def _write(self, head: Head) -> None:
        if not self._log.append(Record(head.sequence, head.as_body())):
            known = self.head(head.sequence)
            if known is not None and known.hash != head.hash:
                found = Entry(head.sequence, "", head.hash, {})
                require_known(known, found, head.sequence, "change store", self.where)

    def _waiting(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self._directory) if name.isdigit())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _keep(self, head: Head) -> None:
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            path = os.path.join(self._directory, f"{head.sequence:09d}")
            replace_file(path, json.dumps(head.as_body()), 0o600)
        except OSError as error:
            self.waits = f"{self.waits}; and entry {head.sequence} could not be kept for it: {error}"

    @staticmethod
    def _kept(path: str) -> Head:
        with open(path, encoding="utf-8") as stream:
            found = stream.read()
        try:
            return head_from(int(os.path.basename(path)), json.loads(found), path)
        except ValueError as error:
            raise StateError(f"{path} cannot be read: {error}; see what it was and move it away") from error

    @property
    def _log(self) -> Log:
        return Log(self.objects, self.NAME)


def open_witness(declared: Mapping[str, Any]) -> Witness | None:
    """The witness that the option `store` names, which is asked nothing yet; None where it names none."""
    given = declared.get("witness")
    if not given:
        return None
    require_two_places(declared)
    place = {**given, "outbox": declared.get("outbox")}
    name = os.path.basename(directory_of({**place, "outbox": ""}))
    return Witness(place, os.path.join(directory_of(declared), f"heads-{name}"))
