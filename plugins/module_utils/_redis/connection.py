# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to nodes and Sentinels, and one sentence for each way in which they cannot answer."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    LibraryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    AddressBook,
    Endpoint,
    Unsettled,
)


class NeverRaisedError(Exception):
    """Stands for the errors of the library where the library is not on this host."""


# What a server refuses a command with; readers and appliers handle it, too.
ResponseError: type[Exception] = NeverRaisedError
try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import AuthorizationError, NoPermissionError
    from redis.retry import Retry

    ResponseError = redis.ResponseError
    _IMPORT_ERROR = ""
except ImportError:
    redis = None  # type: ignore[assignment]
    _IMPORT_ERROR = traceback.format_exc()

# What the library says of a connection that ended without an answer: Redis stopped, or something else is there.
_CLOSED = "Connection closed by server."
T = TypeVar("T")
U = TypeVar("U")


class RefusedLoginError(UnreachableError):
    """A node or Sentinel does not accept the module's user with its password."""


@dataclass(frozen=True)
class Access:
    """How every node and Sentinel is reached. timeout: seconds for a connection and for each answer.

    former: passwords that `password` replaces, with which one that does not have it yet is reached.
    replication: the user and password that a replica shows its primary. sentinel: those that a Sentinel shows a node.
    """

    username: str | None = None
    password: str | None = None
    former: tuple[str, ...] = ()
    tls: bool = False
    ca_cert: str | None = None
    timeout: float = 5.0
    replication: tuple[str, str] = ("", "")
    sentinel: tuple[str, str] = ("", "")


def sentinel_login(access: Access) -> tuple[str, str]:
    """The user and password that a Sentinel shows another one, once the module's own password has been changed."""
    return access.username or "", access.password or ""


def library_is_missing() -> bool:
    """Whether the Python library redis is not on this host."""
    return bool(_IMPORT_ERROR)


def require_library() -> None:
    """Raise LibraryError without the Python library redis."""
    if library_is_missing():
        raise LibraryError("redis", _IMPORT_ERROR)


class Client:
    """Connections to one topology, opened at the first use of each endpoint and kept until the end of `with`.

    plan_as_new: whether an endpoint that refuses the connection counts as just installed.
    may_try: whether a node may be asked for its spelling of a setting, which sets it for a moment; not in check mode.
    Raises LibraryError without the Python library redis.
    """

    def __init__(self, access: Access, book: AddressBook, plan_as_new: bool = False, may_try: bool = False) -> None:
        require_library()
        self.access = access
        self.book = book
        self.may_try = may_try
        self._plan_as_new = plan_as_new
        self._open: dict[Endpoint, Any] = {}
        self._passwords = (access.password, *access.former)
        self._tried: dict[Endpoint, int] = {}
        self._mark = ""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self._open.values():
            connection.close()

    def mark(self, name: str) -> None:
        """Close all connections, and have those that are opened from now on go by a name that every node tells."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()
        self._mark = name

    def address(self, endpoint: Endpoint) -> str:
        """The address that configurations get for this endpoint."""
        return self.book.address(endpoint)

    def ask(self, endpoint: Endpoint, question: Callable[[Endpoint, Any], T], when_new: T | None = None) -> T:
        """Ask a question of an endpoint, and tell each way in which it cannot answer in a sentence that names it.

        when_new: the answer of one that refuses the connection, where such a one counts as just installed.
        """
        while True:
            try:
                return self._answer(endpoint, self._link(endpoint), question, when_new)
            except RefusedLoginError:
                if not self._try_another_password(endpoint):
                    raise

    def accepts(self, endpoint: Endpoint, password: str) -> bool:
        """Whether a new connection of the module's user is accepted with this password."""
        link = self._connect(endpoint, password)
        try:
            self._answer(endpoint, link, lambda _at, link: link.ping(), None)
        except RefusedLoginError:
            return False
        finally:
            link.close()
        return True

    def _answer(self, endpoint: Endpoint, link: Any, question: Callable[[Endpoint, Any], T], when_new: T | None) -> T:
        try:
            return question(endpoint, link)
        except redis.BusyLoadingError as error:
            raise Unsettled(f"{endpoint} is still loading its data; run again when it has") from error
        except (redis.AuthenticationError, AuthorizationError) as error:
            raise RefusedLoginError(
                f"{endpoint} refused the credentials ({error}); check username and password, or name the password that "
                "it still has in former_passwords"
            ) from error
        except redis.TimeoutError as error:
            raise UnreachableError(
                f"{endpoint} did not answer within {self.access.timeout:g} s; check that it runs and can be reached"
                + (" by TLS" if self.access.tls else "")
            ) from error
        except redis.ConnectionError as error:
            if when_new is not None and self._plan_as_new and _refused(error):
                return when_new
            raise UnreachableError(
                f"{endpoint} cannot be reached: {_cause(error)}; check that it runs"
                + (", its port, and whether it wants TLS" if str(error) == _CLOSED or self.access.tls else "")
            ) from error
        except NoPermissionError as error:
            raise UnreachableError(f"{endpoint} does not let this user manage it: {error}") from error
        except ResponseError as error:
            raise StateError(f"{endpoint} answered with an error: {error}") from error
        except (redis.RedisError, ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
            # Anything else that answers: a web server, one that wants TLS, a proxy.
            raise StateError(
                f"{endpoint} does not answer as Redis does ({str(error)[:80]}); check its port, and whether it "
                "wants TLS"
            ) from error

    def _try_another_password(self, endpoint: Endpoint) -> bool:
        """Turn to the next password for an endpoint, after the last one to the first; False when all were refused."""
        self._open.pop(endpoint).close()
        self._tried[endpoint] = (self._tried.get(endpoint, 0) + 1) % len(self._passwords)
        return self._tried[endpoint] > 0

    def _link(self, endpoint: Endpoint) -> Any:
        if endpoint not in self._open:
            self._open[endpoint] = self._connect(endpoint, self._passwords[self._tried.get(endpoint, 0)])
        return self._open[endpoint]

    def _connect(self, endpoint: Endpoint, password: str | None) -> Any:
        access = self.access
        secure: dict[str, Any] = (
            {"ssl": True, "ssl_ca_certs": access.ca_cert, "ssl_check_hostname": True} if access.tls else {}
        )
        return redis.Redis(
            host=endpoint.host,
            port=endpoint.port,
            username=access.username,
            password=password,
            socket_timeout=access.timeout,
            socket_connect_timeout=access.timeout,
            decode_responses=True,
            encoding_errors="replace",
            retry=Retry(NoBackoff(), 0),
            single_connection_client=False,
            client_name=self._mark or None,
            **secure,
        )


def in_parallel(work: Callable[[U], T], items: Sequence[U]) -> list[T]:
    """What `work` gives for each item, up to 16 at once. Raises what the first that fails raised."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(16, len(items))) as pool:
        return list(pool.map(work, items))


def transaction(link: Any, endpoint: Endpoint, commands: Sequence[Sequence[str]]) -> list[Any]:
    """The answers to the commands as one transaction. Raises StateError where one of them cannot be part of it."""
    pipeline = link.pipeline(transaction=True)
    for command in commands:
        pipeline.execute_command(*command)
    try:
        return list(pipeline.execute(raise_on_error=False))
    except ResponseError as error:
        # The library puts the whole command before the cause, and so a secret.
        cause = str(error).rpartition("caused error: ")[2]
        raise StateError(f"{endpoint} refused a transaction that begins with {shown(commands[0])}: {cause}") from None


def shown(command: Sequence[str]) -> str:
    """A command as a sentence may name it: the values of CONFIG SET and all of SENTINEL SET stay out."""
    if command[:2] == ("CONFIG", "SET"):
        return " ".join(["CONFIG SET", *command[2::2]])
    return " ".join(command[:3])


def _refused(error: Exception) -> bool:
    return "refused" in str(error).lower()


def _cause(error: BaseException) -> str:
    """The system's own words where there are some, such as "Connection refused"."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error).rstrip(".")
