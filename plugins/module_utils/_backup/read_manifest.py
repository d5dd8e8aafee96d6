# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the manifest of a backup, and its dump."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import parse_manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import unlisted
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    read_manifest,
    read_manifest_names,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DUMP, data_key

PIECE_BYTES = 1024 * 1024


def manifest_of(repository: Repository, entry: Entry) -> Manifest:
    """The manifest of a backup. Raises StateError where it is damaged, or another's."""
    where = f"{entry.manifest.key} in the {repository.where}"
    manifest = parse_manifest(read_manifest(repository, entry.manifest), entry.name, where)
    if (manifest.tenant, manifest.number) != (repository.tenant, entry.number):
        raise StateError(f"{where} is the manifest of {manifest.tenant}, number {manifest.number}; use another backup")
    return manifest


def read_dump(repository: Repository, manifest: Manifest) -> Iterator[bytes]:
    """The bytes of a backup's dump. Raises StateError at the end where they are not those of the manifest."""
    digest, left = hashlib.sha256(), manifest.dump.size
    for held in manifest.dump.held:
        key = data_key(held)
        pieces = repository.store.pieces(key, PIECE_BYTES)
        for piece in repository.keys.open_stream(DUMP, key, pieces, f"{key} in the {repository.where}", left):
            digest.update(piece)
            left -= len(piece)
            yield piece
    if digest.hexdigest() != manifest.dump.sha256:
        raise StateError(
            f"the dump of backup {manifest.name} in the {repository.where} is damaged: its SHA-256 is not the "
            "manifest's; use another backup"
        )


def read_doubt(repository: Repository, catalog: Catalog) -> str:
    """What the manifests say against a catalog that was read, as `unlisted`."""
    manifests = read_manifest_names(repository)
    doubt = unlisted(catalog, manifests, repository.where)
    # a backup may have become complete between the two
    return doubt and unlisted(repository.catalog.read(), manifests, repository.where)
