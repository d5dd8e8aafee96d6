# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where objects are kept: the values that every client of a store of objects shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Settings:
    """Where a bucket is and who asks. ca_bundle: a path; empty means the system's trust store.

    option: the option that says so, as an error sentence names it.
    """

    bucket: str
    endpoint_url: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    ca_bundle: str = ""
    option: str = "repository"

    @property
    def where(self) -> str:
        """The bucket as an error sentence names it."""
        return f"bucket {self.bucket} at {self.endpoint_url or 'the provider of region ' + self.region}"

    def hide(self, text: str) -> str:
        """`text` of another program, without the keys."""
        for key in (self.access_key, self.secret_key):
            text = text.replace(key, "********") if key else text
        return text


@dataclass(frozen=True)
class Stored:
    """An object as a listing shows it."""

    size: int
    modified: datetime


class Objects(Protocol):
    """A store of objects that are written once. Every method raises UnreachableError or StateError."""

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""

    def now(self) -> datetime:
        """The time by the clock of the store, which is the same for all who use it."""

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists, whoever wrote it.

        After an exception it is not known whether it was written; the same call again tells.
        """

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`, which ends with a slash, in the order of their bytes."""

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
