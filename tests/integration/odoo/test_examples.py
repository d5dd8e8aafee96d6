# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples on the pages of the modules for databases, run as they stand there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.modules import odoo_addons, odoo_database, odoo_database_info

from .server import ADMIN_PASSWORD, CERTIFICATE, CONFIG, EXAMPLE_HOST, OWNER_PASSWORD, Server

SECRETS = {
    "vault_postgresql_password": ADMIN_PASSWORD,
    "vault_harbour_password": "g00d-enough",
}


@pytest.mark.deep
def test_the_examples_of_the_pages_run_as_they_are(server: Server, run_playbook: Callable[..., Any]) -> None:
    server.prepare()
    server.shell(
        f'grep -q {EXAMPLE_HOST} /etc/hosts || echo "$(hostname -i) {EXAMPLE_HOST}" >> /etc/hosts; '
        f"ln -sf {CERTIFICATE} /etc/odoo/postgresql-ca.pem; cp -p {CONFIG} /etc/odoo/harbour-staging.conf"
    )
    pages = (odoo_database, odoo_addons, odoo_database_info)
    tasks = [task for page in pages for task in yaml.safe_load(page.EXAMPLES)]
    play = {"hosts": server.host.name, "gather_facts": False, "tasks": tasks}
    done = run_playbook([play], extra_vars=SECRETS, command_line=True).expect_success()
    assert len(done.events) == len(tasks)
    assert server.databases() == ["harbour", "harbour-staging", "harbour-trial"]
    assert server.accepts_password("harbour", SECRETS["vault_harbour_password"])
    assert server.parameter("harbour-staging", "database.is_neutralized") == "true"
    shown = done.stdout + done.stderr
    assert not [secret for secret in (*SECRETS.values(), OWNER_PASSWORD) if secret in shown]
