# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of nodes and Sentinels, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import (
    Client,
    ResponseError,
    in_parallel,
    sentinel_login,
    transaction,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_answers import (
    acknowledged_by,
    logins_from,
    mode_of,
    node_from,
    role_from,
    sentinel_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_passwords import Accepted, Rotation
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import (
    in_question,
    spelling_questions,
    spellings_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Endpoint,
    Node,
    Role,
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


def read_topology(client: Client, desired: Desired) -> Topology:
    """All nodes and Sentinels. Raises UnreachableError naming the first that does not answer."""
    nodes, sentinels = look_at_topology(client, desired)
    for state in (*nodes, *sentinels):
        if isinstance(state, GantryError):
            raise state
    return Topology(
        tuple(state for state in nodes if isinstance(state, Node)),
        tuple(state for state in sentinels if isinstance(state, Sentinel)),
    )


def look_at_topology(client: Client, desired: Desired) -> tuple[list[Node | GantryError], list[Sentinel | GantryError]]:
    """Each node and each Sentinel as it was read, or the sentence of why it was not."""

    def look_at(endpoint: Endpoint) -> Node | Sentinel | GantryError:
        try:
            if endpoint in desired.nodes:
                return _read_node(client, endpoint, desired)
            return read_sentinel(client, endpoint, desired)
        except GantryError as error:
            return error

    found: list[Any] = in_parallel(look_at, [*desired.nodes, *desired.sentinels])
    return found[: len(desired.nodes)], found[len(desired.nodes) :]


def read_sentinels(client: Client, desired: Desired) -> list[Sentinel]:
    """The Sentinels alone."""
    return in_parallel(lambda endpoint: read_sentinel(client, endpoint, desired), desired.sentinels)


def read_sentinel(client: Client, endpoint: Endpoint, desired: Desired) -> Sentinel:
    """One Sentinel, as far as it concerns the declared name."""

    def question(_at: Endpoint, link: Any) -> Sentinel:
        pipeline = link.pipeline(transaction=False)
        for verb in ("MASTER", "REPLICAS", "SENTINELS", "CKQUORUM"):
            pipeline.execute_command("SENTINEL", verb, desired.name)
        pipeline.execute_command("SENTINEL", "MYID")
        primary, replicas, peers, quorum, identity = pipeline.execute(raise_on_error=False)
        if isinstance(primary, ResponseError):
            if "No such master" not in str(primary):
                raise StateError(f"{endpoint} is not a Sentinel: {primary}")
            found = sentinel_from(endpoint, None, (), (), "", client.book)
        else:
            for answer in (primary, replicas, peers, identity):
                if isinstance(answer, Exception):
                    raise answer
            found = sentinel_from(endpoint, primary, replicas, peers, str(quorum), client.book)
            found = replace(found, identity=str(identity))
        if desired.rotation is None:
            return found
        shown = [link.execute_command("SENTINEL", "CONFIG", "GET", f"sentinel-{word}") for word in ("user", "pass")]
        return replace(
            found,
            accepted=_accepted(link, desired.rotation),
            shows_new=[answer[1] for answer in shown] == list(sentinel_login(client.access)),
        )

    return client.ask(endpoint, question, Sentinel(endpoint, new=True))


def read_roles(client: Client, endpoints: Sequence[Endpoint]) -> dict[Endpoint, Role | None]:
    """Which node each one follows and its FAILOVER state, all at once; None for one that does not answer."""

    def ask(endpoint: Endpoint) -> Role | None:
        try:
            info = client.ask(endpoint, lambda _at, link: link.info("replication"))
        except (UnreachableError, Unsettled):
            return None
        return role_from(info, client.book)

    return dict(zip(endpoints, in_parallel(ask, endpoints)))


def read_acknowledged(client: Client, primary: Endpoint, replica: Endpoint) -> int | None:
    """The offset, in bytes, that the replica last reported to its primary; None where the primary does not know it."""
    info = client.ask(primary, lambda _at, link: link.info("replication"))
    return acknowledged_by(replica, info, client.book)


def node_state(client: Client, endpoint: Endpoint, answers: tuple[Any, Any], link: Any, desired: Desired) -> Node:
    """A data node from its INFO and CONFIG GET, and from what it says of the declared users and settings."""
    node = node_from(endpoint, *answers, client.book, client.access.replication)
    return replace(with_spellings(node, link, desired, client.may_try), accepted=_accepted(link, desired.rotation))


def with_spellings(node: Node, link: Any, desired: Desired, may_try: bool) -> Node:
    """The node with the declared users in its own spelling, and where it may be tried, the settings, too."""
    asked = in_question(node.config, desired.settings) if may_try else {}
    spelled: dict[str, str] = {}
    if asked:
        commands = spelling_questions(node.config, asked)
        try:
            spelled = spellings_from(asked, transaction(link, node.endpoint, commands))
        except InputError as error:
            raise InputError(f"{node.endpoint}: {error}") from error
    return replace(
        node,
        spelled=spelled,
        grants=_grants(node.endpoint, link, desired),
        unreadable=() if node.config.get("aclfile") else _unreadable(link),
    )


def _read_node(client: Client, endpoint: Endpoint, desired: Desired) -> Node:
    def question(_at: Endpoint, link: Any) -> Node:
        pipeline = link.pipeline(transaction=False)
        pipeline.info()
        pipeline.config_get("*")
        if desired.sentinels:
            # redis-py would make a list of mappings of it, which takes long where there are many clients.
            pipeline.execute_command("CLIENT", "LIST", "TYPE", "NORMAL")
        info, config, *clients = pipeline.execute()
        if mode_of(info) != "standalone":
            raise StateError(f"{endpoint} runs as {mode_of(info)}, not as a data node; check mode, nodes and sentinels")
        node = node_state(client, endpoint, (info, config), link, desired)
        return replace(node, logins=logins_from("".join(clients)))

    return client.ask(endpoint, question, just_installed(endpoint, desired))


def _grants(endpoint: Endpoint, link: Any, desired: Desired) -> tuple[Grant, ...]:
    """What a node lets the declared users do; nothing is asked where none is declared."""
    if not desired.has_users:
        return ()
    try:
        return grants_from(desired.users, transaction(link, endpoint, questions(desired.users)), desired.kept)
    except InputError as error:
        raise InputError(f"{endpoint}: {error}") from error


def _accepted(link: Any, rotation: Rotation | None) -> Accepted | None:
    """Which of the module's own passwords a node or Sentinel accepts; not asked where none is changed."""
    return rotation.accepted(link.execute_command("ACL", "LIST")) if rotation else None


def _unreadable(link: Any) -> tuple[str, ...]:
    """The users that Redis could not read from its own file; none where this login may not ask."""
    try:
        return unreadable_users(link.execute_command("ACL", "LIST"))
    except ResponseError:
        return ()
