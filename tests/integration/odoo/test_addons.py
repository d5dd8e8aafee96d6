# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addons of a real database: exactly what changed is updated, and what goes wrong leaves what was proven."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_config import plan_config

from .server import ADDONS_PATH, CONFIG, DATA_DIR, OWNER, Server
from .test_database_faults import wait_until

Declare = Callable[..., dict[str, Any]]
OURS = "/var/lib/odoo/ours"
WITH_OURS = "/etc/odoo/ours.conf"
STORED = "gantry.odoo_addons.digests"
# The brackets keep it from finding itself.
ODOO_AT_WORK = "pgrep -of 'd [y]ard .*stop-after-init' || test $? = 1"
MODEL = """
from odoo import fields, models
class Crane(models.Model):
    _name = "yard.crane"
    _description = "Crane"
    name = fields.Char()
"""
LOADED = MODEL + '    load = fields.Char()\n    _table = "yard_crane"\n'


def write(server: Server, addon: str, version: str = "1.0", depends: str = "'base'", code: str = "") -> None:
    """An addon on disk: a manifest and a model."""
    manifest = f"{{'name': '{addon}', 'version': '{version}', 'depends': [{depends}], 'license': 'LGPL-3'}}"
    server.shell(f"install -d -o odoo {OURS}/{addon}")
    server.host.write(f"{OURS}/{addon}/__manifest__.py", manifest)
    server.host.write(f"{OURS}/{addon}/__init__.py", code)
    # Python tells by the time and the size whether its compiled file is still right
    server.shell(f"touch {OURS}/{addon}/__init__.py; rm -rf {OURS}/{addon}/__pycache__")


@pytest.fixture(scope="module")
def addons(server: Server, ansible_module: Callable[..., dict[str, Any]]) -> Declare:
    """`addons(installed=[...], check=, fails=, ...)` declares the addons of the database yard."""

    def call(check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        args = {**server.login, "config": WITH_OURS, "databases": ["yard"], **options}
        return ansible_module(server.host, "gantry.odoo.odoo_addons", args, check=check, fails=fails)

    return call


@pytest.fixture(scope="module", autouse=True)
def yard(server: Server, declare: Declare) -> None:
    """A database, and a directory of our own addons in its addons path."""
    server.prepare()
    server.shell(
        f"rm -rf {OURS}; install -d {OURS}; "
        f"sed 's#^addons_path = .*#addons_path = {ADDONS_PATH},{OURS}#' {CONFIG} > {WITH_OURS}; "
        f"chgrp odoo {WITH_OURS}; chmod 640 {WITH_OURS}"
    )
    write(server, "yard", code=MODEL)
    write(server, "yard_gate", depends="'yard'")
    declare({"name": "yard"}, config=WITH_OURS, template_cache=True)


@pytest.fixture(scope="module")
def gate(server: Server, addons: Declare) -> None:
    """Both addons in the state that the faults begin with, also where only they are run."""
    write(server, "yard", code=LOADED)
    write(server, "yard_gate", version="1.1", depends="'yard'")
    addons(installed=["yard_gate"])


def actions(outcome: dict[str, Any]) -> list[tuple[str, str]]:
    """What was done to what."""
    return [(step["action"], step["target"].removeprefix("yard: ")) for step in outcome["steps"]]


def states(server: Server) -> dict[str, str]:
    """State and version of our addons."""
    listed = server.psql(
        "SELECT name, state, coalesce(latest_version, '') FROM ir_module_module WHERE name LIKE 'yard%' ORDER BY 1",
        "yard",
    )
    return {line.split("|")[0]: " ".join(line.split("|")[1:]).strip() for line in listed.splitlines()}


def stored(server: Server) -> dict[str, str]:
    """The digests of the last proven update."""
    return json.loads(server.parameter("yard", STORED) or "{}")


def test_addons_are_installed_and_the_second_run_starts_no_odoo(server: Server, addons: Declare) -> None:
    # a new database knows the code that it was made of, so nothing but the wish is left to do
    foretold = addons(installed=["yard_gate"], check=True)
    assert states(server) in ({}, {"yard": "uninstalled", "yard_gate": "uninstalled"})
    done = addons(installed=["yard_gate"])
    assert actions(done) == [("install", "yard_gate")]
    assert (foretold["steps"], foretold["diff"]) == (done["steps"], done["diff"])
    assert states(server) == {"yard": "installed 19.0.1.0", "yard_gate": "installed 19.0.1.0"}
    assert server.psql("SELECT count(*) FROM yard_crane", "yard") == "0"
    assert {"base", "yard", "yard_gate"} <= set(stored(server))
    for check in (True, False):
        again = addons(installed=["yard_gate"], check=check, odoo_command=["/usr/bin/false"])
        assert (again["changed"], again["steps"]) == (False, [])


def test_exactly_what_changed_is_upgraded(server: Server, addons: Declare) -> None:
    before = stored(server)
    write(server, "yard", code=LOADED)
    write(server, "yard_gate", version="1.1", depends="'yard'")
    foretold = addons(check=True)
    assert [step["why"] for step in foretold["steps"]] == [
        "its code has changed",
        "version 19.0.1.0 is to become 19.0.1.1",
    ]
    assert addons()["steps"] == foretold["steps"]
    assert states(server) == {"yard": "installed 19.0.1.0", "yard_gate": "installed 19.0.1.1"}
    assert server.psql("SELECT count(load) FROM yard_crane", "yard") == "0"
    changed = {name for name, digest in stored(server).items() if before.get(name) != digest}
    assert changed == {"yard", "yard_gate"}
    assert addons()["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_an_upgrade_that_raises_leaves_what_was_proven(server: Server, addons: Declare, gate: None) -> None:
    before = (states(server), stored(server))
    write(server, "yard_gate", version="1.2", depends="'yard'", code="raise RuntimeError('the gate is stuck')")
    failed = addons(fails=True)
    assert "the gate is stuck" in failed["msg"]
    assert "\n" not in failed["msg"]
    assert (states(server), stored(server)) == before
    write(server, "yard_gate", version="1.1", depends="'yard'")
    assert addons()["changed"] is False


@pytest.mark.fault
def test_a_killed_upgrade_is_finished_by_the_next_run(server: Server, addons: Declare, gate: None) -> None:
    slow = "import os, time\nif os.path.exists('/run/slow'):\n    time.sleep(60)\n"
    write(server, "yard_gate", version="1.3", depends="'yard'", code=slow)
    server.shell("touch /run/slow")
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(addons, fails=True)
        wait_until(lambda: server.shell(ODOO_AT_WORK) != "", "the update")
        # meanwhile nobody else may update it
        assert "another run works on one of yard" in addons(fails=True, lock_timeout=1)["msg"]
        server.shell(f"kill -KILL $(ps -o ppid= -p $({ODOO_AT_WORK}))")
        killed.result()
    server.shell("rm /run/slow")
    wait_until(lambda: server.shell(ODOO_AT_WORK) == "", "the end of Odoo with its parent")
    # what a dead update of Odoo's own left waiting is finished as well
    server.psql("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'yard'", "yard")
    done = addons()
    assert actions(done) == [("upgrade", "yard"), ("upgrade", "yard_gate")]
    assert done["steps"][0]["why"] == "an update that did not end left it 'to upgrade'"
    assert states(server) == {"yard": "installed 19.0.1.0", "yard_gate": "installed 19.0.1.3"}
    assert addons()["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_a_lock_ends_the_update_and_not_the_user(server: Server, addons: Declare, gate: None) -> None:
    write(server, "yard", version="1.1", code=MODEL + "    load = fields.Char()\n    reach = fields.Char()\n")
    holding = (
        "BEGIN; SET application_name = 'a user'; LOCK TABLE yard_crane IN ROW EXCLUSIVE MODE; SELECT pg_sleep(300)"
    )
    alive = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'a user'"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(server.host.attempt, ["psql", "-XAtqc", holding, "yard"], user="postgres")
        wait_until(lambda: server.psql(alive) == "1", "the user's transaction")
        try:
            failed = addons(fails=True, table_lock_timeout=2)
            survived = server.psql(alive)
        finally:
            server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'a user'")
        held.result()
    assert "lock timeout" in failed["msg"]
    assert survived == "1"
    assert actions(addons()) == [("upgrade", "yard")]
    assert states(server)["yard"] == "installed 19.0.1.1"


@pytest.mark.deep
def test_an_addon_is_removed(server: Server, addons: Declare) -> None:
    assert actions(addons(absent=["yard_gate"], check=True)) == [("remove", "yard_gate")]
    assert actions(addons(absent=["yard_gate"])) == [("remove", "yard_gate")]
    assert states(server)["yard_gate"].startswith("uninstalled")
    assert "yard_gate" not in stored(server)
    assert addons(absent=["yard_gate"])["changed"] is False


@pytest.mark.fault
@pytest.mark.deep
def test_the_second_of_three_databases_fails(server: Server, addons: Declare, gate: None) -> None:
    for name in ("yard_b", "yard_c"):
        server.psql(f"CREATE DATABASE {name} TEMPLATE yard OWNER {OWNER}")
    server.psql("INSERT INTO ir_config_parameter (key, value) VALUES ('no.wharf', 'true')", "yard_b")
    # an addon that was imported has no code, and an update of what it depends on leaves it waiting
    server.psql(
        "ALTER TABLE ir_module_module ADD COLUMN IF NOT EXISTS imported boolean;"
        "INSERT INTO ir_module_module (name, state, latest_version, imported)"
        " VALUES ('studio_customization', 'to upgrade', '19.0.1.0', true)",
        "yard",
    )
    fatal = (
        "    def init(self):\n        if self.env['ir.config_parameter'].get_param('no.wharf'):\n"
        "            raise RuntimeError('no wharf')\n"
    )
    write(server, "yard", version="1.5", code=MODEL + "    load = fields.Char()\n" + fatal)
    # a name that is not UTF-8 in an addon
    server.shell(f"touch {OURS}/yard/$'caf\\xe9.csv'")
    three = {"databases": ["yard", "yard_b", "yard_c"]}
    before = server.parameter("yard_c", STORED)
    foretold = addons(check=True, **three)
    failed = addons(fails=True, **three)
    assert "no wharf" in failed["msg"]
    assert failed["changed"] is True
    assert [step for step in foretold["steps"] if step["target"].startswith("yard: ")] == failed["steps"]
    assert [step["action"] for step in failed["steps"]] == ["upgrade", "settle"]
    assert server.psql("SELECT state FROM ir_module_module WHERE name = 'studio_customization'", "yard") == "installed"
    version = "SELECT latest_version FROM ir_module_module WHERE name = 'yard'"
    versions = [server.psql(version, name) for name in ("yard", "yard_b", "yard_c")]
    assert versions[0] == "19.0.1.5"
    assert versions[1] == versions[2] != "19.0.1.5"
    assert server.parameter("yard_c", STORED) == server.parameter("yard_b", STORED) == before
    server.psql("DELETE FROM ir_config_parameter WHERE key = 'no.wharf'", "yard_b")
    # the next run begins with the one that failed
    assert [step["target"] for step in addons(check=True, **three)["steps"]] == ["yard_b: yard", "yard_c: yard"]
    healed = addons(databases=["yard", "yard_b"])
    assert [step["target"] for step in healed["steps"]] == ["yard_b: yard"]
    assert sorted(healed["databases"]) == ["yard", "yard_b"]
    for name in ("yard_b", "yard_c"):
        server.psql(f"DROP DATABASE {name} WITH (FORCE)")


def test_odoo_reads_what_is_written_for_it(server: Server) -> None:
    options = {
        "db_password": "p%s;a = b:#[x] \u00e9",
        "dbfilter": "^%d$",
        "data_dir": DATA_DIR,
        "list_db": False,
        "workers": 3,
        "admin_passwd": "",
    }
    path = "/etc/odoo/written.conf"
    server.host.write(path, "[options]\n" + plan_config(options))
    ask = (
        "import json, sys; from odoo.tools import config; config.parse_config(sys.argv[1:3], setup_logging=False); "
        "print(json.dumps({name: config[name] for name in sys.argv[3:]}))"
    )
    said = server.host.run(["python3", "-Wignore", "-c", ask, "-c", path, *options])
    assert json.loads(said.splitlines()[-1]) == options


@pytest.mark.fault
def test_what_cannot_be_done_is_one_sentence_and_touches_nothing(server: Server, addons: Declare) -> None:
    before = (states(server), stored(server))
    write(server, "yard_crew", depends="'yard', 'nowhere'")
    write(server, "yard_spare", depends="'yard'")
    said = {
        "nowhere, which yard_crew depends on, is in no directory": {"installed": ["yard_crew"]},
        "nothing_here is in no directory": {"installed": ["nothing_here"]},
        "base is Odoo itself": {"absent": ["base"]},
        "is to be upgraded and is not installed": {"upgraded": ["yard_spare"]},
    }
    for words, options in said.items():
        assert words in addons(fails=True, **options)["msg"]
    write(server, "yard", version="0.9", code=MODEL)
    assert "Odoo cannot go back" in addons(fails=True)["msg"]
    server.shell(f"mv {OURS}/yard /var/lib/odoo/away")
    lost = addons(fails=True)["msg"]
    server.shell(f"mv /var/lib/odoo/away {OURS}/yard")
    assert "runs yard, and the addons path holds no code for it" in lost
    server.psql(f"CREATE DATABASE books OWNER {OWNER}")
    assert "is not Odoo's" in addons(fails=True, databases=["books"])["msg"]
    server.psql("DROP DATABASE books")
    assert (states(server), stored(server)) == before
