# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with databases: one sentence, and a server that is as it was, or that the next run finishes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.deep import all_but

from .server import ADMIN, CONFIG, OWNER, Server

pytestmark = pytest.mark.fault
Declare = Callable[..., dict[str, Any]]
MARKED = (
    "SELECT count(*) FROM pg_database WHERE datname = 'west__new' AND shobj_description(oid, 'pg_database') IS NOT NULL"
)
INITIALISING = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'west__new' AND usename = 'odoo_harbour'"
# the brackets keep it from finding itself
ODOO_AT_WORK = "pgrep -of 'd [w]est__new' || test $? = 1"


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for a condition, and fail when it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)


def state_of(server: Server) -> str:
    """All databases with owners, rights and comments, and all filestores."""
    listed = "SELECT datname, datdba, datacl, shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1"
    return server.psql(listed) + repr(server.files("filestore"))


def test_a_killed_creation_is_finished_by_the_next_run(server: Server, declare: Declare) -> None:
    server.psql("DROP DATABASE IF EXISTS west")
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(declare, {"name": "west"}, fails=True)
        wait_until(lambda: server.psql(INITIALISING) != "0", "the initialisation of west")
        # meanwhile nobody else may work on it
        refused = declare({"name": "west"}, fails=True, lock_timeout=1)
        assert "another run works on one of west" in refused["msg"]
        assert server.psql(INITIALISING) != "0"
        # Odoo's parent is the module
        server.shell(f"kill -KILL $(ps -o ppid= -p $({ODOO_AT_WORK}))")
        killed.result()
    wait_until(lambda: server.shell(ODOO_AT_WORK) == "", "the end of Odoo with its parent")
    assert "west" not in server.databases()
    assert server.psql(MARKED) == "1"
    done = declare({"name": "west"}, template_cache=True)
    steps = [step["action"] for step in done["steps"] if step["target"] == "west"]
    assert (steps[:2], steps[-1]) == (["discard", "make_from_template"], "publish")
    assert [name for name in server.databases() if name.startswith("west")] == ["west"]
    assert declare({"name": "west"})["changed"] is False


def test_a_restart_of_postgresql_is_one_sentence_and_the_next_run_finishes(server: Server, declare: Declare) -> None:
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(declare, {"name": "reset"}, fails=True)
        wait_until(lambda: server.psql(INITIALISING.replace("west", "reset")) != "0", "the initialisation of reset")
        server.shell("systemctl restart postgresql@17-main")
        failed = ended.result()
    assert "Odoo, installing base into reset__new, failed" in failed["msg"]
    assert "\n" not in failed["msg"]
    assert "reset" not in server.databases()
    assert declare({"name": "reset"}, template_cache=True)["steps"][-1]["action"] == "publish"
    assert [name for name in server.databases() if name.startswith("reset")] == ["reset"]
    declare({"name": "reset", "state": "absent", "policy": "drop"})


def test_a_creation_that_fails_leaves_nothing(server: Server, declare: Declare) -> None:
    before = state_of(server)
    # an addon that is on disk and cannot be loaded: only Odoo finds out
    addons = "/var/lib/odoo/broken"
    server.shell(
        f"mkdir -p {addons}/broken; echo 'import nowhere_at_all' > {addons}/broken/__init__.py; "
        f"echo \"{{'name': 'broken', 'depends': ['base']}}\" > {addons}/broken/__manifest__.py; "
        f"sed 's#^addons_path = #&{addons},#' {CONFIG} > {CONFIG}.broken; chgrp odoo {CONFIG}.broken"
    )
    failed = declare({"name": "lost", "addons": ["broken"]}, fails=True, config=f"{CONFIG}.broken")
    assert "nowhere_at_all" in failed["msg"]
    assert "\n" not in failed["msg"]
    assert state_of(server) == before


@pytest.mark.deep
def test_a_deadline_ends_odoo_and_leaves_nothing(server: Server, declare: Declare) -> None:
    before = state_of(server)
    failed = declare({"name": "slow"}, fails=True, timeout=3)
    assert "was stopped after 3 s" in failed["msg"]
    assert state_of(server) == before


@pytest.mark.deep
def test_a_foreign_database_is_left_alone(server: Server, declare: Declare, info: Declare) -> None:
    server.psql("DROP DATABASE IF EXISTS ledger")
    server.psql("DROP DATABASE IF EXISTS tower__new WITH (FORCE)")
    server.psql(f"CREATE DATABASE ledger OWNER {OWNER}")
    server.psql(f"CREATE DATABASE tower__new OWNER {OWNER}")
    server.psql("CREATE TABLE precious (id int)", "tower__new")
    before = state_of(server)
    for want in (
        {"name": "ledger"},
        {"name": "ledger", "state": "absent", "policy": "drop"},
        {"name": "books", "rename_from": "ledger"},
    ):
        assert "is not Odoo's" in declare(want, fails=True)["msg"]
    assert "was not left by this module" in declare({"name": "tower"}, fails=True)["msg"]
    assert info("ledger")["databases"]["ledger"]["odoo"] is False
    assert state_of(server) == before
    server.psql("DROP DATABASE ledger")
    server.psql("DROP DATABASE tower__new")


BAD = [
    ({"name": "Harbour"}, "cannot be matched by a host name"),
    ({"name": "new", "addons": ["nonexistent"]}, "addons: nonexistent for new is in no directory"),
    ({"name": "new", "language": "en_UK"}, "language: en_UK is not in Odoo's list of languages; give one of en_AU"),
    ({"name": "new", "owner": "nobody"}, "role nobody"),
    ({"name": "new", "rename_from": "former"}, "neither former nor new exists"),
    ({"name": "new", "login_password": "wrong"}, "password authentication failed"),
    ({"name": "new", "login_port": 5999}, "erp1:5999 did not let gantry into database postgres: Connection refused"),
    ({"name": "new", "ca_cert": "/etc/ssl/certs/ca-certificates.crt"}, "certificate verify failed"),
    ({"name": "new", "config": "/etc/odoo/missing.conf"}, "/etc/odoo/missing.conf cannot be read"),
    ({"name": "new", "odoo_command": ["odoo-of-nowhere"]}, "odoo-of-nowhere is no command of this host"),
    ({"name": "new", "odoo_user": "nobody-here"}, "nobody-here is no account of this host"),
    ({"databases": [{"name": "new"}, {"name": "new"}]}, "new is named twice"),
    ({"databases": [{"name": "new"}], "state": "absent"}, "state: it belongs to a single database"),
]


@pytest.mark.parametrize("check", all_but([False], [True, False]))
def test_bad_input_is_one_sentence_and_changes_nothing(
    server: Server, run_playbook: Callable[..., Any], check: bool
) -> None:
    before = state_of(server)
    tasks = [
        {
            "name": f"bad {number}",
            "gantry.odoo.odoo_database": {**server.login, "config": CONFIG, **options},
            "ignore_errors": True,
        }
        for number, (options, _words) in enumerate(BAD)
    ]
    play = {"hosts": server.host.name, "gather_facts": False, "tasks": tasks}
    run = run_playbook([play], check=check).expect_success()
    said = [event.result for event in run.events]
    assert all(result["failed"] for result in said)
    messages = [result["msg"] for result in said]
    assert [words for (_options, words), message in zip(BAD, messages) if words not in message] == [], messages
    assert not any("\n" in message for message in messages)
    assert state_of(server) == before


def test_what_cannot_be_entered_can_be_dropped(server: Server, declare: Declare) -> None:
    for name in ("lost", "shut"):
        server.psql(f"CREATE DATABASE {name} OWNER {OWNER}")
    # as an interrupted DROP DATABASE leaves it
    server.psql("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'lost'")
    server.psql("ALTER DATABASE shut ALLOW_CONNECTIONS false")
    before = state_of(server)
    assert "DROP DATABASE that was interrupted" in declare({"name": "lost"}, fails=True)["msg"]
    assert "shut accepts no connections" in declare({"name": "next", "clone_from": "shut"}, fails=True)["msg"]
    assert state_of(server) == before
    gone = [{"name": name, "state": "absent", "policy": "drop"} for name in ("lost", "shut")]
    done = declare(*gone, {"name": "nowhere", "state": "absent"})
    assert [(step["target"], step["action"]) for step in done["steps"]] == [("lost", "drop"), ("shut", "drop")]
    assert not {"lost", "shut"} & set(server.databases())


TABLES = """
CREATE TABLE ir_module_module (name text, state text, latest_version text);
INSERT INTO ir_module_module VALUES ('base', 'installed', '19.0.1.3');
CREATE TABLE ir_config_parameter (key text UNIQUE, value text, create_uid int, create_date timestamp, write_uid int,
    write_date timestamp);
CREATE TABLE ir_attachment (store_fname text);
"""
BENT = {
    "a-column": "ALTER TABLE ir_module_module RENAME latest_version TO version",
    "a-table": "DROP TABLE ir_attachment",
    "a-limit": 'ALTER DATABASE "bent-a-limit" CONNECTION LIMIT 0',
    "a-name": "INSERT INTO ir_module_module VALUES (NULL, 'installed', '')",
    "a-drop": "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'bent-a-drop'",
}


def test_what_one_tenant_has_done_to_its_database_hides_no_other(
    server: Server, declare: Declare, info: Declare
) -> None:
    # a null where Odoo writes none, and names of files that are none
    odd = "INSERT INTO ir_config_parameter VALUES ('database.is_neutralized', NULL); INSERT INTO ir_attachment VALUES "
    odd += f"(''), ('aa'), ('{'a' * 300}'), ('../../etc/shadow')"
    for name, statement in {"plain": odd, **{f"bent-{name}": bend for name, bend in BENT.items()}}.items():
        server.psql(f'CREATE DATABASE "{name}" OWNER {OWNER}')
        server.psql(f"SET ROLE {OWNER}; {TABLES}", name)
        server.psql(statement, name)
    seen = info(gather=["filestore"])
    assert len(seen["databases"]["plain"]["filestore"]["missing"]) == 4
    assert (set(seen["errors"]), set(seen["unreadable"])) == (
        {f"bent-{name}" for name in ("a-column", "a-table", "a-name", "a-drop")},
        {"bent-a-limit"},
    )
    assert len(seen["warnings"]) == 4
    named = info("plain", "bent-a-column", "bent-a-limit", fails=True)
    assert set(named["databases"]) == {"plain"}
    assert "bent-a-column" in named["msg"]
    assert "bent-a-limit" in named["msg"]
    wanted = {"name": "plain", "parameters": {"a.flag": True}}
    for check in (True, False):
        failed = declare({"name": "bent-a-column", "access": "open"}, wanted, check=check, fails=True)
        assert "database bent-a-column at PostgreSQL erp1" in failed["msg"]
        assert [(step["target"], step["action"]) for step in failed["steps"]] == [("plain", "set_parameter")]
    assert server.parameter("plain", "a.flag") == "True"
    for name in ("plain", *(f"bent-{one}" for one in BENT)):
        server.psql(f'DROP DATABASE "{name}"')


# code of a tenant, which leaves a trace of the role that runs it
TRAPS = f"""
{TABLES}
CREATE TABLE loot (who text);
CREATE SCHEMA traps;
CREATE FUNCTION traps.spring() RETURNS bool LANGUAGE sql AS
    'INSERT INTO public.loot VALUES (current_user); SELECT true';
CREATE FUNCTION traps.eq(text, text) RETURNS bool LANGUAGE sql AS 'SELECT traps.spring()';
CREATE OPERATOR traps.= (LEFTARG = text, RIGHTARG = text, FUNCTION = traps.eq);
CREATE FUNCTION traps.to_regclass(text) RETURNS regclass LANGUAGE sql AS 'SELECT traps.spring(); SELECT NULL::regclass';
CREATE FUNCTION traps.shut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM traps.spring(); RETURN NEW; END';
CREATE FUNCTION traps.still(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM traps.spring(); RETURN 1; END';
GRANT USAGE ON SCHEMA traps TO PUBLIC;
GRANT INSERT ON loot TO PUBLIC;
ALTER DATABASE trap SET search_path = traps, public, pg_catalog;
"""


def test_code_of_a_tenant_never_runs_with_the_rights_of_the_login(
    server: Server, declare: Declare, info: Declare
) -> None:
    server.psql(f"CREATE DATABASE trap OWNER {OWNER}")
    server.psql(f"SET ROLE {OWNER}; {TRAPS}", "trap")
    wanted = {"name": "trap", "parameters": {"a.flag": "1"}}
    # names of PostgreSQL are its own, whatever the database sets
    assert info("trap", gather=["filestore", "fingerprint"])["databases"]["trap"]["odoo_version"] == "19.0"
    assert declare(wanted)["changed"] is True
    # what is written is written by a role that has no rights
    hung = "CREATE TRIGGER t BEFORE INSERT ON public.ir_config_parameter FOR EACH ROW EXECUTE FUNCTION traps.shut(); "
    hung += "ALTER TABLE public.ir_config_parameter ADD b bool DEFAULT traps.spring()"
    server.psql(f"SET ROLE {OWNER}; {hung}", "trap")
    assert declare({**wanted, "parameters": {"a.flag": "2"}})["changed"] is True
    assert "gantry_write" in server.psql("SELECT who FROM public.loot", "trap")
    # the planner computes what is constant, in constraints only where it is told to
    told = "ALTER TABLE public.ir_module_module ADD CHECK (traps.still(1) = 1); ALTER DATABASE trap SET constraint_"
    server.psql(f"SET ROLE {OWNER}; {told}exclusion = on", "trap")
    assert info("trap", gather=["filestore", "fingerprint"])["databases"]["trap"]["odoo_version"] == "19.0"
    computing = "ir_module_module has an index or statistics that call a function"
    table, still = "public.ir_module_module", "traps.still(1)"
    hooks = {
        f"CREATE INDEX i ON {table} (({still} + length(name)))": computing,
        f"DROP INDEX public.i; CREATE INDEX i ON {table} (name) WHERE {still} = 1": computing,
        f"DROP INDEX public.i; CREATE STATISTICS public.s ON ({still} + length(name)) FROM {table}": (computing),
        f"DROP STATISTICS public.s; ALTER TABLE {table} RENAME TO m; "
        f"CREATE VIEW {table} AS SELECT * FROM public.m WHERE traps.spring()": "ir_module_module is no plain table",
    }
    for hook, words in hooks.items():
        server.psql(f"SET ROLE {OWNER}; {hook}", "trap")
        assert words in declare({**wanted, "parameters": {"a.flag": "3"}}, fails=True)["msg"]
    assert "is no plain table" in info("trap", fails=True)["msg"]
    # the owner's own change of the table calls its own function
    whose = set(server.psql("SELECT DISTINCT who FROM public.loot", "trap").split())
    assert whose == {OWNER, "gantry_write"}
    server.psql("DROP DATABASE trap")


def test_what_is_not_there_is_told_and_not_an_error(info: Declare) -> None:
    assert info("nowhere")["databases"] == {"nowhere": {"exists": False}}


@pytest.mark.deep
def test_a_site_that_ends_idle_sessions_does_not_end_the_lock(server: Server, declare: Declare) -> None:
    server.psql(f"ALTER ROLE {ADMIN} SET idle_session_timeout = '2s'")
    try:
        # Odoo takes longer, and the module says so itself when the lock was lost
        declare({"name": "patient"}, template_cache=True)
        declare({"name": "patient", "addons": ["uom"]})
        declare({"name": "patient", "state": "absent", "policy": "drop"})
    finally:
        server.psql(f"ALTER ROLE {ADMIN} RESET idle_session_timeout")


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.deep)])
@pytest.mark.deep
def test_the_session_of_a_superuser_is_waited_for(server: Server, declare: Declare, seconds: int) -> None:
    server.psql(f"CREATE DATABASE lent OWNER {OWNER}")
    gone = {"name": "lent", "state": "absent", "policy": "drop"}
    server.psql(f"CREATE TABLE ir_module_module (); ALTER TABLE ir_module_module OWNER TO {OWNER}", "lent")
    assert "database lent is not Odoo's (it has no module table that can be read)" in declare(gone, fails=True)["msg"]
    server.psql("ALTER TABLE ir_module_module ADD name text, ADD latest_version text, ADD state text", "lent")
    server.psql(
        f"ALTER TABLE ir_module_module OWNER TO {OWNER}; CREATE TABLE ir_config_parameter (key text, value text); "
        f"ALTER TABLE ir_config_parameter OWNER TO {OWNER}",
        "lent",
    )
    session = ["psql", "-Xqd", "lent", "-c", f"SET application_name = 'an exporter'; SELECT pg_sleep({seconds})"]
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.host.attempt, session, user="postgres")
        at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'an exporter'"
        wait_until(lambda: server.psql(at_work) == "1", "the session")
        done = declare(gone, fails=seconds > 30)
        server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'an exporter'")
    if seconds > 30:
        assert "lent cannot be dropped: sessions of postgres, which the login may not end, kept it" in done["msg"]
        declare(gone)
    assert "lent" not in server.databases()
