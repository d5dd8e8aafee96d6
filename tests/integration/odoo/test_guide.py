# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's examples, run one after the other as they stand there, and run again."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import yaml

from tests.lab.state import ROOT

from .server import Server

GUIDE = ROOT / "docs/docsite/rst/click_odoo_guide.rst"


def examples() -> list[dict[str, Any]]:
    """Every task of the guide, in its order."""
    blocks = GUIDE.read_text(encoding="utf-8").split(".. code-block:: yaml\n")[1:]
    found = []
    for block in blocks:
        lines = block.splitlines()
        end = next((number for number, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
        said = yaml.safe_load(textwrap.dedent("\n".join(lines[:end])))
        found += said if isinstance(said, list) else []
    return found


def test_the_examples_of_the_guide_run_as_they_are(server: Server, run_playbook: Callable[..., Any]) -> None:
    server.prepare()
    tasks = examples()
    assert [next(key for key in task if key.startswith("gantry.")).rsplit(".", 1)[-1] for task in tasks] == [
        "odoo_database",
        "odoo_database",
        "odoo_database",
        "odoo_addons",
        "odoo_database",
        "odoo_database_info",
    ]
    defaults = {"group/gantry.odoo.postgresql": server.login}
    made, given_up, looked = tasks[:4], tasks[4:5], tasks[5:]
    for batch, databases in ((made, ["harbour", "harbour-staging", "harbour-trial"]), (given_up, ["harbour"])):
        play = {"hosts": server.host.name, "gather_facts": False, "module_defaults": defaults, "tasks": batch + looked}
        assert run_playbook([play]).expect_success().changed > 0
        assert server.databases() == databases
        again = run_playbook([play], command_line=True).expect_success()
        assert again.changed == 0
        seen = again.events[-1].result["databases"]
        assert sorted(seen) == databases
    assert server.psql("SELECT smtp_host FROM ir_mail_server WHERE active", "harbour") != "invalid"
