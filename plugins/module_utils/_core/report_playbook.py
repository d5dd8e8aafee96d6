# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of a playbook as a person gives them on a command line. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# What a shell takes as it is.
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def given_input(name: str, value: Any) -> str:
    """The option of ansible-playbook that sets an input, as a shell takes it."""
    if isinstance(value, bool):
        return f"-e {name}={str(value).lower()}"
    # a text with a blank or a quote would be taken apart, as it is when it is no JSON
    if isinstance(value, (int, float)) or (isinstance(value, str) and _PLAIN.fullmatch(value)):
        return f"-e {name}={value}"
    text = json.dumps({name: value}, ensure_ascii=False).replace("'", "'\\''")
    return f"-e '{text}'"


def listed_input(name: str, values: Iterable[str]) -> str:
    """The option of ansible-playbook that sets an input to a list, as a shell takes it."""
    return given_input(name, list(values))


@dataclass(frozen=True)
class Remedy:
    """What an error of modules advises, and what an operator of playbooks does in its place.

    said: the words of the error. modules: those that have the option, which begins the words. inputs: what the words
    become in the report of a playbook, by its name. elsewhere: in the report of any other one.
    """

    said: str
    modules: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    elsewhere: str = ""

    def for_playbook(self, playbook: str) -> str:
        """The words for the operator of a playbook."""
        return self.inputs.get(playbook) or self.elsewhere


REMEDIES = (
    Remedy(
        "missing_files: list",
        ("odoo_restore", "odoo_backup_info"),
        {"restore": "-e restore_leave_out_files=true", "recover": "-e recover_leave_out_files=true"},
        "gantry.odoo.restore -e restore_leave_out_files=true",
    ),
    Remedy(
        "rolled_back: accept",
        ("odoo_backup", "odoo_backup_check", "odoo_backup_info", "odoo_restore", "backup_policy"),
        {
            "backup": "-e backup_accept_older=true",
            "backup_policy": "-e policy_accept_older=true",
            "restore": "-e restore_accept_older=true",
            "recover": "-e recover_accept_older=true",
        },
        # the backup is the newest one that is known from then on
        "gantry.odoo.backup -e backup_accept_older=true",
    ),
    Remedy(
        "other_database: accept",
        ("odoo_backup",),
        {"backup": "-e backup_other_database=true"},
        "gantry.odoo.backup -e backup_other_database=true",
    ),
    Remedy(
        "missing: record",
        ("odoo_backup",),
        {"backup": "-e backup_record_missing=true"},
        "gantry.odoo.backup -e backup_record_missing=true",
    ),
    Remedy(
        "other_copy: accept",
        ("odoo_backup_copy",),
        {"backup_copy": "-e copy_accept_new=true"},
        "gantry.odoo.backup_copy -e copy_accept_new=true",
    ),
    Remedy("rebuild: true", ("odoo_backup_check",), elsewhere="-e check_rebuild=true"),
    Remedy("expire: true", ("backup_policy",), elsewhere="-e policy_expire=true"),
    Remedy("scratch: false", ("odoo_restore",), elsewhere="backup_drill_scratch without its tier in the inventory"),
)
# Options that no playbook has an input for, and the variable of the inventory that sets each.
VARIABLES = {
    "give a longer lock_timeout": "set a longer backup_lock_timeout in the inventory",
    "give repository.records_bucket": "set records_bucket of backup_repository",
    "not among sources (": "neither edges nor among odoo_http_further_sources (",
    "to sources, and the others to cut_off": (
        "to odoo_http_further_sources of the inventory, and the others to odoo_http_cut_off"
    ),
    "add that to cut_off": "add that to odoo_http_cut_off of the inventory",
}
# What begins a sentence about options, and what an operator gives in their place, by playbook.
NAMES = {"restore": {"at is '": "restore_at is '", ", beside backup '": ", beside restore_backup '"}}
# The playbooks that do for an estate what a module does on a host.
PLAYBOOKS = {"odoo_backup_check": "gantry.odoo.backup_check", "odoo_backup_copy": "gantry.odoo.backup_copy"}
_WITH = re.compile(r"(gantry\.odoo\.\w+) with -e ")
_MODULES = re.compile(rf"(?<![\w.])(?:gantry\.odoo\.)?({'|'.join(PLAYBOOKS)})\b")


def for_playbook(sentence: str, playbook: str) -> str:
    """The sentence of a module with the inputs and names of playbooks in the place of options and names of modules.

    playbook: the one that is run, without the name of the collection.
    """
    for remedy in REMEDIES:
        sentence = re.sub(rf"(?<!\w){re.escape(remedy.said)}\b", remedy.for_playbook(playbook), sentence)
    for said, instead in VARIABLES.items():
        sentence = sentence.replace(said, instead)
    for said, instead in NAMES.get(playbook, {}).items():
        sentence = re.sub(rf"(?<!\w){re.escape(said)}", instead, sentence)
    sentence = _MODULES.sub(lambda found: PLAYBOOKS[found[1]], sentence)
    return _WITH.sub(r"\1 -e ", sentence)
