# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a newcomer runs first: the demo, on its own inventory, with the modules that a company has."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab.hosts import Lab
from tests.lab.spec import DEMO
from tests.lab.state import ROOT


def demo(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the demo."""
    argv = [sys.executable, "-m", "tests.lab.demo", command]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.deep
def test_the_demo_runs_to_its_end() -> None:
    """One that is there already is used, and stays."""
    is_there = bool(Lab(DEMO).status())
    try:
        done = demo("up")
        assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-1000:]}"
    finally:
        if not is_there:
            assert demo("down").returncode == 0
