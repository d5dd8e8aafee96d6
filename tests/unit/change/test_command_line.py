# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that a user is told to run next is that of this run, without what may be a secret."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import context

from ansible_collections.gantry.odoo.plugins.filter.command import command
from ansible_collections.gantry.odoo.plugins.plugin_utils.command_line import command_line


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"inventory": None, "extra_vars": ()}, "ansible-playbook"),
        (
            {"inventory": ("/srv/estate one", "db1,"), "extra_vars": ("@/srv/names.yml", "odoo_password=a-secret")},
            "ansible-playbook -i '/srv/estate one' -i db1, -e @/srv/names.yml",
        ),
        (
            {"vault_ids": ("live@prompt",), "vault_password_files": ("/srv/vault",), "ask_vault_pass": True},
            "ansible-playbook --vault-id live@prompt --vault-password-file /srv/vault --ask-vault-pass",
        ),
        (
            {
                "remote_user": "deploy",
                "ssh_common_args": "-J bastion",
                "become": True,
                "connection": "ssh",
                "timeout": 10,
            },
            "ansible-playbook --user=deploy '--ssh-common-args=-J bastion' --become",
        ),
    ],
)
def test_the_command_has_what_the_run_was_given(given: dict[str, Any], said: str) -> None:
    assert command_line(given).command == said


def test_the_variables_that_the_command_leaves_out_are_named_without_their_values() -> None:
    texts = (
        "@/srv/names.yml",
        "way=undo odoo_password=a-secret",
        '{"resume_released_hosts": ["app2"], "change": "patch-3"}',
    )
    found = command_line({"extra_vars": texts})
    assert found.withheld == ["odoo_password"]
    assert found.of("gantry.odoo.resume -e change=patch-3 -e way=finish") == (
        "ansible-playbook -e @/srv/names.yml gantry.odoo.resume -e change=patch-3 -e way=finish "
        """-e '{"resume_released_hosts": ["app2"]}'"""
    )
    assert command_line({"extra_vars": None}).withheld == []


def test_a_playbook_that_is_begun_again_gets_its_inputs_and_no_others() -> None:
    texts = ("patch_release=2026.11.2 patch_odoo_group=app", '{"change_downtime_minutes": 10}', "change_reason='a b'")
    found = command_line({"inventory": ["hosts.yml"], "vault_password_files": ["~/.vault"], "extra_vars": texts})
    assert found.withheld == []
    assert found.of("gantry.odoo.patch with the same inputs") == (
        "ansible-playbook -i hosts.yml --vault-password-file '~/.vault' gantry.odoo.patch "
        """-e change_downtime_minutes=10 -e '{"change_reason": "a b"}' """
        "-e patch_odoo_group=app -e patch_release=2026.11.2"
    )
    # what resume does not take is refused by it
    assert found.of("gantry.odoo.resume -e change=patch-3 -e way=undo").endswith(
        """-e change=patch-3 -e way=undo -e change_downtime_minutes=10 -e '{"change_reason": "a b"}'"""
    )


def test_a_playbook_gets_the_way_back_with_the_inventory_and_the_vault(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"inventory": ["hosts.yml"], "vault_password_files": ["vault"], "extra_vars": ["odoo_password=a-secret"]}
    monkeypatch.setattr(context, "CLIARGS", given)
    play = "gantry.odoo.migrate -e tenant=north -e destination=app"
    assert command(play) == f"ansible-playbook -i hosts.yml --vault-password-file vault {play}"
