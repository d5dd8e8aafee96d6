# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup has to send, which backup suffices already, and the steps of one: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest, backup_id, moment_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import is_store_fname

# S3 itself refuses requests whose clock is further off
SKEW_S = 900
MISSING_SHOWN = 3


@dataclass(frozen=True)
class Choice:
    """What a backup has to do with the files that a database refers to. Sizes in bytes by name."""

    present: Mapping[str, int]
    send: tuple[str, ...]
    missing: tuple[str, ...]
    orphans: int


def choose(referenced: Iterable[str], on_disk: Mapping[str, int], stored: Mapping[str, int]) -> Choice:
    """Sort the referenced files into those to send, those already stored and those that are nowhere on the disk."""
    names = set(referenced)
    present = {name: on_disk[name] for name in sorted(names) if name in on_disk}
    # a stored object of another size is damaged or was cut off: it is sent again
    send = tuple(name for name, size in present.items() if stored.get(name) != size)
    missing = tuple(sorted(name for name in names if name not in on_disk or not is_store_fname(name)))
    return Choice(present, send, missing, len(set(on_disk) - names))


@dataclass(frozen=True)
class Survey:
    """What stands before a backup. fresh: the complete backup that suffices, if one does."""

    complete: Sequence[str]
    leftovers: Sequence[str]
    choice: Choice
    fresh: str | None

    @property
    def send_bytes(self) -> int:
        """The size in bytes of the files that the bucket lacks."""
        return sum(self.choice.present[name] for name in self.choice.send)


@dataclass(frozen=True)
class Taken:
    """A complete backup. Sizes in bytes, times in seconds."""

    manifest: Manifest
    files_sent: int
    bytes_sent: int
    duration_s: float


def refuse_missing(database: str, filestore: str, choice: Choice, consent: str = "") -> None:
    """Raises StateError when files that the database refers to are not in its filestore. consent: to go on without."""
    if choice.missing:
        shown = ", ".join(choice.missing[:MISSING_SHOWN])
        raise StateError(
            f"database {database} refers to {len(choice.missing)} files that are not in {filestore} ({shown}); "
            f"restore them{consent}"
        )


def fresh_enough(complete: Sequence[str], max_age_s: int, now: datetime) -> str | None:
    """The newest complete backup when it is younger than `max_age_s` seconds; one dated in the future never is."""
    past = [name for name in complete if moment_of(name) <= now]
    if past and (now - moment_of(past[-1])).total_seconds() < max_age_s:
        return past[-1]
    return None


def steps_of(tenant: str, database: str, seen: Survey) -> list[Step]:
    """What a backup does, the same in check mode and in a run."""
    if seen.fresh:
        return []
    choice = seen.choice
    share = f"{len(choice.send)} of {len(choice.present)} files, {seen.send_bytes} bytes, are not in the bucket"
    return [
        *(Step("remove_leftover", f"{tenant}/{name}", "it has no manifest") for name in seen.leftovers),
        Step("dump_database", database, "as it is in one snapshot"),
        *([Step("send_files", tenant, share)] if choice.send else []),
        Step("write_manifest", tenant, "the backup is complete"),
    ]


def new_identifier(tenant: str, seen: Survey, taken: datetime, now: datetime) -> str:
    """The identifier of a backup whose snapshot was taken at `taken`. Raises StateError for a clock that is wrong.

    now: by the clock of the S3 server.
    """
    skew = abs((taken - now).total_seconds())
    if skew > SKEW_S:
        raise StateError(
            f"the clocks of PostgreSQL and of the S3 server are {skew:.0f} s apart; "
            "set them right first: retention goes by the time of the snapshot"
        )
    identifier = backup_id(taken)
    if identifier in seen.complete:
        raise StateError(f"tenant {tenant} has a backup {identifier} of this very second; run again")
    return identifier
