# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads which objects the kept backups of a tenant need, as far as their locks are to be extended. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Union

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import each
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Extension, Locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import locks_from, plan_scope
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_keys import KeyLog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository, read_document
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import NONE, Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import LOCKS, data_key

READ_S = 600

# The keys of objects, or why they are not known.
Needs = Union[frozenset[str], str]


def read_locks(repository: Repository) -> Locks | None:
    """The record of what is locked, None before the first one."""
    return locks_from(read_document(repository, LOCKS), repository.where)


def read_extension(
    repository: Repository,
    record: Locks | None,
    catalog: Catalog,
    entries: Sequence[Entry],
    keyring: int,
    now: datetime,
    days: int,
) -> Extension:
    """What is to be locked so that these backups are for `days`. While the record covers them, nothing is read.

    catalog: with the marks of the checks. keyring: the number of the record of the wrapped data keys.
    """
    keys = Log(repository.records, KeyLog.NAME).key(keyring)
    manifests = {one.manifest.key: one for one in entries}
    scope = plan_scope(record, [*manifests, keys] if manifests else [], now, days)
    wanted = [manifests[part] for part in scope.parts if part in manifests]
    found = each(partial(_needs, repository), wanted, Deadline(READ_S), "reading the manifests")
    needs = {one.manifest.key: known for one, known in zip(wanted, found) if not isinstance(known, str)}
    if keys in scope.parts:
        needs[keys] = frozenset((keys,))
    return Extension(
        repository.where,
        scope,
        needs,
        keyring,
        frozenset([*map(data_key, catalog.damaged), *(one.manifest.key for one in wanted if one.restorable == NONE)]),
        {one.manifest.key: why for one, why in zip(wanted, found) if isinstance(why, str)},
    )


def _needs(repository: Repository, entry: Entry) -> Needs:
    try:
        return frozenset((entry.manifest.key, *map(data_key, objects_of(repository, entry))))
    except StateError as error:
        # a backup that cannot be restored may have lost its manifest, and a check has said so
        return frozenset((entry.manifest.key,)) if entry.restorable == NONE else str(error)
