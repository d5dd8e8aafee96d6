# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to PostgreSQL for every module: TLS as asked for, a deadline on connecting, one sentence on failure."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    LibraryError,
    StateError,
    UnreachableError,
    excerpt,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import SSL_MODES

# what ends a session, by the first version that knows it
_NEWER_TIMEOUTS = {"idle_session_timeout": 140000, "transaction_timeout": 170000}
# what a site or a tenant may set otherwise
_SETTINGS = (
    # what a site sets for its users' sessions must not end one that waits for files
    "-c idle_in_transaction_session_timeout=0 "
    # a policy of a tenant is an error then, and is not run with the rights of the login
    "-c row_security=off "
    # a tenant may set it for its database, and name its functions like those of PostgreSQL
    "-c search_path=pg_catalog,pg_temp "
    # or have our statements, and what they are answered, mean something else
    "-c standard_conforming_strings=on -c transform_null_equals=off "
    # and its code has nothing to say but errors
    "-c client_min_messages=error "
    # nor does the planner compute its check constraints
    "-c constraint_exclusion=off "
    "-c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex"
)
# the versions of the servers that this process has met, by host and port
_VERSIONS: dict[tuple[str, int], int] = {}

try:
    import psycopg2
    import psycopg2.sql

    sql = psycopg2.sql
except ImportError:
    psycopg2 = None  # type: ignore[assignment]
    sql = None  # type: ignore[assignment]
    PSYCOPG2_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    PSYCOPG2_IMPORT_ERROR = None


class _Unheard(list):
    """Notices of a server, which are not kept."""

    def append(self, _notice: Any) -> None:
        """Pass over one."""


@dataclass(frozen=True)
class Login:
    """Where PostgreSQL is and who asks. `host` may be a directory with a unix socket. Times are in seconds."""

    host: str
    user: str
    port: int = 5432
    password: str = field(default="", repr=False)
    dbname: str = "postgres"
    ssl_mode: str = "verify-full"
    ca_cert: str = ""
    connect_timeout: int = 5

    @property
    def where(self) -> str:
        """The server as an error sentence names it."""
        return f"{self.host}:{self.port}"


def argument_spec() -> dict[str, dict[str, Any]]:
    """The options of the documentation fragment gantry.odoo.postgresql."""
    return {
        "login_host": {"type": "str", "required": True},
        "login_port": {"type": "int", "default": 5432},
        "login_user": {"type": "str", "required": True},
        "login_password": {"type": "str", "no_log": True},
        "login_db": {"type": "str", "default": "postgres"},
        "ssl_mode": {"type": "str", "default": "verify-full", "choices": list(SSL_MODES)},
        "ca_cert": {"type": "path"},
        "connect_timeout": {"type": "int", "default": 5},
    }


def login_from(params: Mapping[str, Any]) -> Login:
    """The login that a module's parameters describe."""
    return Login(
        host=params["login_host"],
        port=params["login_port"],
        user=params["login_user"],
        password=params["login_password"] or "",
        dbname=params["login_db"],
        ssl_mode=params["ssl_mode"],
        ca_cert=params["ca_cert"] or "",
        connect_timeout=params["connect_timeout"],
    )


def connect(
    login: Login,
    dbname: str | None = None,
    *,
    autocommit: bool = True,
    statement_timeout: float = 0,
    lock_timeout: float = 0,
) -> Any:
    """A psycopg2 connection to `dbname`, by default the login's own database.

    statement_timeout, lock_timeout: seconds after which the server gives up; 0 is never.
    Raises UnreachableError, without any secret, when the server cannot be reached or refuses the login, and
    LibraryError without psycopg2.
    """
    database = dbname or login.dbname
    given = arguments(login, database, statement_timeout=statement_timeout, lock_timeout=lock_timeout)
    try:
        connection = psycopg2.connect(**given)
    except psycopg2.Error as error:
        raise refusal(login, database, error) from error
    # it would keep what code of a tenant says at any length
    connection.notices = _Unheard()
    _pin_timeouts(connection, login)
    connection.autocommit = autocommit
    return connection


def arguments(login: Login, database: str, *, statement_timeout: float = 0, lock_timeout: float = 0) -> dict[str, Any]:
    """What psycopg2 is given to connect. Raises LibraryError without psycopg2. The other options as for `connect`."""
    if PSYCOPG2_IMPORT_ERROR is not None:
        raise LibraryError("psycopg2", PSYCOPG2_IMPORT_ERROR)
    given: dict[str, Any] = {
        "host": login.host,
        "port": login.port,
        "user": login.user,
        "dbname": database,
        "sslmode": login.ssl_mode,
        "connect_timeout": login.connect_timeout,
        "application_name": "gantry.odoo",
        # a peer that vanished without a word must not hold the module for hours
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        # nor what was sent to it and never acknowledged, in milliseconds
        "tcp_user_timeout": 60_000,
        # also where a database has SQL_ASCII, in which any bytes may be
        "client_encoding": "UTF8",
        "options": f"-c statement_timeout={int(statement_timeout * 1000)} -c lock_timeout={int(lock_timeout * 1000)} "
        f"{_timeouts(login)}{_SETTINGS}",
    }
    if login.password:
        given["password"] = login.password
    if login.ca_cert:
        given["sslrootcert"] = login.ca_cert
    return given


def refusal(login: Login, database: str, error: Exception) -> UnreachableError:
    """What is raised where a server did not let the login in."""
    return UnreachableError(
        f"PostgreSQL at {login.where} did not let {login.user} into database {database}: {_reason(error)}; "
        "check login_host, login_port, login_user, login_password, ssl_mode and ca_cert"
    )


def _timeouts(login: Login) -> str:
    """Options without which a server may end a new session; none that it, as far as it is known, does not know."""
    version = _VERSIONS.get((login.host, login.port), 0)
    return "".join(f"-c {name}=0 " for name, first in _NEWER_TIMEOUTS.items() if version >= first)


def _pin_timeouts(connection: Any, login: Login) -> None:
    """Do in the first session at a server what options do in the next ones: an unknown option ends a session."""
    if (login.host, login.port) in _VERSIONS:
        return
    version = connection.server_version
    connection.autocommit = True
    pinned = pins(version)
    if pinned:
        with explaining("preparing a session", login), connection.cursor() as cursor:
            cursor.execute(pinned)
    _VERSIONS[login.host, login.port] = version


def pins(version: int) -> str:
    """The statements without which a server of this version may end a session; empty for none."""
    return "; ".join(f"SET {name} = 0" for name, first in _NEWER_TIMEOUTS.items() if version >= first)


def _reason(error: Exception) -> str:
    # libpq repeats where it connected to, and asks whether a server runs there
    text = re.sub(r"connection to server (at|on socket) .*? failed: ", "", sentence(error))
    return re.sub(r" Is the server running .*", "", text).replace("FATAL: ", "").strip()


def sentence(error: Exception) -> str:
    """What PostgreSQL or libpq said, as `excerpt` has it, without the prefixes that repeat what is known."""
    diagnostics = getattr(error, "diag", None)
    text = getattr(diagnostics, "message_primary", None) or str(error)
    return excerpt(text) or type(error).__name__


@contextmanager
def explaining(what: str, login: Login) -> Iterator[None]:
    """Turn a failure of PostgreSQL in the block into a StateError of one sentence, which begins with `what`."""
    try:
        yield
    except psycopg2.Error as error:
        raise StateError(f"{what} failed at PostgreSQL {login.where}: {sentence(error)}") from error
