# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check of the backups of one tenant finds: damaged objects, and how far each backup can be restored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    Catalog,
    Entry,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Place, Shard
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName

# The kinds of objects, as the findings name them.
IN_MANIFEST, IN_DUMP, IN_INDEX, IN_FILES = "manifest", "dump", "index", "files"


@dataclass(frozen=True)
class Part:
    """The objects that one of `parts` checks in a row reads, so that all of them read everything."""

    number: int = 0
    parts: int = 1

    @property
    def following(self) -> Part:
        """The part of the next check."""
        return Part((self.number + 1) % self.parts, self.parts)

    def has(self, name: DataName) -> bool:
        """Whether an object is in this part. Names alternate between packs and shards, so they are spread by a hash."""
        digest = hashlib.sha256(str(name).encode()).digest()
        return int.from_bytes(digest[:4], "big") % self.parts == self.number


# No object is in it: only those in doubt are read.
NO_PART = Part(-1)


@dataclass(frozen=True)
class Finding:
    """What is wrong with one object, as far as one backup needs it.

    key: of the object. why: a sentence. held: the object, None for a manifest. files: of the backup that cannot be read
    there. copies: how many of those lie intact in another object. names: of the first few.
    """

    key: str
    kind: str
    why: str
    held: DataName | None = None
    files: int = 0
    copies: int = 0
    names: tuple[str, ...] = ()

    @property
    def stays(self) -> bool:
        """Whether something is wrong even after the copies are used."""
        return not self.copies or self.copies < self.files


@dataclass(frozen=True)
class Found:
    """What was found of one backup. lost: names of files that were missing when it was taken, which nothing heals."""

    entry: Entry
    findings: tuple[Finding, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def restorable(self) -> str:
        """How far the backup can be restored as it is."""
        return _restorable(self.findings, self.lost)

    @property
    def heals(self) -> bool:
        """Whether files of it lie intact in other objects."""
        return any(one.copies for one in self.findings)

    @property
    def left(self) -> tuple[Finding, ...]:
        """What is wrong even after the copies are used."""
        return tuple(one for one in self.findings if one.stays)

    @property
    def healed(self) -> str:
        """How far the backup can be restored once the copies are used."""
        return _restorable(self.left, self.lost)


@dataclass(frozen=True)
class Copies:
    """Where intact copies are. files: of damaged files, by name. shards: of damaged parts of an index, by object."""

    files: Mapping[str, Place] = field(default_factory=dict)
    shards: Mapping[DataName, Shard] = field(default_factory=dict)

    def objects(self) -> set[DataName]:
        """The objects that hold them."""
        return {*(one.held for one in self.files.values()), *(one.held for one in self.shards.values())}


@dataclass(frozen=True)
class Check:
    """What a check has read. catalog: the one that it began with. sizes: of objects with files, as they were written.

    read: the objects with contents that were read, as far as backups use them. objects, bytes: that were read.
    rebuilt: whether the catalog was made anew from the manifests. warnings: of that.
    mended: the keys of damaged objects that were replaced by those of a copy, and are not in what was found any more.
    unhealed: why others were not, a clause for each. copy_faults: what hindered the work with the copy, as sentences.
    """

    tenant: str
    catalog: Catalog
    part: Part
    found: tuple[Found, ...] = ()
    copies: Copies = Copies()
    sizes: Mapping[DataName, int] = field(default_factory=dict)
    read: frozenset[DataName] = frozenset()
    objects: int = 0
    bytes: int = 0
    rebuilt: bool = False
    warnings: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    unhealed: tuple[str, ...] = ()
    copy_faults: tuple[str, ...] = ()

    @property
    def marks(self) -> dict[int, str]:
        """How far each backup can be restored as it is, by number."""
        return {one.entry.number: one.restorable for one in self.found}

    @property
    def damaged(self) -> set[DataName]:
        """The objects that are missing or damaged."""
        return {finding.held for one in self.found for finding in one.findings if finding.held}

    @property
    def damaged_after(self) -> set[DataName]:
        """The objects that are missing or damaged, and still needed once the copies are used."""
        return {finding.held for one in self.found for finding in one.left if finding.held}


def _restorable(findings: tuple[Finding, ...], lost: tuple[str, ...]) -> str:
    if any(one.kind != IN_FILES for one in findings):
        return NONE
    return PARTIAL if findings or lost else FULL
