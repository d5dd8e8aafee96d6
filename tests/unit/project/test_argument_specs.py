# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's argument specs say what its defaults and task files do, for every entry point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.project.conftest import load
from tests.unit.project.tree import ROLES, ROOT

# A task file that another one includes, imports or hands on in a variable; a name may hold an expression.
_INCLUDES = re.compile(r"(?:include_tasks|import_tasks|__\w+_tasks): *[\"']?((?:[\w/.-]|\{\{[^}]*\}\})+\.yml)")

_ON_THE_CONTROLLER = frozenset({"change", "estate"})
_AS_ROOT = {"name": "Verify that the role runs as root", "gantry.odoo.require_root": None}
_WITHOUT_HOST = frozenset(
    {f"ansible.builtin.{name}" for name in ("add_host", "debug", "import_tasks", "include_tasks", "set_fact")}
    | {
        f"gantry.odoo.{name}"
        for name in (
            "change_close",
            "change_gate",
            "change_open",
            "change_record",
            "change_step",
            "estate_info",
            "estate_record",
        )
    }
)


def specs(role: str) -> dict[str, Any]:
    """The argument specs of `role`, by entry point."""
    return load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]


def defaults(role: str) -> dict[str, Any]:
    """What defaults/main.yml of `role` sets."""
    path = ROOT / "roles" / role / "defaults/main.yml"
    return (load(path) if path.exists() else None) or {}


def options(role: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every option of every entry point of `role`: entry point, name, description."""
    for entry, spec in specs(role).items():
        for name, option in (spec.get("options") or {}).items():
            yield entry, name, option


@pytest.mark.parametrize("role", ROLES)
def test_defaults_equal_argument_specs(role: str) -> None:
    default = defaults(role)
    wrong = []
    for entry, name, option in options(role):
        if option.get("required") and name in default:
            wrong.append(f"{entry}: {name} is required and has a default")
        elif "default" in option and option["default"] != default.get(name, object()):
            wrong.append(
                f"{entry}: {name} is {option['default']!r} in the spec, {default.get(name, 'unset')!r} in defaults"
            )
        elif "default" not in option and default.get(name) is not None and not _is_template(default[name]):
            wrong.append(f"{entry}: {name} is {default[name]!r} in defaults, without default in the spec")
    documented = {name for _entry, name, _option in options(role)}
    wrong += [f"{name} has a default and is in no spec" for name in default if name not in documented]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_has_a_spec_and_a_task_file(role: str) -> None:
    tasks: Path = ROOT / "roles" / role / "tasks"
    entries = {path.stem for path in tasks.glob("*.yml")}
    assert entries == set(specs(role)), "tasks/ holds the entry points; all other task files are in tasks/private/"
    strangers = {path.name for path in tasks.iterdir()} - {f"{name}.yml" for name in entries} - {"private"}
    assert not strangers, f"neither an entry point nor private: {sorted(strangers)}"


@pytest.mark.parametrize("role", sorted(set(ROLES) - _ON_THE_CONTROLLER))
def test_every_entry_point_verifies_first_that_it_runs_as_root(role: str) -> None:
    for path in (ROOT / "roles" / role / "tasks").glob("*.yml"):
        first = load(path)[0]
        assert "gantry.odoo.require_root" in first, f"{role}/{path.name}: begin with require_root, see another role"


@pytest.mark.parametrize("role", sorted(_ON_THE_CONTROLLER))
def test_a_role_on_the_controller_touches_no_host_but_as_root(role: str) -> None:
    paths = [path for path in (ROOT / "roles" / role / "tasks").rglob("*.yml") if load(path)[0] != _AS_ROOT]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    used = set(re.findall(r"^ +((?:ansible|gantry)\.\w+\.\w+):", text, re.MULTILINE))
    assert used <= _WITHOUT_HOST, f"what runs on hosts needs require_root: {sorted(used - _WITHOUT_HOST)}"


@pytest.mark.parametrize("role", ROLES)
def test_every_private_task_file_is_included(role: str) -> None:
    tasks: Path = ROOT / "roles" / role / "tasks"
    wanted = [name for path in tasks.rglob("*.yml") for name in _INCLUDES.findall(path.read_text(encoding="utf-8"))]
    patterns = [re.sub(r"\\\{\\\{.*?\\\}\\\}", r"[\\w-]+", re.escape(name)) for name in wanted]
    files = {path.relative_to(tasks).as_posix() for path in (tasks / "private").rglob("*.yml")}
    unused = {name for name in files if not any(re.fullmatch(pattern, name) for pattern in patterns)}
    assert not unused, f"no task file of the role includes them: {sorted(unused)}"


@pytest.mark.parametrize("role", ROLES)
def test_variables_carry_the_name_of_the_role(role: str) -> None:
    strangers = {name for _entry, name, _option in options(role) if not name.startswith(f"{role}_")}
    assert not strangers, f"options that another role could own: {sorted(strangers)}"


@pytest.mark.parametrize("role", ROLES)
def test_entry_points_are_described(role: str) -> None:
    for entry, spec in specs(role).items():
        assert spec.get("short_description"), f"{entry} has no short_description"
        bare = [name for _entry, name, option in options(role) if not option.get("description")]
        assert not bare, f"{entry}: no description of {bare}"


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value
