# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`module_defaults` by group works for every module: the groups of meta/runtime.yml follow from the documentation."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from tests.unit.project.tree import MODULES, NAMESPACE, ROOT


def fragments(path: Path) -> list[str]:
    """The documentation fragments of this collection that the module at `path` extends."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            named = yaml.safe_load(ast.literal_eval(node.value)).get("extends_documentation_fragment", [])
            return [name.removeprefix(f"{NAMESPACE}.") for name in named if name.startswith(f"{NAMESPACE}.")]
    raise AssertionError(f"{path.name} has no DOCUMENTATION")


def test_action_groups_follow_from_the_documentation() -> None:
    expected: dict[str, list[str]] = {"all": MODULES}
    for fragment in sorted((ROOT / "plugins/doc_fragments").glob("*.py")):
        if fragment.stem == "attributes":  # it has no option that a group could set
            continue
        members = [name for name in MODULES if fragment.stem in fragments(ROOT / f"plugins/modules/{name}.py")]
        expected[fragment.stem] = members
    declared = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    for group, members in expected.items():
        assert declared.get(group) == members, (
            f"meta/runtime.yml: the action group {group} has to list {', '.join(members)}, "
            + ("every module" if group == "all" else f"which extend the fragment {NAMESPACE}.{group}")
        )
    assert sorted(declared) == sorted(expected), "meta/runtime.yml has an action group without a fragment of its name"


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_check_and_diff_mode_do(name: str) -> None:
    said = [one for one in fragments(ROOT / f"plugins/modules/{name}.py") if one.split(".")[0] == "attributes"]
    assert said, f"plugins/modules/{name}.py does not extend the fragment {NAMESPACE}.attributes; see its docstring"
