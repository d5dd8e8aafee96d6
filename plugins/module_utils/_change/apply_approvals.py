# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for approval and signed approvals in a change store: each an object that is created once and kept.

requests/        what was asked for, in order
approvals/       signed statements, by the digest of the change
used/            the change that has used the approvals of a request
reviews/         signed reviews of emergencies, by the id of the change, see apply_emergencies.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    MOST_REQUEST_BYTES,
    Asked,
    Request,
    Sealed,
    Statement,
    canonical,
    request_from,
    sealed_from,
    statement_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Identities
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import (
    ANY_AGE,
    Found,
    Limits,
    Signed,
    may_wait,
    open_request,
    plan_found,
    require_review,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_signature import Verifier
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    BAD_VALUES,
    InputError,
    RefusedError,
    StateError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import fields, parse_document, text
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects, read_several

# So many of the newest requests are looked at for one that waits, and so many approvals of one change.
LOOKED_AT, MOST_APPROVALS = 200, 50
_LAST = 10**9 - 1
# So often a person may approve one request, each time after the last approval has become too old.
_MOST_TURNS = 99


@dataclass(frozen=True)
class Approvals:
    """The requests and approvals in a change store."""

    objects: Objects
    limits: Limits = field(default_factory=Limits)

    def ask(self, asked: Asked, now: datetime, deadline: Deadline) -> Request:
        """Have a change wait for approval; the request, which is the one that waits already if there is one."""
        listed = self.newest(now)
        found = open_request(asked, listed, self.used(one.number for one in listed), self.limits, now)
        if found:
            return next(one for one in listed if one.number == found)
        if len(canonical(asked.as_body())) > MOST_REQUEST_BYTES:
            raise InputError(
                f"the change has more than {MOST_REQUEST_BYTES} bytes, and is too large to be approved; split it"
            )
        body = Request(0, asked, now).as_body()
        record = self._log.write(lambda last: Record(1 if last is None else last.number + 1, body), deadline)
        return Request(record.number, asked, now)

    def find(self, asked: Asked, change: str, identities: Identities, now: datetime) -> Found:
        """The approvals that count for a change, verified, and why others do not. Nothing is written.

        change: the id of the one that asks, whose own use does not count. A resumed change gives that of the former.
        """
        signed, refused = self.signed(asked.digest, Verifier(identities, now))
        numbers = sorted({one.statement.request for one in signed})
        requests, unread = self.requests(numbers)
        used = self.used(numbers)
        found = plan_found(asked, requests, signed, used, change, identities, self.limits, now)
        return Found(found.request, found.approvals, (*refused, *unread, *found.refused))

    def use(self, name: str, change: str) -> None:
        """Have a change use an approval: of a request, by its number, or of another name.

        Raises RefusedError where another change has.
        """
        key, data = _used(name), json.dumps({"change": change}).encode()
        if self.objects.create(key, data):
            return
        user = self._user(self.objects.get(key), key)
        if user != change:
            raise RefusedError(f"approval {name} was used by {user} and counts once; have the change approved again")

    def user(self, name: str) -> str:
        """The change that has used an approval, by its name as for `use`; empty where none has."""
        key = _used(name)
        data = self.objects.get(key)
        return "" if data is None else self._user(data, key)

    def used(self, numbers: Iterable[int]) -> dict[int, str]:
        """The change that has used each request; those that were not used are left out."""
        listed = list(numbers)
        keys = [_used(str(one)) for one in listed]
        read = zip(listed, keys, read_several(self.objects, keys))
        return {one: self._user(data, key) for one, key, data in read if data is not None}

    def newest(self, now: datetime) -> list[Request]:
        """The newest requests that may still be approved by their age, the oldest first; emergencies of any age."""
        records = self._log.records(limit=LOOKED_AT)
        listed = [request_from(one.number, one.body, self.objects.where) for one in records]
        return [one for one in listed if may_wait(one, self.limits, now)]

    def approve(self, statement: Statement, sealed: Sealed) -> Sealed:
        """Keep a signed approval; where that person has approved the request and it still holds, that approval."""
        above = f"{_of_request(statement.digest, statement.request)}{statement.by}"
        for turn in range(1, _MOST_TURNS + 1):
            key = f"{above}/{turn:02d}"
            kept = self._kept(key, sealed)
            if kept == sealed or statement.time - statement_from(kept.text, self._where(key)).time <= self.limits.holds:
                return kept
        raise RefusedError(
            f"request {statement.request} was approved {_MOST_TURNS} times by {statement.by}, and each is too old; "
            "request the change again"
        )

    def review(self, statement: Statement, sealed: Sealed) -> Sealed:
        """Keep a signed review; where that person has reviewed the change already, that review."""
        return self._kept(f"{_of_change(statement.subject)}{statement.by}", sealed)

    def reviews(self, change: str, requester: str, verifier: Verifier) -> list[Signed]:
        """The verified reviews of a change by others who may; the others prove nothing."""
        keys = self.objects.names(_of_change(change), MOST_APPROVALS)
        found = []
        for key, data in zip(keys, read_several(self.objects, keys)):
            with suppress(RefusedError, StateError):
                one = verifier.verified(sealed_from(data or b"", self._where(key)), self._where(key))
                require_review(one, change, requester, verifier.identities)
                found.append(one)
        return found

    def approved_by(self, request: Request, identities: Identities, now: datetime) -> list[str]:
        """Those whose approval of a request counts; of an emergency, also one that is older than approvals hold."""
        signed, _refused = self.signed(request.asked.digest, Verifier(identities, now))
        limits = replace(self.limits, holds=ANY_AGE) if request.asked.classification == EMERGENCY else self.limits
        found = plan_found(request.asked, {request.number: request}, signed, {}, "", identities, limits, now)
        return [one.by for one in found.approvals]

    def signed(self, digest: str, verifier: Verifier) -> tuple[list[Signed], list[str]]:
        """The verified approvals of a change, and a sentence for each that is none."""
        signed, refused = [], []
        keys = self.objects.names(_approvals(digest), MOST_APPROVALS)
        for key, data in zip(keys, read_several(self.objects, keys)):
            try:
                if data is not None:
                    signed.append(verifier.verified(sealed_from(data, self._where(key)), self._where(key)))
            except (RefusedError, StateError) as error:
                refused.append(str(error))
        return signed, refused

    def requests(self, numbers: Sequence[int]) -> tuple[dict[int, Request], list[str]]:
        """The requests with these numbers, and a sentence for each that cannot be read."""
        found, refused = {}, []
        for one in numbers:
            try:
                record = self._log.record(one)
                if record is not None:
                    found[one] = request_from(one, record.body, self.objects.where)
            except StateError as error:
                refused.append(str(error))
        return found, refused

    def _kept(self, key: str, sealed: Sealed) -> Sealed:
        if self.objects.create(key, sealed.as_bytes()):
            return sealed
        data = self.objects.get(key)
        if data is None:
            raise StateError(
                f"{key} in the {self.objects.where} is there and cannot be read; see whether it is consistent"
            )
        return sealed_from(data, self._where(key))

    def _user(self, data: bytes | None, key: str) -> str:
        where = self._where(key)
        try:
            return text(fields(parse_document(data or b"", where))["change"])
        except BAD_VALUES as error:
            raise StateError(f"{where} names no change ({error!r}); see who wrote it") from error

    def _where(self, key: str) -> str:
        return f"{key} in the {self.objects.where}"

    @property
    def _log(self) -> Log:
        return Log(self.objects, "requests")


def _approvals(digest: str) -> str:
    return f"approvals/{digest}/"


def _of_request(digest: str, request: int) -> str:
    # numbers count down, since listings begin with the smallest
    return f"{_approvals(digest)}{_LAST - request:09d}-"


def _of_change(change: str) -> str:
    return f"reviews/{_plain(change)}/"


def _used(name: str) -> str:
    return f"used/{_plain(name)}"


def _plain(name: str) -> str:
    # a name is part of a key, and must not lead elsewhere in a directory
    return quote(name, safe="").replace(".", "%2E")
