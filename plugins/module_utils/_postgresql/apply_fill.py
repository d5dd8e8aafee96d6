# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills a database in the making from a dump, whose code gets no rights beyond that database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import keep_to
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_extensions import create_extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_grants import make_grants
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_lent_role import acting, take_databases
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_owner import give
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.locks import hold_role
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import (
    entries_without,
    in_order,
    is_for_all,
    publications,
    without_superusers,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_grants import statements_of, without_rights

_FILLED = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind IN ('r', 'm', 'p') AND relpersistence = 'p' AND oid >= 16384
  AND (relkind = 'p' OR pg_relation_size(oid) > 0)
"""


@dataclass(frozen=True)
class Filling:
    """What a database in the making gets.

    owner: whose it is, and is to be again. role: what pg_restore logs in as. extensions: of the original. jobs:
    connections at the same time. lock_s: seconds to wait for another run that uses the role.
    """

    database: str
    owner: str
    role: str
    extensions: Extensions
    jobs: int
    lock_s: float


@dataclass(frozen=True)
class Filled:
    """What came of it. left_out: grants and objects, with reasons. note: for people, empty without. give_s: seconds."""

    left_out: Mapping[str, str]
    note: str
    give_s: float


def fill(login: Login, filling: Filling, archive: int, deadline: Deadline) -> Filled:
    """Restore the dump in the open file `archive`. The database is empty, and only the login may connect to it.

    It is the restore role's while pg_restore is at work, and the owner's afterwards, with everything in it.
    """
    contents = pgtools.contents(archive, deadline)
    names = in_order(filling.extensions, contents)
    with closing(connect(login, filling.database)) as connection, connection.cursor() as cursor:
        schemas = create_extensions(cursor, filling.extensions, names, filling.owner)
    entries, rights = without_rights(entries_without(contents, names, schemas))
    for_all = [one for one in publications(entries) if is_for_all(pgtools.script(archive, [one], deadline))]
    entries, superusers = without_superusers(entries, for_all)
    with hold_role(login, filling.role, filling.lock_s) as cursor:
        clear = partial(take_databases, cursor, filling.role, login.user)
        # what interrupted runs have left
        clear()
        with acting(login, filling.role, filling.database, cursor, clear) as by:
            _lend(login, filling, schemas)
            pgtools.restore(by.login, filling.database, archive, entries, filling.jobs, deadline)
        started = time.monotonic()
        _take_back(login, filling)
        give_s = round(time.monotonic() - started, 3)
    # a tenant's statistics may call a function that never ends
    last = connect(login, filling.database, statement_timeout=max(1.0, deadline.remaining))
    with closing(last) as connection, connection.cursor() as cursor:
        # let the planner know the restored tables; those without a row, and PostgreSQL's own, take longer than the rest
        cursor.execute(_FILLED)
        if tables := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"ANALYZE {', '.join(tables)}")
        grants = make_grants(cursor, filling.owner, statements_of(pgtools.script(archive, rights, deadline)))
    left_out = {**dict.fromkeys(superusers, "only a superuser can make it"), **grants}
    return Filled(left_out, by.note, give_s)


def _lend(login: Login, filling: Filling, schemas: list[str]) -> None:
    """Make the restore role the owner of the database, and of the schemas that were created for extensions."""
    role = sql.Identifier(filling.role)
    lend = sql.SQL("ALTER DATABASE {0} OWNER TO {1}; GRANT CONNECT ON DATABASE {0} TO {1}")
    with closing(connect(login, filling.database)) as connection, connection.cursor() as cursor:
        cursor.execute(lend.format(sql.Identifier(filling.database), role))
        for schema in schemas:
            cursor.execute(sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(sql.Identifier(schema), role))
        # a login that may create such an extension lends what its foreign servers are made with
        for wrapper in _wrappers(cursor):
            cursor.execute(sql.SQL("GRANT USAGE ON FOREIGN DATA WRAPPER {} TO {}").format(wrapper, role))


def _take_back(login: Login, filling: Filling) -> None:
    """Make the owner the owner of the database again, and of everything in it; only the login may connect."""
    database, owner = filling.database, filling.owner
    with closing(connect(login, autocommit=False)) as connection, connection.cursor() as cursor:
        # in one transaction: the new owner gets the former one's right to connect
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(*map(sql.Identifier, (database, owner))))
        keep_to(cursor, database, login.user)
        connection.commit()
    with closing(connect(login, database)) as connection, connection.cursor() as cursor:
        revoke = sql.SQL("REVOKE USAGE ON FOREIGN DATA WRAPPER {} FROM {}")
        for wrapper in _wrappers(cursor):
            cursor.execute(revoke.format(wrapper, sql.Identifier(filling.role)))
    give(login, database, filling.role, owner)


def _wrappers(cursor: Any) -> list[Any]:
    """The foreign-data wrappers of the database, as identifiers, that the login has created with their extension."""
    cursor.execute("SELECT fdwname::text FROM pg_foreign_data_wrapper WHERE pg_has_role(fdwowner, 'USAGE')")
    return [sql.Identifier(name) for (name,) in cursor.fetchall()]
