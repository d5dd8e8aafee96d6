# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of a playbook are converted by its declaration, and the documentation is written from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_playbook import (
    Variables,
    declaration,
    inputs,
    variables_of,
)
from ansible_collections.gantry.odoo.plugins.plugin_utils.playbook_files import read_variables
from tests.quality.playbooks import README, ROOT, declarations, page

DECLARATIONS = declarations()
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
FILES: dict[str, Any] = {
    "patch": {
        "short_description": "Change",
        "description": "It changes.",
        "extends": ["change"],
        "options": {
            "patch_release": {"type": "str", "required": True},
            "patch_hosts": {"type": "list", "elements": "str", "default": []},
            "patch_restart_all": {"type": "bool", "default": False},
        },
        "renamed": {"patch_group": "patch_odoo_group"},
    },
    "change": {"options": {"change_class": {"type": "str", "choices": ["standard", "normal"], "default": "standard"}}},
}
PATCH = declaration("patch", FILES)


def test_inputs_are_converted_and_defaults_filled_in() -> None:
    assert inputs(PATCH, {"patch_release": "2026.11.2", "patch_hosts": "app1,app2", "patch_restart_all": "no"}) == {
        "patch_release": "2026.11.2",
        "patch_hosts": ["app1", "app2"],
        "patch_restart_all": False,
        "change_class": "standard",
    }


def test_an_empty_answer_of_a_survey_counts_as_none() -> None:
    assert inputs(PATCH, {"patch_release": "1", "change_class": ""})["change_class"] == "standard"
    with pytest.raises(InputError, match=r"^gantry\.odoo\.patch: patch_release is required; set it$"):
        inputs(PATCH, {"patch_release": ""})


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        inputs(PATCH, {"patch_group": "app", "patch_restart_all": "maybe", "change_class": "routine"})
    for sentence in (
        "patch_group is now called patch_odoo_group; set patch_odoo_group instead",
        "patch_release is required",
        "patch_restart_all must be true or false, not 'maybe'",
        "change_class must be one of standard, normal, not 'routine'",
    ):
        assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [("patch_relaese", "patch_release"), ("patchhosts", "patch_hosts"), ("change_clas", "change_class")],
)
def test_a_mistyped_extra_variable_is_refused(name: str, near: str) -> None:
    with pytest.raises(InputError, match=f"patch: {name} is no input; set {near}, if that is what was meant"):
        inputs(PATCH, {"patch_release": "1"}, [name])


def test_a_text_of_the_command_line_that_sets_nothing_is_refused() -> None:
    """-e 'patch_hosts: [app1]' is neither name=value nor JSON, and the patch would have taken all hosts."""
    with pytest.raises(InputError, match="patch: a text that was given with -e sets nothing; write it as name=value"):
        inputs(PATCH, {"patch_release": "1"}, ["_raw_params"])


def test_other_extra_variables_are_left_alone() -> None:
    named = Variables(named=frozenset({"backup_repository", "patch_hosts_of", "change_reason"}))
    extra = ["backup_repository", "patch_hosts_of", "odoo_release", "release", "awx_job_id", "change_reason"]
    assert inputs(PATCH, {"patch_release": "1"}, extra, named)


@pytest.mark.parametrize(
    "name", ["change_tenants", "change_classes", "change_gated_tiers", "change_new", "odoo_tenants"]
)
def test_policy_comes_from_the_inventory_alone(name: str) -> None:
    """-e '{"change_tenants": []}' let a patch of tier 1 go on without a backup."""
    named = Variables(frozenset({"change_tenants"}), frozenset({"change_tenants", "change_classes"}))
    with pytest.raises(
        InputError, match=f"^gantry.odoo.patch: {name} is no input, and what a change is judged by comes"
    ):
        inputs(PATCH, {"patch_release": "1"}, [name], named)


def test_the_requester_is_no_variable() -> None:
    with pytest.raises(InputError, match="patch: change_requester is the login of the controller or the user of AWX"):
        inputs(PATCH, {"patch_release": "1"}, ["change_requester"])


def test_an_extra_variable_that_begins_like_an_input_is_refused() -> None:
    """Its author takes it for one: restore_at of another product would have restored the newest backup."""
    with pytest.raises(
        InputError, match="patch_at is no input; there are patch_hosts, patch_release, patch_restart_all"
    ):
        inputs(PATCH, {"patch_release": "1"}, ["patch_at"])


def test_an_extra_variable_that_the_playbook_sets_is_refused() -> None:
    set_here = variables_of(
        [
            [
                {
                    "hosts": "all",
                    "vars": {"odoo_release": "r"},
                    "tasks": [
                        {"block": [{"ansible.builtin.set_fact": {"patch_before": "r"}}]},
                        {"ansible.builtin.command": "id", "register": "patch_id"},
                    ],
                }
            ]
        ]
    )
    assert set_here == {"odoo_release", "patch_before", "patch_id"}
    for name in set_here:
        with pytest.raises(InputError, match=f"{name} is set by the playbook itself, and an extra variable would act"):
            inputs(PATCH, {"patch_release": "1"}, [name], Variables(set_here, set_here))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"options": {}}, "patch.yml has no short_description, description; add what is missing"),
        ({**FILES["patch"], "extends": [], "options": ["a"]}, "patch.yml has options that are no mapping"),
        ({**FILES["patch"], "extends": [], "options": {"a": "str"}}, "patch.yml has options that are no mapping"),
    ],
)
def test_a_faulty_declaration_is_one_sentence(content: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        declaration("patch", {"patch": content})


def test_each_playbook_has_a_declaration() -> None:
    lacking, idle = sorted(set(PLAYBOOKS) - set(DECLARATIONS)), sorted(set(DECLARATIONS) - set(PLAYBOOKS))
    assert not lacking, f"write playbooks/inputs/<playbook>.yml for {', '.join(lacking)}"
    assert not idle, f"playbooks/inputs declares {', '.join(idle)}, which is no playbook"


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("**/*.yml")), ids=lambda path: path.stem)
def test_playbooks_read_only_what_is_declared(path: Path) -> None:
    """Tasks that several playbooks include may read what any of them declares."""
    declared = [DECLARATIONS[path.stem]] if path.stem in PLAYBOOKS else list(DECLARATIONS.values())
    names = {name for one in declared for name in one.options}
    read = set(re.findall(r"\binputs\.(?!yml)([a-z_]\w*)", re.sub(r"#.*", "", path.read_text(encoding="utf-8"))))
    assert read <= names, f"{path.name} reads inputs.{min(read - names)}; declare it in playbooks/inputs"


def test_a_name_has_one_meaning() -> None:
    """An input that is in several playbooks has one type, and no playbook takes a name that another one refuses."""
    types: dict[str, set[str]] = {}
    for one in DECLARATIONS.values():
        for name, option in one.options.items():
            types.setdefault(name, set()).add(str({key: option.get(key) for key in ("type", "elements", "choices")}))
    assert {name: found for name, found in types.items() if len(found) > 1} == {}
    assert not set(types) & {old for one in DECLARATIONS.values() for old in one.renamed}


@pytest.mark.parametrize("name", sorted(DECLARATIONS))
def test_the_playbook_names_its_declaration(name: str) -> None:
    text = (ROOT / f"playbooks/{name}.yml").read_text(encoding="utf-8")
    assert text.startswith(f"---\n# {DECLARATIONS[name].short_description}. Inputs: inputs/{name}.yml.\n")
    assert f"inputs_of: {name}\n" in text or name == "precheck"


@pytest.mark.parametrize("name", sorted(DECLARATIONS))
def test_the_readme_says_what_the_playbook_does(name: str) -> None:
    row = re.search(rf"^\| `gantry\.odoo\.{name}` \| (.*) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    assert row is not None
    assert row[1] == DECLARATIONS[name].short_description


def test_the_page_of_the_playbooks_is_written_from_the_declarations() -> None:
    assert README.read_text(encoding="utf-8") == page(), "run python -m tests.quality.playbooks"


def test_no_playbook_has_a_default_of_its_own() -> None:
    """Playbooks read `inputs`: a default beside the declaration would be a second one."""
    names = {name for one in DECLARATIONS.values() for name in one.options} - {"tenant"}
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "playbooks").glob("**/*.yml")
        if path.parent.name != "inputs"
        for name in names
        if re.search(rf"(?<![\w.]){name} *\| *default", path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_what_the_collections_own_playbooks_set() -> None:
    own = {name: read_variables(DataLoader(), ROOT / "playbooks", name).own for name in ("patch", "site", "backup")}
    everywhere = {"estate", "estate_drained", "estate_released", "inputs", "odoo_running_release", "precheck_allow_new"}
    assert all(everywhere <= names for names in own.values())
    # the release of the inventory is what a new host gets, and a patch has its own
    assert ["odoo_release" in own[name] for name in ("patch", "site")] == [True, False]
    kept = {"odoo_tenants", "change_store", "odoo_db_passwords", "backup_repository", "tenant", "change_reason"}
    assert not kept & set().union(*own.values())
