# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples that a reader copies use options that exist, and the values that they may have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.project.tree import MODULES, NAMESPACE, ROLES, ROOT, example_plays, yaml_blocks

READMES = ["README.md", *(f"roles/{role}/README.md" for role in ROLES)]


def tasks(content: Any) -> Iterator[dict[str, Any]]:
    """Every task in a list of tasks or plays, blocks included."""
    for item in content if isinstance(content, list) else []:
        if isinstance(item, dict):
            yield item
            for key in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
                yield from tasks(item.get(key))


def misuses(given: Any, options: dict[str, Any], where: str) -> Iterator[str]:
    """What is wrong with the mapping `given`, held against the documented `options`."""
    for name, value in given.items() if isinstance(given, dict) else []:
        option = options.get(name) or next((o for o in options.values() if name in (o.get("aliases") or [])), None)
        if option is None:
            yield f"{where}: there is no option {name}"
            continue
        choices = option.get("choices")
        if choices and isinstance(value, (str, int, bool)) and "{{" not in str(value) and value not in choices:
            yield f"{where}.{name}: {value!r} is none of {list(choices)}"
        for each in value if isinstance(value, list) else [value]:
            if option.get("suboptions"):
                yield from misuses(each, option["suboptions"], f"{where}.{name}")


def missing(given: dict[str, Any], options: dict[str, Any], where: str) -> Iterator[str]:
    """The required options that `given` leaves out."""
    for name, option in options.items():
        if option.get("required") and not {name, *(option.get("aliases") or [])} & set(given):
            yield f"{where}: {name} is required"


def check(content: Any, modules: dict[str, Any], *, complete: bool) -> tuple[list[str], int]:
    """What is wrong with the uses of our modules in `content`, and how many uses there are.

    complete: each use stands alone, so required options must be there; elsewhere module_defaults may give them.
    """
    wrong, uses = [], 0
    for task in tasks(content):
        for name in set(task) & set(modules):
            uses += 1
            options = modules[name]["doc"].get("options") or {}
            wrong += misuses(task[name], options, name)
            wrong += missing(task[name] or {}, options, name) if complete else []
    return wrong, uses


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_modules(name: str, modules: dict[str, Any]) -> None:
    content = yaml.safe_load(modules[f"{NAMESPACE}.{name}"]["examples"])
    wrong, uses = check(content, modules, complete=True)
    assert isinstance(content, list)
    assert uses, f"the examples of {name} do not use it by its full name"
    assert not wrong, "\n".join(wrong)
    unnamed = [task for task in tasks(content) if "name" not in task]
    assert not unnamed, f"examples without a name: {unnamed}"


@pytest.mark.parametrize("path", READMES)
def test_examples_in_readmes(path: str, modules: dict[str, Any]) -> None:
    for block in yaml_blocks(path):
        wrong, _uses = check(yaml.safe_load(block), modules, complete=False)
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_an_example_that_names_its_loops(role: str) -> None:
    examples = example_plays(role)
    assert examples, "no example of a play"
    # A loop over a role that keeps the name `item` warns at run time, as soon as the role has a loop of its own.
    unnamed = [
        task
        for example in examples
        for task in tasks(yaml.safe_load(example))
        if task.get("loop")
        and any("include" in key for key in task)
        and "loop_var" not in (task.get("loop_control") or {})
    ]
    assert not unnamed, f"give these a loop_control.loop_var: {unnamed}"


def test_examples_of_roles_pass_ansible_without_a_warning(tmp_path: Path) -> None:
    paths, hosts = [], set()
    for role in ROLES:
        for number, example in enumerate(example_plays(role)):
            hosts |= {play["hosts"] for play in yaml.safe_load(example)}
            paths.append(tmp_path / f"{role}-{number}.yml")
            paths[-1].write_text(example, encoding="utf-8")
    inventory = tmp_path / "hosts.yml"
    groups = {name: {"hosts": {f"{name}1": {}}} for name in hosts - {"all", "localhost"}}
    inventory.write_text(yaml.safe_dump({"all": {"children": groups}}), encoding="utf-8")
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "--syntax-check",
            "-i",
            str(inventory),
            *map(str, paths),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("path", sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("roles/*/tasks/**/*.yml")))
def test_uses_in_roles(path: str, modules: dict[str, Any]) -> None:
    wrong, _uses = check(yaml.safe_load(Path(ROOT / path).read_text(encoding="utf-8")), modules, complete=False)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("playbooks/**/*.yml")))
def test_uses_in_playbooks(path: str, modules: dict[str, Any]) -> None:
    wrong, _uses = check(yaml.safe_load(Path(ROOT / path).read_text(encoding="utf-8")), modules, complete=False)
    assert not wrong, "\n".join(wrong)
