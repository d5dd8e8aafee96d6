# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs statements with the SSH key or the agent of the person who approves."""

from __future__ import annotations

import os

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import NAMESPACE
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Key, key_from
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_signature import MOST_BYTES
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_signature import IN_UTC, PROGRAM
from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import opened_at_once

# The owner of a key on a token has to touch it.
SIGN_SECONDS = 60
_AGENT = "SSH_AUTH_SOCK"
# A passphrase would be asked for on a terminal that nobody looks at. Known since version 8.4 of OpenSSH.
_UNASKED = {"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}


def public_key(path: str) -> Key:
    """The public half of a key. path: of either half. Raises InputError where there is none."""
    public = path if path.endswith(".pub") else f"{path}.pub"
    try:
        with opened_at_once(public) as stream:
            line = stream.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise InputError(f"the public key {public} cannot be read: {error.strerror}; name another key") from error
    return key_from(line.strip(), public)


def sign(text: str, path: str) -> str:
    """The signature of a text. path: of the private key, or of the public one where the agent has the other half."""
    agent = {_AGENT: os.environ[_AGENT]} if os.environ.get(_AGENT) else {}
    argv = [PROGRAM, "-Y", "sign", "-f", path, "-n", NAMESPACE]
    try:
        return run(argv, Deadline(SIGN_SECONDS), what=PROGRAM, env={**IN_UTC, **_UNASKED, **agent}, stdin=text)
    except StateError as error:
        raise StateError(
            f"{path} did not sign the approval: {error}; where the key has a passphrase, add it to an agent with "
            "ssh-add, and run again"
        ) from error
