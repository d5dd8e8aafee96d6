# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore is asked for, what it finds, and the steps that it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import Home


@dataclass(frozen=True)
class Note:
    """The note beside a filestore that a restore is under way: of what, and once it gives out names, the old access.

    swapping: the new database may have its name already. reopen: the old one was open before it was blocked.
    """

    origin: str
    swapping: bool = False
    reopen: bool = False


@dataclass(frozen=True)
class Target:
    """What stands at the target. `new` and `old` are the temporary names; comments say whose a database is.

    home: of the tenant's database, which the one that replaces it keeps. twins: other databases that are open and have
    the uuid of the backup.
    """

    database: bool = False
    comment: str = ""
    blocked: bool = False
    new_database: bool = False
    new_comment: str = ""
    old_database: bool = False
    old_comment: str = ""
    files: bool = False
    new_files: bool = False
    old_files: bool = False
    note: Note | None = None
    home: Home | None = None
    twins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Space:
    """A file system. free, block: in bytes; a file takes its size, rounded up to blocks."""

    path: str
    free: int
    block: int


@dataclass(frozen=True)
class Wish:
    """What a restore was asked for. fencing_number: of the change. tier: of what is replaced. Either is 0 for none.

    accept_missing: restore without the files that are damaged. scratch: at a server that is made for it.
    """

    database: str
    tenant: str
    blocked: bool = False
    replace: bool = False
    neutralize: bool = False
    verify: bool = True
    load_registry: bool = False
    prefetch: bool = False
    drill: bool = False
    fencing_number: int = 0
    tier: int = 0
    accept_missing: bool = False
    scratch: bool = False

    @property
    def runs_jobs(self) -> bool:
        """Whether Odoo runs the jobs of the restored database, as it does those of the original."""
        return not (self.blocked or self.neutralize or self.drill or self.prefetch)


@dataclass(frozen=True)
class Server:
    """The PostgreSQL at the target. trusted: extensions that an owner of a database may create."""

    version: int
    superuser: bool
    available: frozenset[str]
    trusted: frozenset[str]


@dataclass(frozen=True)
class WriteNote(Step):
    """Note beside the filestore what is under way."""

    note: Note = Note("")


class RemoveNote(Step):
    """Remove the note."""


class PublishFiles(Step):
    """Let the filestore follow its database, which has its name already."""


class DropDatabase(Step):
    """Drop the database that is the target, if it is there."""


class RemoveFiles(Step):
    """Remove the filestore of the name that is the target."""


@dataclass(frozen=True)
class RecycleFiles(Step):
    """Put the filestore of a replaced database, which has the name that is the target, into the recycle directory.

    database: the name that it is found by there.
    """

    database: str = ""


class Open(Step):
    """Let the owner connect to the database that is the target."""


class Block(Step):
    """Let only the login connect to the database that is the target."""


class CreateDatabase(Step):
    """Create the database under its temporary name, which only the login may connect to."""


class FetchFiles(Step):
    """Bring the files of the backup that are not there yet."""


class RestoreDump(Step):
    """Bring the dump and restore it."""


class Verify(Step):
    """Compare rows, sequences and files with the manifest."""


class RenewIdentity(Step):
    """Make the copy another database than its original."""


class Neutralize(Step):
    """Make the copy harmless, and verify that."""


class LoadRegistry(Step):
    """Let Odoo load all modules once."""


class Serve(Step):
    """Let Odoo load all modules, answer, let a user in and read a file, without a port."""


@dataclass(frozen=True)
class Publish(Step):
    """Give database and filestore their names. origin: for the comment. replaces: another database has the name.

    reopen: the other one is open, and is opened again where this fails.
    """

    origin: str = ""
    replaces: bool = False
    reopen: bool = False


class Discard(Step):
    """Remove the database and its files again."""


@dataclass(frozen=True)
class Fetch:
    """What a restore has to bring: the files of the backup that are not at the target. bytes: their size."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Survey:
    """What stands before a restore.

    undo: the steps that complete or remove what an interrupted restore left. todo: those of this one.
    """

    target: Target
    server: Server
    manifest: Manifest
    fetch: Fetch
    undo: list[Step]
    todo: list[Step]

    @property
    def steps(self) -> list[Step]:
        """All steps in their order."""
        return self.undo + self.todo


def aside(database: str) -> str:
    """The name of a replaced database until it is dropped."""
    return f"{database}__old"
