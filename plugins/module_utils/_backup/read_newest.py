# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads which backup of each tenant a restore would take. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_newest import Newest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import choose
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import open_repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey

READERS = 8


def read_newest(
    stores: Stores, tenants: Sequence[str], masters: Sequence[MasterKey], until: datetime | None, accept_missing: bool
) -> Iterator[Newest]:
    """The backup of each tenant, in their order. Its manifest is opened, so the keys are proven.

    until: the latest moment that it may show, None for now. Raises UnreachableError where the store does not answer.
    """
    with ThreadPoolExecutor(READERS) as pool:
        yield from pool.map(lambda tenant: _newest(stores, tenant, masters, until, accept_missing), tenants)


def _newest(
    stores: Stores, tenant: str, masters: Sequence[MasterKey], until: datetime | None, accept_missing: bool
) -> Newest:
    warnings: list[str] = []
    try:
        repository = open_repository(stores, tenant, masters)
        if repository is None:
            return Newest(tenant, error=f"there is no backup in the {stores.contents.where}")
        entry = choose(repository, "latest", accept_missing, warnings.append, until)
        manifest = manifest_of(repository, entry)
        age = repository.store.now() - manifest.snapshot_time
    except StateError as error:
        return Newest(tenant, error=str(error), warnings=tuple(warnings))
    return Newest(tenant, manifest, age.total_seconds(), warnings=tuple(warnings))
