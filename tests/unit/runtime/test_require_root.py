# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a role's tasks run as."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.action.require_root import gap, misspelt
from tests.unit.project.tree import ROLES, ROOT


def test_root_may() -> None:
    assert gap("the role gantry.odoo.odoo", "db1", "0\r\n") == ""


@pytest.mark.parametrize(("answer", "seen"), [("1000\n", "user 1000"), ("", "user unknown")])
def test_others_may_not(answer: str, seen: str) -> None:
    words = gap("the role gantry.odoo.odoo", "db1", answer)
    assert words.startswith("the role gantry.odoo.odoo needs root on db1")
    assert seen in words
    assert "become" in words


def test_a_variable_that_is_nearly_one_of_the_role_is_told() -> None:
    known = {"redis_nodes", "redis_maxmemory", "redis_uid"}
    (told,) = misspelt("redis", known, ["redis_nodes", "redis_node", "redis_exporter_port", "redis_guide_x", "nodes"])
    assert told.startswith("the role redis has no variable redis_node, ")
    assert "redis_nodes is meant" in told
    assert len(misspelt("redis", known, ["redis_max_memory", "redis_maxmemroy", "rediss_nodes"])) == 2


@pytest.mark.parametrize("role", ROLES)
def test_the_variables_of_a_role_are_not_taken_for_each_other(role: str) -> None:
    """What a role sets by itself, such as its results, is not reported either."""
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())["argument_specs"]
    known = {name for entry in specs.values() for name in entry.get("options") or ()}
    texts = [path.read_text() for place in ("roles", "playbooks") for path in (ROOT / place).rglob("*.yml")]
    names = {name for text in texts for name in re.findall(rf"(?<![\w.]){role}_\w+(?=:)", text)}
    assert names
    assert misspelt(role, known, names) == []
