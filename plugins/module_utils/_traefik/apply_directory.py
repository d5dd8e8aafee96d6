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
# How the names of files beside the directory begin and end.
_PREFIX, _NEW, _ASIDE, _MARK = ".gantry-", ".new", ".aside", ".proven"


@dataclass(frozen=True)
class Access:
    """Who may read a file. account: numbers of its user and group."""

    mode: int
    account: tuple[int, int]


@dataclass(frozen=True)
class Former:
    """A file as it was proven. text, access: None where there was no file, or an empty one."""

    text: str | None
    access: Access | None


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

    def replace(self, name: str, text: str | None) -> None:
        """Put the text in the file's place in one step, for Traefik alone, or take the file away for None."""
        try:
            if text is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.file(name))
                sync_directory(self.path)
            else:
                replace_file(self.file(name), text, _MODE, self._staged(name), self.account)
        except OSError as error:
            raise StateError(f"{self.file(name)} cannot be replaced: {error}") from error

    def keep(self, name: str, *, until_settled: bool = False) -> None:
        """Keep a file as it was proven last, so that it can be brought back after this change.

        until_settled: it is kept from the first of several changes on, until `forget`.
        """
        first = self._kept(name, until_settled=True)
        if until_settled and os.path.lexists(first):
            return
        source = self.file(name) if self.unproven(name) is None else self.mark_of(name)
        self._keep(source, self._kept(name, until_settled=until_settled))
        _remove(self._kept(name, until_settled=not until_settled))

    def kept(self, name: str, *, until_settled: bool = False) -> Former | None:
        """A file as it was before its last change, None where nothing is kept. until_settled: of one that is not."""
        found = _former(self._kept(name, until_settled=True))
        return found or (None if until_settled else _former(self._kept(name, until_settled=False)))

    def forget(self, name: str) -> None:
        """Keep no file of before any more."""
        for until_settled in (True, False):
            _remove(self._kept(name, until_settled=until_settled))

    def forget_unsettled(self, name: str) -> None:
        """Keep no file of before several changes any more."""
        _remove(self._kept(name, until_settled=True))

    def bring_back(self, name: str) -> None:
        """Put the file that is kept in the file's place, and keep it. No space on the disk is needed."""
        first = self._kept(name, until_settled=True)
        kept = first if os.path.lexists(first) else self._kept(name, until_settled=False)
        former, staged = _former(kept), self._staged(name)
        if former is None or former.text is None:
            self.replace(name, None)
            return
        self._keep(kept, staged)
        self._place(name, staged)

    def found(self, name: str) -> Former:
        """A file as it is."""
        return _former(self.file(name)) or Former(None, None)

    def mark(self, name: str) -> None:
        """Record that a file is about to be changed: it keeps a second name, and is proven last under that one."""
        self._keep(self.file(name), self.mark_of(name))

    def set_aside(self, name: str) -> None:
        """Keep a file for `revert` as `mark` does, for a change that leaves nothing to prove."""
        self._keep(self.file(name), self._aside(name))

    def revert(self, name: str) -> None:
        """Put back the file that was set aside or marked. No space on the disk is needed."""
        kept = self.way_back(name)
        former = _former(kept)
        if former is None:
            raise StateError(f"{self.file(name)} cannot be replaced: {kept} is gone")
        if former.text is None:
            self.replace(name, None)
        else:
            self._place(name, kept)

    def way_back(self, name: str) -> str:
        """Path of the file that `revert` puts back, which is empty where it takes the file away."""
        return self._aside(name) if os.path.lexists(self._aside(name)) else self.mark_of(name)

    def unproven(self, name: str) -> Former | None:
        """How a file was proven last, where an interrupted run has changed it since; None where it is proven."""
        mark = self.mark_of(name)
        try:
            former = _former(mark)
        except StateError as error:
            raise StateError(f"{error}; see that {self.file(name)} is right, and remove {mark}") from error
        return None if former == self.found(name) else former

    def settle(self, name: str) -> None:
        """Record that a file is proven."""
        for path in (self._aside(name), self.mark_of(name)):
            _remove(path)

    def tidy(self) -> None:
        """Remove what killed runs have left beside the directory, but for marks of files that they have changed.

        A mark that outlived its change would bring back what somebody has removed meanwhile.
        """
        for one in os.listdir(self._beside()):
            if not one.startswith(_PREFIX):
                continue
            is_mark, name = one.endswith(_MARK), one[len(_PREFIX) : -len(_MARK)]
            # what cannot be read is for the run that changes that file
            with contextlib.suppress(StateError):
                if one.endswith((_NEW, _ASIDE)) or (is_mark and self.unproven(name) is None):
                    _remove(os.path.join(self._beside(), one))

    def mark_of(self, name: str) -> str:
        """Path of the file as it was proven last, while it is not settled."""
        return os.path.join(self._beside(), f"{_PREFIX}{name}{_MARK}")

    def _aside(self, name: str) -> str:
        return os.path.join(self._beside(), f"{_PREFIX}{name}{_ASIDE}")

    def _staged(self, name: str) -> str:
        return os.path.join(self._beside(), f"{_PREFIX}{name}{_NEW}")

    def _kept(self, name: str, *, until_settled: bool) -> str:
        return os.path.join(self._beside(), f"{_PREFIX}{name}{'.unsettled' if until_settled else '.former'}")

    def _keep(self, path: str, kept: str) -> None:
        """Give a file a second name, an empty one where there is none."""
        found = _former(path)
        staged = kept if kept.endswith(_NEW) else f"{kept}{_NEW}"
        try:
            _remove(staged)
            if found is None or os.path.islink(path) or not _linked(path, staged):
                access = found.access if found else None
                text, mode = found.text or "" if found else "", access.mode if access else _MODE
                replace_file(kept, text, mode, owner=access.account if access else None)
            elif staged != kept:
                os.rename(staged, kept)
                # the rename does nothing where both are names of one file already
                _remove(staged)
            sync_directory(self._beside())
        except OSError as error:
            raise StateError(f"{path} cannot be kept as {kept}: {error}; nothing was changed") from error

    def _place(self, name: str, path: str) -> None:
        try:
            os.rename(path, self.file(name))
            sync_directory(self.path)
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


def _former(path: str) -> Former | None:
    """A file with those who may read it, None where there is none."""
    try:
        with open(path, encoding="utf-8") as handle:
            text, found = handle.read(), os.fstat(handle.fileno())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StateError(f"{path} cannot be read: {error}") from error
    access = Access(found.st_mode & 0o777, (found.st_uid, found.st_gid))
    return Former(text, access) if text else Former(None, None)


def _linked(path: str, name: str) -> bool:
    """Whether a file has a second name now. Some file systems know none."""
    try:
        os.link(path, name)
    except OSError:
        return False
    return True


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
