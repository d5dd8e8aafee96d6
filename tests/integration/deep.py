# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cases of a test `make test` runs: one of each kind; `make test-deep` runs them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def all_but(shown: Iterable[Any], every: Iterable[Any]) -> list[Any]:
    """The parameters `every` of a test, of which only `shown` are not deep."""
    kept = set(shown)
    return [one if one in kept else pytest.param(one, marks=pytest.mark.deep) for one in every]
