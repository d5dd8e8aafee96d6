# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup is: policies, identifiers and the manifest that makes one complete. Sizes in bytes, times in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale

ID_FORMAT = "%Y%m%dT%H%M%SZ"
_TENANT = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
_ID = re.compile(r"^\d{8}T\d{6}Z$")


@dataclass(frozen=True)
class Keep:
    """How many backups of each kind a policy keeps, as restic counts them; -1 is all, 0 is none.

    within: a span such as `1y5m7d2h` before the newest backup in which every backup is kept.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: str = ""


@dataclass(frozen=True)
class Policy:
    """What one tenant was promised. rpo_s, rto_s: seconds. None: the bucket's setting is not managed."""

    tenant: str
    tier: int
    rpo_s: int
    rto_s: int
    keep: Keep
    versioning: bool | None = None
    noncurrent_days: int | None = None


@dataclass(frozen=True)
class Part:
    """One object of a backup: its size and the SHA-256 of its bytes."""

    size: int
    sha256: str


@dataclass(frozen=True)
class DatabaseFacts:
    """What the snapshot says of the database. tables: rows by `schema.table`; sequences: last value used.

    extensions: the schema of each. unaccent_immutable: the extension's own function was altered, as old Odoos did.
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


@dataclass(frozen=True)
class FilestoreFacts:
    """What a backup holds of the filestore. missing: names that the database refers to and nobody has."""

    files: int
    bytes: int
    orphans: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """The last object written: a backup is complete exactly when it has one."""

    tenant: str
    backup_id: str
    snapshot_time: datetime
    finished_time: datetime
    client_version: int
    database: DatabaseFacts
    filestore: FilestoreFacts
    dump: Part
    index: Part


def backup_id(moment: datetime) -> str:
    """The identifier of a backup whose snapshot was taken at `moment`."""
    return moment.astimezone(timezone.utc).strftime(ID_FORMAT)


def moment_of(identifier: str) -> datetime:
    """The snapshot time that an identifier carries. Raises InputError when it is not one."""
    if not is_backup_id(identifier):
        raise InputError(f"backup: {identifier!r} is not a backup's identifier; give one such as 20261122T103000Z")
    try:
        return datetime.strptime(identifier, ID_FORMAT).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise InputError(f"backup: {identifier!r} is not a moment in time") from error


def is_backup_id(text: str) -> bool:
    """Whether `text` has the form of a backup's identifier."""
    return bool(_ID.match(text))


def tenant_name(text: str) -> str:
    """`text` itself. Raises InputError when it cannot be a tenant's directory in a bucket."""
    if not _TENANT.match(text):
        raise InputError(
            f"tenant: {text!r} cannot name a tenant; use lower-case letters, digits, - and _, "
            "beginning with a letter or digit"
        )
    return text
