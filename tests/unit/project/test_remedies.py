# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error advises exists for the one who reads it: an option of the module, or an input of the playbook."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import (
    PLAYBOOKS,
    REMEDIES,
    VARIABLES,
    Remedy,
    for_playbook,
    given_input,
)
from tests.unit.project.tree import NAMESPACE, ROOT
from tests.unit.project.tree import PLAYBOOKS as ALL

ROOMS = [ROOT / "plugins/module_utils" / room for room in ("_backup", "_repository")]
# Those whose errors advise options that variables of an inventory set.
VARIABLE_ROOMS = [*ROOMS, ROOT / "plugins/module_utils/_filter"]
_INPUT = re.compile(r"(?:gantry\.odoo\.(\w+) )?-e (\w+)=(\w+)")
# An option and a value that is a word of consent.
_ADVICE = re.compile(r"\b([a-z_]+): (accept|record|list|true|false|replace)\b")
# What no playbook leads to, or what an inventory has under the same name, and why.
KEPT = {
    "overwrite: replace": "every playbook that restores over a database gives it",
    "neutralize: true": "refused before a restore of a playbook, which blocks the database",
    "load_registry: true": "",
    "drill: true": "no playbook gives scratch without it",
    "versioning: false": "a key of backup in odoo_tenants",
}


def declared(playbook: str) -> dict[str, Any]:
    """The inputs of a playbook."""
    return dict(yaml.safe_load((ROOT / f"playbooks/inputs/{playbook}.yml").read_text(encoding="utf-8"))["options"])


def texts(rooms: Sequence[Path] = ROOMS) -> Iterator[str]:
    """Every sentence of the rooms, with what is put in left out."""
    for path in (path for room in rooms for path in sorted(room.glob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                yield node.value


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda one: one.said)
def test_a_remedy_names_options_and_inputs_that_exist(remedy: Remedy, modules: dict[str, Any]) -> None:
    option, value = remedy.said.split(": ")
    for name in remedy.modules:
        found = modules[f"{NAMESPACE}.{name}"]["doc"]["options"][option]
        assert value in found.get("choices", ["true", "false"] if found["type"] == "bool" else []), name
    assert set(remedy.inputs) <= set(ALL)
    assert remedy.elsewhere
    for playbook, said in [*remedy.inputs.items(), ("", remedy.elsewhere)]:
        for named, given, set_to in _INPUT.findall(said):
            # an input without the name of a playbook stands behind one in the sentence
            owners = [named or playbook] if named or playbook else [one for one in ALL if given in declared(one)]
            assert owners, said
            for one in owners:
                assert declared(one)[given]["type"] == "bool", said
                assert set_to == "true"


def test_a_remedy_without_an_input_names_a_variable_of_a_role() -> None:
    options = yaml.safe_load((ROOT / "roles/backup/meta/argument_specs.yml").read_text(encoding="utf-8"))
    known = {name for entry in options["argument_specs"].values() for name in entry["options"]}
    for remedy in REMEDIES:
        for said in (*remedy.inputs.values(), remedy.elsewhere):
            assert _INPUT.search(said) or known & set(re.findall(r"\w+", said)), said


def test_a_variable_in_the_place_of_an_option_exists_and_is_advised() -> None:
    known: set[str] = set()
    for role in ("backup", "odoo"):
        options = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
        known |= {name for entry in options["argument_specs"].values() for name in entry["options"]}
    said = " ".join(texts(VARIABLE_ROOMS))
    for advice, instead in VARIABLES.items():
        assert known & set(re.findall(r"\w+", instead)), instead
        assert advice in said
        assert for_playbook(f"wait, or {advice}", "backup") == f"wait, or {instead}"


def test_every_option_that_an_error_advises_has_a_remedy_and_every_remedy_is_advised() -> None:
    advised = {f"{name}: {value}" for text in texts() for name, value in _ADVICE.findall(text)}
    known = {one.said for one in REMEDIES}
    assert sorted(advised - known - set(KEPT)) == []
    assert sorted(known - advised) == []


def test_the_names_of_modules_become_those_of_playbooks() -> None:
    assert {one.removeprefix(f"{NAMESPACE}.") for one in PLAYBOOKS.values()} <= set(ALL)
    told = "run odoo_backup_check with rebuild: true, and see gantry.odoo.odoo_backup_copy"
    said = "run gantry.odoo.backup_check -e check_rebuild=true, and see gantry.odoo.backup_copy"
    assert for_playbook(told, "restore") == said
    # what has been said for a playbook stays as it is
    assert for_playbook(said, "backup") == said


@pytest.mark.parametrize(
    ("playbook", "said"),
    [
        ("restore", "or accept it with -e restore_accept_older=true"),
        ("backup_policy", "or accept it with -e policy_accept_older=true"),
        ("restore_drill", "or accept it with gantry.odoo.backup -e backup_accept_older=true"),
        ("resume", "or accept it with gantry.odoo.backup -e backup_accept_older=true"),
    ],
)
def test_an_operator_is_told_the_input_of_the_playbook(playbook: str, said: str) -> None:
    assert for_playbook("or accept it with rolled_back: accept", playbook) == said
    # a longer name is another one
    assert for_playbook("not_missing: record", playbook) == "not_missing: record"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "-e a=true"),
        (10, "-e a=10"),
        ("2026.11.2", "-e a=2026.11.2"),
        ("it's", """-e '{"a": "it'\\''s"}'"""),
        (["x", "y"], """-e '{"a": ["x", "y"]}'"""),
        ("", """-e '{"a": ""}'"""),
    ],
)
def test_an_input_is_given_as_a_shell_takes_it(value: Any, said: str) -> None:
    assert given_input("a", value) == said
