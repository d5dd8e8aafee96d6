# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what stands at the target of a restore to the steps of recovery and of the restore itself: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

UNFINISHED = "gantry.odoo.odoo_restore: not complete yet"
FINISHED = "gantry.odoo.odoo_restore: restored from "
# from this version on the client sets a parameter that older servers do not know
TRANSACTION_TIMEOUT = 17


@dataclass(frozen=True)
class Note:
    """The note beside a filestore that a restore is under way: of what, and once it gives out names, the old access.

    swapping: the new database may have its name already. reopen: the old one was open before it was fenced.
    """

    origin: str
    swapping: bool = False
    reopen: bool = False


@dataclass(frozen=True)
class Target:
    """What stands at the target. `new` and `old` are the temporary names; comments tell whose a database is."""

    database: bool = False
    comment: str = ""
    fenced: bool = False
    new_database: bool = False
    new_comment: str = ""
    old_database: bool = False
    files: bool = False
    new_files: bool = False
    old_files: bool = False
    note: Note | None = None


@dataclass(frozen=True)
class Wish:
    """What a restore was asked for."""

    database: str
    tenant: str
    fenced: bool = False
    replace: bool = False
    neutralize: bool = False
    verify: bool = True
    load_registry: bool = False
    prefetch: bool = False
    drill: bool = False


@dataclass(frozen=True)
class Server:
    """The PostgreSQL at the target. trusted: extensions that an owner of a database may create."""

    version: int
    superuser: bool
    available: frozenset[str]
    trusted: frozenset[str]


def origin(manifest: Manifest) -> str:
    """A backup as error sentences name it."""
    return f"{manifest.tenant}/{manifest.backup_id}"


def mark(manifest: Manifest, wish: Wish) -> str:
    """What the comment on a restored database says of it."""
    return origin(manifest) + (", neutralised" if wish.neutralize else "")


def recovery(target: Target, database: str) -> list[Step]:
    """The steps that finish or undo what an interrupted restore left, in order.

    The databases change names in one transaction, so the swap either happened, and the filestore follows,
    or it did not, and what was made for it goes.
    """
    if target.new_database and target.new_comment != UNFINISHED and target.note is None:
        raise StateError(
            f"database {database}__new is in the way: it was not left by a restore; "
            "look at it, then drop it or let what made it finish"
        )
    if target.old_database and not target.database:
        raise StateError(
            f"database {database} is gone while {database}__old stands; rename the one that is wanted to {database}"
        )
    steps = []
    finishes = swapped(target) and target.new_files
    if finishes:
        steps.append(Step("finish_filestore", database, "the swap of an interrupted restore happened"))
    elif target.note is not None and target.note.swapping and not swapped(target):
        if target.note.reopen and target.fenced:
            steps.append(Step("reopen", database, "an interrupted restore fenced it"))
        # without the new database the note would read as a swap that happened, so it changes first
        steps.append(Step("call_off_swap", database, "the swap of an interrupted restore did not happen"))
    if target.new_database:
        steps.append(Step("drop_new", f"{database}__new", "an interrupted restore left it"))
    if target.note is not None:
        steps.append(Step("forget", database, "nothing of the interrupted restore is under way"))
    if target.old_database:
        steps.append(Step("drop_old", f"{database}__old", "the restore that replaced it is complete"))
    if target.old_files or (finishes and target.files):
        steps.append(Step("remove_old_files", f"{database}__old", "the restore that replaced it is complete"))
    return steps


def swapped(target: Target) -> bool:
    """Whether the databases changed names before the interruption."""
    note = target.note
    return bool(note and note.swapping and target.comment == FINISHED + note.origin and not target.new_database)


def recovered(target: Target) -> Target:
    """What stands at the target after the recovery."""
    finished = swapped(target) and target.new_files
    reopened = bool(target.note and target.note.swapping and target.note.reopen and not swapped(target))
    return replace(
        target,
        fenced=target.fenced and not reopened,
        new_database=False,
        old_database=False,
        files=target.files or finished,
        new_files=target.new_files and not finished,
        old_files=False,
        note=None,
    )


def is_restored(target: Target, wish: Wish, manifest: Manifest) -> bool:
    """Whether the database was restored from this very backup already."""
    return target.database and not wish.replace and target.comment == FINISHED + mark(manifest, wish)


def restoration(target: Target, wish: Wish, manifest: Manifest, fetch: Mapping[str, int]) -> list[Step]:
    """The steps of the restore, from a recovered target. fetch: files to bring, size in bytes by name."""
    share = f"{len(fetch)} of {manifest.filestore.files} files, {sum(fetch.values())} bytes, are not there"
    fetching = [Step("fetch_files", f"{wish.database}__new", share)] if fetch else []
    if wish.prefetch:
        return fetching
    if is_restored(target, wish, manifest):
        if target.fenced == wish.fenced:
            return []
        return [Step("fence" if wish.fenced else "open", wish.database, "differs from what was asked for")]
    refuse_overwrite(target, wish)
    new = f"{wish.database}__new"
    return [
        Step("create_database", new, f"for backup {origin(manifest)}"),
        *fetching,
        Step("restore_database", new, f"{manifest.dump.size} bytes of dump"),
        *([Step("verify", new, "rows, sequences and files against the manifest")] if wish.verify else []),
        *([Step("neutralize", new, "asked for")] if wish.neutralize else []),
        *([Step("load_registry", new, "asked for")] if wish.load_registry else []),
        *([Step("fence", new, "asked for")] if wish.fenced and not wish.drill else []),
        Step("discard", new, "a drill keeps nothing")
        if wish.drill
        else Step("replace" if target.database else "publish", wish.database, "complete and proven"),
    ]


def refuse_overwrite(target: Target, wish: Wish) -> None:
    """Raises RefusedError when something stands at the target that was not given up."""
    if wish.replace or wish.drill:
        return
    if target.database:
        raise RefusedError(
            f"database {wish.database} exists; choose another name, or give it up with overwrite: replace"
        )
    if target.files:
        raise RefusedError(
            f"a filestore of {wish.database} stands without its database; move it away, "
            "or give it up with overwrite: replace"
        )


def refuse_code(series: str, manifest: Manifest) -> None:
    """Raises StateError when the instance's code is of another series of Odoo than the backup; `series` is its own.

    An empty series is not known, as where Odoo runs in a container.
    """
    made_by = manifest.database.odoo_version
    if series and made_by and series != made_by:
        raise StateError(
            f"backup {origin(manifest)} is of Odoo {made_by}, and the code of this instance is {series}; "
            "use an instance of its own version"
        )


def refuse_server(server: Server, client: int, manifest: Manifest) -> None:
    """Raises StateError when this server or this client cannot take the backup."""
    backup, dumped = origin(manifest), manifest.database.server_version // 10000
    if server.version < dumped:
        raise StateError(
            f"backup {backup} comes from PostgreSQL {dumped}, the target is {server.version}; use {dumped} or newer"
        )
    if client < manifest.client_version:
        raise StateError(
            f"backup {backup} was written by pg_dump {manifest.client_version}, pg_restore here is {client}; "
            f"install postgresql-client-{manifest.client_version}"
        )
    if client >= TRANSACTION_TIMEOUT > server.version:
        raise StateError(
            f"pg_restore {client} speaks to no PostgreSQL {server.version}; install postgresql-client-{server.version}"
        )
    unknown = sorted(set(manifest.database.extensions) - server.available)
    if unknown:
        raise StateError(
            f"the target's PostgreSQL lacks the extension {unknown[0]}, which backup {backup} uses; install it"
        )
    privileged = privileged_extensions(server, manifest)
    if privileged and not server.superuser:
        raise StateError(
            f"backup {backup} uses the extension {privileged[0]} in a way that only a superuser can make; "
            "restore it with a superuser's login"
        )


def privileged_extensions(server: Server, manifest: Manifest) -> list[str]:
    """The extensions that the owner of a database cannot make."""
    altered = {"unaccent"} if manifest.database.unaccent_immutable else set()
    return sorted((set(manifest.database.extensions) - server.trusted) | altered)


def entries(contents: list[str], made: Mapping[str, str]) -> list[str]:
    """The entries of a dump's table of contents to restore, without what stands already or only a superuser may say.

    made: extensions that were made beforehand, with their schemas.
    """
    skipped = tuple(f" EXTENSION - {name} " for name in made)
    skipped += tuple(f" SCHEMA - {schema} " for schema in made.values() if schema != "public")
    return [
        line
        for line in contents
        if " COMMENT - EXTENSION " not in line and not any(entry in f"{line} " for entry in skipped)
    ]


def differing_rows(recorded: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """In words, each table whose number of rows is not the recorded one."""
    return [
        f"{table} has {found.get(table, 'no table')} rows instead of {recorded.get(table, 'no table')}"
        for table in sorted({*recorded, *found})
        if recorded.get(table) != found.get(table)
    ]


def lagging(recorded: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """In words, each sequence that would give out a number again that the source had given out."""
    return [
        f"sequence {name} stands at {found.get(name, 'its start')} instead of {value}"
        for name, value in sorted(recorded.items())
        if found.get(name, value - 1) < value
    ]
