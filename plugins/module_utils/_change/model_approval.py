# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for, what a person signs for it, and how the change store keeps both. Pure.

A digest is SHA-256 over a line that says what it is of and canonical JSON: names in the order of their code points, no
spaces, UTF-8. So no digest of one kind is one of another kind.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import (
    fields,
    flag,
    moment,
    number,
    parse_document,
    text,
    texts,
)

# What is signed holds for this collection alone, whatever else the key signs.
NAMESPACE = "change-approval@gantry.odoo"
APPROVED, REVIEWED = STATEMENTS = ("approved", "reviewed")
# More than any of ours has. What is larger is not looked at.
MOST_APPROVAL_BYTES, MOST_REQUEST_BYTES = 64 * 1024, 1024 * 1024
MOST_TEXT = 4000
_CHANGE, _POLICY = b"gantry.odoo change, version 1\n", b"gantry.odoo policy, version 1\n"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Inventory:
    """The state of an inventory. commit: of Git, empty where it is in none. dirty: whether files differ from that.

    content: digest of the files that differ, or of all without Git; empty where there are none.
    """

    commit: str = ""
    dirty: bool = False
    content: str = ""


@dataclass(frozen=True)
class Asked:
    """A change that waits for approval: all that a signature covers. requester: name of the identity.

    policy: the digest of each rule that it is judged by, by the name of its variable.
    """

    requester: str
    kind: str
    classification: str
    reason: str
    inventory: Inventory
    policy: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    part_facts: Mapping[str, Any] = field(default_factory=dict)
    covers: tuple[str, ...] = ()

    def as_body(self) -> dict[str, Any]:
        """What is asked for, as a record holds it and as its digest is made of it."""
        return {
            "requester": self.requester,
            "kind": self.kind,
            "class": self.classification,
            "reason": self.reason,
            "facts": dict(self.facts),
            "parts": list(self.parts),
            "part_facts": dict(self.part_facts),
            "covers": sorted(self.covers),
            "inventory": {
                "commit": self.inventory.commit,
                "dirty": self.inventory.dirty,
                "content": self.inventory.content,
            },
            "policy": dict(self.policy),
        }

    @property
    def digest(self) -> str:
        """What identifies the change."""
        return _digest(_CHANGE, self.as_body())


@dataclass(frozen=True)
class Request:
    """A change that was asked for. time: by the clock of the store. number: in the order of the requests, from 1."""

    number: int
    asked: Asked
    time: datetime

    def as_body(self) -> dict[str, Any]:
        """The record's body."""
        return {"asked": self.asked.as_body(), "digest": self.asked.digest, "time": self.time.isoformat()}


@dataclass(frozen=True)
class Statement:
    """What a person signs. says: one of STATEMENTS. time: by the clock of the store.

    request and digest: of the change. subject, words: the id of the change that is reviewed, and what was found.
    """

    says: str
    by: str
    time: datetime
    request: int = 0
    digest: str = ""
    subject: str = ""
    words: str = ""

    def as_text(self) -> str:
        """The very text that is signed, in ASCII."""
        return json.dumps(
            {
                "says": self.says,
                "by": self.by,
                "time": self.time.isoformat(),
                "request": self.request,
                "digest": self.digest,
                "subject": self.subject,
                "words": self.words,
            },
            sort_keys=True,
            separators=(",", ":"),
        )


@dataclass(frozen=True)
class Sealed:
    """A signed statement. text: what was signed. after: number of an entry that was in the ledger before."""

    text: str
    signature: str
    after: int = 0

    def as_bytes(self) -> bytes:
        """The object in the change store."""
        return json.dumps({"text": self.text, "signature": self.signature, "after": self.after}).encode()


def canonical(value: Any) -> bytes:
    """A value as its digest is made of it. Raises InputError where two programs could write it in two ways."""
    _require_plain(value, "the change")
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except ValueError as error:
        raise InputError(f"the change cannot be written for its digest: {error}; correct its facts") from error


def policy_of(rules: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each rule that changes are judged by, by its name, so that two inventories can be compared."""
    return {name: _digest(_POLICY, {name: value}) for name, value in rules.items()}


def policy_digest(policy: Mapping[str, str]) -> str:
    """One digest of all rules, for a person to compare."""
    return _digest(_POLICY, policy)


def request_from(number_: int, body: Mapping[str, Any], where: str) -> Request:
    """The request that a record holds. Raises StateError where it is none, or says another digest than its own."""
    try:
        found = Request(number(number_, 1), asked_from(fields(body["asked"])), moment(text(body["time"])))
        same = found.asked.digest == text(body["digest"])
    except (*BAD_VALUES, InputError) as error:
        raise StateError(f"request {number_} in the {where} cannot be read: {error}; see who wrote it") from error
    if not same:
        raise StateError(f"request {number_} in the {where} has another digest than its content; see who wrote it")
    return found


def asked_from(body: Mapping[str, Any]) -> Asked:
    """The change that `as_body` has written. Raises one of BAD_VALUES where it is none."""
    inventory = fields(body["inventory"])
    return Asked(
        requester=text(body["requester"]),
        kind=text(body["kind"]),
        classification=text(body["class"]),
        reason=text(body["reason"]),
        inventory=Inventory(text(inventory["commit"]), flag(inventory["dirty"]), text(inventory["content"])),
        policy={name: text(digest) for name, digest in fields(body["policy"]).items()},
        facts=fields(body["facts"]),
        parts=texts(body["parts"]),
        part_facts=fields(body["part_facts"]),
        covers=texts(body["covers"]),
    )


def sealed_from(data: bytes, where: str) -> Sealed:
    """The signed statement in an object. Raises StateError where it is none."""
    if len(data) > MOST_APPROVAL_BYTES:
        raise StateError(f"{where} has more than {MOST_APPROVAL_BYTES} bytes, so it is no approval; see who wrote it")
    found = parse_document(data, where)
    try:
        return Sealed(text(found["text"]), text(found["signature"]), number(found["after"]))
    except BAD_VALUES as error:
        raise StateError(f"{where} is no approval ({error!r}); see who wrote it") from error


def statement_from(said: str, where: str) -> Statement:
    """The statement that was signed. Raises StateError where it is none, or is not written as ours are."""
    found = parse_document(said.encode(), where)
    try:
        statement = Statement(
            says=text(found["says"]),
            by=text(found["by"]),
            time=moment(text(found["time"])),
            request=number(found["request"]),
            digest=text(found["digest"]),
            subject=text(found["subject"]),
            words=text(found["words"]),
        )
    except BAD_VALUES as error:
        raise StateError(f"{where} is no statement ({error!r}); see who wrote it") from error
    if statement.says not in STATEMENTS or statement.as_text() != said:
        raise StateError(f"{where} is not written as an approval is; see who wrote it")
    return statement


def is_digest(name: str) -> bool:
    """Whether a text can be the digest of a change."""
    return bool(_DIGEST.fullmatch(name))


def _digest(domain: bytes, value: Any) -> str:
    return hashlib.sha256(domain + canonical(value)).hexdigest()


def _require_plain(value: Any, path: str) -> None:
    """Raise InputError for what JSON has no word for, or changes on its way."""
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, (int, float)):
        # beyond that, programs that read JSON take a neighbour for it
        if not math.isfinite(value) or abs(value) > 2**53:
            raise InputError(f"{path}: {value!r} is no number that every program reads alike; give it as a text")
        return
    if isinstance(value, Mapping):
        for key, one in value.items():
            if not isinstance(key, str):
                raise InputError(f"{path}: the name {key!r} is no text; quote it")
            _require_plain(one, f"{path}.{key}")
        return
    if isinstance(value, (list, tuple)):
        for place, one in enumerate(value):
            _require_plain(one, f"{path}[{place}]")
        return
    raise InputError(f"{path}: {type(value).__name__} is no kind of value that a change has; give a text")
