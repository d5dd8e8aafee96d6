# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read directories and files of a host."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Collection, Iterable, Sequence
from typing import BinaryIO

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_path
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import Found, Item


def opened_at_once(path: str) -> BinaryIO:
    """A file to read. A pipe is read as empty, where it would be waited for without an end."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def is_awaited(files: Iterable[str], awaited: Collection[str]) -> bool:
    """Whether one is not there that something else makes before, in a run without check mode. awaited: all such."""
    return any(path in awaited and not os.path.exists(path) for path in files)


def ids(item: Item) -> tuple[int, int] | None:
    """The numbers of owner and group of an item, None while one of them is not there."""
    return owner_ids(item.owner, item.group)


def owner_ids(owner: str, group: str = "") -> tuple[int, int] | None:
    """The numbers of an account and its group, or of another group, None where one is not there."""
    try:
        uid, gid = (int(owner), int(owner)) if owner.isdecimal() else _account(owner)
        if group:
            gid = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        return None
    return uid, gid


def _account(name: str) -> tuple[int, int]:
    account = pwd.getpwnam(name)
    return account.pw_uid, account.pw_gid


def read_items(items: Sequence[Item]) -> dict[str, Found]:
    """The items that are there, by path. Raises StateError for a path that is something else."""
    found = {}
    for item in items:
        try:
            seen = os.stat(item.path)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(seen.st_mode) != (item.text is None):
            raise StateError(f"{item.path} is not a {'directory' if item.text is None else 'file'}; move it away")
        text = None
        if item.text is not None and not item.once:
            with opened_path(item.path) as stream:
                text = stream.read().decode("utf-8", "surrogateescape")
        owned = (seen.st_uid, seen.st_gid) == ids(item)
        found[item.path] = Found(owned, stat.S_IMODE(seen.st_mode), text)
    return found
