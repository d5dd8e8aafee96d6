# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a plan is carried out, told by a client that only notes what it is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._redis import apply_topology
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_node import (
    change_node,
    change_sentinels,
    write_files,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_topology import SnapshotPlace, apply_plan
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import (
    Access,
    ResponseError,
    shown,
    transaction,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Endpoint, History, Node
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import make_plan
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_topology import with_spellings

from .build import ONE, OTHER, TWO, healthy, node, replicated, with_nodes

REWRITE = ("CONFIG", "REWRITE")
REFUSE, ACCEPT = ("CONFIG", "SET", "min-replicas-to-write", "1000"), ("CONFIG", "SET", "min-replicas-to-write", "0")


@dataclass
class Notes:
    """What nodes were asked to do, in its order, without the writing of their files. failing: how copies fail."""

    failing: Exception | None = None
    seen: list[tuple[Any, ...]] = field(default_factory=list)
    access: Access = field(default_factory=Access)

    def address(self, endpoint: Endpoint) -> str:
        return endpoint.host

    def ask(self, endpoint: Endpoint, question: Callable[[Endpoint, Any], Any]) -> Any:
        return question(endpoint, Asked(self, endpoint))

    def save_data(self, _client: Notes, endpoint: Endpoint, *_more: Any) -> None:
        if self.failing:
            raise self.failing
        self.seen.append((endpoint, "copy"))


@dataclass
class Asked:
    """A connection to one node: what it is sent at once is one note."""

    notes: Notes
    endpoint: Endpoint
    together: list[tuple[str, ...]] | None = None

    def pipeline(self, transaction: bool) -> Asked:
        return Asked(self.notes, self.endpoint, [])

    def execute_command(self, *words: str) -> None:
        if self.together is not None:
            self.together.append(words)
        elif words != REWRITE:
            self.notes.seen.append((self.endpoint, words))

    def execute(self, raise_on_error: bool) -> list[Any]:
        sent = self.together or []
        self.notes.seen.append((self.endpoint, *(words for words in sent if words != REWRITE)))
        return ["OK"] * len(sent)


class Link:
    """A connection that answers CONFIG and ACL LIST as redis-py gives it, from a memory of its own."""

    def __init__(self, **config: str) -> None:
        self.config = config
        self.sent: list[tuple[str, ...]] = []

    def pipeline(self, transaction: bool) -> Link:
        return self

    def execute_command(self, *words: str) -> list[str]:
        self.sent.append(words)
        return ["user default on nopass ~* +@all", "user o'brien on -@all"]

    def execute(self, raise_on_error: bool) -> list[Any]:
        return [self._answer(words) for words in self.sent]

    def _answer(self, words: tuple[str, ...]) -> Any:
        if words[1] == "GET":
            return [words[2], self.config[words[2]]]
        if words[3] == "chatty":
            return ValueError("argument must be one of the following: debug, verbose, notice")
        self.config[words[2]] = words[3].lower()
        return "OK"


def spelled(link: Link, *, may_try: bool = True, **settings: str) -> Node:
    """What a node says of settings, by a link."""
    wish = replicated(settings={"maxmemory": "256mb", **settings})
    read = node(ONE, config={**replicated().settings, **link.config})
    return with_spellings(read, link, wish, may_try)


def test_a_node_is_asked_for_its_spelling_and_left_as_it_was():
    link = Link(**{"log-format": "legacy", "hz": "10"})
    seen = spelled(link, **{"log-format": "LEGACY", "hz": "20"})
    assert seen.spelled == {"hz": "20", "log-format": "legacy"}
    assert (seen.has_setting("log-format", "LEGACY"), seen.has_setting("hz", "20")) == (True, False)
    assert link.config == {"log-format": "legacy", "hz": "10"}
    assert seen.unreadable == ("o'brien",)


def test_check_mode_sets_nothing_to_learn_a_spelling():
    link = Link(**{"log-format": "legacy"})
    seen = spelled(link, may_try=False, **{"log-format": "LEGACY"})
    assert (seen.spelled, [words for words in link.sent if words[0] == "CONFIG"]) == ({}, [])


def test_a_value_that_a_node_refuses_is_told_before_anything_is_done():
    with pytest.raises(InputError, match=r"10\.0\.0\.1:6379: settings.loglevel 'chatty' is refused by Redis: argument"):
        spelled(Link(loglevel="notice"), loglevel="chatty")


def resolve(client: Notes, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a split brain in favour of the first node; the second has another maxmemory too."""
    monkeypatch.setattr(apply_topology, "save_data", client.save_data)
    wish = replicated(resolve="10.0.0.1")
    current = replace(healthy(), sentinels=())
    config = {**current.nodes[0].config, "maxmemory": "1", "min-replicas-to-write": "3"}
    rival = node(TWO, keys=8, history=History(OTHER, 950), config=config)
    plan = make_plan(with_nodes(current, rival), wish, ONE)
    apply_plan(client, plan, wish, SnapshotPlace(str(tmp_path), "redis-cli"), Deadline(5))  # type: ignore[arg-type]


def test_a_node_that_gives_up_its_data_takes_no_write_from_before_its_copy_until_it_is_a_replica(tmp_path, monkeypatch):
    client = Notes()
    resolve(client, tmp_path, monkeypatch)
    assert client.seen == [
        (TWO, REFUSE),
        (TWO, "copy"),
        (TWO, ("CONFIG", "SET", "maxmemory", "268435456")),
        (TWO, ("REPLICAOF", "10.0.0.1", "6379"), ACCEPT),
    ]


@pytest.mark.parametrize("failing", [StateError("the disk is full"), OSError(28, "the disk is full")])
def test_a_node_whose_copy_fails_takes_writes_again(tmp_path, monkeypatch, failing):
    client = Notes(failing=failing)
    with pytest.raises(type(failing), match="the disk is full"):
        resolve(client, tmp_path, monkeypatch)
    assert client.seen == [(TWO, REFUSE), (TWO, ACCEPT)]


@dataclass
class Full:
    """Nodes and Sentinels whose disk fills up once each has written its file so often."""

    writes: int
    access: Access = field(default_factory=Access)
    sent: list[tuple[str, ...]] = field(default_factory=list)

    def ask(self, endpoint: Endpoint, question: Callable[[Endpoint, Any], Any]) -> Any:
        return question(endpoint, self)

    def pipeline(self, transaction: bool) -> Full:
        return replace(self, sent=[])

    def execute_command(self, *words: str) -> None:
        self.sent.append(words)
        if words[:2] in (REWRITE, ("SENTINEL", "SET")):
            self.writes -= 1
            if self.writes < 0 and words[0] == "SENTINEL":
                raise ResponseError("Failed to save config file. Check server logs.")

    def execute(self, raise_on_error: bool) -> list[Any]:
        full = ResponseError("Rewriting config file: No space left on device")
        return [full if words == REWRITE and self.writes < 0 else "OK" for words in self.sent]


def test_what_a_full_disk_leaves_in_memory_alone_is_said() -> None:
    commands = [("CONFIG", "SET", "requirepass", "s3cret"), ("REPLICAOF", "10.0.0.2", "6379")]
    with pytest.raises(StateError) as told:
        change_node(Full(1), ONE, commands)  # type: ignore[arg-type]
    assert str(told.value) == (
        "10.0.0.1:6379 has CONFIG SET requirepass, REPLICAOF 10.0.0.2 6379 in memory alone until it restarts, as it "
        "cannot write its file: Rewriting config file: No space left on device; make room for it, and run again, which "
        "writes it"
    )
    with pytest.raises(StateError, match=r"Sentinel .* has SENTINEL SET main in memory alone until it restarts"):
        change_sentinels(Full(0), {ONE: [("SENTINEL", "SET", "main", "quorum", "2")]})  # type: ignore[arg-type]


def test_each_run_writes_what_another_one_left_in_memory_alone() -> None:
    client = Full(9)
    nodes = [
        node(ONE, config_file="/r.conf", config={"aclfile": "/users.acl"}),
        node(TWO, config_file=""),
        node(TWO, config_file="/r.conf", unreadable=("o'brien",)),
    ]
    write_files(client, nodes, [TWO], users=True)  # type: ignore[arg-type]
    assert sorted(client.sent) == [("ACL", "SAVE"), REWRITE, ("SENTINEL", "FLUSHCONFIG")]
    client = Full(9)
    write_files(client, nodes[:1], [], users=False)  # type: ignore[arg-type]
    assert client.sent == [REWRITE]


@dataclass
class Refusing:
    """A connection on which a transaction is refused with the words that redis-py has for it."""

    command: tuple[str, ...] = ()

    def pipeline(self, transaction: bool) -> Refusing:
        assert transaction
        return self

    def execute_command(self, *words: str) -> None:
        self.command = words

    def execute(self, raise_on_error: bool) -> list[Any]:
        raise ResponseError(f"Command # 1 ({' '.join(self.command)}) of pipeline caused error: unknown command 'ACL'")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("CONFIG", "SET", "requirepass", "s3cret", "masterauth", "s3cret"), "CONFIG SET requirepass masterauth"),
        (("SENTINEL", "SET", "main", "auth-pass", "s3cret"), "SENTINEL SET main"),
        (("SENTINEL", "CONFIG", "SET", "sentinel-pass", "s3cret"), "SENTINEL CONFIG SET"),
        (("ACL", "SETUSER", "app", "on", "#s3cret", "~*"), "ACL SETUSER app"),
        (("ACL", "DELUSER", "app"), "ACL DELUSER app"),
        (("REPLICAOF", "10.0.0.1", "6379"), "REPLICAOF 10.0.0.1 6379"),
    ],
)
def test_no_sentence_about_a_command_holds_a_secret(command: tuple[str, ...], words: str) -> None:
    assert shown(command) == words
    with pytest.raises(StateError) as refused:
        transaction(Refusing(), ONE, [command])
    assert str(refused.value) == (
        f"10.0.0.1:6379 refused a transaction that begins with {words}: unknown command 'ACL'"
    )
    assert refused.value.__cause__ is None


def test_a_transaction_answers_each_command_in_its_order() -> None:
    link = Link(hz="10")
    assert transaction(link, ONE, [("CONFIG", "SET", "hz", "20"), ("CONFIG", "GET", "hz")]) == ["OK", ["hz", "20"]]
