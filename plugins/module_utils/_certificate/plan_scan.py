# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is due and what is wrong with the certificates of a host. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import Found, Request, covers
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_authority import Authority
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_scan import (
    CRITICAL,
    UNTRUSTED,
    WARNING,
    Finding,
    Held,
    ListRow,
    RevokedList,
    Row,
    Seen,
    Served,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan import CLOCKS_DIFFER, Due, Policy, reason
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan_authority import list_is_due

# an authority that is made with what it issues expires some seconds before that
_TOGETHER = timedelta(days=1)


def judge(
    held: Sequence[Held], answers: Sequence[Served], due: Sequence[Due], policy: Policy, now: datetime
) -> list[Row]:
    """One row for each certificate, in the order of the files, those that are only served behind them.

    due: the requests that are due, as `plan.plan` returns them, by which what is requested is judged.
    """
    whys = {one.request.name: f"{one.why}; {one.deferred}" if one.deferred else one.why for one in due}
    groups = _groups(held)
    by_path = {one.path: one for one in held}
    wrong = _served_otherwise(answers, by_path)
    places: dict[str, list[Served]] = {}
    for answer in answers:
        if answer.seen is not None:
            places.setdefault(_digest(answer.seen), []).append(answer)
    rows = []
    for copies in groups:
        digest, paths = _digest(copies[0].seen), {one.path for one in copies}
        # of two requests with one certificate, each has the endpoints that are to serve its file
        here = [
            one
            for one in places.get(digest, ())
            if one.endpoint.file in paths or _digest_of(by_path.get(one.endpoint.file)) != digest
        ]
        rows.append(_row(copies, here, copies[0].seen, whys, wrong, policy, now))
    known = {_digest(one.seen) for one in held}
    return rows + [
        _row([], found, found[0].seen, whys, wrong, policy, now)
        for digest, found in places.items()
        if digest not in known
    ]


def judge_lists(path: str, names: Iterable[str], read: Sequence[RevokedList] | str, now: datetime) -> list[ListRow]:
    """One row for each authority whose list a file is to hold. read: the lists in it, or why it has none."""
    if isinstance(read, str):
        return [_list_row(name, path, None, f"{path} {read}", now) for name in names]
    by_signer = {one.signer: one for one in read}
    return [
        _list_row(name, path, by_signer.get(Authority(name, ()).signer), f"{path} has no list of {name}", now)
        for name in names
    ]


def _list_row(name: str, path: str, seen: RevokedList | None, lacking: str, now: datetime) -> ListRow:
    due, fault = "", ""
    remedy = "gantry.odoo.renew_certificates writes a new one"
    if seen is None:
        fault = f"{lacking}; {remedy}"
    elif seen.next_update is None:
        fault = f"the list in {path} does not say until when it is valid; {remedy}"
    elif seen.next_update <= now:
        fault = (
            f"the list in {path} has expired since {seen.next_update:%Y-%m-%d %H:%M} UTC, and who reads it refuses all "
            f"certificates of {name}; {remedy}"
        )
    elif list_is_due(seen.last_update, seen.next_update, now):
        due = f"its list in {path} is valid until {seen.next_update:%Y-%m-%d %H:%M} UTC; {remedy}"
    return ListRow(name, path, seen, due, (Finding("list", CRITICAL, fault),) if fault else ())


def _groups(held: Sequence[Held]) -> list[list[Held]]:
    """Each certificate with its copies; of what is requested, one for each request."""
    groups: dict[tuple[str, str], list[Held]] = {}
    first: dict[str, tuple[str, str]] = {}
    for one in held:
        # what cannot be read is no copy of another
        digest = _digest(one.seen) or f"path {one.path}"
        key = (digest, one.request) if one.request else first.get(digest, (digest, ""))
        first.setdefault(digest, key)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def clock_fault(ahead: timedelta) -> str:
    """What is wrong with the clock of a host that is so far ahead of the one which asks; empty where it will do."""
    if abs(ahead) <= CLOCKS_DIFFER:
        return ""
    off = timedelta(seconds=round(abs(ahead).total_seconds()))
    return (
        f"its clock is {off} (days, hours:minutes:seconds) {'ahead of' if ahead > timedelta(0) else 'behind'} that of "
        "the controller; set it, since it decides which certificates are renewed"
    )


def _digest(seen: Seen | None) -> str:
    return seen.own.fingerprint_sha256 if seen is not None else ""


def _digest_of(file: Held | None) -> str:
    return _digest(file.seen) if file is not None else ""


def _served_otherwise(answers: Iterable[Served], by_path: Mapping[str, Held]) -> dict[str, list[str]]:
    """The endpoints that serve another certificate than their file holds, by its path."""
    found: dict[str, list[str]] = {}
    for answer in answers:
        file = by_path.get(answer.endpoint.file)
        # where there is no certificate in the file, that is what is wrong
        if file is not None and file.seen and answer.seen and _digest(answer.seen) != _digest(file.seen):
            found.setdefault(file.path, []).append(answer.endpoint.place)
    return found


def _row(
    copies: Sequence[Held],
    places: Sequence[Served],
    seen: Seen | None,
    whys: Mapping[str, str],
    wrong: Mapping[str, Sequence[str]],
    policy: Policy,
    now: datetime,
) -> Row:
    first = next((one for one in copies if one.request), copies[0] if copies else None)
    share = first.renew_share if first is not None else policy.renew_share
    # a copy that is served is in use, whatever else is no longer requested
    wanted = bool(places) or any(one.wanted for one in copies)
    due = ""
    if first is not None and first.request:
        due = whys.get(first.request, "")
    elif wanted and seen is not None:
        request = Request("", seen.own.domains)
        due, _pace = reason(request, Found(current=seen.own), Policy(share, spread=0.0), now)
    chain = list(_of_chain(seen, now)) if seen is not None and wanted else []
    findings = [
        *(finding for one in copies for finding in _of_file(one, wrong)),
        *(_of_names(seen, places) if seen is not None else ()),
        *chain,
        *_of_served_chains(places, chain, now),
    ]
    endpoints = tuple(one.endpoint for one in places)
    name = first.label if first is not None else endpoints[0].place
    return Row(name, seen, tuple(copies), endpoints, due, share, tuple(findings), wanted)


def _of_file(one: Held, wrong: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    if one.fault and one.wanted:
        yield Finding("file", CRITICAL, f"{one.path} {one.fault}")
    if one.path in wrong:
        places = ", ".join(wrong[one.path])
        yield Finding(
            "served",
            CRITICAL,
            f"{places} serves another certificate than {one.path}; have the server read it, by gantry.odoo.site",
        )
    if one.refusal is not None:
        yield Finding(
            "refused",
            WARNING,
            f"its order was refused, {one.refusal.tries} in a row ({one.refusal.why}); the next one comes from "
            f"{one.refusal.until:%Y-%m-%d %H:%M} UTC on",
        )


def _of_names(seen: Seen, places: Sequence[Served]) -> Iterator[Finding]:
    endpoints = [one.endpoint for one in places]
    lacking = [one for one in endpoints if one.server_name and not covers(seen.names, one.server_name)]
    if lacking:
        asked = ", ".join(one.place for one in lacking)
        yield Finding("name", CRITICAL, f"{asked} serves it, and it is for {', '.join(seen.names) or 'no name'}")


def _of_chain(seen: Seen, now: datetime) -> Iterator[Finding]:
    if seen.not_before > now:
        yield Finding("early", CRITICAL, f"it is valid only from {seen.not_before:%Y-%m-%d %H:%M} UTC on")
    if seen.not_after <= now:
        yield Finding("expired", CRITICAL, f"it has expired since {seen.not_after:%Y-%m-%d %H:%M} UTC")
    ends = [(seen.own.not_after, seen.own.intermediate)] if seen.own.intermediate else []
    if seen.authority_ends is not None:
        ends.append((seen.authority_ends, seen.authority))
    for moment, name in ends:
        if moment <= now:
            yield Finding("authority", CRITICAL, f"its authority {name} has expired since {moment:%Y-%m-%d %H:%M} UTC")
        elif moment < seen.not_after - _TOGETHER:
            yield Finding("authority", WARNING, f"its authority {name} expires before it, on {moment:%Y-%m-%d} UTC")
    if seen.trust == UNTRUSTED:
        advice = "and its issuer is not trusted; add the intermediate, or trust the issuer"
        yield Finding("chain", CRITICAL, f"its chain ends at {seen.last}, {advice}")


def _of_served_chains(places: Sequence[Served], known: Sequence[Finding], now: datetime) -> Iterator[Finding]:
    """What is wrong with the chains that are served, and not with that of the file."""
    for one in places:
        for finding in _of_chain(one.seen, now) if one.seen is not None else ():
            if finding not in known:
                yield replace(finding, sentence=f"as {one.endpoint.place} serves it, {finding.sentence}")
