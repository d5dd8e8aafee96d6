# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup is: policies, and the manifest that says all of one. Sizes in bytes, times in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale, Setting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import DatabaseRight
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Stay
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName

_NAME = re.compile(r"([0-9]{8}T[0-9]{6}Z)(-[1-9][0-9]{0,3})?")


def check_backup_name(text: str) -> str:
    """`text` itself. Raises InputError where it cannot be the identifier of a backup."""
    found = _NAME.fullmatch(text)
    try:
        datetime.strptime(found[1] if found else "", "%Y%m%dT%H%M%SZ")
    except ValueError as error:
        raise InputError(f"backup: {text!r} is not a backup's identifier; give one such as 20261122T103000Z") from error
    return text


@dataclass(frozen=True)
class Keep:
    """How many backups of each kind a policy keeps, as restic counts them; -1 is all, 0 is none.

    within: a duration such as `1y5m7d2h` before the newest backup in which every backup is kept.
    within_hourly to within_yearly: one in which the newest backup of each period is kept.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: str = ""
    within_hourly: str = ""
    within_daily: str = ""
    within_weekly: str = ""
    within_monthly: str = ""
    within_yearly: str = ""


@dataclass(frozen=True)
class RetentionClass:
    """A further reason to keep backups of a tenant, such as a claim or a warranty.

    name: its identifier. keep: rules beside those of the policy. backups: names of those that are kept for `period`, a
    duration such as `10y` from their snapshot on.
    """

    name: str
    keep: Keep | None = None
    backups: tuple[str, ...] = ()
    period: str = ""


@dataclass(frozen=True)
class Policy:
    """What one tenant was promised. rpo_s, rto_s, drill_interval_s: seconds. None: the bucket's setting is not managed.

    immutability: `none`, `versions` or `lock`. lock_days: for which the objects of all kept backups are locked at least
    after each run that extends locks, 0 without locks. copies: of the data, the database itself among them.
    copy_rpo_s: how old the newest backup in the second repository may be, and its comparison. regions: those in which
    backups may lie, any without one. sizes_from: the first backup whose sizes are a measure for later ones.
    """

    tenant: str
    tier: int
    rpo_s: int
    rto_s: int
    keep: Keep
    versioning: bool | None = None
    noncurrent_days: int | None = None
    drill_interval_s: int = 0
    immutability: str = "none"
    lock_days: int = 0
    copies: int = 2
    copy_rpo_s: int = 172800
    regions: tuple[str, ...] = ()
    classes: tuple[RetentionClass, ...] = ()
    sizes_from: str = ""


@dataclass(frozen=True)
class State:
    """What a database is to its tenant. home: its number, 0 without one. open: whether its owner may connect."""

    home: int
    open: bool

    def __str__(self) -> str:
        number = f"as home {self.home}" if self.home else "without a home number"
        return f"{'open' if self.open else 'blocked'} {number}"


@dataclass(frozen=True)
class Dump:
    """The database of a backup, in pg_dump's custom format, in one object or more.

    stored: the size of each object. size, sha256: of all its bytes, before they are sealed.
    """

    held: tuple[DataName, ...]
    stored: tuple[int, ...]
    size: int
    sha256: str


@dataclass(frozen=True)
class DatabaseFacts:
    """What the snapshot says of the database. tables: rows by `schema.table`; sequences: last value used.

    modules: the version of each that is there. pending: the state of each that Odoo is to install, upgrade or remove.
    extensions: the schema of each. unaccent_immutable: the extension's own function was altered, as old Odoos did.
    settings: those that sessions on the database begin with. rights: those on the database itself, which no dump has.
    """

    name: str
    odoo_version: str
    uuid: str
    server_version: int
    locale: Locale
    modules: Mapping[str, str]
    tables: Mapping[str, int]
    sequences: Mapping[str, int]
    extensions: Mapping[str, str]
    unaccent_immutable: bool
    pending: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()
    rights: tuple[DatabaseRight, ...] = ()


@dataclass(frozen=True)
class FilestoreFacts:
    """What a backup holds of the filestore.

    missing: names that the database refers to and that are nowhere. kept: those that only the repository had.
    """

    files: int
    bytes: int
    orphans: int
    missing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. number: its own in the repository. name: its identifier, by the catalog.

    stay: how long it is kept whatever a policy says, as it was asked for.
    """

    tenant: str
    number: int
    name: str
    snapshot_time: datetime
    finished_time: datetime
    client_version: int
    database: DatabaseFacts
    filestore: FilestoreFacts
    dump: Dump
    index: Index
    stay: Stay | None = None

    def whole_objects(self) -> set[DataName]:
        """The objects that who reads dump, index and files of this backup has read to their last byte."""
        shards = {shard.held for shard in self.index.shards.values()}
        return {*self.dump.held, *shards, *(name for name, use in self.index.uses.items() if use.live == use.total)}

    def lost(self, stored: Mapping[DataName, int]) -> set[DataName]:
        """The objects that are missing or cut off. stored: the size in bytes of each that is there."""
        sizes = zip(self.dump.held, self.dump.stored)
        return self.index.lost(stored) | {name for name, size in sizes if stored.get(name) != size}
