# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the module's own password on single nodes and Sentinels."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_node import change_node, change_sentinels
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import DEFAULT
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_passwords import (
    AddPassword,
    PasswordStep,
    RemovePassword,
)


def add_password(client: Client, step: AddPassword) -> None:
    """Let a server accept the new password, too."""
    _change(client, step, [step.rotation.additions()])


def remove_password(client: Client, step: RemovePassword) -> None:
    """Let a server accept no former password. Raises StateError where a connection shows that it still does."""
    password = client.access.password or ""
    if not client.accepts(step.server, password):
        raise StateError(f"{step.server} refuses the new password, so the former one was left in place; run again")
    if step.rotation.user == DEFAULT and not step.sentinel and not step.save:
        _change(client, step, step.rotation.replacements(password, step.accepted.others))
    else:
        _change(client, step, [step.rotation.removals(step.accepted.former)])
    if any(client.accepts(step.server, former) for former in client.access.former):
        raise StateError(f"{step.server} still accepts a former password; see its ACL LIST")


def _change(client: Client, step: PasswordStep, commands: Sequence[Sequence[str]]) -> None:
    if step.sentinel:
        change_sentinels(client, {step.server: [*commands, ("SENTINEL", "FLUSHCONFIG")]})
    else:
        change_node(client, step.server, commands, save_users=step.save)
