# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of single nodes and Sentinels, each written to their own configuration files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import (
    Access,
    Client,
    ResponseError,
    in_parallel,
    shown,
    transaction,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Endpoint, Node

# Of Sentinel, since Redis 7, which has changed all the same (sentinelFlushConfigAndReply of sentinel.c).
_UNSAVED = "save config file"


def tell(client: Client, endpoint: Endpoint, words: Sequence[str], unless: str = "") -> None:
    """Send one command. Raises StateError when it is refused, for another reason than `unless`."""

    def send(_at: Endpoint, link: Any) -> None:
        try:
            link.execute_command(*words)
        except ResponseError as error:
            if not unless or unless not in str(error):
                raise StateError(f"{endpoint} refused {shown(words)}: {error}") from error

    client.ask(endpoint, send)


def persist(client: Client, nodes: Sequence[Endpoint], sentinels: Sequence[Endpoint] = ()) -> None:
    """Let nodes and Sentinels write their configuration files, all at once."""
    words = {**dict.fromkeys(nodes, ("CONFIG", "REWRITE")), **dict.fromkeys(sentinels, ("SENTINEL", "FLUSHCONFIG"))}

    def write(endpoint: Endpoint, link: Any) -> None:
        try:
            link.execute_command(*words[endpoint])
        except ResponseError as error:
            raise StateError(
                f"{endpoint} cannot write its configuration file, so that no change to it would last: {error}"
            ) from error

    in_parallel(lambda endpoint: client.ask(endpoint, write), list(words))


def write_files(client: Client, nodes: Iterable[Node], sentinels: Sequence[Endpoint], *, users: bool) -> None:
    """Let everybody write what is in memory, as a run whose disk was full may have left it there alone.

    One who cannot is found before anything on the others has changed. users: whether ACL files are written as well.
    A node without a file, or that could not start from the one that it would write, is left alone.
    """
    able = [one for one in nodes if one.config_file and not one.unreadable]
    persist(client, [one.endpoint for one in able], sentinels)
    for one in able:
        if users and one.config.get("aclfile"):
            tell(client, one.endpoint, ("ACL", "SAVE"))


def change_node(
    client: Client, endpoint: Endpoint, commands: Sequence[Sequence[str]], save_users: bool = False
) -> None:
    """Send `commands` and CONFIG REWRITE as one transaction, so that no kill can leave a change unwritten.

    A node that cannot write its file is found out before anything on it has changed.
    save_users: the node keeps its users in an ACL file, which it is to write as well.
    """
    persist(client, [endpoint])
    files: list[Sequence[str]] = [("CONFIG", "REWRITE")]
    if save_users:
        tell(client, endpoint, ("ACL", "SAVE"))
        files.append(("ACL", "SAVE"))

    def send(_at: Endpoint, link: Any) -> None:
        every = [*commands, *files]
        for command, answer in zip(every, transaction(link, endpoint, every)):
            if isinstance(answer, Exception) and command in files:
                raise _unwritten(str(endpoint), commands, answer)
            if isinstance(answer, Exception):
                raise StateError(f"{endpoint} refused {shown(command)}: {answer}")

    client.ask(endpoint, send)


def _unwritten(who: str, commands: Sequence[Sequence[str]], error: Exception) -> StateError:
    told = ", ".join(shown(one) for one in commands)
    return StateError(
        f"{who} has {told} in memory alone until it restarts, as it cannot write its file: {error}; make room for it, "
        "and run again, which writes it"
    )


def change_sentinels(client: Client, commands: Mapping[Endpoint, Sequence[Sequence[str]]]) -> None:
    """Send each Sentinel its commands, all Sentinels at once; each writes its own configuration after each one."""

    def send(endpoint: Endpoint, link: Any) -> None:
        for command in commands[endpoint]:
            try:
                link.execute_command(*command)
            except ResponseError as error:
                if _UNSAVED in str(error):
                    raise _unwritten(f"Sentinel {endpoint}", [command], error) from error
                raise StateError(f"Sentinel {endpoint} refused {shown(command)}: {error}") from error

    in_parallel(lambda endpoint: client.ask(endpoint, send), list(commands))


def redis_cli_options(access: Access) -> tuple[list[str], dict[str, str]]:
    """The arguments with which redis-cli reaches the nodes, and the environment that holds the password."""
    words = ["--user", access.username] if access.username else []
    if access.tls:
        words += ["--tls"] + (["--cacert", access.ca_cert] if access.ca_cert else [])
    return words, {"REDISCLI_AUTH": access.password} if access.password else {}


def save_data(client: Client, endpoint: Endpoint, path: str, redis_cli: str, deadline: Deadline) -> None:
    """Copy all data of a node to the file `path` as an RDB, readable by its owner only."""
    words, environment = redis_cli_options(client.access)
    argv = [redis_cli, *words, "-h", endpoint.host, "-p", str(endpoint.port), "--rdb", path]
    mask = os.umask(0o077)
    try:
        run(argv, deadline, what=f"saving the data of {endpoint} to {path}", env=environment)
    finally:
        os.umask(mask)
    with open(path, "rb") as stream:
        if stream.read(5) != b"REDIS":
            raise StateError(f"the copy of {endpoint} in {path} is not an RDB file; nothing was given up")
