# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of a tenant's backups in a bucket with Object Lock. Keys are below the tenant's root, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Locks:
    """The record of what is locked, and never less than that.

    until: each of `objects` is locked at least until then. parts: the manifests of the backups, and the wrapped data
    keys, that need no other objects.
    """

    until: datetime
    parts: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scope:
    """What a run has to lock. parts: that the record does not cover. former: what stays of the record."""

    parts: tuple[str, ...]
    former: Locks

    @property
    def until(self) -> datetime:
        """The end of the epoch."""
        return self.former.until


@dataclass(frozen=True)
class Extension:
    """The locks that a run extends for one tenant.

    where: the repository as a sentence names it. needs: the objects of each part. keyring: the number of the record of
    the wrapped data keys. lost: objects that a check has found missing or damaged, which may be missing. unread: why it
    is not known what other parts need.
    """

    where: str
    scope: Scope
    needs: Mapping[str, frozenset[str]]
    keyring: int
    lost: frozenset[str] = frozenset()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The objects to lock."""
        return tuple(sorted(frozenset[str]().union(*self.needs.values()) - self.scope.former.objects))
