# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what stands at the target of a restore to the steps of recovery and of the restore itself: pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import (
    Block,
    CreateDatabase,
    Discard,
    DropDatabase,
    Fetch,
    FetchFiles,
    LoadRegistry,
    Neutralize,
    Note,
    Open,
    Publish,
    PublishFiles,
    RecycleFiles,
    RemoveFiles,
    RemoveNote,
    RenewIdentity,
    RestoreDump,
    Serve,
    Server,
    Space,
    Survey,
    Target,
    Verify,
    Wish,
    WriteNote,
    aside,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import shown
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import refuse_overtaken
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import privileged

UNFINISHED = "gantry.odoo.odoo_restore: not complete yet"
FINISHED = "gantry.odoo.odoo_restore: restored from "
REPLACED = "gantry.odoo.odoo_restore: replaced, to be dropped"
_COPY = ", neutralised"
_STAYS = "its files stay in the recycle directory until they are removed by hand"
# the tier whose databases are given up only when they are backed up, as in odoo_database
PROVEN_TIER = 1
# from this version on the client sets a parameter that older servers do not know
TRANSACTION_TIMEOUT = 17


def origin(manifest: Manifest) -> str:
    """A backup as error sentences name it."""
    return f"{manifest.tenant}/{manifest.name}"


def mark(manifest: Manifest, wish: Wish) -> str:
    """What the comment on a restored database says of it."""
    return origin(manifest) + (_COPY if wish.neutralize else "")


def recovery(target: Target, database: str) -> list[Step]:
    """The steps that finish or undo what an interrupted restore left, in order.

    The databases change names in one transaction, so the swap either happened, and the filestore follows,
    or it did not, and what was made for it goes.
    """
    _require_ours(target, database)
    steps: list[Step] = []
    finishes = swapped(target) and target.new_files
    if finishes:
        steps.append(PublishFiles("finish_filestore", database, "the swap of an interrupted restore happened"))
    elif target.note is not None and target.note.swapping and not swapped(target):
        if target.note.reopen and target.blocked:
            steps.append(Open("reopen", database, "an interrupted restore blocked it"))
        # without the new database the note would read as a swap that happened, so it changes first
        steps.append(
            WriteNote(
                "call_off_swap", database, "the swap of an interrupted restore did not happen", Note(target.note.origin)
            )
        )
    if target.new_database:
        steps.append(DropDatabase("drop_new", unfinished(database), "an interrupted restore left it"))
    if target.old_database:
        steps.append(DropDatabase("drop_old", aside(database), "the restore that replaced it is complete"))
    if swapped(target) and (target.old_files or (finishes and target.files)):
        steps.append(former_files(database, target.old_comment, "the restore that replaced it is complete"))
    # the note says whose the files are, so it goes last
    if target.note is not None:
        steps.append(RemoveNote("forget", database, "nothing of the interrupted restore is under way"))
    return steps


def former_files(database: str, comment: str, why: str) -> Step:
    """The step for the filestore of a database that was replaced. comment: on that database.

    It is kept as that of a dropped one is, but for a neutralized copy, which holds nothing that its backup does not.
    """
    old = aside(database)
    if comment == REPLACED + _COPY:
        return RemoveFiles("remove_old_files", old, why)
    return RecycleFiles("recycle_old_files", old, f"{why}; {_STAYS}", database)


def replaced_comment(comment: str) -> str:
    """What the comment on a replaced database says. comment: the one that it had."""
    return REPLACED + (_COPY if comment.startswith(FINISHED) and comment.endswith(_COPY) else "")


def _require_ours(target: Target, database: str) -> None:
    """Raises StateError for a database under one of our temporary names that no restore left there."""
    if target.new_database and target.new_comment != UNFINISHED and target.note is None:
        raise StateError(
            f"database {unfinished(database)} is in the way: it was not left by a restore; "
            "look at it, then drop it or let what made it finish"
        )
    if target.old_database and not target.old_comment.startswith(REPLACED):
        raise StateError(
            f"database {aside(database)} is in the way: it was not left by a restore; rename it, or drop it"
        )
    if target.old_database and not target.database:
        raise StateError(
            f"database {database} is gone while {aside(database)} stands; rename the one that is wanted to {database}"
        )


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
        blocked=target.blocked and not reopened,
        new_database=False,
        old_database=False,
        old_comment="",
        files=target.files or finished,
        new_files=target.new_files and not finished,
        old_files=target.old_files and not swapped(target),
        note=None,
    )


def is_restored(target: Target, wish: Wish, manifest: Manifest) -> bool:
    """Whether the database was restored from this very backup already."""
    return target.database and not wish.replace and target.comment == FINISHED + mark(manifest, wish)


def restoration(target: Target, wish: Wish, manifest: Manifest, fetch: Fetch) -> list[Step]:
    """The steps of the restore, from a recovered target."""
    share = f"{fetch.files} of {manifest.filestore.files} files, {fetch.bytes} bytes, are not there"
    new = unfinished(wish.database)
    fetching: list[Step] = [FetchFiles("fetch_files", new, share)] if fetch.files else []
    if wish.prefetch:
        return fetching
    if manifest.filestore.files and not fetching:
        fetching = [FetchFiles("fetch_files", new, "all files are there, and are proven")]
    if is_restored(target, wish, manifest):
        return _access(target, wish)
    refuse_overwrite(target, wish)
    refuse_overtaken(wish.database, target.home, wish.fencing_number)
    return [
        CreateDatabase("create_database", new, f"for backup {origin(manifest)}"),
        *fetching,
        RestoreDump("restore_database", new, f"{manifest.dump.size} bytes of dump"),
        *([Verify("verify", new, "rows, sequences and files against the manifest")] if wish.verify else []),
        *(_harmless(new) if wish.neutralize else []),
        *(_load(new, wish.drill) if wish.load_registry else []),
        *_end(target, wish, manifest),
    ]


def _access(target: Target, wish: Wish) -> list[Step]:
    if target.blocked == wish.blocked:
        return []
    why = "differs from what was asked for"
    return [Block("block", wish.database, why) if wish.blocked else Open("open", wish.database, why)]


def _harmless(new: str) -> list[Step]:
    """What a clone gets as well."""
    return [
        RenewIdentity("renew_identity", new, "a copy is another database: new uuid, secret and address"),
        Neutralize("neutralize", new, "a copy must not send mail, run jobs or take payments"),
    ]


def _load(new: str, drill: bool) -> list[Step]:
    return [
        Open("open", new, "Odoo has to connect, to load the registry"),
        Serve("serve", new, "a drill ends with a user") if drill else LoadRegistry("load_registry", new, "asked for"),
    ]


def _end(target: Target, wish: Wish, manifest: Manifest) -> list[Step]:
    new = unfinished(wish.database)
    if wish.drill:
        return [Discard("discard", new, "a drill keeps nothing")]
    access: list[Step] = []
    if wish.blocked:
        access = [Block("block", new, "asked for")]
    elif not wish.load_registry:
        access = [Open("open", new, "the owner may connect")]
    action = "replace" if target.database else "publish"
    why = "complete and verified" if wish.verify else "complete"
    reopen = target.database and not target.blocked
    publish = Publish(action, wish.database, why, mark(manifest, wish), target.database, reopen)
    return [*_orphan(target, wish), *access, publish, *(_former(target, wish) if target.database else [])]


def _orphan(target: Target, wish: Wish) -> list[Step]:
    """What becomes of a filestore without its database, as where odoo_database makes one."""
    why = f"a filestore of this name belongs to no database; {_STAYS}"
    lost = target.files and not target.database
    return [RecycleFiles("recycle_filestore", wish.database, why, wish.database)] if lost else []


def _former(target: Target, wish: Wish) -> list[Step]:
    """What becomes of a replaced database and its files. The note goes last: until then, the next run goes on."""
    gone = f"{wish.database} was restored in its place"
    files = [former_files(wish.database, replaced_comment(target.comment), gone)] if target.files else []
    return [
        DropDatabase("drop_old", aside(wish.database), gone),
        *files,
        RemoveNote("forget", wish.database, "the restore is complete"),
    ]


def refuse_overwrite(target: Target, wish: Wish) -> None:
    """Raises RefusedError when something stands at the target that was not given up."""
    if target.old_files and target.files and wish.replace:
        raise RefusedError(
            f"the filestore {aside(wish.database)} is in the way: it was not left by a restore; move it away"
        )
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


def gives_up(target: Target, wish: Wish) -> bool:
    """Whether a restore replaces a database of a tier whose databases are dropped only with a fresh backup."""
    return target.database and wish.replace and wish.tier == PROVEN_TIER


def refuse_twins(target: Target, wish: Wish) -> None:
    """Raises RefusedError where two databases with one uuid would be open."""
    if target.twins and wish.runs_jobs:
        raise RefusedError(
            f"database {target.twins[0]} is open and has the uuid of the backup, and two of them would run the same "
            f"jobs and send the same mail; restore {wish.database} with neutralize: true or access: blocked, or block "
            f"{target.twins[0]} first"
        )


def refuse_lost(manifest: Manifest, wish: Wish) -> None:
    """Raises StateError for a backup that was taken without files of its database, unless that is accepted."""
    missing = manifest.filestore.missing
    if missing and not wish.accept_missing:
        raise StateError(
            f"backup {origin(manifest)} lacks {len(missing)} files that were missing when it was taken, such as "
            f"{shown(missing[0])}; choose another, or restore without them with missing_files: list"
        )


def refuse_full(space: Space, wish: Wish, manifest: Manifest, fetch: Fetch) -> None:
    """Raises StateError where the file system has no room for the missing files, and for the dump meanwhile."""
    dump = 0 if wish.prefetch else manifest.dump.size
    needed = dump + fetch.bytes + fetch.files * space.block
    if needed > space.free:
        raise StateError(
            f"backup {origin(manifest)} needs {needed} bytes in {space.path}, {dump} of them for the dump until it is "
            f"restored and the others for {fetch.files} files, and {space.free} are free; make room"
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


def read_whole(seen: Survey, left_out: Collection[str]) -> bool:
    """Whether a restore that has ended well has read all of a backup. left_out: the files that it left out."""
    index, built = seen.manifest.index, {type(step) for step in seen.todo}
    fetched = FetchFiles in built or not index.files
    # what an interrupted restore has left on the disk is not read again
    return RestoreDump in built and fetched and seen.fetch.files == index.files and not left_out


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
    special = privileged_extensions(server, manifest)
    if special and not server.superuser:
        raise StateError(
            f"backup {backup} uses the extension {next(iter(special))} in a way that only a superuser can make; "
            "restore it with a superuser's login"
        )


def privileged_extensions(server: Server, manifest: Manifest) -> dict[str, str]:
    """The extensions that the owner of a database cannot make, with their schemas."""
    facts = manifest.database
    return privileged(Extensions(facts.extensions, server.trusted, facts.unaccent_immutable))


def check_wish(wish: Wish) -> None:
    """Raises InputError for wishes that contradict one another."""
    if wish.load_registry and not wish.neutralize:
        raise InputError("load_registry: a copy that is loaded could send mail; give neutralize: true as well")
    if wish.prefetch and (wish.drill or wish.replace):
        raise InputError("prefetch: only files are brought, so there is nothing to replace or to drill")
    if wish.tier and not wish.replace:
        raise InputError("tier: it is that of a database that is replaced; give overwrite: replace as well, or no tier")
    if wish.scratch and not wish.drill:
        raise InputError("scratch: the server is removed with what was restored; give drill: true as well")
    if wish.drill and not wish.verify:
        raise InputError("verify: a drill that verifies nothing proves nothing; leave verify true")


def differing_rows(recorded: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """In words, each table whose number of rows is not the recorded one."""
    return [
        f"{table} has {found.get(table, 'no table')} rows instead of {recorded.get(table, 'no table')}"
        for table in sorted({*recorded, *found})
        if recorded.get(table) != found.get(table)
    ]


def differing(kind: str, recorded: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """In words, each thing of a `kind` that is not what was recorded."""
    return [
        f"{kind} {name} is {found.get(name, 'not there')} instead of {recorded.get(name, 'not there')}"
        for name in sorted({*recorded, *found})
        if recorded.get(name) != found.get(name)
    ]


def lagging(recorded: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """In words, each sequence that would give out a number again that the source had given out."""
    return [
        f"sequence {name} stands at {found.get(name, 'its start')} instead of {value}"
        for name, value in sorted(recorded.items())
        if found.get(name, value - 1) < value
    ]
