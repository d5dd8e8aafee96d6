# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of the data nodes: who is declared, what a node lets each do, and what is missing.

One rule has many spellings, and each version of Redis writes its own. So each node is asked for its spelling of what is
declared: within one transaction it makes a user of a reserved name, lists it beside the real ones, and deletes it.
Nobody else can see that user, and nothing of it reaches a file or a replica.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# The user of a connection without one.
DEFAULT = "default"
_TRIAL = "gantry.trial."
_HASH = re.compile(r" #([0-9a-f]{64})")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f]+")
# Redis writes a user into its configuration without quotes, and takes these for the beginning of quoted text.
_UNREADABLE = re.compile(r"""["'\x00-\x1f\x7f]""")
# https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/, "ACL rules for Sentinel and Replicas"
REPLICATION_RULES = ("+psync", "+replconf", "+ping")
SENTINEL_RULES = (
    "&__sentinel__:hello",
    "+multi",
    "+slaveof",
    "+ping",
    "+exec",
    "+subscribe",
    "+config|rewrite",
    "+role",
    "+publish",
    "+info",
    "+client|setname",
    "+client|kill",
    "+script|kill",
)
_OWNED = {
    "on": "enabled",
    "off": "enabled",
    "nopass": "passwords",
    "resetpass": "passwords",
    "reset": "rules as a whole, which replace those that were",
}


@dataclass(frozen=True)
class User:
    """A declared user. hashes: SHA-256 of its passwords, in hexadecimal."""

    name: str
    rules: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    enabled: bool = True
    present: bool = True

    def words(self, name: str | None = None) -> tuple[str, ...]:
        """The command that makes it so, under another name where one is given."""
        passwords = (f"#{digest}" for digest in self.hashes)
        state = "on" if self.enabled else "off"
        return ("ACL", "SETUSER", name or self.name, "reset", "resetchannels", state, *passwords, *self.rules)


@dataclass(frozen=True)
class Grant:
    """What a node lets one user do. seen, wanted: as the node spells it, without passwords; None for no such user."""

    name: str
    seen: str | None
    wanted: str | None
    same_passwords: bool = True

    @property
    def is_right(self) -> bool:
        """Whether the node has the user as declared."""
        return self.seen == self.wanted and self.same_passwords

    def shown(self, after: bool = False) -> str | None:
        """The rules, and whether the passwords are right, for a difference."""
        rules = self.wanted if after else self.seen
        if rules is None:
            return None
        return rules if after or self.same_passwords else f"{rules} (passwords differ)"


@dataclass(frozen=True)
class _Listed:
    rules: str
    hashes: frozenset[str]


def users_from(params: Mapping[str, Any]) -> tuple[User, ...]:
    """The users of the module's options, those of replication and of the Sentinels included. Raises InputError."""
    users = [_user(item) for item in params["users"] or []]
    for option, rules in (("replication", REPLICATION_RULES), ("sentinel", SENTINEL_RULES)):
        name, password = params[f"{option}_username"], params[f"{option}_password"]
        if (name is None) != (password is None):
            raise InputError(f"{option}_username and {option}_password belong together; set both or none")
        if name is not None:
            _check_name(f"{option}_username", name)
            users.append(User(name, rules, (digest_of(f"{option}_password", password),)))
    names = [user.name for user in users]
    own = params["username"] or DEFAULT
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"the user {name!r} is declared twice; give each of users and of the logins its own name")
        if name == own:
            raise InputError(
                f"the user {name!r} is declared, and this run logs in with it; it cannot take its own rights away: "
                "log in as another one"
            )
    return tuple(users)


def digest_of(option: str, password: str) -> str:
    """SHA-256 of a password as Redis keeps it. Raises InputError for an empty one."""
    if not password:
        raise InputError(f"{option} is empty; a user needs a password")
    return hashlib.sha256(password.encode()).hexdigest()


def questions(users: Sequence[User]) -> list[tuple[str, ...]]:
    """The commands of the transaction that tells what a node lets everybody do, and how it spells what is declared."""
    trials = _trials(users)
    asked: list[tuple[str, ...]] = [user.words(name) for name, user in trials.items()]
    asked.append(("ACL", "LIST"))
    return [*asked, ("ACL", "DELUSER", *trials)] if trials else asked


def grants_from(users: Sequence[User], answers: Sequence[Any], kept: frozenset[str] | None = None) -> tuple[Grant, ...]:
    """What a node lets each declared user do, from its answers to `questions`.

    kept: where given, each other user that is not declared is one that is to go.
    Raises InputError for a rule that this version of Redis does not know.
    """
    trials = _trials(users)
    for user, answer in zip(trials.values(), answers):
        if isinstance(answer, Exception):
            raise InputError(f"the user {user.name!r} has rules that Redis refuses: {answer}")
    there = dict(map(_named, answers[len(trials)]))
    wanted = {user.name: there[name] for name, user in trials.items()}
    found = [_grant(user.name, there.get(user.name), wanted.get(user.name)) for user in users]
    if kept is not None:
        strangers = set(there) - kept - set(trials) - {user.name for user in users}
        found += [Grant(name, there[name].rules, None) for name in sorted(strangers)]
    return tuple(found)


def hashes_of(name: str, lines: Sequence[Any]) -> frozenset[str]:
    """SHA-256 of the passwords that a user may log in with, from ACL LIST."""
    return dict(map(_named, lines)).get(name, _Listed("", frozenset())).hashes


def unreadable_users(lines: Sequence[Any]) -> tuple[str, ...]:
    """The users, from ACL LIST, with whom Redis could not read the configuration that it writes."""
    return tuple(_named(line)[0] for line in lines if _UNREADABLE.search(str(line)))


def unseen(users: Sequence[User]) -> tuple[Grant, ...]:
    """The grants of a node that was just installed and cannot be asked for its spelling."""
    return tuple(Grant(user.name, None, " ".join(user.rules)) for user in users if user.present)


def _trials(users: Sequence[User]) -> dict[str, User]:
    return {f"{_TRIAL}{number}": user for number, user in enumerate(users) if user.present}


def _named(line: Any) -> tuple[str, _Listed]:
    """A line of ACL LIST: `user app on #a1b2... ~app:* -@all +get`."""
    _word, name, rest = str(line).split(" ", 2)
    return name, _Listed(_HASH.sub("", f" {rest}").strip(), frozenset(_HASH.findall(f" {rest}")))


def _grant(name: str, seen: _Listed | None, wanted: _Listed | None) -> Grant:
    same = seen is None or wanted is None or seen.hashes == wanted.hashes
    return Grant(name, seen.rules if seen else None, wanted.rules if wanted else None, same)


def _user(item: Mapping[str, Any]) -> User:
    name = item["name"]
    _check_name("users", name)
    if item["state"] == "absent":
        if name == DEFAULT:
            raise InputError("the user 'default' cannot be removed from Redis; set enabled to false")
        return User(name, present=False)
    rules = tuple(rule.strip() for rule in item["rules"] or [])
    for rule in rules:
        _check_rule(name, rule)
    passwords = item["passwords"] or []
    if item["enabled"] and not passwords:
        raise InputError(f"the user {name!r} has no password; give it one, or set enabled to false")
    hashes = dict.fromkeys(digest_of(f"a password of the user {name!r}", password) for password in passwords)
    return User(name, rules, tuple(hashes), item["enabled"])


def _check_name(option: str, name: str) -> None:
    if not _NAME.fullmatch(name) or name.startswith(_TRIAL):
        raise InputError(f"{option} names {name!r}; a name has no blanks and does not begin with {_TRIAL}")
    _check_readable(f"{option} names {name!r}", name)


def _check_rule(name: str, rule: str) -> None:
    if not rule or (len(rule.split()) > 1 and not rule.startswith("(")):
        raise InputError(f"the user {name!r} has the rule {rule!r}; write each rule as an element of its own")
    if rule[0] in "<>#!":
        # The rule itself holds a secret.
        raise InputError(f"the user {name!r} has a rule that begins with {rule[0]!r}; that belongs into passwords")
    if rule.lower() in _OWNED:
        raise InputError(f"the user {name!r} has the rule {rule!r}; that belongs to {_OWNED[rule.lower()]}")
    _check_readable(f"the user {name!r} has the rule {rule!r}", rule)


def _check_readable(what: str, text: str) -> None:
    # https://github.com/redis/redis/issues/7329, seen with Redis 8.0
    if _UNREADABLE.search(text):
        raise InputError(
            f"{what}, which holds a quote or a control character; Redis writes it into its configuration without "
            "quotes and cannot start from that file; write it without, in a pattern with ? in its place"
        )
