# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section on backups shows what is there: jobs, screens, commands, policies, alerts, and the program of its end."""

from __future__ import annotations

import base64
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import CopySeen
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Compared
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_compliance import entry as reported
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_table import screen
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import BEGUN, PROVEN, Part
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import CommandLine, closing
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_playbook import Declaration, inputs
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_schedule import PREFIX
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import REPOSITORY
from ansible_collections.gantry.odoo.plugins.modules.backup_policy import OPTIONS as POLICY
from tests.unit.backup import evidence as seen
from tests.unit.project.tree import NAMESPACE, PLAYBOOKS, ROOT
from tests.unit.repository.test_restore_program import MASTER, PROGRAM, backed_up

GUIDE = ROOT / "docs/docsite/rst/estate_guide.rst"
RULES = ROOT / "extensions/prometheus/gantry_backup_rules.yml"
SCHEDULE = ROOT / "roles/estate/defaults/main.yml"
# Every document with commands that an operator copies.
DOCUMENTS = [
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs/docsite/rst").glob("*.rst"))),
    *("README.md", "docs/backup-format.md"),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "roles").glob("*/README.md"))),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "extensions").rglob("*.md"))),
]
_COMMAND = re.compile(
    r"^ *\$ (ansible-playbook .*)$|``(ansible-playbook [^`]*)``|`(ansible-playbook [^`]*)`", re.MULTILINE
)
# An input that is named in a sentence behind its playbook.
_NAMED = re.compile(r"gantry\.odoo\.(\w+)((?: -e \w+=[\w.:+-]+)+)")
_BLOCK = re.compile(r"^( *)\.\. code-block:: (\w+)\n\n((?:\1   .*\n|\n)+)", re.MULTILINE)
RUN = CommandLine("ansible-playbook -i inventory --vault-password-file vault-password")
AGAIN = "gantry.odoo.restore -e tenant=harbour -e restore_backup="


def section() -> str:
    """The text of the section."""
    text = GUIDE.read_text(encoding="utf-8")
    start = text.index("\nBackups\n-------\n")
    return text[start : text.index("\nRunbook: a site is lost\n-----", start)]


def blocks(kind: str) -> list[str]:
    """The blocks of the section that are of one kind."""
    return [
        textwrap.dedent(block).strip("\n") + "\n" for _indent, name, block in _BLOCK.findall(section()) if name == kind
    ]


@cache
def declared(playbook: str) -> Declaration:
    """The inputs of a playbook."""
    files = {
        name: yaml.safe_load((ROOT / f"playbooks/inputs/{name}.yml").read_text(encoding="utf-8"))
        for name in (playbook, "change")
    }
    options = {**files[playbook]["options"], **(files["change"]["options"] if files[playbook].get("extends") else {})}
    return Declaration(playbook, "", "", options)


@cache
def role_options() -> set[str]:
    """The options of all roles."""
    files = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
    return {name for one in files for entry in one["argument_specs"].values() for name in entry.get("options") or ()}


def tenant(name: str, found: seen.Evidence, **policy: Any) -> dict[str, Any]:
    """What compliance returns of a tenant."""
    assert found.policy is not None
    found = replace(found, tenant=name, policy=replace(found.policy, tenant=name, **policy))
    return reported(judge_tenant(found, seen.STORE), seen.NOW)


def table() -> list[str]:
    """The last screen of the compliance of an estate."""
    copy = CopySeen(Compared(seen.NOW - seen.HOUR, 10, ok=True), seen.NOW - seen.HOUR)
    young = {"entries": [seen.entry(2, timedelta(minutes=9)), seen.entry(1, seen.DAY)]}
    lately = replace(seen.DRILL, begun=seen.NOW - 12 * seen.DAY)
    return screen(
        [
            tenant(
                "harbour",
                seen.evidence(*young["entries"], copy=copy, drills=(lately,), locked_until=seen.NOW + 44 * seen.DAY),
                rpo_s=900,
                immutability="lock",
                lock_days=30,
                copies=3,
            ),
            tenant(
                "north",
                seen.evidence(seen.entry(1, timedelta(hours=27, minutes=20)), copy=copy, drills=(lately,)),
                tier=2,
                copies=3,
            ),
            tenant("quarry", seen.evidence(copy=copy, drills=()), tier=2, copies=3),
            tenant("training", seen.evidence(drills=(lately,)), tier=3, rpo_s=7 * 86400, copies=3),
        ]
    )


def restored() -> list[str]:
    """The last screen of a restore."""
    back = f"{RUN.command} {AGAIN}20261122T142213Z"
    part = Part("tenant:harbour", "restore-18", PROVEN, seen.NOW, "", {"rto_s": 65, "rpo_s": 13_920, "way_back": back})
    note = (
        "harbour goes back to backup 20261122T103000Z of 2026-11-22T10:30:00.000000Z; what was written since is kept "
        "in a backup of its own"
    )
    return closing("restore-18", "restore", [part], [note], RUN, done=True)


def unfinished() -> list[str]:
    """The last screen of a restore that was interrupted."""
    why = "app1 did not answer"
    part = Part("tenant:harbour", "restore-18", BEGUN, seen.NOW, why, {"kind": "restore", "tenant": "harbour"})
    return closing("restore-18", "restore", [part], [], RUN, done=False)


def moved() -> list[str]:
    """The last screen of a move."""
    back = f"{RUN.command} gantry.odoo.migrate -e tenant=north -e destination=app"
    part = Part("tenant:north", "migrate-21", PROVEN, seen.NOW, "", {"way_back": back})
    return closing("migrate-21", "migrate", [part], [], RUN, done=True)


def test_a_move_ends_with_its_way_back() -> None:
    assert textwrap.indent("\n".join(moved()), "    ").replace("    \n", "\n") in GUIDE.read_text(encoding="utf-8")


@pytest.mark.parametrize("shown", [table, restored, unfinished])
def test_a_screen_is_the_one_that_an_operator_gets(shown: Any) -> None:
    assert "\n".join(shown()).strip("\n") + "\n" in blocks("text")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_command_names_a_playbook_and_inputs_that_it_takes(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    commands = [" ".join(next(filter(None, found)).split()) for found in _COMMAND.findall(text)]
    commands += [f"ansible-playbook gantry.odoo.{name}{given}" for name, given in _NAMED.findall(text)]
    for command in commands:
        words = shlex.split(command)
        playbooks = [word.removeprefix(f"{NAMESPACE}.") for word in words if word.startswith(f"{NAMESPACE}.")]
        assert len(playbooks) == 1, command
        assert playbooks[0] in PLAYBOOKS, command
        given: dict[str, Any] = {}
        for word, value in zip(words, words[1:]):
            if word == "-e" and not value.startswith("@"):
                given |= yaml.safe_load(value) if value.startswith("{") else dict([value.split("=", 1)])
        options = declared(playbooks[0]).options
        # an option of a role is an inventory's, and may be given for once
        assert set(given) <= {*options, *role_options()}, command
        # what a sentence leaves out is in the command that it belongs to
        wanted = {name: {**option, "required": False} for name, option in options.items()}
        inputs(Declaration(playbooks[0], "", "", wanted), given)


def test_every_job_of_the_schedule_that_concerns_backups_is_in_the_table() -> None:
    schedule = yaml.safe_load(SCHEDULE.read_text(encoding="utf-8"))["estate_schedule"]
    jobs = {one["name"]: one["playbook"] for one in schedule if "certificate" not in one["playbook"]}
    head, *rows = re.split(r"^   \* - ", section().split("* - Timer, and when it runs")[1], flags=re.MULTILINE)
    assert "When it is red" in head
    found = {}
    for row in rows:
        timers, playbook, *rest = re.split(r"^     - ", row.split("\n\n``systemctl")[0], flags=re.MULTILINE)
        assert len(rest) == 2, row
        found |= dict.fromkeys(re.findall(r"``(\w+)``", timers), playbook.strip().strip("`"))
        if "systemctl" in row:
            break
    assert found == jobs
    assert f"'{PREFIX}*'" in section()


def test_repositories_and_policies_are_what_the_modules_take() -> None:
    shown = [yaml.safe_load(block) for block in blocks("yaml")]
    policies = [
        {"tenant": one["name"], "tier": one["tier"], **one["backup"]}
        for block in shown
        if isinstance(block, dict)
        for one in block.get("odoo_tenants", [])
    ]
    assert len(policies) == 3
    validated = ArgumentSpecValidator({"policies": POLICY["policies"]}).validate({"policies": policies})
    assert not validated.error_messages
    repositories = [block["backup_repository"] for block in shown if "backup_repository" in block]
    whole, *_parts = repositories
    assert not ArgumentSpecValidator({"repository": REPOSITORY}).validate({"repository": whole}).error_messages
    assert all(set(one) <= set(REPOSITORY["options"]) for one in repositories)


def test_the_alerts_are_those_that_the_collection_has() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    assert set(re.findall(r"``(GantryBackup\w+)``", section())) == alerts
    (prometheus,) = [yaml.safe_load(block) for block in blocks("yaml") if "rule_files" in block]
    assert [Path(one).name for one in prometheus["rule_files"]] == [RULES.name]
    jobs = yaml.safe_load(SCHEDULE.read_text(encoding="utf-8"))["estate_schedule"]
    (path,) = [one["inputs"]["compliance_metrics_path"] for one in jobs if one["name"] == "compliance"]
    assert f"``{path}``" in section()


def test_the_commands_that_restore_without_ansible_are_run(tmp_path: Path) -> None:
    backed_up(tmp_path / "backups", tmp_path / "filestore")
    (tmp_path / "estate.key").write_bytes(base64.b64encode(MASTER.secret))
    commands = [line[2:] for block in blocks("console") for line in block.splitlines() if "restore_backup.py" in line]
    assert len(commands) == 3
    said = []
    for command in (one for one in commands if "--directory" in one):
        words = shlex.split(command)
        places = {
            "python3": sys.executable,
            "restore_backup.py": str(PROGRAM),
            "/mnt/backups": f"{tmp_path}/backups",
            "/srv/harbour": f"{tmp_path}/harbour",
            "20261122T103000Z": "20261127T020000Z",
        }
        argv = [places.get(word, word) for word in words]
        done = subprocess.run([*argv, "--prefix", "estate"], cwd=tmp_path, capture_output=True, text=True, check=True)
        said.append(done.stdout)
    assert said[0] == "20261127T020000Z  4 files\n"
    assert {one.name for one in (tmp_path / "harbour").iterdir()} == {"database.dump", "filestore"}
    # what follows reads what was written
    assert "/srv/harbour/database.dump\n" in section()
    assert "cp -a /srv/harbour/filestore " in section()
