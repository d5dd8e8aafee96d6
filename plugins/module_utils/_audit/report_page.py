# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit, from the verdict down. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import DENIED
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_page import (
    BAD,
    GOOD,
    PLAIN,
    WARN,
    Card,
    Key,
    Page,
    Pair,
    Section,
    Table,
    Tile,
    table,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_report import Picked, Report
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_proofs import (
    AHEAD,
    DRILL,
    KEPT,
    NONE_KNOWN,
    OLD,
    Certificate,
    Evidence,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.report_changes import (
    UNKNOWN,
    changes_table,
    gates_table,
    glass_card,
    shown,
    signed,
    tally_table,
    trouble_card,
    when,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.report_figures import month_figure, timeline_figure
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

_TONES = {KEPT: GOOD, OLD: BAD, NONE_KNOWN: BAD, AHEAD: BAD}
_KEPT = {True: signed(GOOD, "kept"), False: signed(BAD, "not kept"), None: UNKNOWN}
_NO_WITNESS = (
    "The ledger has no witness. That no entry was altered is shown by its chain; that none was cut off at its end, or "
    "that all of it was not written anew, is not."
)


def page(report: Report, picked: Picked, digest: str) -> Page:
    """The page. digest: SHA-256 of the file of JSON beside it."""
    checked = report.verification
    title = "Audit of changes" + (f" to {report.filters.tenant}" if report.filters.tenant else "")
    tone, heading = verdict(report)
    return Page(
        title,
        f"{checked.sentence[:1].upper()}{checked.sentence[1:]}.",
        tone,
        signed(tone, heading),
        [] if checked.verified else _alarms(),
        list(_facts(report, digest)),
        list(_tiles(report, picked)),
        list(_sections(report, picked)),
    )


def verdict(report: Report) -> tuple[str, str]:
    """The verdict on the ledger, as a tone and words."""
    checked = report.verification
    if not checked.verified:
        return BAD, "The ledger does not verify"
    if not checked.witness.where:
        return WARN, "The chain verifies, and no witness confirms it"
    if checked.witness.newest is None:
        return WARN, "The chain verifies, and its witness has not begun"
    return GOOD, "The ledger verifies"


def _alarms() -> list[str]:
    return [
        "Read what follows with care. The entries that are named below prove nothing, and others may have been "
        "replaced with them. All that can still be read is shown.",
        "Keep this report, the ledger and its witness as they are; compare both with their copies; find out who wrote "
        "into the change store.",
    ]


def _facts(report: Report, digest: str) -> Iterator[Pair]:
    checked, filters = report.verification, report.filters
    yield Pair("Ledger", [checked.where])
    yield Pair("Last entry", [f"{checked.last:,}", checked.hash or "none"])
    witness = checked.witness
    if not witness.where:
        yield Pair("Witness", ["none"])
    elif witness.newest:
        yield Pair(
            "Witness", [witness.where, f"knows entries {(witness.begun or 0) + 1:,} to {witness.newest.sequence:,}"]
        )
    else:
        yield Pair("Witness", [witness.where, witness.silence or "it has not begun yet"])
    since = when(filters.since) if filters.since else "the first entry"
    yield Pair("Time", [f"from {since} until {when(report.now)} UTC"])
    yield Pair("Tenant", [filters.tenant or "all"])
    yield Pair("report.json", [f"SHA-256 {digest}"])


def _tiles(report: Report, picked: Picked) -> Iterator[Tile]:
    summary = report.summary
    denied = summary.outcomes.get(DENIED, 0)
    late = sum(one.state != KEPT for one in report.evidence)
    yield Tile(f"{picked.changes.count:,}", "changes", PLAIN, "changes")
    yield Tile(f"{picked.open_count:,}", "not settled", BAD if picked.open_count else GOOD, "trouble")
    yield Tile(f"{denied:,}", "denied", WARN if denied else PLAIN, "gates")
    yield Tile(f"{picked.glass.count:,}", "broke the glass", WARN if picked.glass.count else PLAIN, "glass")
    yield Tile(f"{picked.lacking:,}", "of them lack approval or review", BAD if picked.lacking else GOOD, "glass")
    yield Tile(f"{summary.break_count:,}", "leases broken", WARN if summary.break_count else PLAIN, "leases")
    yield Tile(f"{late:,}", "proofs missing or too old", BAD if late else GOOD, "proofs")
    if report.scan.time:
        wrong = sum(bool(one.findings) for one in report.scan.certificates)
        yield Tile(f"{wrong:,}", "certificates with findings", BAD if wrong else GOOD, "certificates")
    else:
        yield Tile("?", "certificates not known", WARN, "certificates")


def _sections(report: Report, picked: Picked) -> Iterator[Section]:
    if not report.verification.verified:
        yield _faults(report)
    yield _look(report, picked)
    if report.summary.timeline:
        keys = [
            Key("done", "done"),
            Key("failed", "not done, interrupted or denied"),
            Key("break-glass", "break-glass"),
            Key("denied", "denied"),
            Key("lease-broken", "lease broken"),
        ]
        figures = [timeline_figure(report.summary.timeline)]
        yield Section("timeline", "Timeline", [], keys=keys, figures=figures)
    yield _tallies(report)
    yield _cards(
        "trouble",
        "Failed, interrupted and resumed changes",
        [trouble_card(one) for one in picked.trouble.newest()],
        "No change failed, was interrupted or had to be resumed.",
        shown(picked.trouble),
    )
    yield _cards(
        "glass",
        "Break-glass",
        [glass_card(one, report.now) for one in picked.glass.newest()],
        "No change was an emergency or overrode the gate.",
        [
            *shown(picked.glass),
            "A change stays red until the ledger has an approval and a review by others than its requester.",
        ],
    )
    yield Section("gates", "The gate", tables=[gates_table(picked)])
    yield _proofs(report)
    yield _certificates(report)
    yield _patches(report)
    yield _leases(report)
    yield _calendar(report)
    yield Section("changes", "All changes", tables=[changes_table(picked)])
    yield _ledger(report)


def _faults(report: Report) -> Section:
    checked = report.verification
    rows = [(_numbers(one.first, one.last), one.kind.replace("_", " "), one.sentence) for one in checked.faults]
    notes = (
        [f"{len(checked.faults)} of {checked.count} faults are shown."] if checked.count > len(checked.faults) else []
    )
    tones = [(BAD, BAD) for _one in rows]
    found = table("Faults, by entry", ("Entries", "Fault", "What was seen"), rows, "", notes, tones)
    return Section("faults", "What is wrong with the ledger", tables=[found])


def _numbers(first: int, last: int) -> str:
    return "-" if not first else str(first) if first == last else f"{first} to {last}"


def _look(report: Report, picked: Picked) -> Section:
    """What a reader should look at first, a sentence each."""
    said = []
    if not report.verification.witness.where:
        said.append(_NO_WITNESS)
    late = sum(one.state in _TONES and one.state != KEPT for one in report.evidence)
    counted = (
        (
            picked.open_count,
            "change failed or was interrupted",
            "changes failed or were interrupted",
            "and no other change has settled that",
        ),
        (picked.lacking, "change broke the glass", "changes broke the glass", "without an approval or a review so far"),
        (picked.own_approvals, "change was approved", "changes were approved", "by the requester alone or as well"),
        (picked.unsound, "change has an entry", "changes have entries", "that prove nothing"),
        (late, "backup or restore drill is missing", "backups or restore drills are missing", "or too old"),
        (
            report.doubted,
            "entry that would be a proof is",
            "entries that would be proofs are",
            "not sound and do not count",
        ),
    )
    said += [f"{count:,} {one if count == 1 else many} {rest}." for count, one, many, rest in counted if count]
    said += [f"Certificates are not known: {report.scan.why}."] if report.scan.why else []
    said += [f"Promises of the backup repository are not known: {report.promises_why}."] if report.promises_why else []
    said += [f"The calendar is not complete: {report.calendars.why}."] if report.calendars.why else []
    said += [f"{one[:1].upper()}{one[1:]}." for one in report.remarks]
    return Section("look", "What to look at first", said or ["Nothing in this report asks for a look."])


def _tallies(report: Report) -> Section:
    names = {
        "class": ("By class", "Class"),
        "requester": ("By requester", "Requester"),
        "approver": ("By approver", "Approver"),
        "kind": ("By kind", "Kind"),
    }
    tables = [tally_table(*names[key], found) for key, found in report.summary.tallies.items()]
    return Section("tallies", "Changes by class, requester and approver", tables=tables)


def _cards(name: str, title: str, cards: list[Card], empty: str, notes: list[str]) -> Section:
    return Section(name, title, notes if cards else [empty], cards=cards)


def _proofs(report: Report) -> Section:
    columns = ("Tenant", "Tier", "Proof", "Newest (UTC)", "Age", "May be", "State", "In this time")
    rows = [_proof(one) for one in report.evidence]
    tones = [(PLAIN,) * 6 + (_TONES.get(one.state, WARN),) for one in report.evidence]
    lead = [
        "By the entries of the ledger that are sound. An age counts to the end of this report, and may be what the "
        "tenant's policy or its tier allows."
    ]
    found = table("By tenant", columns, rows, "No tenant is declared or named.", (), tones)
    return Section("proofs", "Backups and restore drills", lead, tables=[found, _promises(report)])


def _proof(one: Evidence) -> tuple[str | tuple[str, ...], ...]:
    series = one.series
    tone = _TONES.get(one.state, WARN)
    seen = [f"{series.good:,} good, {series.bad:,} failed"]
    seen += [f"longest gap {duration(series.gap_s)}"] if series.gap_s else []
    seen += [f"last failure: {series.why}"] if series.why else []
    return (
        one.tenant.name,
        UNKNOWN if one.tenant.tier is None else str(one.tenant.tier),
        "restore drill" if one.kind == DRILL else one.kind,
        (when(series.newest), f"entry {series.number}") if series.newest else "none",
        UNKNOWN if one.age_s is None else duration(max(one.age_s, 0)),
        UNKNOWN if one.limit_s is None else duration(one.limit_s),
        signed(tone, one.state),
        tuple(seen),
    )


def _promises(report: Report) -> Table:
    rows = [
        (
            one.tenant,
            one.last or UNKNOWN,
            _KEPT[one.compliant],
            one.sentences or ("nothing to say",),
        )
        for one in report.promises
    ]
    tones = [(PLAIN, PLAIN, GOOD if one.compliant else BAD) for one in report.promises]
    empty = (
        f"The repository was not asked: {report.promises_why}."
        if report.promises_why
        else "The repository was not asked."
    )
    columns = ("Tenant", "Newest backup", "Policy", "What is not proven")
    return table("Policies as the backup repository proves them now", columns, rows, empty, (), tones)


def _certificates(report: Report) -> Section:
    scan = report.scan
    rows = [_certificate(one) for one in scan.certificates]
    tones = [(PLAIN,) * 4 + (BAD if one.findings else GOOD,) for one in scan.certificates]
    empty = f"Not known: {scan.why}." if scan.why else "Not known: audit_certificates_path names no scan."
    lead = [f"As gantry.odoo.certificates has found them at {when(scan.time)} UTC."] if scan.time else []
    columns = ("Host", "Certificate", "Ends (UTC)", "Days left", "State")
    found = table("Certificates", columns, rows, empty, (), tones)
    deeds = [
        (one.host, when(one.time), one.change, str(one.number))
        for one in report.deeds
        if one.kind == "renew_certificates"
    ]
    renewed = table(
        "Renewed last, by host", ("Host", "Proven (UTC)", "Change", "Entry"), deeds, "No renewal is recorded."
    )
    return Section("certificates", "Certificates", lead, tables=[found, renewed])


def _certificate(one: Certificate) -> tuple[str | tuple[str, ...], ...]:
    left = UNKNOWN if one.days_left is None else f"{one.days_left:,.0f}"
    state = tuple(signed(BAD, said) for said in one.findings) or (signed(GOOD, "in order"),)
    return one.host, one.name or UNKNOWN, when(one.ends), left, state


def _patches(report: Report) -> Section:
    rows = []
    for one in report.deeds:
        if one.kind == "renew_certificates":
            continue
        age = duration(max((report.now - one.time).total_seconds(), 0)) if one.time else UNKNOWN
        rows.append((one.host, one.kind, one.what or UNKNOWN, when(one.time), age, one.change, str(one.number)))
    columns = ("Host", "Kind", "Release", "Proven (UTC)", "Patch age", "Change", "Entry")
    found = table("The last proven patch of each host", columns, rows, "No patch of a host is recorded.")
    return Section("patches", "Patch age", tables=[found])


def _leases(report: Report) -> Section:
    summary = report.summary
    rows = [
        (when(one.time), one.change, one.who or UNKNOWN, one.reason or UNKNOWN, one.lease or UNKNOWN, str(one.number))
        for one in summary.breaks
    ]
    columns = ("Broken (UTC)", "Change", "By", "Reason", "Lease", "Entry")
    notes = [f"The first {len(rows)} of {summary.break_count} are shown."] if summary.break_count > len(rows) else []
    return Section("leases", "Leases broken", tables=[table("By time", columns, rows, "No lease was broken.", notes)])


def _calendar(report: Report) -> Section:
    found = report.calendars
    if not found.declared:
        return Section("calendar", "Windows and freezes", ["No calendar is declared."])
    keys = [Key("window", "window: a bar spans the 24 hours of the day"), Key("freeze", "freeze")]
    rows = [
        (one.kind, one.calendar, one.concerns, when(one.begin), when(one.end), one.summary or "-")
        for one in found.spans
    ]
    columns = ("Kind", "Calendar", "Concerns", "Begins (UTC)", "Ends (UTC)", "Title")
    notes = [f"{len(rows):,} of {found.count:,} are shown."] if found.count > len(rows) else []
    lead = ["As the files of the calendars say now, in UTC. A change to them is not part of the ledger."]
    lead += [f"Not complete: {found.why}."] if found.why else []
    tables = [
        table("Freezes and windows, by time", columns, rows, "There is no window and no freeze in this time.", notes)
    ]
    return Section(
        "calendar", "Windows and freezes", lead, (), keys, [month_figure(one) for one in found.months], tables
    )


def _ledger(report: Report) -> Section:
    summary = report.summary
    rows = [(name, f"{count:,}") for name, count in summary.events.items()]
    lead = [
        f"{summary.entries:,} entries are in the time of this report, {summary.late:,} of them recorded late, when the "
        "store answered again.",
        *(f"{one[:1].upper()}{one[1:]}." for one in summary.remarks),
    ]
    found = table("Entries by event", ("Event", "Entries"), rows, "There is no entry.")
    return Section("ledger", "The ledger", lead, tables=[found])
