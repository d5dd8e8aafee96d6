# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this run of ansible-playbook was called, for the commands that a user is told to run next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ansible import context
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv

# What the commands that go on with a change say themselves.
_SAID = ("change", "way")


def command(given: Mapping[str, Any] | None = None) -> str:
    """`ansible-playbook` with the inventory, the vault and the files of variables of this run, as a shell takes it.

    given: the options of the command line. Variables that were given as text may be secrets, and are left out.
    """
    given = context.CLIARGS if given is None else given
    options = [
        *(("-i", one) for one in given.get("inventory") or ()),
        *(("-e", one) for one in given.get("extra_vars") or () if str(one).startswith("@")),
        *(("--vault-id", one) for one in given.get("vault_ids") or ()),
        *(("--vault-password-file", one) for one in given.get("vault_password_files") or ()),
    ]
    asked = ["--ask-vault-pass"] if given.get("ask_vault_pass") else []
    return shlex.join(["ansible-playbook", *(str(word) for pair in options for word in pair), *asked])


def withheld(given: Mapping[str, Any] | None = None) -> list[str]:
    """The variables that were given as text, which `command` leaves out. given: the options of the command line."""
    given = context.CLIARGS if given is None else given
    texts = [str(one) for one in given.get("extra_vars") or () if not str(one).startswith("@")]
    read = [DataLoader().load(text) if text[:1] in ("{", "[") else parse_kv(text) for text in texts]
    return sorted({str(name) for one in read for name in one}.difference(_SAID))
