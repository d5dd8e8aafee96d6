# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings by purpose, and one spelling for each value, so that 256mb, 268435456 and "256 MB" are the same wish."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError

MIB = 1024 * 1024

_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3}
_ALIASES = {"min-slaves-to-write": "min-replicas-to-write", "min-slaves-max-lag": "min-replicas-max-lag"}
_SIZED = {
    "maxmemory",
    "repl-backlog-size",
    "auto-aof-rewrite-min-size",
    "client-query-buffer-limit",
    "proto-max-bulk-len",
    "active-defrag-ignore-bytes",
}
# Redis takes these in any case, and numbers with zeros before them, and shows them in one spelling of its own.
_KEYWORDS = {
    "acl-pubsub-default",
    "appendfsync",
    "cluster-preferred-endpoint-type",
    "loglevel",
    "maxmemory-policy",
    "oom-score-adj",
    "propagation-error-behavior",
    "repl-diskless-load",
    "sanitize-dump-payload",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
    "syslog-facility",
    "tls-auth-clients",
}
_NUMBERS = {
    "io-threads",
    "maxclients",
    "oom-score-adj-values",
    "save",
    "tls-session-cache-size",
    "tls-session-cache-timeout",
}
_SHUTDOWN = ("default", "save", "nosave", "now", "force")
_EVERY_EVENT = frozenset("g$lshzxetd")
# Setting one of these for a moment would do something.
_NEVER_TRIED = {
    "appendonly",
    "bind",
    "bind-source-addr",
    "cluster-announce-hostname",
    "cluster-announce-human-nodename",
    "cluster-announce-ip",
    "io-threads",
    "jemalloc-bg-thread",
    "maxclients",
    "maxmemory",
    "oom-score-adj",
    "oom-score-adj-values",
    "repl-backlog-size",
    "save",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
}
_NUMBER = re.compile(r"-?\d+")
_SWITCHES = {"yes": "yes", "no": "no", "true": "yes", "false": "no", "on": "yes", "off": "no"}
_OWNED = {
    "requirepass": "the option password",
    "masterauth": "the options password and replication_password",
    "masteruser": "the options username and replication_username",
    "user": "the option users",
    "aclfile": "the first configuration file of the server",
    "replicaof": "the options nodes and primary",
    "slaveof": "the options nodes and primary",
    "port": "the first configuration file of the server",
    "tls-port": "the first configuration file of the server",
    "dir": "the first configuration file of the server",
    "tls-key-file-pass": "the first configuration file of the server",
    "tls-client-key-file-pass": "the first configuration file of the server",
}


@dataclass(frozen=True)
class Purpose:
    """What a Redis is for: settings, the share of the smallest node's memory; guarded: whether its data is precious."""

    settings: Mapping[str, str]
    memory_share: float
    guarded: bool = False
    contradictions: Mapping[str, str] = field(default_factory=dict)

    def preset(self, nodes: int) -> dict[str, str]:
        """The settings for a topology of so many nodes."""
        chosen = dict(self.settings)
        if nodes > 1:
            # A primary that was cut off stops taking writes that the next primary will never see.
            chosen["min-replicas-to-write"] = "1" if self.guarded else "0"
            chosen["min-replicas-max-lag"] = "10"
        return chosen


PURPOSES: Mapping[str, Purpose] = {
    "cache": Purpose(
        settings={"maxmemory-policy": "allkeys-lru", "appendonly": "no", "save": ""},
        memory_share=0.6,
        contradictions={
            "maxmemory-policy=noeviction": "a full cache refuses writes instead of evicting",
            "maxmemory=0": "a cache without a limit grows until the host has no memory left",
        },
    ),
    "session": Purpose(
        settings={
            "maxmemory-policy": "volatile-ttl",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "3600 1",
        },
        memory_share=0.4,
        guarded=True,
        contradictions={
            "appendonly=no": "a restart logs every user out",
            "maxmemory-policy=allkeys-lru": "sessions without an expiry are evicted too",
            "maxmemory-policy=allkeys-lfu": "sessions without an expiry are evicted too",
            "maxmemory-policy=allkeys-random": "any session can be evicted",
            "min-replicas-to-write=0": "a primary that was cut off goes on taking sessions that are lost later",
        },
    ),
    "queue": Purpose(
        settings={
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "3600 1",
        },
        memory_share=0.4,
        guarded=True,
        contradictions={
            "appendonly=no": "a restart loses jobs",
            "min-replicas-to-write=0": "a primary that was cut off goes on taking jobs that are lost later",
        },
    ),
    "ratelimit": Purpose(
        settings={"maxmemory-policy": "volatile-ttl", "appendonly": "no", "save": ""},
        memory_share=0.2,
        contradictions={"maxmemory-policy=noeviction": "a full store refuses every request it should count"},
    ),
}


def wanted(purpose: str, nodes: int, settings: Mapping[str, Any]) -> dict[str, str]:
    """The preset of `purpose` with the caller's `settings` over it, normalised. Raises InputError."""
    chosen = PURPOSES[purpose].preset(nodes)
    for name, value in settings.items():
        key = canonical_name(name)
        if key in _OWNED:
            raise InputError(f"settings.{name} is refused: it belongs to {_OWNED[key]}")
        if isinstance(value, (dict, list)) or value is None:
            raise InputError(f"settings.{name} must be one value as CONFIG SET takes it, not {value!r}")
        chosen[key] = str(value)
    return {key: normalise(key, value) for key, value in sorted(chosen.items())}


def contradictions(purpose: str, settings: Mapping[str, str]) -> list[str]:
    """One warning for each setting that works against the purpose."""
    words = PURPOSES[purpose].contradictions
    return [
        f"{name} {value!r} contradicts the purpose {purpose}: {words[f'{name}={value.lower()}']}"
        for name, value in settings.items()
        if f"{name}={value.lower()}" in words
    ] + [
        f"{name} {value!r} contradicts the purpose {purpose}: a full queue must refuse jobs, not drop them"
        for name, value in settings.items()
        if purpose == "queue" and name == "maxmemory-policy" and value.lower() != "noeviction"
    ]


def canonical_name(name: str) -> str:
    """The current name of a setting: lower case, replica instead of slave."""
    lowered = name.strip().lower()
    return _ALIASES.get(lowered, lowered.replace("slave", "replica"))


def normalise(name: str, value: str) -> str:
    """One spelling of a value: bytes for sizes, yes and no for switches, single spaces, what Redis calls a keyword."""
    text = " ".join(str(value).split())
    if name in _SIZED:
        return _bytes(name, text)
    if name in _NUMBERS:
        return " ".join(str(int(word)) if _NUMBER.fullmatch(word) else word for word in text.split())
    if name.startswith("shutdown-on-"):
        return " ".join(
            sorted(text.lower().split(), key=lambda word: _SHUTDOWN.index(word) if word in _SHUTDOWN else -1)
        )
    if name == "oom-score-adj" and text.lower() == "relative":
        return "yes"
    if name == "client-output-buffer-limit":
        return " ".join(_maybe_bytes(word) for word in text.replace("slave", "replica").split())
    return _SWITCHES.get(text.lower(), text.lower() if name in _KEYWORDS else text)


def alike(name: str, seen: str, value: str) -> bool:
    """Whether a node that shows `seen` has the normalised `value`, as far as the two texts say."""
    if normalise(name, seen) == value:
        return True
    if name == "notify-keyspace-events":
        return _events(seen) == _events(value)
    if name == "client-output-buffer-limit":
        return _limits(value).items() <= _limits(normalise(name, seen)).items()
    return seen.isdigit() and _maybe_bytes(value) == str(int(seen))


def _events(text: str) -> frozenset[str]:
    """The letters of events; A stands for most of them."""
    return frozenset(text) - (_EVERY_EVENT if "A" in text else frozenset())


def _limits(text: str) -> dict[str, tuple[str, ...]]:
    """The limits by class of client; those that a text does not name stay as they are."""
    words = text.split()
    return {words[at]: tuple(words[at + 1 : at + 4]) for at in range(0, len(words), 4)}


def in_question(seen: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """The wanted settings whose text is another than that of the node: another value, or another spelling of it."""
    return {
        name: value
        for name, value in settings.items()
        if name in seen
        and not alike(name, seen[name], value)
        and name not in _NEVER_TRIED
        and not name.startswith("tls-")
    }


def spelling_questions(seen: Mapping[str, str], settings: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The commands of the transaction in which a node spells settings: each is set, read and set back."""
    return [
        words
        for name, value in settings.items()
        for words in (
            ("CONFIG", "SET", name, value),
            ("CONFIG", "GET", name),
            ("CONFIG", "SET", name, seen[name]),
        )
    ]


def spellings_from(settings: Mapping[str, str], answers: Sequence[Any]) -> dict[str, str]:
    """The node's spelling of each setting, from its answers. Raises InputError for a value that it refuses."""
    found: dict[str, str] = {}
    for name, (taken, read, restored) in zip(settings, zip(answers[0::3], answers[1::3], answers[2::3])):
        if isinstance(taken, Exception):
            raise InputError(f"settings.{name} {settings[name]!r} is refused by Redis: {taken}")
        if isinstance(restored, Exception):
            raise StateError(f"{name} was tried and could not be set back: {restored}; set it by hand")
        values = list(read.values()) if isinstance(read, Mapping) else list(read)[1::2]
        found[name] = str(values[0])
    return found


def share_of_memory(share: float, smallest_bytes: int) -> str | None:
    """The maxmemory, in bytes, that `share` of the smallest node's memory gives, in whole MiB; None where unknown."""
    mebibytes = int(smallest_bytes * share) // MIB
    return str(mebibytes * MIB) if mebibytes > 0 else None


def _bytes(name: str, text: str) -> str:
    match = re.fullmatch(r"(\d+)\s*([a-z]*)", text.lower())
    if match is None or match.group(2) not in _UNITS:
        raise InputError(f"settings.{name} must be a size such as 256mb or a count of bytes, not {text!r}")
    return str(int(match.group(1)) * _UNITS[match.group(2)])


def _maybe_bytes(word: str) -> str:
    match = re.fullmatch(r"(\d+)([a-z]*)", word.lower())
    if match is None or match.group(2) not in _UNITS:
        return word
    return str(int(match.group(1)) * _UNITS[match.group(2)])
