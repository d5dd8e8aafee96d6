# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads which backup of each tenant a restore would take. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_newest import Newest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Choice, choose_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    open_repository,
    require_catalog,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey

READERS = 8


def read_newest(stores: Stores, choices: Mapping[str, Choice], masters: Sequence[MasterKey]) -> Iterator[Newest]:
    """The backup of each tenant, in their order. Its manifest is opened, so the keys are proven.

    choices: which one, by tenant. Raises UnreachableError where the store does not answer.
    """
    with ThreadPoolExecutor(READERS) as pool:
        yield from pool.map(lambda tenant: _newest(stores, tenant, masters, choices[tenant]), choices)


def _newest(stores: Stores, tenant: str, masters: Sequence[MasterKey], choice: Choice) -> Newest:
    warnings: list[str] = []
    backups = None
    try:
        repository = open_repository(stores, tenant, masters)
        if repository is None:
            return Newest(tenant, error=f"there is no backup in the {stores.contents.where}", backups=0)
        catalog = repository.catalog.read()
        require_catalog(repository, catalog)
        backups = len(catalog.entries)
        entry = choose_from(catalog, repository, choice, warnings.append)
        manifest = manifest_of(repository, entry)
        age = repository.store.now() - manifest.snapshot_time
    except RefusedError as error:
        # the newest state of the catalog is lost, and with it the number
        return Newest(tenant, error=str(error), warnings=tuple(warnings))
    except StateError as error:
        return Newest(tenant, error=str(error), backups=backups, warnings=tuple(warnings))
    return Newest(tenant, manifest, age.total_seconds(), backups=backups, warnings=tuple(warnings))
