# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the objects of one tenant lie in the bucket."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import is_backup_id, tenant_name


@dataclass(frozen=True)
class Layout:
    """The keys of one tenant: `<prefix>/<tenant>/...`. Prefixes end with a slash."""

    prefix: str
    tenant: str

    @property
    def root(self) -> str:
        """Everything of the tenant."""
        stem = self.prefix.strip("/")
        return f"{stem}/{self.tenant}/" if stem else f"{self.tenant}/"

    @property
    def policy(self) -> str:
        """The policy as it was last asked for."""
        return f"{self.root}policy.json"

    @property
    def locks(self) -> str:
        """The leases of the operations that write."""
        return f"{self.root}locks/"

    @property
    def filestore(self) -> str:
        """The files of all backups, each once, named by their SHA-1."""
        return f"{self.root}filestore/"

    @property
    def backups(self) -> str:
        """One directory for each backup."""
        return f"{self.root}backups/"

    def blob(self, store_fname: str) -> str:
        """One file of the filestore."""
        return f"{self.filestore}{store_fname}"

    def backup(self, identifier: str) -> str:
        """Everything of one backup."""
        return f"{self.backups}{identifier}/"

    def dump(self, identifier: str) -> str:
        """The database, in pg_dump's custom format."""
        return f"{self.backup(identifier)}database.dump"

    def index(self, identifier: str) -> str:
        """The files that the backup refers to."""
        return f"{self.backup(identifier)}filestore.json"

    def manifest(self, identifier: str) -> str:
        """The object that makes the backup complete."""
        return f"{self.backup(identifier)}manifest.json"

    def drill(self, identifier: str) -> str:
        """The record of one restore drill."""
        return f"{self.root}drills/{identifier}.json"

    def store_fname(self, key: str) -> str:
        """The file's name in the filestore that a key stands for."""
        return key[len(self.filestore) :]

    def split(self, key: str) -> tuple[str, str] | None:
        """(backup's identifier, object's name) of a key below `backups`, None for anything else."""
        identifier, slash, name = key[len(self.backups) :].partition("/")
        return (identifier, name) if slash and is_backup_id(identifier) else None


def layout_of(prefix: str, tenant: str) -> Layout:
    """The layout of a tenant. Raises InputError for a name that cannot be one."""
    return Layout(prefix, tenant_name(tenant))
