# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-core makes of keywords of plays, where it is not what it seems.

On 2.21, all hosts share what a task that is run once sets, unless each has a fact of its own before. On all versions, a
template of any_errors_fatal is not read, and counts as true. Where it is not stated, the configuration of the
controller says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_inventory import MADE_GROUPS, require_unmade
from tests.unit.project.tree import ROOT

PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))
OWN, INPUTS, ONCE, MADE = "tasks/own_facts.yml", "tasks/inputs.yml", "run_once", "a group"


def events(play: Any) -> Iterator[str]:
    """What a part of a playbook does in order: own facts of hosts, inputs, groups that it makes, tasks run once."""
    if isinstance(play, Mapping):
        imported = play.get("ansible.builtin.import_playbook")
        if imported:
            # a path is relative to the playbook that imports it
            paths = [ROOT / "playbooks" / imported, ROOT / "playbooks" / "plays" / imported]
            (path,) = (path for path in paths if path.exists())
            yield from events(yaml.safe_load(path.read_text(encoding="utf-8")))
        if play.get("ansible.builtin.import_tasks") == OWN:
            yield OWN
        if play.get("ansible.builtin.include_tasks") == INPUTS:
            yield INPUTS
        if play.get("run_once"):
            yield ONCE
        yield from (MADE for task in ("ansible.builtin.group_by", "ansible.builtin.add_host") if task in play)
        for part in ("pre_tasks", "tasks", "block", "rescue", "always", "post_tasks"):
            yield from events(play.get(part) or [])
    elif isinstance(play, Sequence) and not isinstance(play, str):
        for one in play:
            yield from events(one)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_each_host_has_facts_of_its_own_and_groups_are_verified_before_anything_else(name: str) -> None:
    """gantry.odoo.playbook_inputs refuses groups that playbooks make, so it comes before the first one is made."""
    found = list(events(yaml.safe_load((ROOT / "playbooks" / name).read_text(encoding="utf-8"))))
    assert found[:2] == [OWN, INPUTS]


def test_a_task_that_is_run_once_or_makes_a_group_is_seen_wherever_it_is() -> None:
    grouped = {"ansible.builtin.group_by": {"key": "patch_odoo"}}
    early = [{"hosts": "all", "tasks": [{"block": [{"name": "x", "run_once": True}, grouped]}]}]
    assert list(events(early)) == [ONCE, MADE]


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").rglob("*.yml")), ids=lambda path: path.name)
def test_any_errors_fatal_is_no_template(path: Path) -> None:
    values = re.findall(r"^ *(?:- )?any_errors_fatal: *(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(values) <= {"true", "false"}


@pytest.mark.parametrize("name", [*PLAYBOOKS, *(f"plays/{path.name}" for path in ROOT.glob("playbooks/plays/*.yml"))])
def test_every_play_states_any_errors_fatal(name: str) -> None:
    """With ANSIBLE_ANY_ERRORS_FATAL, one host that is off would end what is to go on without it."""
    plays = yaml.safe_load((ROOT / "playbooks" / name).read_text(encoding="utf-8"))
    assert [one["name"] for one in plays if "hosts" in one and not isinstance(one.get("any_errors_fatal"), bool)] == []


def made_groups(content: Any) -> Iterator[str]:
    """The groups that tasks make, by group_by and add_host; a template counts with each name that it quotes."""
    if isinstance(content, Mapping):
        for task, options in content.items():
            if task == "ansible.builtin.group_by":
                key = options["key"]
                yield from re.findall(r"'(\w*_\w*)'", key) if "{{" in key else [key]
            elif task == "ansible.builtin.add_host":
                yield from options["groups"]
            else:
                yield from made_groups(options)
    elif isinstance(content, list):
        for one in content:
            yield from made_groups(one)


def test_the_groups_that_playbooks_make_are_known_and_refused_in_an_inventory() -> None:
    files = [path for place in ("playbooks", "roles") for path in (ROOT / place).rglob("*.yml")]
    found = {name for path in files for name in made_groups(yaml.safe_load(path.read_text(encoding="utf-8")))}
    assert found == set(MADE_GROUPS)
    require_unmade(["all", "ungrouped", "app", "patch_wave"])
    with pytest.raises(InputError, match="the inventory has estate_odoo, patch_odoo before the playbook makes a group"):
        require_unmade(["all", "patch_odoo", "estate_odoo"])
