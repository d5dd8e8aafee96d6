# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies the signed approvals and reviews in a ledger, by the identities of the auditor's own inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    Happening,
    Verdict,
    listed,
    mapping,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_findings import UNPROVEN, Fault
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    APPROVED,
    STATEMENTS,
    statement_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Identities
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_signature import Verifier
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError

_SIGNATURE = "signature"


@dataclass
class Approvals:
    """The verdicts on the approvals of a ledger. One signature is verified once, however many entries have it."""

    identities: Identities
    faults: list[Fault] = field(default_factory=list)
    _known: dict[tuple[str, str, str, int, str], Verdict] = field(default_factory=dict)

    def verified(self, seen: Happening) -> Happening:
        """An entry with the verdicts on its approvals; without identities, nothing is known of them."""
        if not self.identities.listed:
            return seen
        found = {}
        for event, facts in _signed_in(seen):
            verdict = self._verdict(event, facts)
            found[str(facts.get(_SIGNATURE, ""))] = verdict
            if verdict.fault:
                said = f"entry {seen.number}: an approval or review does not verify: {verdict.fault}"
                self.faults.append(Fault(UNPROVEN, said, seen.number, seen.number))
        return replace(seen, verdicts=found) if found else seen

    def _verdict(self, event: str, facts: Mapping[str, Any]) -> Verdict:
        signed, signature, by = (str(facts.get(name, "")) for name in ("signed", _SIGNATURE, "by"))
        key = (signed, signature, by, _number(facts.get("request")), event)
        if key not in self._known:
            self._known[key] = self._judged(event, facts)
        return self._known[key]

    def _judged(self, event: str, facts: Mapping[str, Any]) -> Verdict:
        """Whether a statement is signed by whom the entry names, at a time at which the key counted."""
        where = f"the {_SIGNATURE}"
        try:
            # a key that has ended since was good then
            at = statement_from(str(facts.get("signed", "")), "the signed text").time
            signed = Verifier(self.identities, at).entry({"facts": facts}, where)
        except (RefusedError, StateError) as error:
            return Verdict(str(error))
        said = signed.statement
        names = {said.by, signed.signer, str(facts.get("by", ""))}
        request = _number(facts.get("request"))
        if said.says != event or len(names) > 1 or said.request != request:
            return Verdict(
                f"the entry says {event} by {facts.get('by', '')} for request {request}, and what {signed.signer} has "
                f"signed is {said.says} by {said.by} for request {said.request}"
            )
        return Verdict()


def _signed_in(seen: Happening) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What an entry holds of signed statements, each with the event that it has to say."""
    if seen.event in STATEMENTS:
        yield seen.event, seen.facts
    for one in map(mapping, listed(seen.facts.get("approvals"))):
        if one.get("how") == _SIGNATURE:
            yield APPROVED, one


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
