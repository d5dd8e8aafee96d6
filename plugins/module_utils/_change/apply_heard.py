# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the witness of a ledger before a change begins or goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_witness import (
    UNWITNESSED,
    WITNESS,
    WITNESS_AWAY,
    WITNESS_REFUSES,
    begun_in_words,
    unknown_in_words,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import is_emergency
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    StateError,
    UnreachableError,
)

# Between an entry and its head another controller needs a moment.
_MOMENT_S, _LOOK_S = 2.0, 0.2


@dataclass(frozen=True)
class Heard:
    """What the witness says. answers: whether it does. facts: for the ledger. warnings: a sentence each."""

    answers: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def hear(ledger: Ledger, change: Mapping[str, Any], *, resumes: bool, aside: bool, begins: bool) -> Heard:
    """Compare a ledger with its witness. Raises StateError where no change may begin.

    change: with its class and papers. resumes: whether it only restores service, which waits for no witness. aside:
    whether it only reads, as a backup. begins: whether a witness that is new may be told of the ledger.
    """
    witness = ledger.witness
    if witness is None:
        return Heard()
    try:
        begun = ledger.begin_witness() if begins else {}
        unknown = _unknown(ledger, witness.begun is not None)
    except StateError as error:
        if not resumes:
            raise
        return Heard(answers=False, facts={WITNESS_REFUSES: str(error)}, warnings=[str(error)])
    except UnreachableError as error:
        if not (resumes or aside or is_emergency(change)):
            raise StateError(
                f"the witness of the ledger does not answer, and no change begins without it: {error}; bring it back, "
                "or, in an emergency, set change_class to emergency with change_reason, and change_approver where no "
                "identities are declared"
            ) from error
        said = f"the change begins without the witness of the ledger, which does not answer: {error}"
        return Heard(answers=False, facts={WITNESS_AWAY: str(error)}, warnings=[said])
    facts: dict[str, Any] = {WITNESS: witness.where, **begun}
    warnings = [begun_in_words(begun, witness.where)]
    if unknown:
        facts[UNWITNESSED] = [one.sequence for one in unknown]
        warnings.append(unknown_in_words(unknown, ledger.objects.where, witness.where))
    return Heard(facts=facts, warnings=[one for one in warnings if one])


def _unknown(ledger: Ledger, begun: bool) -> list[Entry]:
    """The entries behind the last one that the witness knows; another controller is given a moment to tell it."""

    def known() -> bool | None:
        return None if ledger.unknown() else True

    try:
        if begun:
            Deadline(_MOMENT_S).wait(known, "the end of another controller's record", _LOOK_S)
    except DeadlineError:
        return ledger.unknown()
    return []
