# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A condition is a boolean whatever happened: ansible-core ends a run at one that is a text, such as an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jinja2
import pytest
import yaml
from jinja2 import nodes

from tests.quality.tree import listed
from tests.unit.project.tree import ROOT

_CONDITIONS = {"when", "that", "until", "failed_when", "changed_when"}
# The fields of results and facts have types of their own.
_BOOLEAN = (nodes.Compare, nodes.Test, nodes.Not, nodes.Getattr, nodes.Getitem)
_FILES = [name for name in listed(ROOT) if name.startswith(("playbooks/", "roles/")) and name.endswith(".yml")]


def operands(node: nodes.Expr) -> Iterator[nodes.Expr]:
    """What an expression may be the value of: `and` and `or` give one of their sides, and no boolean."""
    if isinstance(node, (nodes.And, nodes.Or)):
        yield from operands(node.left)
        yield from operands(node.right)
    elif isinstance(node, nodes.CondExpr):
        yield from operands(node.expr1)
        if node.expr2 is not None:
            yield from operands(node.expr2)
    else:
        yield node


def expression(text: str) -> nodes.Expr | None:
    """The expression of a template that is nothing else."""
    output = [node for node in jinja2.Environment().parse(text).body if isinstance(node, nodes.Output)]
    parts = [
        node for one in output for node in one.nodes if not isinstance(node, nodes.TemplateData) or node.data.strip()
    ]
    return parts[0] if len(parts) == 1 else None


def names(node: nodes.Expr) -> Iterator[str]:
    """The variables that a condition may be the value of; a text where it is no boolean by its form."""
    for one in operands(node):
        constant = isinstance(one, nodes.Const) and isinstance(one.value, bool)
        if isinstance(one, nodes.Filter) and one.name == "default" and one.node is not None and one.args:
            yield from names(one.args[0])
            yield from names(one.node)
        elif isinstance(one, nodes.Name):
            yield one.name
        elif not constant and not isinstance(one, _BOOLEAN) and getattr(one, "name", "") != "bool":
            yield f"no boolean: {one}"


def pairs(content: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, in a file of YAML; a list gives one pair for each of its items."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from ((key, one) for one in (value if isinstance(value, list) else [value]))
            yield from pairs(value)
    elif isinstance(content, list):
        for one in content:
            yield from pairs(one)


def read(name: str) -> list[tuple[str, Any]]:
    return list(pairs(yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def given() -> dict[str, list[Any]]:
    """What each variable is set to, anywhere."""
    found: dict[str, list[Any]] = {"ansible_check_mode": [True]}
    for file in _FILES:
        # the declared inputs are data, with former names in it
        for key, value in [] if file.startswith("playbooks/inputs/") else read(file):
            found.setdefault(key, []).append(value)
    return found


def is_boolean(name: str, given: dict[str, list[Any]]) -> bool:
    """Whether a variable is a boolean wherever it is set."""

    def plain(value: Any) -> bool:
        parsed = expression(str(value))
        return isinstance(value, bool) or (
            parsed is not None
            and not isinstance(parsed, nodes.TemplateData)
            and all(is_boolean(one, given) for one in names(parsed))
        )

    return name in given and all(plain(value) for value in given[name])


@pytest.mark.parametrize("file", _FILES)
def test_every_condition_is_a_boolean(file: str, given: dict[str, list[Any]]) -> None:
    for key, text in read(file):
        if key in _CONDITIONS and isinstance(text, str):
            parsed = expression("{{ " + text + " }}")
            assert parsed is not None, text
            assert [one for one in names(parsed) if not is_boolean(one, given)] == [], text


@pytest.mark.parametrize(
    "text", ["release and not check", "found | default('')", "one or two", "'' if three else four"]
)
def test_a_text_is_no_condition(text: str) -> None:
    parsed = expression("{{ " + text + " }}")
    assert parsed is not None
    assert not all(
        is_boolean(one, {"check": [True], "one": [True], "two": ["{{ one and '' }}"]}) for one in names(parsed)
    )
