# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for a public forge and for local hooks agree with the tree: pinned actions, least rights, real targets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.project.conftest import load
from tests.unit.project.tree import ROLES, ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
_PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")


def jobs(path: Path) -> dict[str, Any]:
    """The jobs of a workflow, by name."""
    return load(path)["jobs"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_rights_are_least(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    assert not [name for name in used if not _PINNED.fullmatch(name)], "pin by commit, with the version in a comment"
    assert load(path)["permissions"] == {"contents": "read"}
    for name, job in jobs(path).items():
        assert "timeout-minutes" in job, f"{name} has no deadline"
        assert job.get("permissions", {"contents": "write"}) == {"contents": "write"}
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_only_the_release_may_write() -> None:
    writers = {path.stem: name for path in WORKFLOWS for name, job in jobs(path).items() if "permissions" in job}
    assert writers == {"release": "publish"}


def test_the_areas_are_those_of_the_tree() -> None:
    integration = jobs(ROOT / ".github/workflows/integration.yml")["integration"]["strategy"]["matrix"]["area"]
    areas = {path.parent.name for path in (ROOT / "tests/integration").glob("*/test_*.py")}
    assert set(integration) == areas
    molecule = jobs(ROOT / ".github/workflows/molecule.yml")["molecule"]["strategy"]["matrix"]["role"]
    assert molecule == ROLES


def test_workflows_and_hooks_call_targets_that_exist() -> None:
    hooks = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"], "only local hooks: nothing is fetched for a commit"
    called = {hook["entry"].split()[-1] for hook in hooks[0]["hooks"]}
    for path in WORKFLOWS:
        for line in re.findall(r"(?<![\w-])make ([^\n]+)", path.read_text(encoding="utf-8")):
            called |= {word for word in line.split() if re.fullmatch(r"[a-z-]+", word)}
        for job in jobs(path).values():
            called |= set(job.get("strategy", {}).get("matrix", {}).get("target", []))
    assert called <= TARGETS, f"no target of the Makefile: {sorted(called - TARGETS)}"
