# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of the project share: the tree, and the documentation of the plugins as Ansible reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.project.tree import NAMESPACE, ROOT


def load(path: Path) -> Any:
    """The content of a YAML file of the project."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _described(kind: str, names: list[str]) -> dict[str, Any]:
    if not names:
        return {}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-doc")), "--json", "--type", kind, *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    missing = sorted(set(names) - set(found))
    assert not missing, f"ansible-doc finds no documentation of {missing}: {done.stderr}"
    return found


@pytest.fixture(scope="session")
def modules() -> dict[str, Any]:
    """The documentation of every module, fragments included, by full name."""
    return _described(
        "module", [f"{NAMESPACE}.{path.stem}" for path in sorted((ROOT / "plugins/modules").glob("*.py"))]
    )


@pytest.fixture(scope="session")
def filters() -> dict[str, Any]:
    """The documentation of every filter, by full name."""
    return _described(
        "filter", [f"{NAMESPACE}.{path.stem}" for path in sorted((ROOT / "plugins/filter").glob("*.yml"))]
    )
