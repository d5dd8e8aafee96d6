# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is observed of a tenant's backups, and what follows from it. Times are by the store's clock, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Compared
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Locks
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry

# The states of a part. UNKNOWN is for what was not asked or not answered, and never counts as good.
OK, VIOLATED, UNKNOWN, NOT_REQUIRED = "ok", "violated", "unknown", "not_required"
CRITICAL, WARNING = "critical", "warning"
BUCKET, DIRECTORY = "bucket", "directory"


@dataclass(frozen=True)
class Drill:
    """The record of a drill. begun: not later than the store dates the record. rto_s, rpo_s: seconds.

    backup: empty, and rpo_s None, where it failed before it had chosen one.
    """

    begun: datetime
    ok: bool
    backup: str
    rto_s: float
    rpo_s: float | None
    error: str = ""


@dataclass(frozen=True)
class Opened:
    """A manifest that was unsealed. rows: of all tables. duration_s: seconds from its snapshot to its end."""

    rows: int
    duration_s: float


@dataclass(frozen=True)
class Fault:
    """An object that is missing, damaged or forged. backup: its name, empty where it concerns all of the tenant."""

    backup: str
    sentence: str


@dataclass(frozen=True)
class StoreFacts:
    """What the store says of itself, the same for all tenants.

    kind: BUCKET or DIRECTORY. versioning, region: None where they were not answered; unknown: why, in a sentence.
    """

    kind: str
    now: datetime
    versioning: bool | None = None
    region: str | None = None
    unknown: str = ""


@dataclass(frozen=True)
class Lock:
    """The lock of one backup, by its manifest and dump.

    until: None where one of them has none. answered: whether the store has answered that.
    """

    backup: str
    until: datetime | None = None
    answered: bool = True


@dataclass(frozen=True)
class CopySeen:
    """What is observed of the second repository of a tenant.

    compared: the record of the last comparison, None where there is none. shows: the moment of the newest backup that
    was compared, None where the catalog of the copy lacks it, or its manifest is not there. unknown: why that was not
    answered, in a sentence. fault: why it is no second repository, as a clause.
    """

    compared: Compared | None = None
    shows: datetime | None = None
    unknown: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Evidence:
    """What is observed of one tenant.

    policy: the recorded one, None where there is none. written: when the store wrote the manifest of each backup,
    by number; None where its dates are those that writers give. opened: by name of the backup. drills: newest
    first, as far back as the newest good one. locked_until: of the newest backup, None without a lock. lock_asked:
    whether the store has answered that. older_locks: those of the older backups whose locks prove the most. locks:
    the record of what is locked, None where there is none or the policy asks for no locks. known: number of the
    newest backup that is known to be there, 0 for none. absent: backups with manifests that the catalog neither
    lists nor has removed. where: the repository as a sentence names it. copy: None where no second repository was
    asked. lost: by name of the backup, how many of its objects are missing or cut off; 0 where it cannot be read.
    checked: when checks had read everything for the last time, None where they never had.
    """

    tenant: str
    policy: Policy | None = None
    catalog: Catalog = Catalog()
    written: Mapping[int, datetime | None] = field(default_factory=dict)
    opened: Mapping[str, Opened] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    drills: tuple[Drill, ...] = ()
    locked_until: datetime | None = None
    lock_asked: bool = False
    older_locks: tuple[Lock, ...] = ()
    locks: Locks | None = None
    known: int = 0
    absent: tuple[Entry, ...] = ()
    where: str = ""
    copy: CopySeen | None = None
    lost: Mapping[str, int] = field(default_factory=dict)
    checked: datetime | None = None


@dataclass(frozen=True)
class Part:
    """One promise of the policy: what of it is proven. remedy: what to do, empty where it is kept."""

    name: str
    state: str
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class Finding:
    """Something about one backup, or about all of the tenant, that needs a look. kind: such as `collapsed`."""

    kind: str
    severity: str
    backup: str
    sentence: str
    remedy: str


@dataclass(frozen=True)
class Judgement:
    """What follows for one tenant.

    latest: the newest backup that counts, as good as it is known to be. rules: the parts of 3-2-1-1-0, by name.
    proven_copies: how many copies are proven, the database among them. locked_until, checked: as of the evidence.
    """

    tenant: str
    policy: Policy | None
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]
    rules: Mapping[str, str]
    latest: Entry | None = None
    latest_moment: datetime | None = None
    opened: Opened | None = None
    drills: tuple[Drill, ...] = ()
    backups: int = 0
    expired: int = 0
    holds: int = 0
    proven_copies: int = 0
    locked_until: datetime | None = None
    copy: CopySeen | None = None
    checked: datetime | None = None

    @property
    def compliant(self) -> bool:
        """Whether every part that the policy requires is proven."""
        return all(one.state in (OK, NOT_REQUIRED) for one in self.parts)

    @property
    def score(self) -> int:
        """How many of the five rules are proven."""
        return sum(state == OK for state in self.rules.values())

    @property
    def last_good_drill(self) -> Drill | None:
        """The newest drill that proved a backup."""
        return next((one for one in self.drills if one.ok), None)
