# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a second repository of a tenant lacks of the first, and what a copy has made of it. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Check, Part
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Marks
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, ManifestName


@dataclass(frozen=True)
class Side:
    """What one of the two repositories holds. catalog: its newest. data, manifests: sizes of the objects."""

    catalog: Catalog
    data: Mapping[DataName, int]
    manifests: Mapping[ManifestName, int]


@dataclass(frozen=True)
class Needs:
    """What the backups of the first repository need.

    staying: the objects of those that are not marked to be removed. all: of these as well. unread: why it is not known
    of others what they need, as their manifests cannot be read.
    """

    staying: frozenset[DataName] = frozenset()
    all: frozenset[DataName] = frozenset()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class CopyPlan:
    """The work of one copy.

    contents, manifests: the keys of the objects to send, with their sizes. remove: the keys of those to remove.
    lacking: the keys of those that backups need, that neither repository has, and that no check has marked. catalog:
    whether the newest record is to be sent.
    """

    contents: Mapping[str, int]
    manifests: Mapping[str, int]
    remove: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    catalog: bool = False

    @property
    def objects(self) -> int:
        """How many objects are sent."""
        return len(self.contents) + len(self.manifests)

    @property
    def bytes(self) -> int:
        """How many bytes are sent."""
        return sum(self.contents.values()) + sum(self.manifests.values())


@dataclass(frozen=True)
class Scope:
    """What a comparison reads in the second repository: these backups, and of their objects a part.

    partial: whether that is only what was sent.
    """

    catalog: Catalog
    part: Part
    partial: bool = False


@dataclass(frozen=True)
class Compared:
    """The record of a comparison, in the second repository.

    moment: of it, by the clock of the second repository. number: of the newest backup that was compared. ok: whether
    every backup that can be restored in full from the first one can be from the second one.
    """

    moment: datetime
    number: int
    ok: bool


@dataclass(frozen=True)
class Copied:
    """What became of one tenant.

    catalog: the one that was copied. documents: the keys of drills that were written. check: of the second
    repository, None in check mode where there is none yet. healed: the keys of objects that were damaged there and sent
    again. faults: why others were not, as sentences. marks: what is known to be damaged in the second repository, and
    former: how far each backup could be restored there, by number, as was known before.
    """

    tenant: str
    catalog: Catalog
    plan: CopyPlan
    documents: tuple[str, ...] = ()
    check: Check | None = None
    healed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    marks: Marks = Marks()
    former: Mapping[int, str] = field(default_factory=dict)
