# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put directories and files of a host in place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import Owner, made_directory
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import Item, Put
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import ids
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out


def apply_files(steps: Sequence[Step]) -> None:
    """Carry out the steps."""
    hands: Hands = {Put: _put}
    for step in steps:
        carry_out(step, hands)


def _put(step: Put) -> None:
    item = step.item
    owner = ids(item)
    if owner is None:
        wanted = f"{item.owner}:{item.group}" if item.group else item.owner
        raise StateError(f"{item.path} is to belong to {wanted}, and there is no such account; install the packages")
    if item.text is None:
        try:
            with _above(item), made_directory(item.path, Owner(os.geteuid(), os.getegid())) as directory:
                os.fchown(directory, *owner)
                os.fchmod(directory, item.mode)
        except OSError as error:
            raise StateError(f"{item.path} cannot be used as a directory: {error.strerror}") from error
    else:
        with _above(item):
            replace_file(item.path, item.text, item.mode, owner=owner)


def _above(item: Item) -> AbstractContextManager[int]:
    """The directory above; where it is missing, it is made by the umask alone, since others have files in it too."""
    return made_directory(os.path.dirname(item.path), None, 0o777)
