# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories and variables that the guides show are what the modules take, as they are printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_known import KnownLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._estate.apply_record import EstateLog
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore import apply_table
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import REPOSITORY
from tests.unit.project.tree import ROOT

GUIDES = ROOT / "docs/docsite/rst"
_BLOCK = re.compile(r"^\.\. code-block:: yaml\n\n((?:    .*\n|\n)+)", re.MULTILINE)
# A file of the inventory, named in the sentence before it.
_FILE = re.compile(r"``((?:group_vars/|hosts)\S*\.yml)``.*(?:\n.+)*\n\n\.\. code-block:: yaml\n\n((?:    .*\n|\n)+)")
# Reads the inventory as the playbooks do, without a host.
_ASKED = {
    "hosts": "localhost",
    "gather_facts": False,
    "tasks": [
        {
            "name": "Resolve the estate",
            "gantry.odoo.estate_info": {
                "tenants": "{{ odoo_tenants }}",
                "runtime_groups": "{{ odoo_runtime_groups }}",
                "require_groups": ["edge", "cache"],
                "release_source": True,
            },
            "register": "resolved",
        },
        {
            "name": "Copy what was found",
            "ansible.builtin.copy":
            {
                "dest": "{{ found }}",
                "mode": "0600",
                "content": "{{ {'estate': resolved.estate, 'admins': odoo_admin_passwords.keys() | list,"
                " 'roles': odoo_db_passwords.keys() | list, 'repository': backup_repository} | to_json }}",
            },
        },
    ],
}  # fmt: skip


def blocks(guide: str) -> list[Any]:
    """The blocks of YAML in a guide."""
    text = (GUIDES / f"{guide}.rst").read_text(encoding="utf-8")
    return [yaml.safe_load(textwrap.dedent(block)) for block in _BLOCK.findall(text)]


def shown(variable: str) -> list[Any]:
    """The values that the estate guide shows of a variable."""
    return [one[variable] for one in blocks("estate_guide") if isinstance(one, dict) and variable in one]


def test_the_change_stores_of_the_estate_guide_are_what_the_modules_take() -> None:
    stores = shown("change_store")
    assert [sorted(one) for one in stores] == [["postgresql"], ["s3"], ["postgresql", "witness"]]
    for one in stores:
        assert not ArgumentSpecValidator({"store": STORE}).validate({"store": one}).error_messages


def test_the_table_of_the_estate_guide_is_the_one_that_is_made() -> None:
    text = (GUIDES / "estate_guide.rst").read_text(encoding="utf-8")
    columns = re.compile(
        r"CREATE TABLE (?:IF NOT EXISTS )?public\.gantry_object \((.*clock_timestamp\(\))\)", re.DOTALL
    )
    shown, made = (columns.findall(one) for one in (text, Path(apply_table.__file__).read_text(encoding="utf-8")))
    assert [one.split() for one in shown] == [one.split() for one in made] != []


def test_the_key_of_a_bucket_may_remove_old_records_and_no_entry_of_the_ledger() -> None:
    text = (GUIDES / "estate_guide.rst").read_text(encoding="utf-8")
    (block,) = re.findall(r"\.\. code-block:: json\n\n((?:    .*\n|\n)+)", text)
    (rights,) = [one for one in json.loads(block)["Statement"] if "s3:DeleteObject" in one["Action"]]
    removed = {key.rsplit("/", 2)[1] for key in rights["Resource"]}
    logs = {log.NAME for log in (Register, PartsLog, EstateLog, KnownLog)}
    assert removed == {*logs, "evidence", "probe"}


def test_the_repository_of_the_controller_has_keys_of_the_repository() -> None:
    (keys,) = shown("backup_repository_from_controller")
    assert set(keys) <= set(REPOSITORY["options"])


def printed(directory: Path) -> None:
    """The inventory of the first estate, with the release that it tells the reader to make."""
    text = (GUIDES / "first_estate_guide.rst").read_text(encoding="utf-8")
    files = dict(_FILE.findall(text))
    assert len(files) == 6
    (vault,) = [one for one in blocks("first_estate_guide") if "odoo_admin_passwords" in one]
    files["group_vars/all/vault.yml"] = yaml.safe_dump(vault)
    for name, block in files.items():
        path = directory / "inventory" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(block), encoding="utf-8")
    for command in re.findall(r"^    \$ ((?:mkdir|touch) .*)$", text, re.MULTILINE):
        subprocess.run(command.split(), cwd=directory, check=True)


def example(directory: Path) -> None:
    """The inventory of the collection, with a vault of the names that it asks for."""
    shutil.copytree(ROOT / "inventories/example", directory / "inventory")
    names = {
        name: dict.fromkeys(["gantry", "odoo_harbour", "odoo_shared"], "x") for name in ["vault_odoo_db_passwords"]
    }
    names["vault_odoo_admin_passwords"] = dict.fromkeys(["harbour", "training"], "x")
    vault = {**names, **dict.fromkeys(["vault_s3_access_key", "vault_s3_secret_key", "vault_backup_key"], "x")}
    (directory / "inventory/group_vars/all/vault.yml").write_text(yaml.safe_dump(vault), encoding="utf-8")
    (directory / "releases/2026.11.1/addons").mkdir(parents=True)


@pytest.mark.parametrize("made", [printed, example])
def test_an_inventory_that_is_printed_declares_an_estate(made: Any, tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "ask.yml").write_text(yaml.safe_dump([_ASKED]), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory", "ask.yml", "-e", "found=found.json"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    estate = found["estate"]
    wanted = {database["name"] for group in estate["groups"].values() for database in group["databases"]}
    assert wanted == set(found["admins"])
    # a role that states its password, such as none at all, needs no other
    needed = {role["name"] for roles in estate["roles"].values() for role in roles if "password" not in role}
    assert needed == set(found["roles"])
    assert estate["unsourced"] == []
    repository = {"repository": found["repository"]}
    assert not ArgumentSpecValidator({"repository": REPOSITORY}).validate(repository).error_messages
