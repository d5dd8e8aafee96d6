# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a database to another role, with all that its owner has in it."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import owner_of
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_settings import move_settings
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sentence,
    sql,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_lent_role import read_traces

LOCK_SECONDS = 30
# A table takes a lock for itself, for each index and for its sequence; a server has 6,400 for all, as it comes.
BATCH = 100
SHOWN = 3
# lower numbers are the server's own
_OWN = "c.oid >= 16384"
# By catalog: the column with the owner, and which of its rows are objects of their own. A sequence that belongs to a
# column, and the type of a table's row, follow their table. REASSIGN OWNED would do it all, and take the role's other
# databases along; pg_shdepend knows nothing of what the first superuser owns.
_CATALOGS = {
    # schemas come first: who gets a table must be able to create one in its schema
    "pg_namespace": ("nspowner", f"{_OWN} OR nspname = 'public'"),
    "pg_class": (
        "relowner",
        f"{_OWN} AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') "
        "AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "
        "AND d.objid = c.oid AND d.deptype IN ('a', 'i')))",
    ),
    "pg_proc": ("proowner", _OWN),
    "pg_type": (
        "typowner",
        f"{_OWN} AND (typtype IN ('d', 'e', 'r') OR typtype = 'c' "
        "AND (SELECT relkind FROM pg_class WHERE pg_class.oid = typrelid) = 'c')",
    ),
    "pg_collation": ("collowner", _OWN),
    "pg_conversion": ("conowner", _OWN),
    "pg_operator": ("oprowner", _OWN),
    "pg_opclass": ("opcowner", _OWN),
    "pg_opfamily": ("opfowner", _OWN),
    "pg_statistic_ext": ("stxowner", _OWN),
    "pg_ts_config": ("cfgowner", _OWN),
    "pg_ts_dict": ("dictowner", _OWN),
    "pg_publication": ("pubowner", _OWN),
    "pg_largeobject_metadata": ("lomowner", "true"),
    "pg_language": ("lanowner", _OWN),
    "pg_foreign_server": ("srvowner", _OWN),
}
# Owned as well, without a statement that gives it to a role that is no superuser.
_KEPT = {
    "pg_extension": "extowner",
    "pg_default_acl": "defaclrole",
    "pg_foreign_data_wrapper": "fdwowner",
    "pg_event_trigger": "evtowner",
}
# What pg_identify_object calls in another way than ALTER.
_WORDS = {"statistics object": "STATISTICS", "function": "ROUTINE", "procedure": "ROUTINE", "aggregate": "ROUTINE"}
_CLASSES = {"pg_largeobject_metadata": "pg_largeobject"}
_IDENTIFIED = "pg_identify_object('{}'::regclass, c.oid, 0) AS o"
_FORMER = "(SELECT oid FROM pg_roles WHERE rolname = %(former)s)"


def change_owner(login: Login, database: str, owner: str) -> str:
    """Give a database and what its owner has in it to another role; what stays with the former one, as a note."""
    with closing(connect(login, database, autocommit=False, lock_timeout=LOCK_SECONDS)) as connection:
        with connection.cursor() as cursor:
            former = owner_of(cursor, database)
            # first the database: only its owner may have objects in the schema public
            cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(*map(sql.Identifier, (database, owner))))
            kept = _alter(cursor, _statements(cursor, former, owner)) + _kept(cursor, former)
            kept += move_settings(cursor, database, former, owner)
        connection.commit()
    return f"in {database}, {former} still owns {', '.join(kept)}" if kept else ""


def give(login: Login, database: str, former: str, owner: str) -> None:
    """Give everything in a database that `former` owns to the role that owns the database, in batches.

    Raises StateError where the role owns anything in it or has any right in it afterwards.
    """
    with closing(connect(login, database, lock_timeout=LOCK_SECONDS)) as connection, connection.cursor() as cursor:
        statements = [statement for _what, statement in _statements(cursor, former, owner)]
        for first in range(0, len(statements), BATCH):
            # one message is one transaction
            cursor.execute(sql.SQL(";").join(statements[first : first + BATCH]))
        left = read_traces(cursor, former)
    if left:
        raise StateError(
            f"role {former} has still to do with {', '.join(left[:SHOWN])} in {database}, which code in the dump has "
            "made; look for that code in the original"
        )


def _statements(cursor: Any, former: str, owner: str) -> list[tuple[str, Any]]:
    """Each object of the role `former` in words, and the statement that gives it to `owner`."""
    query = " UNION ALL ".join(
        # members of an extension are not a tenant's own
        f"SELECT {position} AS position, {_IDENTIFIED.format(_CLASSES.get(catalog, catalog))} FROM {catalog} c "
        f"WHERE c.{column} = {_FORMER} AND ({condition}) AND NOT EXISTS (SELECT FROM pg_depend e "
        f"WHERE e.classid = '{catalog}'::regclass AND e.objid = c.oid AND e.deptype = 'e')"
        for position, (catalog, (column, condition)) in enumerate(_CATALOGS.items())
    )
    cursor.execute(f"SELECT (o).type, (o).identity FROM ({query}) owned ORDER BY position, 2", {"former": former})
    alter = sql.SQL("ALTER {} {} OWNER TO {}")
    return [
        (f"{kind} {identity}", alter.format(sql.SQL(_WORDS.get(kind, kind)), sql.SQL(identity), sql.Identifier(owner)))
        for kind, identity in cursor.fetchall()
    ]


def _alter(cursor: Any, statements: list[tuple[str, Any]]) -> list[str]:
    """Carry the statements out; those that may not be, in words."""
    if not statements:
        return []
    cursor.execute("SAVEPOINT all_objects")
    try:
        # in one message: a database of Odoo has hundreds of tables
        cursor.execute(sql.SQL(";").join(statement for _what, statement in statements))
    except psycopg2.errors.InsufficientPrivilege:
        cursor.execute("ROLLBACK TO all_objects")
        return [words for what, statement in statements for words in _alter_one(cursor, what, statement)]
    return []


def _alter_one(cursor: Any, what: str, statement: Any) -> list[str]:
    cursor.execute("SAVEPOINT one_object")
    try:
        cursor.execute(statement)
    except psycopg2.errors.InsufficientPrivilege as error:
        cursor.execute("ROLLBACK TO one_object")
        return [f"{what} ({sentence(error)})"]
    return []


def _kept(cursor: Any, former: str) -> list[str]:
    query = " UNION ALL ".join(
        f"SELECT pg_describe_object('{catalog}'::regclass, oid, 0) FROM {catalog} WHERE {column} = {_FORMER}"
        for catalog, column in _KEPT.items()
    )
    # all databases share the catalog of subscriptions
    query += (
        f" UNION ALL SELECT 'subscription ' || subname FROM pg_subscription WHERE subowner = {_FORMER} "
        "AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    cursor.execute(f"{query} ORDER BY 1", {"former": former})
    return [row[0] for row in cursor.fetchall()]
