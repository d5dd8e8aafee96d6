# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a host as return values, and those of an estate as a table and as metrics. Pure.

Metrics have moments, not ages: a file that is not renewed any more would go on to show many days left.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_scan import (
    CRITICAL,
    UNKNOWN,
    WARNING,
    ListRow,
    Row,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_metrics import Number, lines

PREFIX = "gantry_odoo_certificate"
_DAY_S = 86400.0
# Columns of a terminal, lines of a table or list, of which an estate may have a thousand, and names in a sentence.
WIDE, ROWS, _FEW = 80, 40, 4
_WRONG, _DUE, _UNUSED, _OK = "wrong", "due", "unused", "ok"
_STATES = {_WRONG: "wrong", _DUE: "due", _OK: "in order", _UNUSED: "not in use"}
_ORDER = tuple(_STATES)
Entry = Mapping[str, Any]


def entry(row: Row, now: datetime) -> dict[str, Any]:
    """A certificate as gantry.odoo.certificate_info returns it."""
    seen, first = row.seen, next((one for one in row.held if one.request), None)
    fits = [one.key_fits for one in row.held if one.key_fits is not None]
    return {
        "name": excerpt(row.name),
        "requested": first is not None,
        "wanted": row.wanted,
        "names": list(seen.names) if seen else [],
        "subject": seen.subject if seen else "",
        "issuer": seen.issuer if seen else "",
        "serial": f"{seen.own.serial:X}" if seen else "",
        "fingerprint_sha256": seen.own.fingerprint_sha256 if seen else "",
        "key_id": seen.key_id if seen else "",
        "not_before": seen.own.not_before.isoformat() if seen else "",
        "not_after": seen.own.not_after.isoformat() if seen else "",
        **_left(seen.own.not_before if seen else None, seen.own.not_after if seen else None, now),
        "renew_share": row.renew_share,
        "chain": seen.trust if seen else UNKNOWN,
        "authority": seen.authority if seen else "",
        "authority_not_after": seen.authority_ends.isoformat() if seen and seen.authority_ends else "",
        "key_fits": all(fits) if fits else None,
        "files": [one.path for one in row.held],
        "served": [one.place for one in row.served],
        "due": row.due,
        "findings": [asdict(one) for one in row.findings],
    }


def list_entry(row: ListRow, now: datetime) -> dict[str, Any]:
    """The list of an authority as gantry.odoo.certificate_info returns it."""
    begin, end = (row.seen.last_update, row.seen.next_update) if row.seen else (None, None)
    return {
        "authority": row.authority,
        "path": row.path,
        "last_update": begin.isoformat() if begin else "",
        "next_update": end.isoformat() if end else "",
        **_left(begin, end, now),
        "due": row.due,
        "findings": [asdict(one) for one in row.findings],
    }


def _left(begin: datetime | None, end: datetime | None, now: datetime) -> dict[str, float | None]:
    """What is left of a validity, null where its end is not known."""
    left = (end - now).total_seconds() if end else None
    lifetime = (end - begin).total_seconds() if begin and end else 0.0
    return {
        "days_left": None if left is None else round(left / _DAY_S, 2),
        "share_left": None if left is None else round(left / lifetime, 4) if lifetime > 0 else 0.0,
    }


@dataclass(frozen=True)
class Host:
    """The answer of one host. silence: why it gave none. lists: those of revoked certificates."""

    name: str
    certificates: Sequence[Entry] = ()
    unknown: Sequence[Mapping[str, str]] = ()
    clock: str = ""
    clock_ahead_s: float | None = None
    time: datetime | None = None
    silence: str = ""
    lists: Sequence[Entry] = ()

    @property
    def rows(self) -> list[Entry]:
        """What it has, as rows of the table."""
        return [*self.certificates, *(_as_row(one) for one in self.lists)]


def _as_row(one: Entry) -> Entry:
    """A list beside certificates."""
    facts = {
        "name": f"{one['authority']} (list)",
        "names": (),
        "issuer": one["authority"],
        "served": (),
        "wanted": True,
    }
    return {**one, **facts, "fingerprint_sha256": f"{one['authority']} {one['next_update']}"}


def host(name: str, answer: Mapping[str, Any] | None) -> Host:
    """A host by the result of certificate_info, None where it was not asked."""
    if answer is None:
        return Host(name, silence="was not asked, as it was lost before")
    if "certificates" not in answer:
        return Host(name, silence=excerpt(str(answer.get("msg") or "gave no answer").removeprefix("Task failed: ")))
    return Host(
        name,
        answer["certificates"],
        answer["unknown"],
        answer["clock"],
        answer["clock_ahead_s"],
        datetime.fromisoformat(answer["time"]),
        lists=answer.get("lists", ()),
    )


def state(one: Entry) -> str:
    """wrong, due, ok or unused."""
    if any(finding["severity"] == CRITICAL for finding in one["findings"]):
        return _WRONG
    return _DUE if one["due"] else _OK if one["wanted"] else _UNUSED


def failure(hosts: Sequence[Host], *, enforce: bool) -> str:
    """Why a run is to fail: what is not known, and with `enforce` what is wrong. Empty where nothing is."""
    silent = [name for name, _why in _silent(hosts)]
    wrong = [_on(one, [where.name]) for where in hosts for one in where.rows if state(one) == _WRONG]
    wrong += [f"the clock of {one.name}" for one in hosts if one.clock]
    parts = [f"not known: {_few(silent)}"] if silent else []
    parts += [f"wrong: {_few(wrong)}"] if wrong and enforce else []
    return f"certificates are {'; '.join(parts)}; the table names the reasons" if parts else ""


def screen(hosts: Sequence[Host]) -> list[str]:
    """All certificates as a table for a terminal of 80 columns, with what is wrong, due and not known below it."""
    merged = _merged(hosts)
    counts = {kind: sum(state(one) == kind for one, _hosts in merged) for kind in _ORDER}
    told = [f"{counts[kind]} {_STATES[kind]}" for kind in _ORDER if counts[kind]]
    silent = list(_silent(hosts))
    told += ["some unknown"] if silent else []
    head = f"Certificates of {len(hosts)} host{'s' * (len(hosts) != 1)}: {', '.join(told) or 'none'}"
    shown = sorted(merged, key=lambda one: (_ORDER.index(state(one[0])), one[0]["days_left"] or 0.0))
    return [
        head,
        "",
        *_table(shown),
        *_section("What is wrong", _told(merged, CRITICAL, hosts)),
        *_section("What is due", ((_on(one, where), one["due"]) for one, where in shown if one["due"])),
        *_section("What to look at", _told(merged, WARNING, ())),
        *_section("What is not known", silent),
    ]


def document(hosts: Sequence[Host]) -> list[dict[str, Any]]:
    """All that was found, by host, for a file of JSON."""
    return [
        {
            "host": one.name,
            "answered": not one.silence,
            "why": one.silence,
            "time": one.time.isoformat() if one.time else "",
            "clock": one.clock,
            "certificates": list(one.certificates),
            "lists": list(one.lists),
            "unknown": list(one.unknown),
        }
        for one in hosts
    ]


@dataclass(frozen=True)
class Metric:
    """One metric of certificates. samples: further labels and values; none where it is not known."""

    name: str
    text: str
    samples: Callable[[Entry], Iterable[tuple[dict[str, str], Number]]]


def _moment(key: str) -> Callable[[Entry], Iterable[tuple[dict[str, str], Number]]]:
    return lambda one: [({}, datetime.fromisoformat(one[key]).timestamp() if one[key] else None)]


def _findings(one: Entry) -> Iterator[tuple[dict[str, str], Number]]:
    for severity in (CRITICAL, WARNING):
        yield {"severity": severity}, len(_sentences(one, severity))


METRICS = (
    Metric("wanted", "1 for each certificate that is in use.", lambda one: [({}, 1 if one["wanted"] else None)]),
    Metric("not_before_timestamp_seconds", "Begin of validity of a certificate with its chain.", _moment("not_before")),
    Metric("not_after_timestamp_seconds", "End of validity of a certificate with its chain.", _moment("not_after")),
    Metric("renew_share", "Share of its lifetime below which it is renewed.", lambda one: [({}, one["renew_share"])]),
    Metric("due", "Whether it is to be renewed.", lambda one: [({}, float(bool(one["due"])))]),
    Metric("endpoints", "Endpoints that serve it.", lambda one: [({}, len(one["served"]))]),
    Metric("findings", "Findings about it by severity.", _findings),
)
# Of a host, by the attribute that has it.
EXPECTED, OBSERVED = f"{PREFIX}_host_expected", f"{PREFIX}_observed_timestamp_seconds"
UNANSWERED, CLOCK = f"{PREFIX}_endpoints_unknown", f"{PREFIX}_clock_ahead_seconds"


# Of a list of revoked certificates, by the key that has it.
LISTED = f"{PREFIX}_list_expected"
LISTS = (
    (
        "last_update",
        f"{PREFIX}_list_last_update_timestamp_seconds",
        "Begin of validity of a list of revoked certificates.",
    ),
    (
        "next_update",
        f"{PREFIX}_list_next_update_timestamp_seconds",
        "End of validity of a list of revoked certificates.",
    ),
)


def metrics(hosts: Sequence[Host]) -> str:
    """All metrics, in the text form of Prometheus."""
    answered = [one for one in hosts if one.time is not None]
    found = [
        *lines(EXPECTED, "1 for each host that has certificates.", [({"host": one.name}, 1) for one in hosts]),
        *lines(OBSERVED, "Time of the answer of a host.", [({"host": one.name}, _seconds(one)) for one in answered]),
        *lines(
            UNANSWERED,
            "Endpoints of a host that served no certificate.",
            [({"host": one.name}, len(one.unknown)) for one in answered],
        ),
        *lines(
            CLOCK,
            "How far the clock of a host is ahead.",
            [({"host": one.name}, one.clock_ahead_s) for one in answered],
        ),
    ]
    for metric in METRICS:
        samples: dict[tuple[tuple[str, str], ...], tuple[dict[str, str], Number]] = {}
        for where in answered:
            for one in where.certificates:
                if not one["wanted"]:
                    continue
                for labels, value in metric.samples(one):
                    labelled = {"host": where.name, "certificate": _series(one), **labels}
                    # no name stands twice in a file of metrics
                    samples.setdefault(tuple(labelled.items()), (labelled, value))
        found += lines(f"{PREFIX}_{metric.name}", metric.text, samples.values())
    return "\n".join(found + list(_list_metrics(answered))) + "\n"


def _list_metrics(answered: Sequence[Host]) -> Iterator[str]:
    lists = [
        ({"host": where.name, "authority": str(one["authority"])}, one) for where in answered for one in where.lists
    ]
    yield from lines(
        LISTED, "1 for each list of revoked certificates of a host.", [(labels, 1) for labels, _one in lists]
    )
    for key, name, text in LISTS:
        yield from lines(
            name,
            text,
            [(labels, datetime.fromisoformat(one[key]).timestamp() if one[key] else None) for labels, one in lists],
        )


def _series(one: Entry) -> str:
    """What stays the same when a certificate is renewed, and tells it from others of its host."""
    return str(one["name"]) if one["requested"] or not one["files"] else str(one["files"][0])


def _seconds(one: Host) -> Number:
    return one.time.timestamp() if one.time is not None else None


def _sentences(one: Entry, severity: str) -> list[str]:
    return [finding["sentence"] for finding in one["findings"] if finding["severity"] == severity]


def _merged(hosts: Sequence[Host]) -> list[tuple[Entry, list[str]]]:
    """Each certificate with the hosts that have it; what differs by the host is a row of its own."""
    found: dict[tuple[str, str, str, str, bool], tuple[Entry, list[str]]] = {}
    for where in hosts:
        for one in where.rows:
            digest = one["fingerprint_sha256"] or where.name
            wrong = where.name if state(one) == _WRONG else ""
            key = (one["name"], digest, one["due"], wrong, bool(one["served"]))
            found.setdefault(key, (one, []))[1].append(where.name)
    return list(found.values())


def _table(rows: Sequence[tuple[Entry, list[str]]]) -> list[str]:
    if not rows:
        return []
    rest, rows = len(rows) - ROWS, rows[:ROWS]
    cells = [("CERTIFICATE", "NAMES", "ISSUER", "DAYS", "LEFT", "SERVED", "STATE")]
    cells += [
        (one["name"], _first(one["names"]), one["issuer"] or "-", _days(one), _share(one), _where(one, on), state(one))
        for one, on in rows
    ]
    most = (16, WIDE, 15, 5, 4, 9, 6)
    wide = [min(limit, max(len(row[place]) for row in cells)) for place, limit in enumerate(most)]
    # what others need not goes to the names
    wide[1] = min(max(len(row[1]) for row in cells), WIDE - 2 - 2 * (len(wide) - 1) - sum(wide) + wide[1])
    lines_ = ["  " + "  ".join(_cell(*one) for one in zip(row, wide, range(7))).rstrip() for row in cells]
    return [*lines_, *_more(rest), ""]


def _cell(text: str, wide: int, place: int) -> str:
    cut = text if len(text) <= wide else text[: wide - 2] + ".."
    return cut.rjust(wide) if place in (3, 4) else cut.ljust(wide)


def _first(names: Sequence[str]) -> str:
    return f"{names[0]} +{len(names) - 1}" if len(names) > 1 else names[0] if names else "-"


def _days(one: Entry) -> str:
    return "-" if one["days_left"] is None else str(int(one["days_left"] // 1))


def _share(one: Entry) -> str:
    return "-" if one["share_left"] is None else f"{max(0, one['share_left'] * 100):.0f}%"


def _where(one: Entry, hosts: Sequence[str]) -> str:
    if not one["served"]:
        return "-"
    return hosts[0] if len(hosts) == 1 else f"{hosts[0]} +{len(hosts) - 1}"


def _told(
    merged: Sequence[tuple[Entry, Sequence[str]]], severity: str, hosts: Sequence[Host]
) -> Iterator[tuple[str, str]]:
    for one, on in merged:
        for sentence in _sentences(one, severity):
            yield _on(one, on), sentence
    yield from ((one.name, one.clock) for one in hosts if one.clock)


def _on(one: Entry, hosts: Sequence[str]) -> str:
    return f"{one['name']} on {', '.join(hosts)}"


def _silent(hosts: Sequence[Host]) -> Iterator[tuple[str, str]]:
    yield from ((one.name, one.silence) for one in hosts if one.silence)
    for where in hosts:
        whys: dict[str, list[str]] = {}
        for one in where.unknown:
            whys.setdefault(one["why"], []).append(one["place"])
        yield from ((f"{_few(places)} on {where.name}", why) for why, places in whys.items())


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {rest} more" if rest > 0 else "")


def _more(rest: int) -> list[str]:
    return [f"  and {rest} more, which are in the file of JSON where one is asked for"] if rest > 0 else []


def _section(title: str, told: Iterable[tuple[str, str]]) -> list[str]:
    listed = list(told)
    wrapped = [line for name, sentence in listed[:ROWS] for line in _wrapped(f"{name}: {sentence}")]
    return [title, *wrapped, *_more(len(listed) - ROWS), ""] if listed else []


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDE, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
