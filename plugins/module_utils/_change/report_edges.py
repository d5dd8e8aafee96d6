# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which edges did not take the routes of a change, and the way out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.report_run import reason
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import listed_input

_RELEASED = "resume_released_hosts"
# The fact of an edge that answers and did not take what it was to serve: why.
_FAILED = "part_failure"
# The fact of an edge that was to serve again what it served before: why it does not, or nothing.
_BACK = "edge_back"
# The fact of an edge that was off when the run began: why.
_OFF = "edge_off"


def silent(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The edges that did not answer, with the reason. results: of a ping of each, with the variable `edge`."""
    return {str(one["edge"]): reason(one) for one in results if one.get("ping") != "pong"}


def lost(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The edges that could not be reached, with the reason. results: of a loop over edges, in the variable `edge`."""
    return {str(one["edge"]): reason(one) for one in results if one.get("unreachable")}


def unproven(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each page that an edge does not show, and for each that no edge could be asked for.

    results: of module traefik_proof in a loop over edges, in the variable `edge`. Lost edges are judged by `lost`.
    """
    asked = [one for one in results if not one.get("unreachable") and not one.get("skipped")]
    said = [f"{one['edge']} could not be asked for its pages: {reason(one)}" for one in asked if "answers" not in one]
    answers = [(str(one["edge"]), seen) for one in asked for seen in one.get("answers") or ()]
    said += [f"{edge}: {seen['fault']}" for edge, seen in answers if seen["fault"]]
    # an address that edges share is at one of them
    proven = {(seen["url"], seen["entry_point"]) for _edge, seen in answers if seen["asked"]}
    nowhere = {
        f"{seen['url']} is at none of the edges that answer, as none of them has {seen['address']} now; see what moves "
        "that address between them, such as keepalived": None
        for _edge, seen in answers
        if seen["address"] and (seen["url"], seen["entry_point"]) not in proven
    }
    return [*said, *nowhere]


def left_out(unreached: Mapping[str, str], refused: Mapping[str, str], *, gives: bool) -> list[str]:
    """A sentence for the edges that could not be reached, and one for each that did not take its routes.

    gives: whether users are sent to what serves them, so that each edge that answers has the routes. Otherwise users
    are taken away, and no edge is written unless all of them answer.
    """
    said = [
        f"{name} does not take its routes: {why}; where Traefik is stopped there, start it (systemctl start traefik), "
        f"and where no user comes by {name} any more, take it out of the inventory and add "
        f"{listed_input(_RELEASED, [name])} to gantry.odoo.resume"
        for name, why in refused.items()
    ]
    if unreached:
        where = " and ".join(f"{name} ({why})" for name, why in unreached.items())
        what = (
            "keeps the routes that it had; users of the other edges do not wait for it"
            if gives
            else "may still send users, so that no node is stopped and no database is blocked"
        )
        said.append(
            f"{where} cannot be reached and {what}: start it, or, where no user comes by it any more, take it out of "
            f"the inventory and add {listed_input(_RELEASED, unreached)} to gantry.odoo.resume"
        )
    return said


def failed(edges: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The edges that answered and did not take what they were to serve, with the reason. known: variables by host."""
    return [f"{name}: {known[name][_FAILED]}" for name in sorted(edges) if _FAILED in known[name]]


def returned(edges: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is said of all edges where one of them did not take what it was to serve; nothing where each one did."""
    faults = failed(edges, known)
    if not faults:
        return []
    back = [name for name in sorted(edges) if known[name].get(_BACK) == ""]
    said = [f"not every edge took its certificates and routes: {'; '.join(faults)}"]
    said += [f"put back to what it served before: {', '.join(back)}"] if back else []
    for name in sorted({*edges} - {*back}):
        why = known[name].get(_BACK) or "it was lost"
        said.append(f"{name} was not put back, and may serve what another edge did not take: {why}")
    return said


def left(edges: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each edge that was off when the run began. known: variables by host."""
    return [
        f"{name} ({known[name][_OFF]}) cannot be reached and keeps the certificates and routes that it had; start it, "
        "or, where it is gone for good, take it out of the inventory and add "
        f"{listed_input('site_released_hosts', [name])}"
        for name in sorted(edges)
        if _OFF in known[name]
    ]
