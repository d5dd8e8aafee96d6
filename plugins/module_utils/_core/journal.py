# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation's journal: a file that is there exactly while the operation is neither finished nor undone."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import (
    lock_file,
    replace_file,
    sync_directory,
)


@dataclass(frozen=True)
class Journal:
    """`<name>.json` in a directory that belongs to its owner alone; `<name>.lock` beside it keeps two runs apart."""

    directory: str
    name: str

    @property
    def path(self) -> str:
        """The file."""
        return os.path.join(self.directory, f"{self.name}.json")

    @contextlib.contextmanager
    def lock(self, deadline: Deadline, make: bool = True) -> Iterator[None]:
        """Hold the lock; a process that was forked meanwhile holds it too. Raises DeadlineError when another run does.

        make: whether to make the directory; without it nothing is locked where no run ever wrote a journal.
        """
        if not make and not os.path.isdir(self.directory):
            yield
            return
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            handle = os.open(os.path.join(self.directory, f"{self.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateError(f"the journal's directory {self.directory} cannot be used: {error.strerror}") from error
        try:
            lock_file(handle, deadline, f"the end of another run on {self.path}")
            yield
        finally:
            os.close(handle)

    def read(self) -> dict[str, Any] | None:
        """What the last run left unfinished; None where it left nothing. Raises StateError for an unreadable file."""
        try:
            with open(self.path, encoding="utf-8") as stream:
                found = json.load(stream)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"the journal {self.path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise StateError(f"the journal {self.path} is no JSON ({error}); see what it was and remove it") from error
        if not isinstance(found, dict):
            raise StateError(f"the journal {self.path} holds no mapping; see what it was and remove it")
        return found

    def write(self, body: Mapping[str, Any]) -> None:
        """Put `body` on disk, so that it is there after a power cut."""
        replace_file(self.path, json.dumps(body, sort_keys=True), 0o600)

    def remove(self) -> None:
        """Say that nothing is unfinished."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        sync_directory(self.directory)
