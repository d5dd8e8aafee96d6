# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates, renames and drops databases, and says who may connect to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sql,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import BEGUN_LIMIT, Locale
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_access import (
    read_entrants,
    read_grantees,
    read_rights,
)

FREE_SECONDS = 30
# the first version whose databases have a provider of locales
PROVIDERS = 150000
# what the server asks of who ends a session: nobody but a superuser ends one of a superuser
_MAY_END = (
    "((SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR "
    "NOT (SELECT rolsuper FROM pg_roles r WHERE r.oid = usesysid) "
    "AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))"
)
_LOCALE_OF = {"icu": "ICU_LOCALE", "builtin": "BUILTIN_LOCALE"}


def create_database(cursor: Any, name: str, owner: str, template: str, locale: Locale | None) -> None:
    """Create a database that accepts no connection yet; `allow_connections` opens it.

    owner: empty for the login. locale: None for the template's own.
    """
    options = [sql.SQL("OWNER {}").format(sql.Identifier(owner))] if owner else []
    options.append(sql.SQL("TEMPLATE {}").format(sql.Identifier(template)))
    if locale is not None:
        options += _locale(locale, cursor.connection.server_version)
    statement = sql.SQL("CREATE DATABASE {} {} ALLOW_CONNECTIONS false CONNECTION LIMIT {}")
    cursor.execute(statement.format(sql.Identifier(name), sql.SQL(" ").join(options), sql.Literal(BEGUN_LIMIT)))


def _locale(locale: Locale, server_version: int) -> list[Any]:
    words = {"ENCODING": locale.encoding, "LC_COLLATE": locale.collate, "LC_CTYPE": locale.ctype}
    if server_version >= PROVIDERS:
        # a cluster may have another provider as its default
        words["LOCALE_PROVIDER"] = locale.provider
    if locale.provider in _LOCALE_OF:
        words[_LOCALE_OF[locale.provider]] = locale.locale
    if locale.rules:
        words["ICU_RULES"] = locale.rules
    return [sql.SQL("{} {}").format(sql.SQL(word), sql.Literal(value)) for word, value in words.items()]


def allow_connections(cursor: Any, name: str) -> None:
    """Let those connect to a database who have the right to."""
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT -1")
    cursor.execute(statement.format(sql.Identifier(name)))


def mark(cursor: Any, database: str, comment: str) -> None:
    """Comment on a database in the making whose it is, and keep the roles of other tenants out."""
    cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(comment)))
    # a role of another tenant has nothing to do here; the owner keeps its own right
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def shut_out(cursor: Any, database: str, login: str) -> list[str]:
    """Let only `login` and superusers connect to `database`; who else still can, each with the reason."""
    target, owner = sql.Identifier(database), owner_of(cursor, database)
    if owner == login:
        return [f"{owner}, its owner, which is the login itself,"]
    # who passed the right on loses it with those who got it
    revoke = sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {} CASCADE")
    statements = [revoke.format(target, grantee(right.role)) for right in read_rights(cursor, database)]
    # in one message, which is one transaction: the login itself may need the right
    statements.append(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(target, sql.Identifier(login)))
    cursor.execute(sql.SQL(";").join(statements))
    return read_entrants(cursor, database, login)


def grantee(role: str) -> Any:
    """A role that has a right, as GRANT and REVOKE spell it; PUBLIC has an empty name."""
    return sql.Identifier(role) if role else sql.SQL("PUBLIC")


def keep_to(cursor: Any, database: str, login: str) -> None:
    """Take every right in a database from everybody; its owner keeps all but that to connect, which `login` gets."""
    target, owner = sql.Identifier(database), sql.Identifier(owner_of(cursor, database))
    revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE")
    statements = [revoke.format(target, grantee(role)) for role in read_grantees(cursor, database)]
    statements.append(sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(target, owner))
    statements.append(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(target, sql.Identifier(login)))
    cursor.execute(sql.SQL(";").join(statements))


def make_ordinary(cursor: Any, database: str) -> None:
    """Undo what an owner can declare of a database: settings, a template, no connections."""
    ordinary = "ALTER DATABASE {0} IS_TEMPLATE false ALLOW_CONNECTIONS true CONNECTION LIMIT -1"
    cursor.execute(sql.SQL(f"{ordinary}; ALTER DATABASE {{0}} RESET ALL").format(sql.Identifier(database)))


def owner_of(cursor: Any, database: str) -> str:
    """The role that owns a database. Raises StateError when there is no such database."""
    cursor.execute("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s", (database,))
    row = cursor.fetchone()
    if row is None:
        raise StateError(f"database {database} is gone since the plan was made; run again")
    return str(row[0])


def end_sessions(cursor: Any, database: str, condition: str = "true") -> int:
    """End the sessions on `database` for which the SQL `condition` over pg_stat_activity holds; how many there were.

    Those that the login may not end count, and stay.
    """
    cursor.execute(
        f"SELECT count(CASE WHEN {_MAY_END} THEN pg_terminate_backend(pid) ELSE false END) FROM pg_stat_activity "
        f"WHERE datname = %s AND pid <> pg_backend_pid() AND usesysid IS NOT NULL AND {condition}",
        (database,),
    )
    return int(cursor.fetchone()[0])


def rename_databases(login: Login, names: Mapping[str, str], *before: Any) -> None:
    """Rename databases in one transaction with the statements `before`, ending the sessions that hinder it.

    names: the new ones by the former, in order, so that one may take a name that another gives up.
    """
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    statements = [*before, *(rename.format(*map(sql.Identifier, pair)) for pair in names.items())]
    with closing(connect(login, autocommit=False)) as connection, connection.cursor() as cursor:

        def renamed() -> bool | None:
            for former in names:
                end_sessions(cursor, former)
            try:
                for statement in statements:
                    cursor.execute(statement)
            except psycopg2.errors.ObjectInUse:
                connection.rollback()
                return None
            connection.commit()
            return True

        pairs = " and ".join(f"{former} cannot be renamed to {name}" for former, name in names.items())
        _once_free(cursor, list(names), renamed, pairs)


def drop_database(login: Login, name: str) -> None:
    """Drop a database, if there is one, ending its sessions."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with closing(connect(login)) as connection, connection.cursor() as cursor:

        def dropped() -> bool | None:
            try:
                cursor.execute(statement)
            except psycopg2.errors.InsufficientPrivilege:
                # said of a session that the login may not end, unless the database is not its own
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s AND NOT pg_has_role(datdba, 'USAGE'))",
                    (name,),
                )
                if cursor.fetchone()[0]:
                    raise
                return None
            return True

        _once_free(cursor, [name], dropped, f"{name} cannot be dropped")


def drop_unfinished(login: Login, name: str) -> None:
    """Drop a database in the making, if there is one; code that was restored into it may have made it a template."""
    with closing(connect(login)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s AND datistemplate", (name,))
        if cursor.fetchone() is not None:
            cursor.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))
    drop_database(login, name)


def _once_free(cursor: Any, names: list[str], attempt: Callable[[], bool | None], what: str) -> None:
    """Repeat `attempt` until it succeeds, and say who kept the databases `names` in use when it never does."""
    try:
        Deadline(FREE_SECONDS).wait(attempt, what)
    except DeadlineError as error:
        cursor.execute(
            "SELECT DISTINCT usename::text FROM pg_stat_activity WHERE datname = ANY(%s) "
            f"AND pid <> pg_backend_pid() AND usesysid IS NOT NULL AND NOT {_MAY_END} ORDER BY 1",
            (names,),
        )
        roles = ", ".join(role for (role,) in cursor.fetchall())
        who = f"sessions of {roles}, which the login may not end," if roles else "new sessions"
        cursor.execute("SELECT gid FROM pg_prepared_xacts WHERE database = ANY(%s) ORDER BY 1", (names,))
        prepared = ", ".join(gid for (gid,) in cursor.fetchall())
        if prepared:
            raise DeadlineError(
                f"{what}: the prepared transactions {prepared} keep it in use, which no session shows; end them with "
                "COMMIT PREPARED or ROLLBACK PREPARED"
            ) from error
        raise DeadlineError(
            f"{what}: {who} kept it in use for {FREE_SECONDS} s; stop what connects to it, or block it first"
        ) from error
