# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's playbooks on a world where everything answers: what they do harms nobody and loses nothing."""

from __future__ import annotations

import pytest

from tests.integration.orchestration.rig import Rig


@pytest.mark.parametrize(
    ("playbook", "inputs"),
    [
        ("patch", {"patch_release": "r2"}),
        ("migrate", {"tenant": "harbour", "destination": "box"}),
        ("patch_redis", {}),
        ("renew_certificates", {}),
        ("site", {}),
    ],
)
def test_nobody_is_harmed_on_a_good_day(rig: Rig, playbook: str, inputs: dict[str, str]) -> None:
    rig.play(playbook, **inputs).expect_success()
    assert rig.world.harm == []
