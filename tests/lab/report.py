# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a demo, made from the ledger and from what the load generator counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 100


@dataclass(frozen=True)
class Access:
    """How a person reaches a tenant."""

    url: str
    tenant: str
    home: str
    password_file: str


@dataclass(frozen=True)
class Load:
    """What a load generator counted while a phase ran."""

    phase: str
    sent: int
    failed: int
    logged_out: int
    longest_gap_s: float
    cut: int


def summary(
    access: Sequence[Access],
    loads: Sequence[Load],
    entries: Iterable[Mapping[str, Any]],
    addresses: Sequence[str],
    authority: str,
    ledger: str,
    elapsed_s: float,
    site_changes: int,
) -> str:
    """The text that a demo ends with.

    entries: the ledger's entries of this demo, in order. addresses: where Traefik answers. authority: the file that
    verifies it.
    """
    told = list(entries)
    blocks = [
        _block("Log in", _access(access, addresses, authority)),
        _block("Site", [f"{site_changes} tasks changed something" if site_changes else "nothing to change"]),
        _block("Backup and restore drill", [*_backups(told), *_drills(told)]),
        _block("Requests while the estate was changed", [_load(load) for load in loads]),
        _block("Patch", _patches(told)),
        _block("Certificates", _certificates(told)),
        _block("Migration", _migrations(told)),
        _block("Ledger", [f"{ledger}, {len(told)} entries of this run"]),
    ]
    minutes, seconds = divmod(round(elapsed_s), 60)
    head = f" A living estate, {minutes} min {seconds:02d} s "
    return "\n".join([head.center(WIDTH, "="), *[line for block in blocks for line in block], "=" * WIDTH])


def _block(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *[f"  {line}" for line in lines or ["nothing recorded"]]]


def _access(access: Sequence[Access], addresses: Sequence[str], authority: str) -> list[str]:
    wide = max(len(item.url) for item in access)
    hosts = " ".join(item.url.removeprefix("https://") for item in access)
    return [
        *[
            f"{item.url:<{wide}}  {item.tenant} on {item.home}, admin, password in {item.password_file}"
            for item in access
        ],
        *[f"hosts file: {address} {hosts}" for address in addresses],
        f"authority:  {authority}",
    ]


def _of(entries: Iterable[Mapping[str, Any]], kind: str, event: str) -> list[Mapping[str, Any]]:
    return [entry["facts"] for entry in entries if entry["change"]["kind"] == kind and entry["event"] == event]


def _backups(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"backup {item['tenant']}: {item['id']}, {_bytes(item['bytes_sent'])} sent, {item['files_total']} files "
        f"({item['files_sent']} new), {item['duration_s']:.1f} s"
        for facts in _of(entries, "backup", "backup")
        for item in facts["tenants"]
    ]


def _drills(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"drill {item['tenant']}: proven, RTO {item['rto_s']:.1f} s, RPO {item['rpo_s']:.0f} s"
        for facts in _of(entries, "restore_drill", "drill")
        for item in facts["tenants"]
    ]


def _load(load: Load) -> str:
    return (
        f"{load.phase:<12} {load.sent:>6} sent, {load.failed} failed, {load.logged_out} logged out, "
        f"{load.cut} connections cut, longest gap {load.longest_gap_s:.2f} s"
    )


def _patches(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{facts['host']}: {facts['release_before']} -> {facts['release_after']}, away for {facts['away_s']:.0f} s"
        for facts in _of(entries, "patch", "proven")
    ]


def _certificates(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{facts['host']}: {item['name']:<10} serial {item['serial_before'] or 'none'} -> {item['serial_after']}"
        for facts in _of(entries, "renew_certificates", "proven")
        for item in facts["certificates"]
    ]


def _migrations(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        line
        for facts in _of(entries, "migrate", "proven")
        for line in (
            f"{facts['tenant']}: {facts['from']} -> {facts['to']}, down for {facts['downtime_s']:.1f} s, "
            f"{facts['tables']} tables, {facts['rows']} rows, {facts['files']} files equal",
            f"to go back: {facts['way_back']}",
        )
    ]


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
