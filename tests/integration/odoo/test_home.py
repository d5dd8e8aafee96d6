# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of a home follows the database and not its copies, and role postgresql reads it."""

from __future__ import annotations

import json
from typing import Any

import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from tests.lab.state import ROOT

from .conftest import Declare
from .server import CERTIFICATE, CONFIG, Server

HOME = {"number": 17, "group": "a group"}
JOB = """
env["ir.cron"].search([]).write({"active": False})
env["ir.cron"].create({
    "name": "Send the payslips", "model_id": env.ref("base.model_res_partner").id, "state": "code",
    "code": "env.cr.execute('SELECT pg_sleep(10)')\\nenv['ir.config_parameter'].sudo().set_param('job.ended', 'yes')",
    "interval_number": 1, "interval_type": "days",
})
env.cr.commit()
"""


def homes(server: Server) -> dict[str, Any]:
    """What the query of role postgresql says of each database."""
    variables = yaml.safe_load((ROOT / "roles/postgresql/vars/main.yml").read_text(encoding="utf-8"))
    query = variables["__postgresql_state_query"]
    listed = query[query.index("COALESCE((SELECT json_agg(") :].replace(" AS databases", "")
    return {one["name"]: one["home"] for one in json.loads(server.psql(f"SELECT {listed}"))}


def test_a_home_follows_its_database_and_not_a_copy(server: Server, declare: Declare) -> None:
    made = declare({"name": "moored", "home": HOME}, template_cache=True)
    assert made["databases"]["moored"]["home"] == HOME
    assert not declare({"name": "moored", "home": HOME}, check=True)["changed"]
    declare({"name": "moored", "access": "blocked", "cron_timeout": 5})
    declare({"name": "berthed", "rename_from": "moored"})
    declare({"name": "moored-copy", "clone_from": "berthed"})
    seen = homes(server)
    assert (seen["berthed"], seen["moored-copy"]) == (HOME, None)
    refused = declare({"name": "berthed", "access": "open", "home": {"number": 16, "group": "app"}}, fails=True)
    assert "database berthed is home 17 of a group, and a number only rises" in refused["msg"]
    opened = declare({"name": "berthed", "access": "open", "home": {"number": 18, "group": "app"}})
    assert [step["action"] for step in opened["steps"]] == ["open"]
    assert homes(server)["berthed"] == {"number": 18, "group": "app"}
    for name in ("berthed", "moored-copy"):
        declare({"name": name, "state": "absent", "policy": "drop"})


def test_a_job_that_odoo_runs_ends_before_its_database_is_blocked(server: Server, declare: Declare) -> None:
    declare({"name": "payroll"}, template_cache=True)
    server.host.write("/root/job.py", JOB)
    shell = f"PGSSLROOTCERT={CERTIFICATE} odoo shell -c {CONFIG} -d payroll --no-http --log-level=error"
    server.shell(f"su odoo -s /bin/sh -c '{shell}' < /root/job.py")
    server.shell(
        f"systemd-run -q --unit=payroll-cron -p User=odoo --setenv=PGSSLROOTCERT={CERTIFICATE} "
        f"odoo -c {CONFIG} -d payroll --no-http --max-cron-threads=1 --log-level=error"
    )
    try:
        runs = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'payroll' AND query LIKE '%pg_sleep(10)%'"

        def working() -> bool | None:
            # Odoo looks for jobs once a minute, and when it is told to
            server.psql("NOTIFY cron_trigger, 'payroll'")
            return server.psql(runs) != "0" or None

        Deadline(120).wait(working, "the job of Odoo")
        blocked = {"name": "payroll", "access": "blocked"}
        refused = declare({**blocked, "cron_timeout": 1}, fails=True)["msg"]
        assert "payroll is not blocked, as its scheduled jobs Send the payslips still run after 1 s" in refused
        assert [step["action"] for step in declare({**blocked, "cron_timeout": 60})["steps"]] == ["block"]
        assert server.parameter("payroll", "job.ended") == "yes"
    finally:
        server.shell("systemctl stop payroll-cron")
    declare({"name": "payroll", "state": "absent", "policy": "drop"})
