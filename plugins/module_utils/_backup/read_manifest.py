# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the manifest of a backup."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import parse_manifest
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    read_manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import manifest_key


def manifest_of(repository: Repository, entry: Entry) -> Manifest:
    """The manifest of a backup. Raises StateError where it is damaged, or another's."""
    where = f"{manifest_key(entry.number)} in the {repository.where}"
    manifest = parse_manifest(read_manifest(repository, entry.number), entry.name, where)
    if (manifest.tenant, manifest.number) != (repository.tenant, entry.number):
        raise StateError(f"{where} is the manifest of {manifest.tenant}, number {manifest.number}; use another backup")
    return manifest
