# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an interrupted change cannot go on with the estate as it is declared now, and who acts where it can. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import PLANNED, PROVEN
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import FINISH, WAS_DONE

Part = Mapping[str, Any]


def unfit(listed: Sequence[Part], change: str, estate: Mapping[str, Any], released: Collection[str] = ()) -> list[str]:
    """A sentence for each part of an interrupted change that does not fit to the declaration any more.

    listed: the parts of all changes, as change_info returns them. estate: as estate_info returns it. released: hosts
    that left the estate for good.
    """
    mine = [one for one in listed if one["change"] == change and one["name"] not in released]
    judged = [one for one in mine if one["facts"]["kind"] in _FITS]
    return [said for one in judged for said in _FITS[one["facts"]["kind"]](one, estate)]


def aim(part: Part, way: str) -> str:
    """The release that a host of a patch is to serve; empty for one that was never begun and keeps what it runs."""
    return str(part["facts"].get("release" if way == FINISH else "release_before", ""))


def taken_away(taken: Sequence[Part], way: str) -> list[str]:
    """The hosts of a patch that serve, or may serve again, and that are to serve another release.

    taken: the parts in the hands of the change that resumes. way: in which it goes on.
    """
    return [
        str(one["name"])
        for one in taken
        if one["facts"]["kind"] == "patch"
        and (one["state"] == PLANNED or one["facts"].get(WAS_DONE, aim(one, way)) != aim(one, way))
    ]


def watched(taken: Sequence[Part], way: str) -> list[str]:
    """The hosts that are to serve before one is taken away; none where none is. Options as for `taken_away`."""
    serving = [str(one["name"]) for one in taken if one["state"] in (PLANNED, PROVEN) or WAS_DONE in one["facts"]]
    return serving if taken_away(taken, way) else []


def refusals(standing: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Why a change that was taken over goes no further: a sentence for each reason.

    standing: the hosts that are to serve while another one is taken away. known: the variables of each host.
    """
    said = [str(one["resume_refused"]) for one in known.values() if one.get("resume_refused")]
    silent = [name for name in standing if not {"resume_stands", "resume_refused"} & set(known[name])]
    return [*dict.fromkeys(said), *(f"{name} was lost, so that no other host is taken away" for name in silent)]


def acting(
    homes: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The homes of some tenants, each led by the host that was chosen to act for its group.

    homes: by tenant, as estate_info returns them. known: the variables of each host; one that acts has the fact `acts`.
    """
    return {name: {**homes[name], "leader": _leader(homes[name], known)} for name in names}


def _leader(home: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> str:
    chosen = [str(host) for host in home["hosts"] if known[host].get("acts")]
    return chosen[0] if chosen else str(home["leader"])


def _patch(part: Part, estate: Mapping[str, Any]) -> Iterator[str]:
    if part["name"] not in estate["group_of"]:
        yield (
            f"{part['name']} of {part['change']} is in no group that runs Odoo any more; put it back into one until "
            "the change is finished or undone"
        )


def _migrate(part: Part, estate: Mapping[str, Any]) -> Iterator[str]:
    facts = part["facts"]
    if facts["tenant"] not in estate["tenants"]:
        yield (
            f"tenant {facts['tenant']} is on its way to {facts['to']}, and is not declared under that name any more; "
            "declare it as it was until the move is finished or undone"
        )
    for side in (facts["from"], facts["to"]):
        if side not in estate["groups"]:
            yield (
                f"tenant {facts['tenant']} is on its way from {facts['from']} to {facts['to']}, and no group {side} "
                "runs Odoo any more; give its hosts a group of that name until the move is finished or undone"
            )


def _decommission(part: Part, estate: Mapping[str, Any]) -> Iterator[str]:
    tenant = part["facts"]["tenant"]
    if tenant in estate["tenants"]:
        yield (
            f"tenant {tenant} is not declared with state decommissioned any more; declare it so until the change is "
            "finished or undone"
        )


_FITS = {"patch": _patch, "migrate": _migrate, "decommission": _decommission}
