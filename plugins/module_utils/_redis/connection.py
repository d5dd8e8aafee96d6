# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All input and output with Redis and Sentinel: parallel reads, one transaction for each node's changes."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Callable, TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    LibraryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_answers import (
    acknowledged_by,
    logins_from,
    mode_of,
    node_from,
    role_from,
    sentinel_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import (
    in_question,
    spelling_questions,
    spellings_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    AddressBook,
    Desired,
    Endpoint,
    Node,
    Sentinel,
    Topology,
    Unsettled,
    just_installed,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import (
    Grant,
    grants_from,
    questions,
    unreadable_users,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_switch import Role

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import AuthorizationError, NoPermissionError
    from redis.retry import Retry

    _IMPORT_ERROR = ""
except ImportError:
    _IMPORT_ERROR = traceback.format_exc()

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Access:
    """How every node and Sentinel is reached. timeout: seconds for a connection and for each answer.

    replication: the user and password that a replica shows its primary. sentinel: those that a Sentinel shows a node.
    """

    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_cert: str | None = None
    timeout: float = 5.0
    replication: tuple[str, str] = ("", "")
    sentinel: tuple[str, str] = ("", "")


def library_is_missing() -> bool:
    """Whether the Python library redis is not on this host."""
    return bool(_IMPORT_ERROR)


def resolve_addresses(desired: Desired) -> AddressBook:
    """Ask the resolver for each host once. Raises InputError for a name without an address, or with a loopback one."""
    hosts = sorted({endpoint.host for endpoint in desired.nodes + desired.sentinels})
    addresses = {host: _addresses(host) for host in hosts}
    for endpoints in (desired.nodes, desired.sentinels):
        _refuse_twins(endpoints, addresses)
    if len(hosts) > 1:
        for host in hosts:
            if addresses[host][0].startswith("127.") or addresses[host][0] == "::1":
                raise InputError(
                    f"{host} resolves to the loopback address {addresses[host][0]} here, another host elsewhere; "
                    "give its address in nodes and sentinels"
                )
    return AddressBook(addresses, desired.nodes, desired.sentinels, cache(_found))


def _refuse_twins(endpoints: Sequence[Endpoint], addresses: Mapping[str, tuple[str, ...]]) -> None:
    """Raise InputError for one place that is declared twice, by two names or by its name and its address."""
    seen: dict[tuple[str, int], Endpoint] = {}
    for endpoint in endpoints:
        for address in addresses[endpoint.host]:
            other = seen.setdefault((address, endpoint.port), endpoint)
            if other != endpoint:
                raise InputError(f"{other} and {endpoint} are the same place, {address}; declare it once")


def _found(host: str) -> tuple[str, ...]:
    """The addresses of a name that somebody else uses; none where the resolver has none."""
    try:
        return _addresses(host)
    except InputError:
        return ()


def new_topology(desired: Desired) -> Topology:
    """The topology when nothing was ever started: empty nodes, and Sentinels that watch nothing."""
    return Topology(
        tuple(just_installed(endpoint, desired) for endpoint in desired.nodes),
        tuple(Sentinel(endpoint, new=True) for endpoint in desired.sentinels),
    )


def _addresses(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(f"the host {host} has no address: {error.strerror}") from error
    return tuple(sorted({str(item[4][0]) for item in found}, key=lambda address: (":" in address, address)))


class Client:
    """Connections to one topology, opened at the first use of each endpoint and kept until close().

    Raises LibraryError without the Python library redis.
    """

    def __init__(self, access: Access, book: AddressBook, plan_as_new: bool = False) -> None:
        if library_is_missing():
            raise LibraryError("redis", _IMPORT_ERROR)
        self._access = access
        self._book = book
        self._plan_as_new = plan_as_new
        self._open: dict[Endpoint, Any] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self._open.values():
            connection.close()

    def read(self, desired: Desired) -> Topology:
        """The whole topology, all endpoints at once. Raises UnreachableError naming the first that does not answer."""
        nodes, sentinels = self.look(desired)
        for state in (*nodes, *sentinels):
            if isinstance(state, GantryError):
                raise state
        return Topology(
            tuple(state for state in nodes if isinstance(state, Node)),
            tuple(state for state in sentinels if isinstance(state, Sentinel)),
        )

    def look(self, desired: Desired) -> tuple[list[Node | GantryError], list[Sentinel | GantryError]]:
        """Each node and each Sentinel as it was read, or the sentence of why it was not."""

        def look_at(endpoint: Endpoint) -> Node | Sentinel | GantryError:
            try:
                if endpoint in desired.nodes:
                    return self.ask(
                        endpoint, lambda at, link: self._read_node(at, link, desired), just_installed(endpoint, desired)
                    )
                return self.read_sentinel(endpoint, desired.name)
            except GantryError as error:
                return error

        found: list[Any] = in_parallel(look_at, [*desired.nodes, *desired.sentinels])
        return found[: len(desired.nodes)], found[len(desired.nodes) :]

    def read_sentinels(self, desired: Desired) -> list[Sentinel]:
        """The Sentinels alone, all at once."""
        return in_parallel(lambda endpoint: self.read_sentinel(endpoint, desired.name), desired.sentinels)

    def roles(self, endpoints: Sequence[Endpoint]) -> dict[Endpoint, Role | None]:
        """Whom each node follows and its FAILOVER state, all at once; None for one that does not answer."""

        def ask(endpoint: Endpoint) -> Role | None:
            try:
                info = self.ask(endpoint, lambda _at, link: link.info("replication"))
            except (UnreachableError, Unsettled):
                return None
            return role_from(info, self._book)

        return dict(zip(endpoints, in_parallel(ask, endpoints)))

    def acknowledged(self, primary: Endpoint, replica: Endpoint) -> int | None:
        """How far, in bytes, the replica has last told its primary to be; None where the primary does not know it."""
        info = self.ask(primary, lambda _at, link: link.info("replication"))
        return acknowledged_by(replica, info, self._book)

    def fail_over(self, former: Endpoint, target: Endpoint, seconds: float) -> None:
        """Start FAILOVER, which pauses writes until `target` has them all, at most `seconds`; it goes on by itself."""
        words = ("FAILOVER", "TO", self.address(target), str(target.port), "TIMEOUT", str(round(seconds * 1000)))
        self.ask(former, lambda _at, link: link.execute_command(*words))

    def give_up(self, former: Endpoint, target: Endpoint) -> Endpoint:
        """End a FAILOVER that hangs and return who rules.

        Writes stay paused meanwhile: should the target have taken over in this very moment, the former one has no write
        that the target lacks, and follows it.
        """

        def abort(_at: Endpoint, link: Any) -> None:
            link.client_pause(round(self._access.timeout * 2000), all=False)
            link.execute_command("FAILOVER", "ABORT")

        self.ask(former, abort)
        seen = self.roles((target,))[target]
        if seen is not None and seen.follows is None:
            self.change_node(former, [("REPLICAOF", self.address(target), str(target.port))])
        self.ask(former, lambda _at, link: link.client_unpause())
        return target if seen is not None and seen.follows is None else former

    def persist(self, nodes: Sequence[Endpoint], sentinels: Sequence[Endpoint] = ()) -> None:
        """Let nodes and Sentinels write what they are into their configuration files, all at once."""
        words = {**dict.fromkeys(nodes, ("CONFIG", "REWRITE")), **dict.fromkeys(sentinels, ("SENTINEL", "FLUSHCONFIG"))}

        def write(endpoint: Endpoint, link: Any) -> None:
            try:
                link.execute_command(*words[endpoint])
            except redis.ResponseError as error:
                raise StateError(
                    f"{endpoint} cannot write its configuration file, so that no change to it would last: {error}"
                ) from error

        in_parallel(lambda endpoint: self.ask(endpoint, write), list(words))

    def change_node(self, endpoint: Endpoint, commands: Sequence[Sequence[str]], save_users: bool = False) -> None:
        """Send `commands` and CONFIG REWRITE as one transaction, so that no kill can leave a change unwritten.

        A node that cannot write its file is found out before anything on it has changed.
        save_users: the node keeps its users in an ACL file, which it is to write as well.
        """
        self.persist([endpoint])
        files: list[Sequence[str]] = [("CONFIG", "REWRITE")]
        if save_users:
            self.tell(endpoint, ("ACL", "SAVE"))
            files.append(("ACL", "SAVE"))

        def send(_at: Endpoint, link: Any) -> None:
            whole = [*commands, *files]
            for command, answer in zip(whole, _transaction(link, endpoint, whole)):
                if isinstance(answer, Exception):
                    raise StateError(f"{endpoint} refused {_shown(command)}: {answer}")

        self.ask(endpoint, send)

    def settings_commands(
        self, settings: Sequence[tuple[str, str]], authenticate: bool, together: bool
    ) -> list[Sequence[str]]:
        """CONFIG SET for settings and, where asked, for what a replica shows its primary; one command if `together`."""
        pairs = list(settings)
        if authenticate:
            user, password = self._access.replication
            pairs += [("masteruser", user), ("masterauth", password)]
        if together:
            return [("CONFIG", "SET", *(word for pair in pairs for word in pair))]
        return [("CONFIG", "SET", *pair) for pair in pairs]

    def change_sentinels(self, commands: Mapping[Endpoint, Sequence[Sequence[str]]]) -> None:
        """Send each Sentinel its commands, all Sentinels at once; each writes its own configuration after each one."""

        def send(endpoint: Endpoint, link: Any) -> None:
            for command in commands[endpoint]:
                try:
                    link.execute_command(*command)
                except redis.ResponseError as error:
                    raise StateError(f"Sentinel {endpoint} refused {_shown(command)}: {error}") from error

        in_parallel(lambda endpoint: self.ask(endpoint, send), list(commands))

    def sentinel_credentials(self) -> list[str]:
        """What SENTINEL SET needs to let a Sentinel log in to the nodes."""
        user, password = self._access.sentinel
        return ["auth-user", user, "auth-pass", password]

    def address(self, endpoint: Endpoint) -> str:
        """The address that configurations get for this endpoint."""
        return self._book.address(endpoint)

    def redis_cli_options(self) -> tuple[list[str], dict[str, str]]:
        """The arguments with which redis-cli reaches the nodes, and the environment that holds the password."""
        words = ["--user", self._access.username] if self._access.username else []
        if self._access.tls:
            words += ["--tls"] + (["--cacert", self._access.ca_cert] if self._access.ca_cert else [])
        return words, {"REDISCLI_AUTH": self._access.password} if self._access.password else {}

    def snapshot(self, endpoint: Endpoint, path: str, redis_cli: str, deadline: Deadline) -> None:
        """Copy the node's whole data set to the file `path` as an RDB, readable by its owner only."""
        words, environment = self.redis_cli_options()
        argv = [redis_cli, *words, "-h", endpoint.host, "-p", str(endpoint.port), "--rdb", path]
        mask = os.umask(0o077)
        try:
            run(argv, deadline, what=f"saving the data of {endpoint} to {path}", env=environment)
        finally:
            os.umask(mask)
        with open(path, "rb") as stream:
            if stream.read(5) != b"REDIS":
                raise StateError(f"the copy of {endpoint} in {path} is not an RDB file; nothing was given up")

    @property
    def book(self) -> AddressBook:
        """Which declared endpoint an address belongs to."""
        return self._book

    def node(self, endpoint: Endpoint, info: dict[str, Any], config: Any) -> Node:
        """A data node from what it answered."""
        return node_from(endpoint, info, config, self._book, self._access.replication)

    def ask(self, endpoint: Endpoint, question: Callable[[Endpoint, Any], T], when_new: T | None = None) -> T:
        """Ask a question of an endpoint, and tell each way in which it cannot answer in a sentence that names it.

        when_new: the answer of one that refuses the connection, where such a one counts as just installed.
        """
        try:
            return question(endpoint, self._link(endpoint))
        except redis.BusyLoadingError as error:
            raise Unsettled(f"{endpoint} is still loading its data; run again when it has") from error
        except (redis.AuthenticationError, AuthorizationError) as error:
            raise UnreachableError(
                f"{endpoint} refused the credentials ({error}); check username and password"
            ) from error
        except redis.TimeoutError as error:
            raise UnreachableError(
                f"{endpoint} did not answer within {self._access.timeout:g} s; check that it runs and can be reached"
            ) from error
        except redis.ConnectionError as error:
            if when_new is not None and self._plan_as_new and _refused(error):
                return when_new
            raise UnreachableError(f"{endpoint} cannot be reached: {_cause(error)}; check that it runs") from error
        except NoPermissionError as error:
            raise UnreachableError(f"{endpoint} does not let this user manage it: {error}") from error
        except redis.ResponseError as error:
            raise StateError(f"{endpoint} answered with an error: {error}") from error
        except (redis.RedisError, ValueError, LookupError) as error:
            # Anything else that answers: a web server, one that wants TLS, a proxy.
            raise StateError(
                f"{endpoint} does not answer as Redis does ({str(error)[:80]}); check its port, and whether it "
                "wants TLS"
            ) from error

    def tell(self, endpoint: Endpoint, words: Sequence[str], unless: str = "") -> None:
        """Send one command. Raises StateError when it is refused, for another reason than `unless`."""

        def send(_at: Endpoint, link: Any) -> None:
            try:
                link.execute_command(*words)
            except redis.ResponseError as error:
                if not unless or unless not in str(error):
                    raise StateError(f"{endpoint} refused {_shown(words)}: {error}") from error

        self.ask(endpoint, send)

    def read_sentinel(self, endpoint: Endpoint, name: str) -> Sentinel:
        """One Sentinel."""
        absent = Sentinel(endpoint, new=True)
        return self.ask(endpoint, lambda at, link: self._read_sentinel(at, link, name), absent)

    def _link(self, endpoint: Endpoint) -> Any:
        if endpoint not in self._open:
            access = self._access
            secure: dict[str, Any] = (
                {"ssl": True, "ssl_ca_certs": access.ca_cert, "ssl_check_hostname": True} if access.tls else {}
            )
            self._open[endpoint] = redis.Redis(
                host=endpoint.host,
                port=endpoint.port,
                username=access.username,
                password=access.password,
                socket_timeout=access.timeout,
                socket_connect_timeout=access.timeout,
                decode_responses=True,
                encoding_errors="replace",
                retry=Retry(NoBackoff(), 0),
                single_connection_client=False,
                **secure,
            )
        return self._open[endpoint]

    def _read_node(self, endpoint: Endpoint, link: Any, desired: Desired) -> Node:
        pipeline = link.pipeline(transaction=False)
        pipeline.info()
        pipeline.config_get("*")
        if desired.sentinels:
            # redis-py would make a list of mappings of it, which takes long where there are many clients.
            pipeline.execute_command("CLIENT", "LIST", "TYPE", "NORMAL")
        info, config, *clients = pipeline.execute()
        if mode_of(info) != "standalone":
            raise StateError(f"{endpoint} runs as {mode_of(info)}, not as a data node; check mode, nodes and sentinels")
        node = self.node(endpoint, info, config)
        return replace(self.with_spellings(node, link, desired), logins=logins_from("".join(clients)))

    def with_spellings(self, node: Node, link: Any, desired: Desired) -> Node:
        """The node with what it says of the declared users and settings, in its own spelling."""
        asked = in_question(node.config, desired.settings)
        spelled: dict[str, str] = {}
        if asked:
            commands = spelling_questions(node.config, asked)
            try:
                spelled = spellings_from(asked, _transaction(link, node.endpoint, commands))
            except InputError as error:
                raise InputError(f"{node.endpoint}: {error}") from error
        return replace(
            node,
            spelled=spelled,
            grants=self.grants(node.endpoint, link, desired),
            unreadable=() if node.config.get("aclfile") else _unreadable(link),
        )

    def grants(self, endpoint: Endpoint, link: Any, desired: Desired) -> tuple[Grant, ...]:
        """What a node lets the declared users do; nothing is asked where none is declared."""
        if not desired.users and desired.kept is None:
            return ()
        try:
            return grants_from(desired.users, _transaction(link, endpoint, questions(desired.users)), desired.kept)
        except InputError as error:
            raise InputError(f"{endpoint}: {error}") from error

    def _read_sentinel(self, endpoint: Endpoint, link: Any, name: str) -> Sentinel:
        pipeline = link.pipeline(transaction=False)
        for verb in ("MASTER", "REPLICAS", "SENTINELS", "CKQUORUM"):
            pipeline.execute_command("SENTINEL", verb, name)
        pipeline.execute_command("SENTINEL", "MYID")
        primary, replicas, peers, quorum, identity = pipeline.execute(raise_on_error=False)
        if isinstance(primary, redis.ResponseError):
            if "No such master" not in str(primary):
                raise StateError(f"{endpoint} is not a Sentinel: {primary}")
            return sentinel_from(endpoint, None, (), (), "", self._book)
        for answer in (primary, replicas, peers, identity):
            if isinstance(answer, Exception):
                raise answer
        found = sentinel_from(endpoint, primary, replicas, peers, str(quorum), self._book)
        return replace(found, identity=str(identity))


def in_parallel(work: Callable[[U], T], items: Sequence[U]) -> list[T]:
    """What `work` gives for each item, up to 16 at once. Raises what the first that fails raised."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(16, len(items))) as pool:
        return list(pool.map(work, items))


def _transaction(link: Any, endpoint: Endpoint, commands: Sequence[Sequence[str]]) -> list[Any]:
    """The answers to the commands as one transaction. Raises StateError where one of them cannot be part of it."""
    pipeline = link.pipeline(transaction=True)
    for command in commands:
        pipeline.execute_command(*command)
    try:
        return list(pipeline.execute(raise_on_error=False))
    except redis.ResponseError as error:
        # The library puts the whole command before the cause, and so a secret.
        cause = str(error).rpartition("caused error: ")[2]
        raise StateError(f"{endpoint} refused a transaction that begins with {_shown(commands[0])}: {cause}") from None


def _unreadable(link: Any) -> tuple[str, ...]:
    """The users that Redis could not read from its own file; none where this login may not ask."""
    try:
        return unreadable_users(link.execute_command("ACL", "LIST"))
    except redis.ResponseError:
        return ()


def _shown(command: Sequence[str]) -> str:
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
