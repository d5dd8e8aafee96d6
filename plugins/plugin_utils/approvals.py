# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this run asks others to approve, kept for its gate, which asks the same again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_consent import Consent, Terms
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    Asked,
    Inventory,
    asked_from,
    policy_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import (
    awx_from,
    identities_of,
    limits_from,
    rules_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_inventory import read_inventory
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen

_ASKED = "asked"
# Options of a change that say what it does, beside its facts and parts.
_COVERED = ("resumes", "released", "accept_left_behind")


@dataclass(frozen=True)
class Kept:
    """What was asked for a change. job: of AWX, 0 for none. approved: how many approvals it has used."""

    asked: Asked
    job: int
    approved: int = 0


def read_own_inventory(variables: Mapping[str, Any]) -> Inventory:
    """The state of the inventory of this run. Hosts that were listed on the command line are in no file."""
    sources = [str(one) for one in variables.get("ansible_inventory_sources") or ()]
    return read_inventory([one for one in sources if "," not in one])


def asked_of(
    params: Mapping[str, Any], change: Mapping[str, Any], inventory: Inventory, covered: Mapping[str, Any]
) -> Asked:
    """The change that others are asked to approve. params: of change_open. covered: of the extra variables."""
    given = {name: params[name] for name in _COVERED if params[name]}
    way = {"way": params["way"]} if params["resumes"] else {}
    return Asked(
        requester=change["requester"],
        kind=change["kind"],
        classification=change["class"],
        reason=change["reason"],
        inventory=inventory,
        policy=policy_of(rules_of(params)),
        facts={**params["facts"], **given, **way, **covered},
        parts=tuple(params["parts"]),
        part_facts=params["part_facts"],
        covers=tuple(params["covers"]),
    )


def consent_of(params: Mapping[str, Any], job: int) -> Consent:
    """The approval of changes by the options. job: of AWX, 0 for none."""
    terms = Terms(identities_of(params), limits_from(params), awx_from(params["awx"]), job)
    return Consent(open_store(params["store"]), terms)


def keep(params: Mapping[str, Any], change: str, asked: Kept) -> None:
    """Keep what was asked for a change."""
    body = {"change": change, "asked": asked.asked.as_body(), "job": asked.job, "approved": asked.approved}
    last_seen.keep(open_store(params["store"]), _ASKED, body)


def recall(params: Mapping[str, Any], change: str) -> Kept:
    """What was asked for a change. Raises StateError where this run has not opened it."""
    kept = last_seen.recall(open_store(params["store"]), _ASKED) or {}
    if kept.get("change") != change:
        raise StateError(
            f"this run has not asked for the approval of {change}, so that the gate cannot know it; open the change in "
            "the same run, with gated"
        )
    return Kept(asked_from(kept["asked"]), kept["job"], kept["approved"])
