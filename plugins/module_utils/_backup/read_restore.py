# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the backup to restore and what stands at its target, and plans the restore. Changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest, check_backup_name
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import (
    CreateDatabase,
    Fetch,
    FetchFiles,
    Note,
    Server,
    Space,
    Survey,
    Target,
    Wish,
    aside,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_scratch import Scratch
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import (
    newest_fit,
    refuse_damaged,
    require_past,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import refuse_rolled_back
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    FINISHED,
    gives_up,
    recovered,
    recovery,
    refuse_code,
    refuse_full,
    refuse_lost,
    refuse_server,
    refuse_twins,
    restoration,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_scratch import refuse_full_scratch
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_database import rows, uuid
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_lost import as_found, marked
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import read_doubt
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_scratch import read_programs, read_room
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_directory, opened_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import require_movable
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_neutralize import Neutralizer
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import UNFINISHED
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writer
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import parted
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import home_of, without_home
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_lent_role import refuse_shared_role
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_access import ADMITS_OTHERS
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_database import is_superuser
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_lent_role import require_restore_role
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    require_catalog,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import absent, read_shard
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo

_CATALOG = f"""
SELECT d.datname, coalesce(shobj_description(d.oid, 'pg_database'), ''),
       NOT has_database_privilege(d.datdba, d.oid, 'CONNECT') AND NOT {ADMITS_OTHERS}
FROM pg_database d WHERE d.datname = ANY(%s)
"""
_EXTENSIONS = """
SELECT e.name, coalesce(v.trusted OR NOT v.superuser, false) FROM pg_available_extensions e
LEFT JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
"""
# any open one may have the uuid, as a database can be renamed: first the backup's source, and what was restored of it
_TWINS = """
SELECT datname::text,
       datname = ANY(%(names)s) OR coalesce(starts_with(shobj_description(d.oid, 'pg_database'), %(mark)s), false)
FROM pg_database d WHERE datallowconn AND datname <> ALL(%(own)s)
  AND has_database_privilege(datdba, d.oid, 'CONNECT') AND has_database_privilege(d.oid, 'CONNECT') ORDER BY 2 DESC, 1
"""
# seconds to wait for a table of a database that may be a twin
_TWIN_LOCK_S = 10

# called with the name and the uuid of a database
Permit = Callable[[str, str], None]
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """Everything that a restore needs to know.

    restore_user: what pg_restore logs in as. jobs: its connections at the same time. write_user: what neutralizes.
    warn: told what is to be said of it. lock_s: seconds to wait for another run that uses one of the roles. series: of
    the instance's code, empty where it cannot be seen. permit: raises where the database with a name and a uuid may not
    be given up. started: the date of what is. scratch: the server that is made for it, None for that of the build.
    """

    repository: Repository
    build: Build
    neutralizer: Neutralizer
    odoo: Odoo
    wish: Wish
    owner: str
    restore_user: str
    write_user: str
    warn: Warn
    jobs: int
    lock_s: float
    client: int
    deadline: Deadline
    permit: Permit
    series: str = ""
    scratch: Scratch | None = None
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def writer(self) -> Writer:
        """Who writes in the restored database."""
        return Writer(self.build.login, self.write_user, self.lock_s, self.warn)

    @property
    def note_path(self) -> str:
        """The file that says that a restore is under way."""
        return f"{self.build.files}.note"

    def files(self, name: str) -> str:
        """The directory of a filestore."""
        return filestore_path(self.build.data_dir, name)


@dataclass(frozen=True)
class Choice:
    """Which backup is asked for. wanted: `latest`, or an identifier. accept_missing: one that lacks files is fit.

    known: number of the newest backup that is known to be there, 0 for none. accept_older: go on without that one.
    until: the latest moment that the latest one may show, None for now.
    """

    wanted: str
    accept_missing: bool = False
    known: int = 0
    accept_older: bool = False
    until: datetime | None = None


def choose(repository: Repository, choice: Choice, warn: Callable[[str], None]) -> Entry:
    """The backup that was asked for. Raises StateError or RefusedError where there is none that is fit.

    warn: is given a sentence for each reason why it is no better one.
    """
    return choose_from(repository.catalog.read(), repository, choice, warn, doubtful=choice.accept_older)


def choose_from(
    catalog: Catalog,
    repository: Repository,
    choice: Choice,
    warn: Callable[[str], None],
    *,
    doubtful: bool = True,
) -> Entry:
    """As `choose`, of a catalog that was read. doubtful: whether its newest backup may be the latest one in doubt."""
    require_catalog(repository, catalog)
    stored = stored_sizes(repository)
    catalog = marked(repository, catalog, stored, unread=False)
    refuse_rolled_back(catalog, choice.known, repository.where, warn if choice.accept_older else None)
    doubt = read_doubt(repository, catalog)
    if doubt and not catalog.entries:
        raise RefusedError(doubt)
    if doubt and choice.wanted == "latest" and not doubtful:
        raise RefusedError(f"{doubt}; or name a backup, or accept the newest one there with rolled_back: accept")
    if doubt:
        warn(doubt)
    if choice.wanted != "latest":
        found = catalog.entry(check_backup_name(choice.wanted))
        if found is None:
            raise StateError(f"the {repository.where} has no complete backup {choice.wanted}; choose another")
    else:
        now = repository.store.now()
        require_past(choice.until, now)
        found, said = newest_fit(catalog, now, choice.accept_missing, choice.until)
        for sentence in said:
            warn(sentence)
        if found is None and choice.until is not None:
            raise StateError(
                f"the {repository.where} has no complete backup of before {choice.until:%Y-%m-%dT%H:%M:%S%z}; give a "
                "later moment"
            )
        if found is None:
            raise StateError(f"the {repository.where} has no complete backup; take one")
    refuse_damaged(as_found(repository, found, stored), repository.where, choice.accept_missing)
    return found


def survey(order: Order, manifest: Manifest) -> Survey:
    """Compare backup and target; raises before anything is touched when the restore cannot or may not be done."""
    wish = order.wish
    target = read_target(order)
    undo = recovery(target, wish.database)
    clean = recovered(target)
    # a finished swap takes the new filestore away; until then what it holds need not be fetched again
    fetch = count_absent(order.repository, manifest.index, order.build.files if clean.new_files else "")
    server = (
        read_server(order.build.login, order.owner) if order.scratch is None else read_programs(order.client, manifest)
    )
    todo = restoration(clean, wish, manifest, fetch)
    if any(isinstance(step, (CreateDatabase, FetchFiles)) for step in todo):
        # a copy that was not compared yet has no marks
        refuse_lost(manifest, wish)
        refuse_full(read_space(order.build.data_dir), wish, manifest, fetch)
    if any(isinstance(step, CreateDatabase) for step in todo):
        for name in (order.build.name, order.build.at, aside(order.build.name)):
            require_movable(order.files(name))
        refuse_code(order.series, manifest)
        refuse_server(server, order.client, manifest)
        if order.scratch is None:
            refuse_role(order)
        else:
            refuse_shared_role(order.restore_user, order.build.login.user, order.owner)
            refuse_full_scratch(read_room(order.scratch.directory), manifest)
        if gives_up(clean, wish):
            order.permit(wish.database, read_uuid(order.build.login, wish.database))
    if wish.runs_jobs:
        refuse_twins(replace(clean, twins=read_twins(order, manifest)), wish)
    return Survey(target, server, manifest, fetch, undo, todo)


def refuse_role(order: Order) -> None:
    """Raise where pg_restore must not log in as the role that was given for it."""
    login = order.build.login
    with closing(connect(login)) as connection, connection.cursor() as cursor:
        require_restore_role(cursor, login, order.restore_user, order.owner, UNFINISHED)
    if order.wish.neutralize:
        order.writer.require()


def read_twins(order: Order, manifest: Manifest) -> tuple[str, ...]:
    """The other databases on the server that are open and have the uuid of the backup."""
    login, name = order.build.login, order.build.name
    wanted = {
        "own": [name, order.build.at, aside(name)],
        "names": [manifest.tenant, manifest.database.name],
        "mark": f"{FINISHED}{manifest.tenant}/",
    }
    with closing(connect(login)) as connection, connection.cursor() as cursor:
        cursor.execute(_TWINS, wanted)
        found = cursor.fetchall()
    return tuple(one for one, likely in found if _is_twin(order, one, likely, manifest.database.uuid))


def _is_twin(order: Order, database: str, likely: bool, wanted: str) -> bool:
    """Whether a database has the uuid `wanted`. One that cannot be read is an error where it is `likely` a twin."""
    try:
        with closing(connect(order.build.login, database, autocommit=False, lock_timeout=_TWIN_LOCK_S)) as connection:
            if rows(connection, "SELECT to_regclass('public.ir_config_parameter') IS NULL")[0][0]:
                return False
            return uuid(connection) == wanted
    except GantryError as error:
        if likely:
            raise
        order.warn(f"database {database} is open, and whether it has the uuid of the backup is not known: {error}")
        return False


def read_uuid(login: Login, database: str) -> str:
    """The uuid of a database of Odoo. Raises StateError where it cannot be read."""
    with closing(connect(login, database, autocommit=False)) as connection:
        return uuid(connection)


def read_space(path: str) -> Space:
    """The file system of a directory. Raises StateError where there is no such directory."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise StateError(f"data_dir {path} cannot be used: {error.strerror}; install Odoo first") from error
    return Space(path, found.f_bavail * found.f_frsize, found.f_frsize)


def count_absent(repository: Repository, index: Index, filestore: str) -> Fetch:
    """How many files of a backup are not in a filestore. filestore: empty where there is none yet."""
    if not filestore:
        return Fetch(index.files, index.bytes)
    files = size = 0
    for shard in index.shards.values():
        for place in absent(read_shard(repository, shard), filestore, shard.prefix).values():
            files, size = files + 1, size + place.size
    return Fetch(files, size)


def read_target(order: Order) -> Target:
    """What stands under the names that a restore uses."""
    name, new, old = order.build.name, order.build.at, aside(order.build.name)
    with closing(connect(order.build.login)) as connection, connection.cursor() as cursor:
        cursor.execute(_CATALOG, ([name, new, old],))
        seen = cursor.fetchall()
    found = {row[0]: (without_home(parted(row[1])[0]), row[2]) for row in seen}
    comment, blocked = found.get(name, ("", False))
    return Target(
        database=name in found,
        comment=comment,
        blocked=blocked,
        new_database=new in found,
        new_comment=found.get(new, ("", False))[0],
        old_database=old in found,
        old_comment=found.get(old, ("", False))[0],
        files=os.path.lexists(order.files(name)),
        new_files=os.path.lexists(order.files(new)),
        old_files=os.path.lexists(order.files(old)),
        note=_read_note(order.note_path),
        home=next((home_of(row[1]) for row in seen if row[0] == name), None),
    )


def read_server(login: Login, owner: str) -> Server:
    """What the server is able to do. Raises StateError when the owner of the database-to-be does not exist."""
    with closing(connect(login)) as connection:
        if not rows(connection, sql.SQL("SELECT FROM pg_roles WHERE rolname = {}").format(sql.Literal(owner))):
            raise StateError(f"role {owner} does not exist at {login.where}; create it, or give another owner")
        extensions = dict(rows(connection, _EXTENSIONS))
        with connection.cursor() as cursor:
            superuser = is_superuser(cursor)
        return Server(
            version=connection.server_version // 10000,
            superuser=superuser,
            available=frozenset(extensions),
            trusted=frozenset(name for name, trusted in extensions.items() if trusted),
        )


def _read_note(path: str) -> Note | None:
    above, name = os.path.split(path)
    try:
        with opened_directory(above) as directory, opened_file(directory, name) as stream:
            owner = os.fstat(stream.fileno()).st_uid
            # Odoo, which may write there, would tell a restore what to open and what to remove
            if owner != os.geteuid():
                raise StateError(f"{path} was written by account {owner} and by no restore; look at it, then remove it")
            return Note(**json.load(stream))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"{path} is not the note of a restore ({error}); look at it, then remove it") from error
