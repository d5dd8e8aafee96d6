# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the manifest of a backup, and its dump."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import entry_of, parse_manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import (
    foreign,
    still_kept,
    unexplained,
    unlisted,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    has_contents,
    read_manifest,
    read_manifest_names,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import being_written
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry, Hold
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DUMP,
    ManifestName,
    data_key,
    manifest_name,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import lacking

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
    if not unlisted(catalog, manifests, repository.where):
        return ""
    # a backup may have become complete between the two
    seen = repository.catalog.read()
    numbers = lacking(seen, (one.number for one in manifests))
    witnesses = [one for one in manifests if one.number in numbers and _is_witness(repository, one)]
    return unlisted(seen, witnesses, repository.where)


def _is_witness(repository: Repository, name: ManifestName) -> bool:
    """Whether a manifest may be one of a backup that is there, though it may be damaged, or sealed with another key."""
    if has_contents(repository, name):
        return True
    try:
        read_manifest(repository, name)
    except StateError:
        return False
    return True


def read_entries(
    repository: Repository, wanted: Callable[[ManifestName], bool] = lambda _name: True
) -> tuple[list[Entry], list[tuple[ManifestName, str]]]:
    """The backups as their newest manifests say them that can be read, without names; and why others cannot."""
    listed = repository.store.objects("manifests/")
    entries: dict[int, Entry] = {}
    unread = []
    # who may write can add a manifest that looks newer, but none that can be read
    for name in sorted(filter(None, map(manifest_name, listed)), reverse=True):
        if name.number in entries or not wanted(name):
            continue
        where = f"{name.key} in the {repository.where}"
        try:
            manifest = parse_manifest(read_manifest(repository, name), "", where)
        except StateError as error:
            unread.append((name, str(error)))
            continue
        entries[name.number] = replace(entry_of(manifest, listed[name.key].modified), healed=name.healed)
    return [entries[number] for number in sorted(entries)], unread


@dataclass(frozen=True)
class Absent:
    """What lies in the place of manifests, and what the catalog neither lists nor has removed.

    entries: backups. unread: why others cannot be read. foreign: of what can be no backup, a sentence each.
    """

    entries: tuple[Entry, ...] = ()
    unread: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def read_absent(repository: Repository, seen: Catalog, names: Sequence[ManifestName]) -> Absent:
    """What manifests show that the catalog neither lists nor has removed.

    seen: the catalog as it was read before. names: all that are there. One that is
    being taken has its manifest a moment before its record.
    """
    if not lacking(seen, (one.number for one in names)):
        return Absent()
    # in this order: a run that has ended since is in the catalog
    working, catalog = being_written(repository), repository.catalog.read()
    numbers = lacking(catalog, (one.number for one in names)) - ({catalog.fence} if working else set())
    absent = {one for one in names if one.number in numbers}
    if not absent:
        return Absent()
    entries, unread = read_entries(repository, absent.__contains__)
    read = {one.number for one in entries}
    left = [(name, why) for name, why in unread if name.number not in read]
    witnesses = {name for name, _why in left if _is_witness(repository, name)}
    return Absent(
        tuple(entries),
        tuple(why for name, why in left if name in witnesses),
        tuple(foreign(name, why) for name, why in left if name not in witnesses),
    )


def read_unexplained(
    repository: Repository,
    seen: Catalog,
    policy: Policy | None,
    holds: Sequence[Hold],
    warn: Callable[[str], None] = lambda _sentence: None,
) -> str:
    """Why the catalog is not believed, as `unexplained`. policy: what it keeps has to be there; None keeps all.

    warn: is given a sentence for each object that can be no backup.
    """
    absent = read_absent(repository, seen, read_manifest_names(repository))
    for sentence in absent.foreign:
        warn(sentence)
    if not absent.entries and not absent.unread:
        return ""
    kept = still_kept(repository.catalog.read(), absent.entries, policy, holds, repository.store.now())
    return unexplained(kept, absent.unread, repository.where)
