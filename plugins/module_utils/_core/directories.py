# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens, makes and removes directories in places where another account may write while this process is root.

Such an account can put a link in the place of a directory at any moment. So a path is walked name by name, a link is
followed only where root or the account of this process made it, and work in a directory goes by its descriptor.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# as the kernel
_LINKS = 40
_MODE = 0o750


@dataclass(frozen=True)
class Owner:
    """The account and the group that directories and files are made for, as numbers."""

    uid: int
    gid: int


def owner_of_directory(directory: int) -> Owner:
    """The owner of an open directory."""
    found = os.fstat(directory)
    return Owner(found.st_uid, found.st_gid)


def opened_directory(path: str) -> AbstractContextManager[int]:
    """The descriptor of a directory, for the block. Raises OSError as open() does, ELOOP for another account's link."""
    return _closing(_opened(path))


def opened_below(directory: int, name: str) -> AbstractContextManager[int]:
    """The descriptor of a directory in an open one, for the block. No link is followed."""
    return _closing(os.open(name, DIRECTORY, dir_fd=directory))


def made_directory(path: str, owner: Owner | None, mode: int = _MODE) -> AbstractContextManager[int]:
    """As opened_directory; it is made, with those above it that are missing.

    owner: None for the account of this process, with the name on disk before anything is in it. mode: without the
    process's umask.
    """
    return _closing(_made(path, owner, mode))


def made_below(directory: int, name: str, owner: Owner | None, mode: int = _MODE) -> AbstractContextManager[int]:
    """As opened_below; it is made as by made_directory where it is missing."""
    return _closing(_made_below(directory, name, owner, mode))


def opened_file(directory: int, name: str) -> BinaryIO:
    """A regular file of an open directory, to be read. Raises OSError as open() does, also for a link or a pipe."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no regular file", name)
    return os.fdopen(handle, "rb")


def opened_path(path: str) -> BinaryIO:
    """A regular file, to be read, whose path is walked as by opened_directory. Raises OSError as that does."""
    here = _walked(path)
    try:
        if not stat.S_ISREG(os.fstat(here).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        return open(f"/proc/self/fd/{here}", "rb")
    finally:
        os.close(here)


def remove_entry(directory: int, name: str) -> None:
    """Remove what has a name in an open directory, with all below it. A link is removed, not followed."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        # rmtree takes descriptors from Python 3.11 on; below its first name it goes by them in each version
        shutil.rmtree(f"/proc/self/fd/{directory}/{name}")
    else:
        os.unlink(name, dir_fd=directory)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _made(path: str, owner: Owner | None, mode: int) -> int:
    try:
        return _opened(path)
    except FileNotFoundError:
        above, name = os.path.split(os.path.abspath(path))
    parent = _made(above, owner, mode)
    try:
        return _made_below(parent, name, owner, mode)
    finally:
        os.close(parent)


def _made_below(directory: int, name: str, owner: Owner | None, mode: int) -> int:
    try:
        below = os.open(name, DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=directory)
            if owner is None:
                os.fsync(directory)
        below = os.open(name, DIRECTORY, dir_fd=directory)
    if owner is None:
        return below
    try:
        seen = owner_of_directory(below)
        # also the one that a run made which was killed before it gave it away; one with content is no such one
        if seen != owner and seen.uid == os.geteuid() and not os.listdir(below):
            os.fchown(below, owner.uid, owner.gid)
    except OSError:
        os.close(below)
        raise
    return below


def _opened(path: str) -> int:
    here = _walked(path)
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(here)


def _walked(path: str) -> int:
    """The descriptor of what a path leads to, which nothing is read from yet."""
    # a descriptor without rights mounts no file system that is mounted when it is used
    with suppress(OSError):
        os.stat(os.path.join(path, "."))
    rest, links = _names(os.path.abspath(path)), 0
    here = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        while rest:
            there = os.open(rest.pop(), os.O_PATH | os.O_NOFOLLOW, dir_fd=here)
            found = os.fstat(there)
            if not stat.S_ISLNK(found.st_mode):
                here = _instead(here, there)
                continue
            try:
                target = os.readlink("", dir_fd=there)
            finally:
                os.close(there)
            links += 1
            if found.st_uid not in (0, os.geteuid()) or links > _LINKS:
                raise OSError(errno.ELOOP, f"account {found.st_uid} made a link to {target} in it, or above it")
            rest += _names(target)
            if target.startswith("/"):
                here = _instead(here, os.open("/", os.O_PATH | os.O_DIRECTORY))
    except OSError as error:
        os.close(here)
        error.filename = path
        raise
    return here


def _instead(former: int, directory: int) -> int:
    os.close(former)
    return directory


def _names(path: str) -> list[str]:
    """The names of a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]
