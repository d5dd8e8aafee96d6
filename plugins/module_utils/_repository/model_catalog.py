# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog of one tenant: its complete backups, and who may change that. Times are by the repository's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import (
    fields,
    flag,
    items,
    moment,
    number,
    text,
    texts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DataName,
    ManifestName,
    parse_data_name,
)

# How far a backup can be restored: all of it, all but some of its files, or not at all.
FULL, PARTIAL, NONE = "full", "partial", "none"


@dataclass(frozen=True)
class Entry:
    """One complete backup.

    number: the fencing number of the lease under which it was taken; no other backup of the tenant has it.
    snapshot: the moment that it shows, by the clock of PostgreSQL. stored: when it was complete. uuid: of the database.
    name: its identifier, empty until it is committed. expired: when it was marked to be removed; its objects stay
    until the grace ends. healed: the number of the run that wrote its manifest anew, 0 for none. restorable: how far it
    can be restored, as it was taken and by the last check that read it. Sizes in bytes.
    """

    number: int
    snapshot: datetime
    stored: datetime
    uuid: str
    odoo_version: str
    dump_bytes: int
    files: int
    files_bytes: int
    name: str = ""
    expired: datetime | None = None
    healed: int = 0
    restorable: str = FULL

    @property
    def manifest(self) -> ManifestName:
        """The manifest that counts."""
        return ManifestName(self.number, self.healed)


@dataclass(frozen=True)
class Hold:
    """A reason for which backups are not removed, whatever a policy says.

    name: its identifier. until: the last day of it in UTC (ISO 8601), empty without an end. backups: their names, empty
    for all of the tenant, those to come among them.
    """

    name: str
    reason: str
    until: str = ""
    backups: tuple[str, ...] = ()

    def is_over(self, now: datetime) -> bool:
        """Whether its last day has passed."""
        return bool(self.until) and self.until < f"{now.astimezone(timezone.utc):%Y-%m-%d}"

    def keeps(self, backup: str, now: datetime) -> bool:
        """Whether a backup stays because of it."""
        return not self.is_over(now) and (not self.backups or backup in self.backups)


# how the names of holds begin that keep one backup, such as that of a database before it is replaced
KEPT = "kept-"


@dataclass(frozen=True)
class Stay:
    """How long a backup stays whatever a policy says, in days from now on, and why."""

    days: int
    reason: str

    def hold(self, backup: str, now: datetime) -> Hold:
        """The hold that keeps the backup. now: by the repository's clock."""
        last = now.astimezone(timezone.utc) + timedelta(days=self.days)
        return Hold(f"{KEPT}{backup.lower()}", self.reason, f"{last:%Y-%m-%d}", (backup,))


REBUILT = Hold("rebuilt-catalog", "the catalog was lost, and with it the holds that stood; place those anew")


@dataclass(frozen=True)
class Catalog:
    """All that counts in a tenant's repository.

    number: of the record that says so. fence: the fencing number of the lease that began last; a lease with a lower
    one commits and removes nothing. given_up: up to this number, what interrupted backups left is not used any more.
    entries: the oldest number first. damaged: objects of theirs that a check found missing or damaged. holds: by name;
    who removes a backup plans that on the record that has them. copied: whether a copy has written the record, which
    says nothing of the objects here then. policy: the recorded one, None where there is none.
    """

    number: int = 0
    fence: int = 0
    given_up: int = 0
    entries: tuple[Entry, ...] = ()
    damaged: tuple[DataName, ...] = ()
    holds: tuple[Hold, ...] = ()
    copied: bool = False
    policy: Mapping[str, Any] | None = None

    def as_body(self) -> dict[str, Any]:
        """The record's body."""
        return {
            "fence": self.fence,
            "given_up": self.given_up,
            "entries": [
                {
                    **asdict(one),
                    "snapshot": one.snapshot.isoformat(),
                    "stored": one.stored.isoformat(),
                    "expired": one.expired and one.expired.isoformat(),
                }
                for one in self.entries
            ],
            "damaged": [str(name) for name in self.damaged],
            "holds": [asdict(one) for one in self.holds],
            "policy": self.policy,
        }

    def entry(self, name: str) -> Entry | None:
        """The backup with that identifier, None where there is none."""
        return next((one for one in self.entries if one.name == name), None)


@dataclass(frozen=True)
class Left:
    """What is left of a catalog that is lost.

    entries: the backups whose manifests can be read. unread: the numbers of the others, of which nothing is given up.
    holds, policy: those of its copy; later ones are not known.
    """

    entries: tuple[Entry, ...]
    unread: frozenset[int] = frozenset()
    holds: tuple[Hold, ...] = ()
    policy: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Sweep:
    """What a removal takes away: backups, objects with their size in bytes, and the keys of notes and manifests.

    until: up to this number, what interrupted backups left is given up.
    """

    gone: tuple[Entry, ...] = ()
    until: int = 0
    objects: tuple[DataName, ...] = ()
    bytes: int = 0
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marks:
    """What was found of the objects of a copy: how far each backup can be restored, by number; damaged objects.

    compared: the record of its last comparison, None before the first one. revision: how often all this was written.
    """

    restorable: Mapping[int, str] = field(default_factory=dict)
    damaged: tuple[DataName, ...] = ()
    compared: Mapping[str, Any] | None = None
    revision: int = 0

    def on(self, catalog: Catalog) -> Catalog:
        """The catalog with these marks alone."""
        entries = tuple(replace(one, restorable=self.restorable.get(one.number, FULL)) for one in catalog.entries)
        return replace(catalog, entries=entries, damaged=self.damaged)

    def as_body(self) -> dict[str, Any]:
        """The document's body."""
        found = {str(number): mark for number, mark in sorted(self.restorable.items()) if mark != FULL}
        damaged = [str(name) for name in self.damaged]
        return {"restorable": found, "damaged": damaged, "compared": self.compared, "revision": self.revision}


def marks_from(body: Mapping[str, Any] | None, where: str) -> Marks:
    """The marks that a document holds, none without it. Raises StateError where it is none of ours."""
    if body is None:
        return Marks()
    try:
        restorable = {number(int(name)): _mark(mark) for name, mark in body["restorable"].items()}
        damaged = tuple(map(parse_data_name, items(body["damaged"])))
        return Marks(restorable, damaged, _fields_or_none(body["compared"]), number(body["revision"]))
    except BAD_VALUES as error:
        raise StateError(f"the marks in the {where} cannot be read: {error!r}; check it, and run again") from error


def unmarked(catalog: Catalog) -> Catalog:
    """The catalog without marks: those are of the objects of one repository."""
    return Marks().on(catalog)


def copied_body(catalog: Catalog) -> dict[str, Any]:
    """The body of a record that a copy writes in the second repository."""
    return {**unmarked(catalog).as_body(), "copied": True}


def from_body(record: int, body: Mapping[str, Any], where: str) -> Catalog:
    """The catalog that a record holds. record: its number. Raises StateError where it is none of ours."""
    try:
        entries = tuple(_entry(one) for one in items(body["entries"]))
        for names in ([one.number for one in entries], [one.name for one in entries]):
            if len(set(names)) != len(names):
                raise ValueError("two backups have one number or one name")
        return Catalog(
            record,
            number(body["fence"]),
            number(body["given_up"]),
            entries,
            tuple(map(parse_data_name, items(body["damaged"]))),
            tuple(_hold(one) for one in items(body.get("holds", []))),
            flag(body.get("copied", False)),
            _fields_or_none(body.get("policy")),
        )
    except BAD_VALUES as error:
        raise StateError(f"record {record} of the catalog in the {where} cannot be read: {error!r}") from error


def _entry(body: Mapping[str, Any]) -> Entry:
    expired = body["expired"]
    return Entry(
        number=number(body["number"], 1),
        snapshot=moment(body["snapshot"]),
        stored=moment(body["stored"]),
        uuid=text(body["uuid"]),
        odoo_version=text(body["odoo_version"]),
        dump_bytes=number(body["dump_bytes"]),
        files=number(body["files"]),
        files_bytes=number(body["files_bytes"]),
        name=text(body["name"]),
        expired=None if expired is None else moment(expired),
        healed=number(body["healed"]),
        restorable=_mark(body["restorable"]),
    )


def _mark(value: Any) -> str:
    if value not in (FULL, PARTIAL, NONE):
        raise ValueError(f"{value!r} says nothing of how far a backup can be restored")
    return text(value)


def _fields_or_none(value: Any) -> dict[str, Any] | None:
    return None if value is None else fields(value)


def _hold(body: Mapping[str, Any]) -> Hold:
    until = text(body["until"])
    if until and date.fromisoformat(until).isoformat() != until:
        raise ValueError(f"{until!r} is no day")
    return Hold(text(body["name"]), text(body["reason"]), until, texts(body["backups"]))
