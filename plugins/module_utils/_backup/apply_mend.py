# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces damaged objects of a repository by those of its copy, which have been proven to be intact.

They are written under their own keys: what is written there, now or late, is what was written there first.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import each
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import NO_PART, Check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_copy import damaged_keys, intact_keys, without
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_check import survey
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_transfer import transfer

# A manifest that is there again shows what else is damaged.
ROUNDS = 3


def foresee_mending(
    seen: Check, intact: Repository, deadline: Deadline, progress: Progress
) -> tuple[Check, tuple[str, ...]]:
    """What a check would find once the damaged objects are replaced, and their keys."""
    keys = intact_keys(seen, _read(intact, seen, seen, deadline, progress)) if damaged_keys(seen) else ()
    return without(seen, keys), keys


def mend(
    seen: Check, broken: Repository, intact: Repository, deadline: Deadline, progress: Progress
) -> tuple[Check, tuple[str, ...]]:
    """Replace the damaged objects that lie intact in the other repository; what is found then, and their keys.

    seen: what a check of the broken one has found.
    """
    found, sent = seen, set[str]()
    for _round in range(ROUNDS):
        if not damaged_keys(found):
            break
        keys = set(intact_keys(found, _read(intact, found, seen, deadline, progress))) - sent
        if not keys:
            break
        sizes = {key: one.size for part in ("data/", "manifests/") for key, one in intact.store.objects(part).items()}
        work = partial(_replace, broken, intact, sizes)
        each(work, sorted(keys), deadline, "replacing damaged objects")
        sent |= keys
        # what was damaged is read again, in whatever part it is
        again = _read(broken, found, seen, deadline, progress)
        read = found.read | again.read
        found = replace(again, part=seen.part, read=read, objects=len(read), bytes=found.bytes + again.bytes)
    found = replace(found, catalog=seen.catalog, rebuilt=seen.rebuilt, warnings=seen.warnings)
    return found, tuple(sorted(sent - damaged_keys(found)))


def _read(repository: Repository, found: Check, seen: Check, deadline: Deadline, progress: Progress) -> Check:
    """The check of a repository that reads what is damaged, here or in the other one."""
    catalog = replace(seen.catalog, entries=tuple(one.entry for one in seen.found), damaged=())
    return survey(repository, catalog, NO_PART, deadline, progress, found.damaged | seen.damaged)


def _replace(broken: Repository, intact: Repository, sizes: dict[str, int], key: str) -> None:
    transfer(intact.store, broken.store, key, sizes[key])
