# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that the benchmarks of Redis share."""

from __future__ import annotations

from tests.integration.redis.rig import Rig
from tests.lab.hosts import Lab


def rig(lab: Lab) -> Rig:
    """A host with Redis and no process of it."""
    made = Rig(lab.host("cache1", image="vm"))
    made.install()
    made.stop_all()
    return made
