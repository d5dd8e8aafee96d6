# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that Traefik's file provider watches: read, locked, and changed file by file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    StateError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.fencing import Fencing
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import (
    lock_file,
    replace_file,
    sync_directory,
)

_SUFFIXES = (".yml", ".yaml", ".toml")
_MODE = 0o600
# How the name of an owner's file ends.
ROUTES = "-routes.yml"


@dataclass(frozen=True)
class Access:
    """Who may read a file. account: numbers of its user and group."""

    mode: int
    account: tuple[int, int]


@dataclass(frozen=True)
class Directory:
    """The watched directory. Files enter it whole, by rename from beside it.

    account: numbers of the user and group whose files they are; those of this process where it is None.
    """

    path: str
    account: tuple[int, int] | None = None

    def exists(self) -> bool:
        """Whether the directory is there."""
        return os.path.isdir(self.path)

    def require(self) -> None:
        """Raise InputError when the directory is missing."""
        if not self.exists():
            raise InputError(f"dynamic_dir {self.path} is not a directory; run the role gantry.odoo.traefik first")

    def file(self, name: str) -> str:
        """Path of a file in the directory."""
        return os.path.join(self.path, name)

    def read(self, name: str) -> str | None:
        """Text of a file, None when there is none."""
        try:
            with open(self.file(name), encoding="utf-8") as handle:
                return handle.read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(f"{self.file(name)} cannot be read: {error}") from error

    def owners(self) -> list[str]:
        """Owners that have a file of routes."""
        names = os.listdir(self.path) if self.exists() else []
        return sorted(name[: -len(ROUTES)] for name in names if name.endswith(ROUTES))

    def others(self, name: str) -> dict[str, bytes]:
        """Content by relative path of every file that Traefik reads here, but for the one named."""
        found: dict[str, bytes] = {}
        for folder, _folders, names in os.walk(self.path):
            for one in names:
                path = os.path.join(folder, one)
                relative = os.path.relpath(path, self.path)
                if one.endswith(_SUFFIXES) and relative != name:
                    found[relative] = _content(path)
        return found

    def access(self, name: str) -> Access | None:
        """Who may read a file, None when there is none."""
        try:
            found = os.stat(self.file(name))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{self.file(name)} cannot be read: {error}") from error
        return Access(found.st_mode & 0o777, (found.st_uid, found.st_gid))

    def is_private(self, name: str) -> bool:
        """Whether a file is Traefik's alone; a document may hold hashes of passwords."""
        found = self.access(name)
        return found is None or found == Access(_MODE, self.account or found.account)

    def replace(self, name: str, text: str | None, access: Access | None = None) -> None:
        """Put the text in the file's place in one step, or take the file away for None.

        access: who may read it, by default Traefik alone.
        """
        mode, account = (access.mode, access.account) if access else (_MODE, self.account)
        try:
            if text is None:
                os.unlink(self.file(name))
                sync_directory(self.path)
            else:
                staged = os.path.join(self._beside(), f".gantry-{name}.new")
                replace_file(self.file(name), text, mode, staged, account)
        except OSError as error:
            raise StateError(f"{self.file(name)} cannot be replaced: {error}") from error

    def fencing(self, owner: str) -> Fencing:
        """What tells a change that was overtaken from the newest one that wrote the owner's files."""
        return Fencing(os.path.join(self._beside(), f".gantry-{owner}.fencing"), f"{self.path} for {owner}")

    @contextlib.contextmanager
    def lock(self, deadline: Deadline) -> Iterator[None]:
        """Keep every other run away from the directory. Raises DeadlineError when one stays in it."""
        with open(os.path.join(self._beside(), ".gantry-traefik.lock"), "w", encoding="utf-8") as handle:
            try:
                lock_file(handle.fileno(), deadline, f"the end of another run on {self.path}")
            except DeadlineError as error:
                raise DeadlineError(f"{error}; wait for it, or end it") from error
            yield

    def _beside(self) -> str:
        return os.path.dirname(os.path.abspath(self.path))


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error}") from error
