# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run made of the certificates of servers, by the facts of their hosts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

# The facts of a host: that its servers show what is installed; why they do not; why they are not back, or nothing.
_DONE, _FAILED, _BACK = "server_done", "server_failure", "server_back"
_RECORDED = ("name", "serial_before", "serial_after", "fingerprint_sha256", "not_after")


def left(
    servers: Iterable[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]], revoke: Sequence[str] = ()
) -> list[str]:
    """A sentence for each host whose servers do not show what is due.

    servers: by host and names, as gantry.odoo.certificate_servers returns them. known: variables by host. revoke: names
    of certificates whose keys are lost.
    """
    return [
        _left(one["host"], known[one["host"]], [name for name in one["names"] if name in revoke])
        for one in sorted(servers, key=itemgetter("host"))
        if not known[one["host"]].get(_DONE)
    ]


def _left(name: str, facts: Mapping[str, Any], lost: Sequence[str]) -> str:
    if _FAILED not in facts:
        # nothing on the host says that the key is lost
        again = f", and name {', '.join(lost)} in renew_revoke again, which is not revoked" if lost else ""
        return f"{name} was off or lost, and its servers show the certificates that they had; start it{again}"
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
