# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of changes."""

from __future__ import annotations

from tests.unit.change.actions import act
from tests.unit.change.people import people

__all__ = ["act", "people"]
