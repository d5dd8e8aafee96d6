# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words for a backup and its proof, the same wherever they are reported. Pure."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

NO_BACKUP = "there is no backup that can be restored in full"
NO_DRILL = "no restore drill has proven a backup"


def said_of_backup(age_s: float) -> str:
    """How old the newest backup is. age_s: seconds by the clock of the store."""
    return f"the newest backup is {duration(age_s)} old"


def said_of_drill(age_s: float) -> str:
    """How old the newest restore drill is that proved a backup."""
    return f"the last restore drill that proved a backup is {duration(age_s)} old"


def said_of_proof(backup: str, rto_s: float, rpo_s: float) -> str:
    """What a restore drill has measured."""
    return f"a restore drill has proven backup {backup}: RTO {duration(rto_s)}, RPO {duration(rpo_s)}"
