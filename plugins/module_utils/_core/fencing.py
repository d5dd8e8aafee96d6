# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The highest number of a change, kept with what it changed, so that one which was overtaken is refused there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import lock_file, replace_file


@dataclass(frozen=True)
class Fencing:
    """A file with a number that only rises. what: that it guards, as a person calls it."""

    path: str
    what: str

    def require(self, number: int | None) -> None:
        """Raise RefusedError for a lower number than the one that is kept. None and 0 compare nothing."""
        if number is not None and number < 0:
            raise InputError(f"fencing_number is {number}; it takes the one of a change, or 0 to compare nothing")
        kept = self._kept() if number else 0
        if number and number < kept:
            raise RefusedError(
                f"{self.what} was changed under the fencing number {kept}, and this change has {number}, so that it "
                f"was overtaken; start it again, or remove {self.path} where the number is wrong"
            )

    def keep(self, number: int | None) -> None:
        """Keep a number, so that a lower one is refused from now on."""
        if not number or number <= self._kept():
            return
        try:
            replace_file(self.path, f"{number}\n", 0o644)
        except OSError as error:
            raise StateError(f"{self.path} cannot be written: {error}") from error

    @contextmanager
    def held(self, number: int | None, deadline: Deadline) -> Iterator[None]:
        """Keep every other run away from what is guarded, and a lower number for ever."""
        os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
        handle = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock_file(handle, deadline, f"the end of another run on {self.what}")
            self.require(number)
            self.keep(number)
            yield
        finally:
            os.close(handle)

    def _kept(self) -> int:
        try:
            with open(self.path, encoding="ascii") as handle:
                return int(handle.read())
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise StateError(f"{self.path} holds no number: {error}; see what wrote it, and remove it") from error
