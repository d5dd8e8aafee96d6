# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs on a tenant's tables runs when they are written, and has no rights of the login, nor anywhere else.

The tables are those that the modules and scripts of addons write, in a database that Odoo has not made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .server import ADMIN, ADMIN_PASSWORD, CONFIG, DATA_DIR, OTHER_OWNER, OWNER, Server

Declare = Callable[..., dict[str, Any]]
WRITER = "gantry_write"
CHIEF = "wall_chief"
NAME, NEIGHBOR = "walled", "neighbor"
ADDONS, WITH_ADDONS = "/var/lib/odoo/walls/odoo/addons", "/etc/odoo/walls.conf"
SCRIPT = """
UPDATE website SET name = 'a copy';
INSERT INTO ir_ui_view (name) VALUES ('a banner');
UPDATE res_company SET name = 'a copy' WHERE id IN (SELECT res_id FROM ir_model_data);
DELETE FROM iap_account;
"""
COLUMNS = {
    "ir_module_module": "name text, state text, latest_version text, imported bool",
    "ir_config_parameter": "key text UNIQUE, value text, create_uid int, create_date timestamp, write_uid int, "
    "write_date timestamp",
    "ir_model_data": "module text, name text, model text, res_id int",
    "ir_model_fields": "model text, name text, ttype text",
    "ir_attachment": "name text, store_fname text",
    "ir_cron": "active bool, nextcall timestamp",
    "ir_mail_server": "name text, smtp_host text, smtp_user text, smtp_pass text, active bool",
    "ir_ui_view": "name text",
    "website": "name text",
    "iap_account": "account_token text",
    "res_users": "login text, password text",
    "res_company": "name text",
    "res_lang": "code text, active bool",
    "orm_signaling_default": "date timestamp DEFAULT now()",
}
WRITTEN = COLUMNS.keys() - {"ir_module_module", "ir_model_data", "ir_model_fields", "ir_attachment", "res_lang"}
ROWS = """
INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', '19.0.1.3');
INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', 'u'), ('database.secret', 's');
INSERT INTO ir_config_parameter (key, value) VALUES ('web.base.url.freeze', 'True');
INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'user_admin', 'res.users', 1);
INSERT INTO ir_cron (active, nextcall) VALUES (true, now());
INSERT INTO ir_mail_server (name, smtp_host, smtp_pass, active) VALUES ('live', 'mail', 'hidden', true);
INSERT INTO website (name) VALUES ('live');
INSERT INTO iap_account (account_token) VALUES ('token');
INSERT INTO res_users (login, password) VALUES ('admin', '');
INSERT INTO res_company (name) VALUES ('live');
CREATE TABLE follower (key text REFERENCES ir_config_parameter (key) ON UPDATE CASCADE ON DELETE CASCADE, value text);
INSERT INTO follower VALUES ('web.base.url.freeze', 'w');
"""
# each deed is tried with the rights of the session, and leaves a trace of whose they are
DEEDS = (
    "RESET ROLE",
    "RESET SESSION AUTHORIZATION",
    f"SET ROLE {ADMIN}",
    f"SET ROLE {OWNER}",
    f"ALTER DATABASE {NEIGHBOR} OWNER TO {OWNER}",
    f"GRANT CONNECT ON DATABASE {NEIGHBOR} TO {OWNER}",
    f"ALTER ROLE {OTHER_OWNER} PASSWORD 'known'",
    "COPY (SELECT 1) TO PROGRAM 'cat > /tmp/loot'",
)
SPRUNG = """
CREATE SCHEMA traps;
CREATE TABLE traps.loot (who text, what text);
GRANT USAGE ON SCHEMA traps TO PUBLIC;
GRANT INSERT ON traps.loot TO PUBLIC;
CREATE FUNCTION traps.spring(what text) RETURNS bool LANGUAGE plpgsql AS $$ DECLARE deed text; BEGIN
    FOREACH deed IN ARRAY $deeds LOOP BEGIN EXECUTE deed; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP;
    INSERT INTO traps.loot VALUES (session_user, what);
    RETURN true;
END $$;
CREATE FUNCTION traps.shut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM traps.spring(TG_NAME);
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
""".replace("$deeds", "ARRAY[" + ", ".join(f"$deed${deed}$deed$" for deed in DEEDS) + "]")


def _hung(table: str) -> str:
    """A trigger for each row, one for each statement, and one that fires at COMMIT."""
    call = "EXECUTE FUNCTION traps.shut()"
    return (
        f"CREATE TRIGGER row_{table} BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW {call};"
        f"CREATE TRIGGER statement_{table} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT {call};"
        f"CREATE CONSTRAINT TRIGGER late_{table} AFTER INSERT OR UPDATE OR DELETE ON {table} DEFERRABLE INITIALLY "
        f"DEFERRED FOR EACH ROW {call};"
    )


@pytest.fixture(scope="module")
def walls(server: Server) -> Server:
    """A server with two tenants, one of whom has a trap on every table, and a superuser that logs in."""
    server.psql(
        f"DO $$ BEGIN CREATE ROLE {CHIEF} SUPERUSER LOGIN PASSWORD '{ADMIN_PASSWORD}'; "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    for name in {NAME, NEIGHBOR} & set(server.databases()):
        server.psql(f"DROP DATABASE {name}")
    server.psql(f"CREATE DATABASE {NEIGHBOR} OWNER {OTHER_OWNER}")
    server.psql(f"REVOKE ALL ON DATABASE {NEIGHBOR} FROM PUBLIC")
    server.psql(f"CREATE DATABASE {NAME} OWNER {OWNER}")
    tables = "".join(f"CREATE TABLE {name} (id serial PRIMARY KEY, {columns});" for name, columns in COLUMNS.items())
    hung = "".join(map(_hung, [*COLUMNS, "follower"]))
    server.psql(f"SET ROLE {OWNER}; {tables} {ROWS} {SPRUNG} {hung}", NAME)
    base = f"{ADDONS}/base"
    server.shell(
        f"install -d {base}/data {DATA_DIR}/filestore/{NAME}; touch {base}/__init__.py; "
        f"sed 's#^addons_path = .*#addons_path = {ADDONS}#' {CONFIG} > {WITH_ADDONS}"
    )
    server.host.write(f"{ADDONS}/../release.py", "version_info = (19, 0, 0, 'final', 0, '')")
    server.host.write(f"{base}/__manifest__.py", '{"name": "base", "version": "1.3"}')
    server.host.write(f"{base}/data/neutralize.sql", SCRIPT)
    return server


@contextmanager
def unharmed(server: Server, database: str, *written: str) -> Iterator[None]:
    """The code of the tenant runs on each of the tables, as the role that writes, and reaches nothing."""
    asked = (
        "SELECT datname, pg_get_userbyid(datdba), datacl FROM pg_database WHERE datname IN ('template1', "
        f"'{NEIGHBOR}') UNION ALL SELECT rolname, rolpassword, NULL FROM pg_authid WHERE rolname <> '{WRITER}' "
        "ORDER BY 1"
    )
    before = server.psql(asked)
    if database in server.databases():
        server.psql("TRUNCATE traps.loot", database)
    yield
    assert server.psql("SELECT DISTINCT who FROM traps.loot", database) == WRITER
    sprung = set(server.psql("SELECT DISTINCT what FROM traps.loot", database).split())
    assert {f"{kind}_{table}" for kind in ("row", "statement", "late") for table in written} <= sprung
    assert server.psql(asked) == before
    server.shell("test ! -e /tmp/loot")
    assert server.psql(f"SELECT count(*) FROM pg_shdepend WHERE refobjid = '{WRITER}'::regrole") == "0"
    assert server.psql(f"SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{WRITER}'") == "t"


@pytest.fixture(params=[ADMIN, CHIEF])
def login(request: pytest.FixtureRequest) -> dict[str, str]:
    """A login that is a member of the owners, and one that is a superuser."""
    return {"login_user": request.param}


def test_parameters_and_the_administrator_of_a_live_database(
    walls: Server, declare: Declare, login: dict[str, str]
) -> None:
    wanted = {"name": NAME, "parameters": {"a.flag": login["login_user"]}, "admin_login": login["login_user"]}
    with unharmed(walls, NAME, "ir_config_parameter", "orm_signaling_default", "res_users"):
        assert declare(wanted, **login)["changed"] is True
    assert declare(wanted, **login)["changed"] is False
    assert walls.parameter(NAME, "a.flag") == login["login_user"]


@pytest.mark.deep
def test_the_code_that_a_live_database_is_made_of(
    walls: Server, ansible_module: Callable[..., dict[str, Any]], login: dict[str, str]
) -> None:
    quietly = "SET session_replication_role = replica"
    walls.psql(f"{quietly}; DELETE FROM ir_config_parameter WHERE key LIKE 'gantry%'", NAME)
    args = {**walls.login, **login, "config": WITH_ADDONS, "databases": [NAME], "unrecorded": "trust"}
    with unharmed(walls, NAME, "ir_config_parameter"):
        done = ansible_module(walls.host, "gantry.odoo.odoo_addons", args)
    assert [step["action"] for step in done["steps"]] == ["record"]


@pytest.mark.deep
def test_a_neutralized_clone(walls: Server, declare: Declare, login: dict[str, str]) -> None:
    copy = {"name": "walled-copy", "clone_from": NAME, "neutralize": True, "clone_sessions": "end"}
    with unharmed(walls, "walled-copy", *WRITTEN - {"orm_signaling_default", "res_users"}, "follower"):
        done = declare({**copy, "parameters": {"a.flag": "copy"}}, config=WITH_ADDONS, **login)
    assert not done.get("warnings")
    assert walls.psql("SELECT name FROM website", "walled-copy") == "a copy"
    assert walls.psql("SELECT count(*) FROM ir_mail_server WHERE smtp_pass <> ''", "walled-copy") == "0"
    declare({"name": "walled-copy", "state": "absent", "policy": "drop"}, config=WITH_ADDONS)


# what a tenant can set for its database, and what a session of the modules has all the same
SETTINGS = {
    "statement_timeout": ("1ms", "0"),
    "lock_timeout": ("1ms", "30000"),
    "idle_in_transaction_session_timeout": ("1ms", "0"),
    "idle_session_timeout": ("1ms", "0"),
    "transaction_timeout": ("1ms", "0"),
    "row_security": ("on", "off"),
    "search_path": ("traps, public", "pg_catalog,pg_temp"),
    "standard_conforming_strings": ("off", "on"),
    "transform_null_equals": ("on", "off"),
    "DateStyle": ("German", "ISO, MDY"),
    "IntervalStyle": ("sql_standard", "postgres"),
    "bytea_output": ("escape", "hex"),
    "client_encoding": ("LATIN1", "UTF8"),
    "client_min_messages": ("debug5", "error"),
    "constraint_exclusion": ("on", "off"),
}


def test_no_setting_of_a_database_reaches_a_session_of_the_modules(walls: Server, declare: Declare) -> None:
    assert walls.postgresql == 17
    listed = ", ".join(f"'{name}'" for name in SETTINGS)
    tell = (
        f"SET ROLE {OWNER}; CREATE TABLE traps.told (name text, setting text); GRANT INSERT ON traps.told TO PUBLIC; "
        "CREATE FUNCTION traps.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO traps.told "
        f"SELECT name, setting FROM pg_settings WHERE name IN ({listed}); RETURN NEW; END $$; "
        "CREATE TRIGGER tell BEFORE INSERT ON ir_config_parameter FOR EACH ROW EXECUTE FUNCTION traps.tell()"
    )
    walls.psql(tell, NAME)
    for name, (set_to, _found) in SETTINGS.items():
        values = set_to if name == "search_path" else f"'{set_to}'"
        walls.psql(f"SET ROLE {OWNER}; ALTER DATABASE {NAME} SET {name} = {values}")
    try:
        assert declare({"name": NAME, "parameters": {"a.setting": "told"}})["changed"] is True
    finally:
        walls.psql(f"ALTER DATABASE {NAME} RESET ALL")
    told = dict(line.split("|") for line in walls.psql("SELECT * FROM traps.told", NAME).splitlines())
    assert told == {name: found for name, (_set_to, found) in SETTINGS.items()}
    walls.psql("DROP FUNCTION traps.tell CASCADE", NAME)


@pytest.mark.deep
def test_what_code_of_a_tenant_says_is_told_in_bounds(walls: Server, declare: Declare) -> None:
    loud = "RAISE EXCEPTION E'%\\x1b[31m\\nsecond line', repeat('loud ', 20000000)"
    walls.psql(
        f"SET ROLE {OWNER}; CREATE FUNCTION traps.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {loud}; END $$; "
        "CREATE TRIGGER shout BEFORE INSERT ON ir_config_parameter FOR EACH ROW EXECUTE FUNCTION traps.shout()",
        NAME,
    )
    try:
        failed = declare({"name": NAME, "parameters": {"a.sound": "1"}}, fails=True)["msg"]
    finally:
        walls.psql("DROP FUNCTION traps.shout CASCADE", NAME)
    assert "loud loud" in failed
    assert len(failed) < 2500
    assert failed.isprintable()


@pytest.mark.deep
def test_code_of_a_tenant_that_never_ends_is_ended_with_the_call(walls: Server, declare: Declare) -> None:
    # a timeout of a statement is an error that code can catch
    stubborn = "LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP"
    walls.psql(
        f"SET ROLE {OWNER}; CREATE FUNCTION traps.stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {stubborn}; END "
        "$$; CREATE CONSTRAINT TRIGGER stay AFTER INSERT ON ir_config_parameter DEFERRABLE INITIALLY DEFERRED FOR EACH "
        "ROW EXECUTE FUNCTION traps.stay()",
        NAME,
    )
    try:
        failed = declare({"name": NAME, "parameters": {"a.wait": "1"}}, timeout=10, fails=True)["msg"]
    finally:
        walls.psql("DROP FUNCTION traps.stay CASCADE", NAME)
    assert f"writing in database {NAME} did not end within" in failed
    assert walls.psql(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{WRITER}'") == "0"


@pytest.mark.fault
def test_what_a_killed_run_left_to_the_role_is_taken_by_the_next(walls: Server, declare: Declare) -> None:
    walls.psql(f"SET ROLE {OWNER}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {WRITER}", NAME)
    walls.psql(f"SET ROLE {OTHER_OWNER}; GRANT CONNECT ON DATABASE {NEIGHBOR} TO {WRITER}")
    walls.psql(f"ALTER ROLE {WRITER} PASSWORD 'left'; ALTER ROLE {WRITER} SET search_path = traps")
    declare({"name": NAME, "parameters": {"a.left": "1"}})
    assert walls.psql(f"SELECT count(*) FROM pg_shdepend WHERE refobjid = '{WRITER}'::regrole") == "0"
    assert walls.psql(f"SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{WRITER}'") == "t"


@pytest.mark.deep
def test_a_role_that_owns_anything_does_not_write(walls: Server, declare: Declare) -> None:
    wanted = {"name": NAME, "parameters": {"a.role": "1"}}
    assert "write_user: gantry is the login as well" in declare(wanted, write_user=ADMIN, fails=True)["msg"]
    assert "write_user: role nobody does not exist" in declare(wanted, write_user="nobody", fails=True)["msg"]
    owning = declare(wanted, write_user=OWNER, fails=True)["msg"]
    assert f"write_user: role {OWNER} owns or may use" in owning
    assert walls.psql("SELECT count(*) > 10 FROM pg_class WHERE relnamespace = 'public'::regnamespace", NAME) == "t"
