# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run made of the certificates of servers, by the facts of their hosts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# The facts of a host: that its servers show what is installed; why they do not; why they are not back, or nothing.
_DONE, _FAILED, _BACK = "server_done", "server_failure", "server_back"
_RECORDED = ("name", "serial_before", "serial_after", "fingerprint_sha256", "not_after")


def left(hosts: Iterable[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each host whose servers do not show what is due. known: variables by host."""
    return [_left(name, known[name]) for name in sorted(hosts) if not known[name].get(_DONE)]


def _left(name: str, facts: Mapping[str, Any]) -> str:
    if _FAILED not in facts:
        return f"{name} was off or lost, and its servers show the certificates that they had; start it"
    if facts.get(_BACK) == "":
        return f"the servers on {name} show the certificates that they had: {facts[_FAILED]}"
    return (
        f"the servers on {name} may show other certificates than those that are installed: {facts[_FAILED]}; on the "
        f"way back: {facts.get(_BACK) or 'it was lost'}"
    )


def renewed(hosts: Iterable[str], known: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The certificates that servers show since this run, by host, for the ledger. known: variables by host."""
    listed = {
        name: [
            {key: one[key] for key in _RECORDED if key in one}
            for one in known[name].get("certificate_results") or ()
            if one["renewed"]
        ]
        for name in sorted(hosts)
        if known[name].get(_DONE)
    }
    return {name: certificates for name, certificates in listed.items() if certificates}
