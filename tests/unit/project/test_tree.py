# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every file: licence and metadata that says what the tree uses."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.quality.tree import listed
from tests.unit.project.tree import NAMESPACE, ROLES, ROOT

HEADER = (
    "# Copyright: (c) 2026, Gantry contributors\n"
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)\n"
    "# SPDX-License-Identifier: GPL-3.0-or-later\n"
)
_FULL_NAME = re.compile(r"^\s*(?:- )?([a-z_]+\.[a-z_]+)\.[a-z_0-9]+:", re.MULTILINE)
_LOOKUP = re.compile(r"(?:lookup|query|q)\(['\"]([a-z_]+\.[a-z_]+)\.\w+|\| *([a-z_]+\.[a-z_]+)\.[a-z_]+")
_CORE = {"ansible.builtin", NAMESPACE}


def _tracked(*patterns: str) -> list[str]:
    try:
        names = listed(ROOT, *patterns)
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()
        pytest.exit(f"these tests need the project's Git repository, not an archive of it: {said}", 2)
    return [name for name in names if (ROOT / name).is_file()]


def test_every_python_file_carries_the_licence() -> None:
    wrong = []
    for name in _tracked("*.py"):
        text = (ROOT / name).read_text(encoding="utf-8").removeprefix("#!/usr/bin/python\n").lstrip("\n")
        if text.strip() and not text.startswith(HEADER):
            wrong.append(name)
    assert not wrong, f"without the licence's three lines: {wrong}"


def test_no_file_has_the_marks_of_a_merge() -> None:
    marks = re.compile(rb"^(<{7}|>{7}|[|]{7})( |$)", re.MULTILINE)
    assert [name for name in _tracked() if marks.search((ROOT / name).read_bytes())] == []


def test_dependencies_are_those_that_are_used() -> None:
    used = set()
    for name in [*_tracked("playbooks/*.yml", "roles/*.yml")]:
        text = (ROOT / name).read_text(encoding="utf-8")
        used |= set(_FULL_NAME.findall(text))
        used |= {one or other for one, other in _LOOKUP.findall(text)}
    declared = set(yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"])
    assert {name for name in used if name.count(".") == 1} - _CORE == declared


def test_every_role_has_its_parts() -> None:
    wanted = ("README.md", "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml")
    roles = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
    missing = [
        f"roles/{role}/{part}" for role in roles for part in wanted if not (ROOT / "roles" / role / part).exists()
    ]
    assert not missing, f"missing: {missing}"


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_molecule_scenario(role: str) -> None:
    scenario = ROOT / "extensions/molecule" / role
    missing = [part for part in ("molecule.yml", "converge.yml", "verify.yml") if not (scenario / part).exists()]
    assert not missing, f"extensions/molecule/{role} lacks {missing}"


@pytest.mark.parametrize("role", [role for role in ROLES if role != "estate"])  # whose work is to read the inventory
def test_no_role_looks_at_the_inventory(role: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in (ROOT / "roles" / role).rglob("*")
        if path.suffix in (".yml", ".j2")
        for word in re.findall(
            r"(?<![\w.])(?:groups|hostvars)\[|(?<![\w.'\"])groups\.\w+", Path(path).read_text(encoding="utf-8")
        )
    ]
    assert not found, f"host lists arrive as variables: {found}"


def test_floor_of_ansible_core_is_the_same_everywhere() -> None:
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    floors = {
        yaml.safe_load((ROOT / f"roles/{role}/meta/main.yml").read_text(encoding="utf-8"))["galaxy_info"][
            "min_ansible_version"
        ]
        for role in ROLES
    }
    assert {runtime.removeprefix(">=").removesuffix(".0")} >= {str(floor).removesuffix(".0") for floor in floors}
