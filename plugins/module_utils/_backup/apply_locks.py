# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extends the locks of a tenant's backups, proves each by the answer of the store, and records that."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import each
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Extension
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import (
    failure_of,
    in_turn,
    locks_body,
    needed,
    record_after,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Keeping, Retention
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_keys import KeyLog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository, write_document
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_transfer import transfer_record
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import LOCKS

WORKERS = 8
# What is locked by then is found by the next run, so even a large repository comes to its end.
EXTEND_S = 3600


def extend_all(
    stores: Stores, repositories: Mapping[str, Repository], extensions: Mapping[str, Extension], mode: str
) -> tuple[dict[str, Extension], dict[str, str]]:
    """Extend the locks of one tenant after the other: those that were, and why those of others were not all."""
    done: dict[str, Extension] = {}
    failures: dict[str, str] = {}
    bucket = stores.contents
    if not isinstance(bucket, Keeping):
        return done, failures
    for tenant, extension in extensions.items():
        try:
            extend(repositories[tenant], bucket, extension, mode)
        except GantryError as error:
            failures[tenant] = str(error)
            continue
        done[tenant] = extension
    return done, failures


def extend(repository: Repository, bucket: Keeping, extension: Extension, mode: str) -> None:
    """Lock what an extension names, in every version, and record what is proven.

    mode: of new locks. Raises StateError where an object could not be locked; the others are, and are recorded.
    """
    deadline = Deadline(EXTEND_S)
    keys = extension.keys
    if Log(repository.records, KeyLog.NAME).key(extension.keyring) in keys:
        # where the records are in another bucket, which cannot lock them, the wrapped data keys are locked here
        transfer_record(repository.records, repository.store, KeyLog.NAME, extension.keyring)
    versions = _versions(repository, bucket) if keys else {}
    absent = [key for key in keys if key not in versions]
    failed = {key: f"{key} is missing in the {repository.where}" for key in absent if key not in extension.lost}
    work = in_turn(keys, versions)
    lock = partial(_locked, repository, bucket, Retention(mode, extension.scope.until))
    answers = each(lock, work, deadline, "extending the locks", WORKERS)
    failed |= {key: why for (key, _version), why in zip(work, answers) if why}
    record = record_after(extension, failed, absent)
    if record != extension.scope.former:
        write_document(repository, LOCKS, locks_body(record))
    complaint = failure_of(extension, failed)
    if complaint:
        raise StateError(complaint)


def _versions(repository: Repository, bucket: Keeping) -> dict[str, list[str]]:
    """The versions of all that may be locked. The first one of a key is that of the backup, whoever wrote since."""
    root = repository.store.root
    listed = [bucket.versions(f"{root}{below}/") for below in ("data", "manifests", KeyLog.NAME)]
    return {key[len(root) :]: versions for found in listed for key, versions in found.items()}


def _locked(repository: Repository, bucket: Keeping, wanted: Retention, item: tuple[str, str]) -> str:
    """Lock one version of an object; why it is not locked, empty where the store says that it is."""
    key, version = item
    place = repository.store.root + key
    try:
        lock = needed(bucket.retention(place, version), wanted.until, wanted.mode)
        if lock is None:
            return ""
        bucket.retain(place, version, lock)
        left = needed(bucket.retention(place, version), wanted.until, wanted.mode)
    except StateError as error:
        return str(error)
    return f"{key} in the {repository.where} is not locked after the store said so" if left else ""
