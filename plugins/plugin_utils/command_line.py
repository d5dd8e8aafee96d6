# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this run of ansible-playbook was called, for the commands that a user is told to run next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv

from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import CommandLine
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_playbook import declaration

# How a run connects: the option of each, and what it is where none was given.
_CONNECTION = {
    "remote_user": ("--user", C.DEFAULT_REMOTE_USER),
    "private_key_file": ("--private-key", C.DEFAULT_PRIVATE_KEY_FILE),
    "connection": ("--connection", C.DEFAULT_TRANSPORT),
    "connection_password_file": ("--connection-password-file", C.CONNECTION_PASSWORD_FILE),
    "timeout": ("--timeout", C.DEFAULT_TIMEOUT),
    "ssh_common_args": ("--ssh-common-args", None),
    "ssh_extra_args": ("--ssh-extra-args", None),
    "scp_extra_args": ("--scp-extra-args", None),
    "sftp_extra_args": ("--sftp-extra-args", None),
    "become_method": ("--become-method", C.DEFAULT_BECOME_METHOD),
    "become_user": ("--become-user", C.DEFAULT_BECOME_USER),
    "become_password_file": ("--become-password-file", C.BECOME_PASSWORD_FILE),
}
_FLAGS = {
    "ask_vault_pass": ("--ask-vault-pass", C.DEFAULT_ASK_VAULT_PASS),
    "ask_pass": ("--ask-pass", C.DEFAULT_ASK_PASS),
    "become": ("--become", C.DEFAULT_BECOME),
    "become_ask_pass": ("--ask-become-pass", C.DEFAULT_BECOME_ASK_PASS),
}
_INPUTS = Path(__file__).parents[2] / "playbooks" / "inputs"
# They are other ones in each job, and are asked for apart.
_LAUNCHERS = ("awx_", "tower_")
_PAPERS = frozenset(("change_class", "change_reason", "change_approver"))
# What the commands that go on with a change say themselves.
_SAID = ("change", "way")


def command_line(given: Mapping[str, Any] | None = None) -> CommandLine:
    """What this run was called with, for the next one. given: the options of the command line.

    Of the variables that were given as text, the declared inputs of playbooks are known. Others may be secrets, and are
    left out.
    """
    given = context.CLIARGS if given is None else given
    texts = _texts(given)
    declared = _declared() if texts else {}
    inputs = {
        playbook: {name: texts[name] for name in names if name in texts and name not in _SAID}
        for playbook, names in declared.items()
    }
    known = {name for names in declared.values() for name in names}
    return CommandLine(_command(given), sorted(set(texts) - known - set(_SAID)), inputs)


def covered_inputs(playbook: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What an approval covers of the extra variables: the inputs that a playbook declares, and the names of others.

    Others may be secrets, so that an approver sees that they are there. The papers of the change are covered anyhow.
    """
    declared = set(_declared().get(playbook, ())) - _PAPERS
    inputs = {name: value for name, value in extra.items() if name in declared and _is_plain(value)}
    known = {*inputs, *_PAPERS}
    others = sorted(name for name in extra if name not in known and not name.startswith(_LAUNCHERS))
    return {**({"inputs": inputs} if inputs else {}), **({"other_variables": others} if others else {})}


def _is_plain(value: Any) -> bool:
    """Whether a value can be written as JSON. What is encrypted is none of these."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    return value is None or isinstance(value, (str, int, float))


def _command(given: Mapping[str, Any]) -> str:
    """`ansible-playbook` with inventory, vault, files of variables and connection, as a shell takes it."""
    options = [
        *(("-i", one) for one in given.get("inventory") or ()),
        *(("-e", one) for one in given.get("extra_vars") or () if str(one).startswith("@")),
        *(("--vault-id", one) for one in given.get("vault_ids") or ()),
        *(("--vault-password-file", one) for one in given.get("vault_password_files") or ()),
    ]
    # their values may begin with a dash
    connection = [
        f"{option}={given[name]}"
        for name, (option, default) in _CONNECTION.items()
        if given.get(name) and given[name] != default
    ]
    asked = [option for name, (option, default) in _FLAGS.items() if given.get(name) and not default]
    words = [str(word) for pair in options for word in pair]
    return shlex.join(["ansible-playbook", *words, *connection, *asked])


def _texts(given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that were given as text; the last value counts."""
    texts = [str(one) for one in given.get("extra_vars") or () if not str(one).startswith("@")]
    read = [DataLoader().load(text) if text[:1] in ("{", "[") else parse_kv(text) for text in texts]
    return {str(name): one[name] for one in read for name in one}


def _declared() -> dict[str, list[str]]:
    """The inputs of each playbook of the collection."""
    loader = DataLoader()
    files = {path.stem: loader.load_from_file(str(path)) for path in _INPUTS.glob("*.yml")}
    return {name: list(declaration(name, files).options) for name, content in files.items() if "description" in content}
