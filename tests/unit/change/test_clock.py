# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of records are those of the store, whatever the clock of the controller says that works on a change."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import seconds_ahead

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
USES = [
    (file, line.strip())
    for file in sorted(PLAYBOOKS.rglob("*.yml"))
    for line in file.read_text(encoding="utf-8").splitlines()
    if re.search(r"\bnow\(", line)
]


def test_the_clock_of_a_store_may_be_ahead_of_the_one_of_a_controller() -> None:
    ahead = SimpleNamespace(now=lambda: datetime.now(timezone.utc) + timedelta(minutes=9))
    assert seconds_ahead(ahead) == pytest.approx(540, abs=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("file", "line"), USES, ids=[f"{file.name}: {line[:20]}" for file, line in USES])
def test_each_time_of_a_playbook_is_by_the_clock_of_the_store(file: Path, line: str) -> None:
    """Another controller may finish what this one has begun."""
    uses = re.findall(r"now\(utc=true\)\.timestamp\(\)( \+ estate_clock)?", line)
    assert uses, f"{file.name} has {line}"
    assert all(uses), f"{file.name} takes the clock of the controller: {line}"
