# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the master key of a rotation open the second repositories too, and proves that the former one is not needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_second import (
    open_second,
    refuse_lost,
    root_of,
    send_keys,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey


def rotate_copies(
    repositories: Mapping[str, Repository | None],
    copies: Stores | str,
    masters: Sequence[MasterKey],
    wanted: Mapping[str, str],
    check_mode: bool,
) -> tuple[list[Step], dict[str, str]]:
    """Have the keys `wanted`, by tenant, open the copies alone: the steps, and why the former key is needed still.

    repositories: the first ones, which the keys open already unless in check mode. copies: the stores of the second
    ones, or why they do not answer.
    """
    steps, failures = [], {}
    for tenant, key in wanted.items():
        first = repositories.get(tenant)
        if first is None or not (check_mode or first.wrapped_by == key):
            # without a repository there is no copy, and one that could not be rotated has a failure of its own
            continue
        try:
            former = _rotate(first, copies, masters, check_mode)
        except GantryError as error:
            failures[tenant] = f"its copy may need the former key still, so keep that in repository.keys: {error}"
            continue
        if former not in ("", key):
            steps.append(Step("rotate_copy", tenant, f"key {key} is to open the copy instead of {former}"))
    return steps, failures


def _rotate(first: Repository, copies: Stores | str, masters: Sequence[MasterKey], check_mode: bool) -> str:
    """The key that has opened the copy until now, empty where there is no copy yet."""
    if isinstance(copies, str):
        raise UnreachableError(copies)
    root = root_of(first, copies)
    second = open_second(first, copies, masters)
    refuse_lost(first, second, root, accept=False)
    if second is None:
        return ""
    if not check_mode:
        send_keys(first, second, copies, masters)
    return second.wrapped_by
