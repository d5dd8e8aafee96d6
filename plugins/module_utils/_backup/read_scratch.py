# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what this host has for a server of a drill's own. Changes nothing."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from pathlib import Path

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import Server, Space
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_scratch import (
    PROGRAMS,
    SHARED,
    Account,
    Scratch,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_scratch import (
    check_scratch,
    choose_version,
    is_trusted,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError

_NEEDED = ("initdb", "postgres")


def require_scratch(scratch: Scratch, odoo_user: str) -> Scratch:
    """The server with its real path. Raises InputError where this host can run none of its own for a drill."""
    scratch = replace(scratch, directory=os.path.realpath(scratch.directory))
    check_scratch(scratch, odoo_user)
    if os.geteuid() != 0:
        raise InputError(f"scratch: only root can run a server as {scratch.user}, use become")
    account = read_account(scratch.user)
    if account.uid in (0, *_uid_of(odoo_user)):
        raise InputError(f"scratch_user: {scratch.user} is another name of {odoo_user} or root; give one of its own")
    return scratch


def read_account(user: str) -> Account:
    """The account of a scratch server. Raises InputError where the host has none of this name."""
    try:
        found = pwd.getpwnam(user)
    except KeyError as error:
        raise InputError(
            f"scratch_user: {user} is no account of this host; gantry.odoo.site makes it, or give scratch: false"
        ) from error
    return Account(found.pw_uid, found.pw_gid)


def read_programs(client: int, manifest: Manifest) -> Server:
    """The server that a drill would be given, by the programs of this host. client: the version of pg_restore.

    It is a superuser's where the backup has what only one can make, which the caller decides; nothing else is there.
    """
    version = choose_version(_installed(), client, manifest)
    extensions = {
        path.stem: is_trusted(_text(path)) for path in Path(f"{SHARED}/{version}/extension").glob("*.control")
    }
    trusted = frozenset(name for name, owner_may in extensions.items() if owner_may)
    return Server(version=version, superuser=True, available=frozenset(extensions), trusted=trusted)


def read_room(directory: str) -> Space:
    """The file system that a directory is on, or would be made on."""
    path = Path(directory)
    there = next(one for one in (path, *path.parents) if one.is_dir())
    found = os.statvfs(there)
    return Space(directory, found.f_bavail * found.f_frsize, found.f_frsize)


def _installed() -> list[int]:
    """The major versions whose server programs are on this host."""
    found = [path for path in Path(PROGRAMS).glob("*") if path.name.isdigit()]
    return [int(path.name) for path in found if all(os.access(path / "bin" / name, os.X_OK) for name in _NEEDED)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}; install the extension again") from error


def _uid_of(user: str) -> tuple[int, ...]:
    try:
        return (pwd.getpwnam(user).pw_uid,)
    except KeyError:
        # a container's account, which the host need not know
        return ()
