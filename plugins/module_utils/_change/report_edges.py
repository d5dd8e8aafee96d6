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


def silent(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The edges that did not answer, with the reason. results: of a ping of each, with the variable `edge`."""
    return {str(one["edge"]): reason(one) for one in results if one.get("ping") != "pong"}


def lost(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The edges that could not be reached, with the reason. results: of a loop over pairs, each with an edge first."""
    return {str(one["item"][0]): reason(one) for one in results if one.get("unreachable")}


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
