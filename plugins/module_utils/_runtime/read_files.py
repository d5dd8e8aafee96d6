# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a release as a digest: the same on the controller and on the host, whoever owns the files."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Manifest

MANIFEST = "release.json"
_IGNORED_DIRECTORIES = frozenset(("__pycache__", ".git"))
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One file of a release: its path with '/' in it, whether it can be executed, its SHA-256 and its bytes."""

    path: str
    executable: bool
    sha256: str
    size: int

    @property
    def mode(self) -> int:
        """The permission bits that the file has on a host."""
        return 0o755 if self.executable else 0o644


def entries(directory: str) -> tuple[Entry, ...]:
    """Every file below `directory`, sorted by path, without bytecode and the manifest.

    Raises InputError for a symbolic link or a special file: what they point to is not part of the release.
    """
    return tuple(sorted(_walk(directory), key=lambda entry: entry.path))


def manifest(identity: str, found: tuple[Entry, ...]) -> Manifest:
    """The manifest of a release that holds exactly `found`."""
    digest = hashlib.sha256()
    for entry in found:
        digest.update(f"{entry.path}\0{entry.mode:o}\0{entry.sha256}\n".encode("utf-8", "surrogateescape"))
    return Manifest(identity, digest.hexdigest(), len(found), sum(entry.size for entry in found))


def closed(directory: str) -> list[tuple[str, int]]:
    """What not every account can read in a placed release: directories and files, each with the mode it needs."""
    found = []
    for folder, names, files in os.walk(directory):
        names[:] = [name for name in names if name not in _IGNORED_DIRECTORIES]
        for path in (folder, *(os.path.join(folder, name) for name in files if not name.endswith(".pyc"))):
            mode = os.lstat(path).st_mode
            needed = 0o555 if stat.S_ISDIR(mode) else 0o444
            if mode & needed != needed:
                found.append((path, stat.S_IMODE(mode) | needed))
    return found


def _walk(top: str) -> Iterator[Entry]:
    for directory, names, files in os.walk(top, onerror=_refuse_unreadable):
        names[:] = [name for name in names if name not in _IGNORED_DIRECTORIES]
        for name in names:
            _refuse_link(os.path.join(directory, name))
        for name in files:
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, top)
            if name.endswith(".pyc") or relative == MANIFEST:
                continue
            yield _entry(path, relative)


def _refuse_unreadable(error: OSError) -> None:
    raise InputError(f"release: {error.filename} cannot be read: {error.strerror}") from error


def _refuse_link(path: str) -> None:
    if os.path.islink(path):
        raise InputError(f"release: {path} is a symbolic link; a release holds plain files, copy what it points to")


def _entry(path: str, relative: str) -> Entry:
    _refuse_link(path)
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"release: {path} is neither a file nor a directory; remove it from the release")
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for chunk in iter(lambda: handle.read(_CHUNK), b""):
            digest.update(chunk)
    return Entry(relative, bool(status.st_mode & stat.S_IXUSR), digest.hexdigest(), status.st_size)
