# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the backup of a run that was interrupted when its manifest was there, and before the catalog said so."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of, read_entries
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository, stored_sizes
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import Turn, writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import ManifestName
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import lacking, plan_commit


def writing_after(repository: Repository, kind: str, wait_s: float, known: int) -> AbstractContextManager[Turn]:
    """The turn of `writing`, which lists the backup of an interrupted run first. known: as in `with_interrupted`."""
    return writing(repository, kind, wait_s, partial(with_interrupted, repository, known))


def with_interrupted(repository: Repository, known: int, seen: Catalog) -> Catalog:
    """The catalog as the last run would have left it, where only its record is missing; the same one otherwise.

    That run has the number in the catalog's fence. A lower one was looked at by the run after it.
    known: the number of the newest backup that was complete, by the ledger; its record was there, and was taken away.
    """
    if seen.fence <= known or not lacking(seen, [seen.fence]):
        return seen
    # one that cannot be read stays, and is named by whoever would give it up
    entries, _unread = read_entries(repository, {ManifestName(seen.fence)}.__contains__)
    for entry in entries:
        manifest = manifest_of(repository, entry)
        if not manifest.lost(stored_sizes(repository)):
            objects = manifest.index.objects() | set(manifest.dump.held)
            return plan_commit(seen, entry, objects, manifest.stay)
    return seen
