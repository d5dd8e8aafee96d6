# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items that the option of host_files describes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import Item

# the numbers that the kernel gives to accounts and groups
_LAST_ID, _DIGITS = 2**32 - 2, 10
_MODE = re.compile(r"0?[0-7]{3,4}")


def items_from(options: Sequence[Mapping[str, Any]]) -> tuple[Item, ...]:
    """The items, in their order. Raises InputError."""
    paths = [option["path"] for option in options]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise InputError(f"files: {', '.join(twice)} is listed twice; give each path once")
    return tuple(_item(option) for option in options)


def _item(option: Mapping[str, Any]) -> Item:
    path, mode = option["path"], option["mode"]
    if not path.startswith("/"):
        raise InputError(f"files: {path} is not an absolute path; begin it with /")
    if not _MODE.fullmatch(mode):
        raise InputError(f"files: the mode of {path} is {mode!r}; give octal digits in quotes, such as '0640'")
    for account in (option["owner"], option["group"] or ""):
        if account.isdecimal() and not (len(account) <= _DIGITS and int(account) <= _LAST_ID):
            raise InputError(f"files: {path} is to belong to {account[:20]}; give a name, or a number up to {_LAST_ID}")
    text = option["content"] if option["secret"] is None else option["secret"]
    return Item(path, option["owner"], int(mode, 8), text, option["once"], option["group"] or "")
