# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the directories and files in place that Redis and Sentinel start from."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_files import Put
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_host import owner_ids


def apply_files(steps: Sequence[Step]) -> None:
    """Carry out the steps."""
    hands: Hands = {Put: _put}
    for step in steps:
        carry_out(step, hands)


def _put(step: Put) -> None:
    item = step.item
    ids = owner_ids(item.owner)
    if ids is None:
        raise StateError(
            f"{item.path} is to belong to {item.owner}, and there is no such account; install the packages"
        )
    if item.text is None:
        os.makedirs(item.path, exist_ok=True)
        os.chown(item.path, *ids)
        os.chmod(item.path, item.mode)
    else:
        os.makedirs(os.path.dirname(item.path), exist_ok=True)
        replace_file(item.path, item.text, item.mode, owner=ids)
