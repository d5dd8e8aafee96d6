# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change has left meets the next fault or the next playbook: each refusal names a way out, and the way is open."""

from __future__ import annotations

from tests.integration.orchestration.rig import Rig
from tests.integration.orchestration.test_moves import opening

# A copy that an undone move has left open.


def test_a_copy_that_an_undo_has_left_open_is_no_home_while_the_source_is_silent(rig: Rig) -> None:
    """The home got a higher number from the undo, and nothing but the record knows that when its server is silent."""
    opening(rig)
    rig.change(silent=["db1"])
    rig.play("backup")
    # its backup would be the newest one of the tenant
    assert "box1 odoo_backup" not in rig.world.log
