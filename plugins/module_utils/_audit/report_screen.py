# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the audit shows at its end. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_report import Picked, Report
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_proofs import KEPT

_SHOWN = 10


def screen(report: Report, picked: Picked, written: Mapping[str, str]) -> list[str]:
    """The verdict first, then what asks for a look, and where the report is."""
    checked = report.verification
    lines = [("" if checked.verified else "THE LEDGER DOES NOT VERIFY: ") + checked.sentence]
    if not checked.verified:
        lines += [f"  {one.sentence}" for one in checked.faults[:_SHOWN]]
        more = checked.count - _SHOWN
        lines += [f"  and {more} more, see the report"] if more > 0 else []
    elif not checked.witness.where:
        lines.append("the ledger has no witness, so that a cut end or a ledger that was written anew is not found")
    late = sum(one.state != KEPT for one in report.evidence)
    counted = (
        (picked.changes.count, "changes"),
        (picked.open_count, "failed or interrupted and not settled"),
        (picked.lacking, "broke the glass without an approval or a review"),
        (late, "proofs missing or too old"),
    )
    lines.append(", ".join(f"{count} {what}" for count, what in counted))
    if written:
        lines += [f"report: {written['html']}", f"        {written['json']} (SHA-256 {written['json_sha256']})"]
    return lines
