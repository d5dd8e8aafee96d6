# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module, role and playbook is in the README's tables, and nothing else is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.quality import cores
from tests.unit.project.conftest import load
from tests.unit.project.tree import MODULES, NAMESPACE, PLAYBOOKS, ROLES, ROOT

_ROW = re.compile(r"^\| *(?:\[)?`([\w.]+)`[^|]*\| *(.*?) *\|$")
_HEAD = re.compile(r"^\| *(Module|Role|Playbook)\b")


def rows(kind: str) -> dict[str, str]:
    """The first and second column of the README's table of modules, roles or playbooks."""
    found: dict[str, str] = {}
    inside = False
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        head = _HEAD.match(line)
        inside = head[1] == kind if head else inside and line.startswith("|")
        row = _ROW.match(line)
        if inside and row:
            found[row[1].removeprefix(f"{NAMESPACE}.")] = row[2]
    return found


@pytest.mark.parametrize(("kind", "tree"), [("Module", MODULES), ("Role", ROLES), ("Playbook", PLAYBOOKS)])
def test_tables_equal_the_tree(kind: str, tree: list[str]) -> None:
    listed = set(rows(kind))
    lacking, gone = sorted(set(tree) - listed), sorted(listed - set(tree))
    assert not lacking, f"add a row to README.md, table {kind}, for: {', '.join(lacking)}"
    assert not gone, f"README.md, table {kind}, lists what is not there: {', '.join(gone)}"


def test_rows_of_modules_are_their_short_descriptions(modules: dict[str, Any]) -> None:
    found = rows("Module")
    for full_name, module in modules.items():
        name, described = full_name.removeprefix(f"{NAMESPACE}."), module["doc"]["short_description"]
        assert found.get(name) == described, f"README.md, table Module: the row of {name} has to say: {described}"


def test_versions_of_ansible_core_are_those_that_are_tested() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    floor = load(ROOT / "meta/runtime.yml")["requires_ansible"].removeprefix(">=").rsplit(".", 1)[0]
    listed = [row.split(", ") for row in re.findall(r"^ *\| (2\.[\d., ]+?) \|", text, re.MULTILINE)]
    assert listed == [[floor], list(cores.VERSIONS)]


@pytest.mark.parametrize("role", ROLES)
def test_readme_of_a_role_answers_what_a_user_asks(role: str) -> None:
    path = ROOT / "roles" / role / "README.md"
    assert path.exists(), f"roles/{role} has no README.md"
    text = path.read_text(encoding="utf-8")
    absent = [word for word in ("outcome", "variables", "outputs", "rollback") if word not in text.lower()]
    assert not absent, f"roles/{role}/README.md says nothing of {', '.join(absent)}"
    assert "```yaml" in text, f"roles/{role}/README.md has no example"


def supported(hosts: str) -> dict[str, list[str]]:
    """The systems of the README's table of supported hosts, as a role's meta names them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    systems = re.search(rf"^\| *{hosts} *\| *([^|]+?) *\|", text, re.MULTILINE)
    assert systems, f"the table of supported hosts has no row for {hosts}"
    found: dict[str, list[str]] = {}
    for name, release in re.findall(r"(\w+) [\d.]+ \((\w+)\)", systems[1]):
        found.setdefault(name, []).append(release)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_role_claims_the_supported_hosts(role: str) -> None:
    platforms = load(ROOT / "roles" / role / "meta/main.yml")["galaxy_info"]["platforms"]
    assert {platform["name"]: platform["versions"] for platform in platforms} == supported("all roles")


def test_supported_hosts_are_those_of_the_lab() -> None:
    base = (ROOT / "tests/lab/images.py").read_text(encoding="utf-8")
    releases = {release for hosts in ("all roles", ".*Odoo 14") for release in supported(hosts)["Debian"]}
    assert {release for release in releases if f'"{release}"' in base} == releases
