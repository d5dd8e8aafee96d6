# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces damaged objects of a repository by those of its copy, which have been proven to be intact.

They are written under their own keys: what is written there, now or late, is what was written there first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import each
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import NO_PART, Check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_check import still_there
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_copy import (
    damaged_keys,
    intact_keys,
    unhealed,
    without,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_check import Aid, survey
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_transfer import transfer

# A manifest that is there again shows what else is damaged.
ROUNDS = 3
SHOWN = 3


@dataclass(frozen=True)
class Mended:
    """What is found once damaged objects are replaced, and the keys of those.

    unhealed: why others were not replaced, a clause for each. faults: what hindered that, as sentences.
    """

    found: Check
    keys: tuple[str, ...] = ()
    unhealed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def foresee_mending(seen: Check, intact: Repository, aid: Repository, deadline: Deadline, progress: Progress) -> Mended:
    """What a check would find once the damaged objects of `aid`, the broken one, are replaced."""
    if not damaged_keys(seen):
        return Mended(seen)
    try:
        other = _read(intact, seen, seen, deadline, progress, aid)
    except GantryError as error:
        return Mended(seen, faults=(_hindered(intact, str(error)),))
    keys = intact_keys(seen, other)
    return Mended(without(seen, keys), keys, unhealed(seen, other))


def mend(seen: Check, broken: Repository, intact: Repository, deadline: Deadline, progress: Progress) -> Mended:
    """Replace the damaged objects that lie intact in the other repository.

    seen: what a check of the broken one has found. A failure of the other one ends this work, and is no exception: what
    was found has to be recorded.
    """
    found, sent = seen, set[str]()
    faults: list[str] = []
    clauses: tuple[str, ...] = ()
    for _round in range(ROUNDS):
        # what an expiry has removed since is not damaged
        now = broken.catalog.read()
        found, seen = still_there(found, now), still_there(seen, now)
        if not damaged_keys(found) or faults:
            break
        try:
            other = _read(intact, found, seen, deadline, progress, broken)
            clauses = unhealed(found, other)
            keys = set(intact_keys(found, other)) - sent
            if not keys:
                break
            sent |= keys
            faults += _replace_all(broken, intact, sorted(keys), deadline)
        except GantryError as error:
            faults.append(_hindered(intact, str(error)))
        if sent:
            # what was damaged is read again, in whatever part it is, and however late it is
            again = _read(broken, found, seen, Deadline(deadline.seconds), progress)
            read = found.read | again.read
            again = still_there(again, broken.catalog.read())
            found = replace(again, part=seen.part, read=read, objects=len(read), bytes=found.bytes + again.bytes)
    found = replace(found, catalog=seen.catalog, rebuilt=seen.rebuilt, warnings=seen.warnings)
    return Mended(found, tuple(sorted(sent - damaged_keys(found))), clauses, tuple(faults))


def _read(
    repository: Repository,
    found: Check,
    seen: Check,
    deadline: Deadline,
    progress: Progress,
    aid: Repository | None = None,
) -> Check:
    """The check of a repository that reads what is damaged, here or in the other one.

    aid: the other one, whose intact manifests and indexes say what backups need.
    """
    catalog = replace(seen.catalog, entries=tuple(one.entry for one in seen.found), damaged=())
    helping = Aid(aid, frozenset(damaged_keys(found))) if aid else None
    return survey(repository, catalog, NO_PART, deadline, progress, found.damaged | seen.damaged, helping)


def _replace_all(broken: Repository, intact: Repository, keys: Sequence[str], deadline: Deadline) -> list[str]:
    """Replace objects; the sentence of what hindered that, none where all are replaced."""
    sizes = {key: one.size for part in ("data/", "manifests/") for key, one in intact.store.objects(part).items()}
    work = partial(_replace, broken, intact, sizes)
    said = [why for why in each(work, keys, deadline, "replacing damaged objects") if why]
    more = f", and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return [_hindered(intact, "; ".join(said[:SHOWN]) + more)] if said else []


def _replace(broken: Repository, intact: Repository, sizes: dict[str, int], key: str) -> str:
    """Replace one object; why it was not, empty where it was."""
    if key not in sizes:
        return f"{key} in the {intact.where} was removed meanwhile"
    try:
        transfer(intact.store, broken.store, key, sizes[key])
    except GantryError as error:
        return str(error)
    return ""


def _hindered(intact: Repository, why: str) -> str:
    return f"damaged objects could not all be replaced by those of the {intact.where}: {why}"
