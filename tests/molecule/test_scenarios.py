# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each Molecule scenario as one test: all that are asked for run and are reported, also after one that failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deep import all_but
from tests.lab.spec import lab_of_tests
from tests.lab.state import hold

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(
    path.parent.name for path in (ROOT / "extensions/molecule").glob("*/molecule.yml") if path.parent.name != "default"
)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def molecule(*arguments: str, state: str) -> subprocess.CompletedProcess[str]:
    """Run molecule with a state directory of its own, so that no earlier run decides what this one leaves out."""
    directory = ROOT / ".build/molecule" / state
    shutil.rmtree(directory, ignore_errors=True)
    return subprocess.run(
        ["molecule", *arguments],
        cwd=ROOT,
        env={**os.environ, "MOLECULE_EPHEMERAL_DIRECTORY": str(directory), "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session", autouse=True)
def hosts() -> Iterator[None]:
    """Fresh hosts for the run, removed at its end."""
    hold(lab_of_tests(os.environ, "molecule"))
    for step in ("destroy", "create"):
        done = molecule(step, "--scenario-name", "default", state="default")
        assert done.returncode == 0, _COLOUR.sub("", done.stdout)[-8000:]
    yield
    done = molecule("destroy", "--scenario-name", "default", state="default")
    assert done.returncode == 0, _COLOUR.sub("", done.stdout)[-8000:]


# The others are of roles that an area of tests/integration applies to real servers.
@pytest.mark.parametrize("scenario", all_but(["certificate", "change", "estate", "postgresql", "traefik"], SCENARIOS))
def test_scenario(scenario: str) -> None:
    done = molecule("test", "--scenario-name", scenario, "--destroy", "never", state=scenario)
    (ROOT / ".build/log").mkdir(parents=True, exist_ok=True)
    (ROOT / f".build/log/molecule-{scenario}.log").write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 0, _COLOUR.sub("", done.stdout)[-12000:]
