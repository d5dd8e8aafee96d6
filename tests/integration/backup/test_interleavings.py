# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of a repository in many more orders of its requests than the unit tests try, and how many those were."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.repository.test_protocol import Protocol, quick

__all__ = ["quick"]
EXAMPLES = 3000


class Many(Protocol):
    """The protocol, with orders of its own that are counted."""

    explored: ClassVar[set[tuple[str, ...]]] = set()


@pytest.mark.deep
def test_thousands_of_orders() -> None:
    run_state_machine_as_test(Many, settings=settings(max_examples=EXAMPLES, stateful_step_count=60, deadline=None))
    mixed = [one for one in Many.explored if len({step.rpartition(" ")[0] for step in one}) > 1]
    print(f"{len(mixed)} interleavings of two runs or more, with {sum(map(len, mixed))} requests in all")
    assert len(mixed) > EXAMPLES / 3
