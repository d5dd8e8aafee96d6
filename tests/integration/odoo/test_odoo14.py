# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An older estate: the life of databases of Odoo 14 on PostgreSQL 13, by a module that runs on Python 3.9."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.intruder import intruder
from tests.integration.owners import OWNERS
from tests.lab.hosts import Lab

from .server import ADDONS_PATH, ADMIN, CERTIFICATE, CONFIG, DATA_DIR, OTHER_OWNER, OWNER, OWNER_PASSWORD, Server
from .test_database import four_beats
from .test_database_faults import wait_until

pytestmark = pytest.mark.deep
Declare = Callable[..., dict[str, Any]]
OURS = "/var/lib/odoo/ours"
BACKUPS = "/var/lib/odoo/backups"
LOGIN, PASSWORD = "chief", "correct horse battery"
HARBOUR = {
    "name": "harbour",
    "addons": ["fetchmail", "payment_stripe", "project"],
    "language": "fr_FR",
    "admin_login": LOGIN,
    "admin_password": PASSWORD,
    "base_url": "https://erp.harbour.example",
    "parameters": {"harbour.flag": True},
}
SCHOOL = {"name": "school", "demo": True}
TRIAL = {"name": "trial", "clone_from": "harbour", "base_url": "https://trial.harbour.example"}
MODEL = """
from odoo import fields, models
class Crane(models.Model):
    _name = "yard.crane"
    _description = "Crane"
    name = fields.Char()
"""
# Each of a log-in and a wrong one, from another address: who got in, and whether Odoo took that address for its own.
LOG_IN = """
import json
from odoo.exceptions import AccessDenied
def entered(password):
    try:
        return env["res.users"].authenticate(env.cr.dbname, {login!r}, password, {{"base_location": "https://elsewhere"}})
    except AccessDenied:
        return False
print(json.dumps({{"right": entered({password!r}), "wrong": entered("admin"), "admin": env.ref("base.user_admin").id}}))
"""
# makes another tenant a member of the role that restores it
TRAP = f"""
CREATE SCHEMA trap;
CREATE FUNCTION trap.act(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF current_database() LIKE '%\\_\\_new' THEN
        EXECUTE 'GRANT gantry_restore TO {OTHER_OWNER}';
        RAISE WARNING 'trap: granted';
    END IF;
    RETURN true;
END $$;
CREATE TABLE trap.bait (id int CHECK (trap.act(id)));
INSERT INTO trap.bait VALUES (1);
"""
SESSION = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'a user'"


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    """Odoo 14 and PostgreSQL 13 on one host, with a directory of our own addons, without any database."""
    server = Server(lab.host("legacy1", image="app14"), postgresql=13)
    server.prepare()
    server.shell(
        f"rm -rf {OURS}; install -d {OURS}; sed -i 's#^addons_path = .*#addons_path = {ADDONS_PATH},{OURS}#' {CONFIG}"
    )
    return server


@pytest.fixture(scope="module")
def declare(server: Server, ansible_module: Callable[..., dict[str, Any]]) -> Declare:
    """As the fixture of this name that is for all tests of databases, on this server."""

    def call(*databases: dict[str, Any], check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        args = {**server.login, "config": CONFIG, "databases": list(databases), **options}
        return ansible_module(server.host, "gantry.odoo.odoo_database", args, check=check, fails=fails)

    return call


@pytest.fixture(scope="module")
def info(server: Server, ansible_module: Callable[..., dict[str, Any]]) -> Declare:
    """As the fixture of this name that is for all tests of databases, on this server."""

    def call(*names: str, **options: Any) -> dict[str, Any]:
        args = {**server.login, "config": CONFIG, "names": list(names), **options}
        return ansible_module(server.host, "gantry.odoo.odoo_database_info", args)

    return call


@pytest.fixture(scope="module")
def created(server: Server, declare: Declare) -> dict[str, Any]:
    """A tenant and a training database, made by one call; its result."""
    foretold = declare(HARBOUR, SCHOOL, check=True)
    assert server.databases() == []
    done = declare(HARBOUR, SCHOOL)
    assert (done["steps"], done["diff"]) == (foretold["steps"], foretold["diff"])
    return done


def test_databases_are_made_whole_and_once(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    assert server.databases() == ["harbour", "school"]
    assert PASSWORD not in repr(created)
    installed = server.psql("SELECT name FROM ir_module_module WHERE state = 'installed'", "harbour").split()
    assert {"base", "project"} <= set(installed)
    assert server.psql("SELECT latest_version FROM ir_module_module WHERE name = 'base'", "harbour").startswith("14.0.")
    assert server.psql("SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %'", "harbour") == "0"
    assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "harbour") == OWNER
    assert server.psql("SELECT unaccent('Hélène')", "harbour") == "Helene"
    assert server.psql("SELECT lang FROM res_partner WHERE id = 1", "harbour") == "fr_FR"
    assert int(server.psql("SELECT count(*) FROM ir_translation WHERE lang = 'fr_FR'", "harbour")) > 1000
    assert server.parameter("harbour", "harbour.flag") == "True"
    assert declare(HARBOUR, SCHOOL, check=True)["steps"] == []
    assert declare(HARBOUR, SCHOOL)["changed"] is False


def test_only_who_asked_for_demonstration_data_has_it(server: Server, created: dict[str, Any]) -> None:
    marked = "SELECT count(*) FROM ir_module_module WHERE demo"
    invented = "SELECT count(*) FROM ir_model_data WHERE name LIKE '%demo%' AND model IN ('res.users', 'res.partner')"
    assert (server.psql(marked, "harbour"), server.psql(invented, "harbour")) == ("0", "0")
    assert int(server.psql(marked, "school")) >= 1
    assert int(server.psql(invented, "school")) >= 1


def test_odoo_lets_the_administrator_in_and_keeps_the_address(server: Server, created: dict[str, Any]) -> None:
    server.host.write("/tmp/log_in.py", LOG_IN.format(login=LOGIN, password=PASSWORD))
    shell = f"odoo shell -c {CONFIG} -d harbour --no-http --log-level=error < /tmp/log_in.py"
    said = json.loads(server.shell(f"runuser -u odoo -- env PGSSLROOTCERT={CERTIFICATE} {shell}").splitlines()[-1])
    assert said["right"] == said["admin"]
    assert said["wrong"] is False
    assert server.parameter("harbour", "web.base.url") == "https://erp.harbour.example"


def test_parameters_are_set_and_workers_are_told(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    signal = "SELECT last_value FROM base_cache_signaling"
    before = int(server.psql(signal, "harbour"))
    want = {"name": "harbour", "parameters": {"harbour.flag": "v2"}}
    assert [step["action"] for step in declare(want)["steps"]] == ["set_parameter"]
    assert server.parameter("harbour", "harbour.flag") == "v2"
    assert int(server.psql(signal, "harbour")) == before + 1


def test_clones_are_others_with_the_same_content(
    server: Server, declare: Declare, info: Declare, created: dict[str, Any]
) -> None:
    path = server.attach("harbour", b"a bill")
    foretold = declare(TRIAL, check=True)
    done = declare(TRIAL)
    assert {"clone", "renew_identity", "set_parameter", "publish"} <= {step["action"] for step in done["steps"]}
    assert (done["steps"], done["diff"]) == (foretold["steps"], foretold["diff"])
    url = f"host={server.host.name} user={OWNER} dbname=harbour sslmode=verify-full sslrootcert={CERTIFICATE}"
    session = ["psql", "-Xqc", "SELECT pg_sleep(120)", f"{url} application_name='a user'"]
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.host.attempt, session, env={"PGPASSWORD": OWNER_PASSWORD})
        wait_until(lambda: server.psql(SESSION) == "1", "the session")
        # in use, so by a dump
        declare(TRIAL, {"name": "beside", "clone_from": "harbour", "clone_files": "copy"})
        survived = server.psql(SESSION)
        server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'a user'")
    assert survived == "1"
    for key in ("database.uuid", "database.secret"):
        assert len({server.parameter(name, key) for name in ("harbour", "trial", "beside")}) == 3
    assert server.parameter("trial", "web.base.url") == "https://trial.harbour.example"
    assert server.parameter("beside", "web.base.url") == "http://localhost:8069"
    told = info("harbour", "trial", "beside", gather=["modules", "filestore", "fingerprint"])["databases"]
    assert {seen["odoo_version"] for seen in told.values()} == {"14.0"}
    assert {seen["uuid"] for seen in told.values()} == {server.parameter(name, "database.uuid") for name in told}
    assert told["harbour"]["base_url"] == "https://erp.harbour.example"
    assert told["harbour"]["modules"]["project"].startswith("14.0.")
    original = told["harbour"]["fingerprint"]["tables"]
    for name in ("trial", "beside"):
        assert told[name]["modules"] == told["harbour"]["modules"]
        files = told[name]["filestore"]
        assert (files["files"], files["missing"], files["corrupt"]) == (told["harbour"]["filestore"]["files"], [], [])
        tables = told[name]["fingerprint"]["tables"]
        assert {table for table, seen in tables.items() if seen != original.get(table)} == {"ir_config_parameter"}
        assert server.shell(f"cat {DATA_DIR}/{path.replace('/harbour/', f'/{name}/')}") == "a bill"
    declare({"name": "beside", "state": "absent", "policy": "drop"})


@pytest.fixture(scope="module")
def repository(lab: Lab, server: Server) -> dict[str, Any]:
    """A directory for backups of this server: Debian 11 has no client that creates an object only once."""
    server.shell(
        "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends python3-nacl python3-pip "
        f">/dev/null && pip3 install --quiet zstandard && rm -rf {BACKUPS} && install -d -m 700 {BACKUPS}"
    )
    return {"directory": BACKUPS, "keys": [{"name": "lab", "secret": lab.state.sealing_key("backup_key")}]}


def assert_harmless(server: Server, copy: str) -> None:
    """The copy of harbour sends and fetches no mail, takes no payments, runs no job, and holds no credential."""
    assert server.psql("SELECT smtp_host FROM ir_mail_server WHERE active", copy) == "invalid"
    assert server.psql("SELECT count(*) FROM fetchmail_server WHERE active", copy) == "0"
    assert server.psql("SELECT DISTINCT state FROM payment_acquirer", copy) == "disabled"
    assert server.psql("SELECT count(*) FROM ir_cron WHERE active", copy) == "1"
    dump = "runuser -u postgres -- pg_dump --inserts -t ir_mail_server -t fetchmail_server -t payment_acquirer"
    count = "grep -c s3cret || test $? = 1"
    left = [server.shell(f"{dump} {name} | {count}").strip() for name in ("harbour", copy)]
    assert left == ["3", "0"]
    assert server.parameter(copy, "database.uuid") != server.parameter("harbour", "database.uuid")


def test_copies_are_made_harmless_without_help_of_the_addons(
    server: Server,
    declare: Declare,
    created: dict[str, Any],
    repository: dict[str, str],
    ansible_module: Callable[..., dict[str, Any]],
) -> None:
    server.psql(
        "INSERT INTO ir_mail_server (name, smtp_host, smtp_port, smtp_encryption, smtp_user, smtp_pass, active) "
        "VALUES ('real', 'mail.example', 25, 'none', 'erp', 's3cret', true);"
        'INSERT INTO fetchmail_server (name, server, server_type, "user", password, active, state) '
        "VALUES ('real', 'mail.example', 'imap', 'erp', 's3cret', true, 'done');"
        "UPDATE payment_acquirer SET state = 'enabled', stripe_secret_key = 's3cret', stripe_publishable_key = 'pk' "
        "WHERE provider = 'stripe'",
        "harbour",
    )
    declare({"name": "harmless", "clone_from": "harbour", "neutralize": True})
    assert_harmless(server, "harmless")
    server.psql(f"SET ROLE {OWNER}; {TRAP}", "harbour")
    owners = server.psql(OWNERS, "harbour")
    args = {**server.login, "config": CONFIG, "repository": repository}
    ansible_module(server.host, "gantry.odoo.odoo_backup", {**args, "databases": [{"name": "harbour"}]})
    url = f"host={server.host.name} user={OWNER} dbname=restored__new sslmode=verify-full sslrootcert={CERTIFICATE}"
    paid = "NOT EXISTS (SELECT FROM payment_acquirer WHERE state = 'enabled' OR stripe_secret_key LIKE '%s3cret%')"
    with intruder(server.host, url, OWNER_PASSWORD, paid) as tries:
        wanted = {"tenant": "harbour", "database": "restored", "neutralize": True, "load_registry": True}
        ansible_module(server.host, "gantry.odoo.odoo_restore", {**args, **wanted})
        met = tries()
    assert "denied" in met
    assert "in" not in met
    assert_harmless(server, "restored")
    assert server.may_connect("restored")
    assert server.psql(OWNERS, "restored") == owners
    # what code in the dump did to the role that restored it, as a session may before PostgreSQL 16, is undone
    assert "WARNING:  trap: granted" in server.shell("cat /var/log/postgresql/*.log")
    members = "SELECT member::regrole FROM pg_auth_members WHERE roleid = 'gantry_restore'::regrole"
    assert server.psql(members) == ADMIN
    # a drill has no command that neutralizes either, and leaves nothing but its record
    drill = {"tenant": "harbour", "drill": True, "neutralize": True, "load_registry": True}
    drilled = ansible_module(server.host, "gantry.odoo.odoo_restore", {**args, **drill})
    assert drilled["counts"]["tables"] > 100
    served = drilled["served"]
    assert (served["health"], served["page"], served["login"], served["web"]) == (0, 200, True, 200)
    assert served["file"]
    assert not [name for name in server.databases() if "drill" in name]
    declare(*({"name": name, "state": "absent", "policy": "drop"} for name in ("harmless", "restored")))


def test_new_databases_are_made_from_a_template(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    listed = "SELECT datname FROM pg_database WHERE datname LIKE 'gantry-template-%'"
    for name in server.psql(listed).split():
        server.psql(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        server.psql(f'DROP DATABASE "{name}"')
    classes = [{"name": name, "admin_password": PASSWORD} for name in ("class1", "class2")]
    done = declare(*classes, template_cache=True)
    assert [step["action"] for step in done["steps"]].count("initialize") == 1
    assert declare(*classes, template_cache=True)["changed"] is False
    assert len(server.psql(listed).split()) == 1
    for name in ("class1", "class2"):
        assert server.accepts_password(name, PASSWORD)
        assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", name) == OWNER
        files = server.psql("SELECT count(DISTINCT store_fname) FROM ir_attachment", name)
        assert server.shell(f"find {DATA_DIR}/filestore/{name} -type f -user odoo | wc -l").strip() == files
    assert server.parameter("class1", "database.uuid") != server.parameter("class2", "database.uuid")
    declare(*({"name": name, "state": "absent", "policy": "drop"} for name in ("class1", "class2")))


def test_jobs_and_faults_of_an_older_series_are_told(server: Server, info: Declare, created: dict[str, Any]) -> None:
    ran_out, late = server.psql("SELECT id FROM ir_cron WHERE active ORDER BY id LIMIT 2", "harbour").split()
    server.psql(
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day';"
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '2 hours', lastcall = '2026-01-02 03:04:05' "
        f"WHERE id IN ({ran_out}, {late}); UPDATE ir_cron SET numbercall = 0 WHERE id = {ran_out}",
        "harbour",
    )
    facts = info("harbour", gather=["activity", "cron", "drift"])["databases"]["harbour"]
    cron = facts["cron"]
    assert cron["overdue"] == [server.psql(f"SELECT cron_name FROM ir_cron WHERE id = {late}", "harbour")]
    assert cron["active"] == int(server.psql("SELECT count(*) FROM ir_cron WHERE active", "harbour")) - 1
    # this series counts no failures
    assert (cron["failing"], cron["blocked"], cron["last_run"]) == (None, [], "2026-01-02T03:04:05Z")
    assert facts["activity"]["sessions"] == 0
    assert {"unaccent", "pending", "base_url_freeze"}.isdisjoint(one["finding"] for one in facts["drift"])


def test_a_rename_a_block_and_the_recycle_directory(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    declare(TRIAL)
    uuid = server.parameter("trial", "database.uuid")
    four_beats(declare, {"name": "annex", "rename_from": "trial", "access": "blocked"}, actions=["rename", "block"])
    assert server.parameter("annex", "database.uuid") == uuid
    assert {"annex", "harbour"} <= set(server.files("filestore"))
    assert "trial" not in server.files("filestore")
    assert (server.may_connect("annex"), server.may_connect("harbour")) == (False, True)
    opened = declare({"name": "annex", "access": "open", "owner": OTHER_OWNER})
    assert [step["action"] for step in opened["steps"]] == ["open", "change_owner"]
    assert server.psql(f"SELECT has_database_privilege('{OTHER_OWNER}', 'annex', 'CONNECT')") == "t"
    assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "annex") == OTHER_OWNER
    assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "harbour") == OWNER
    assert "policy: drop" in declare({"name": "annex", "state": "absent"}, fails=True)["msg"]
    dropped = declare({"name": "annex", "state": "absent", "policy": "drop"})
    assert [step["action"] for step in dropped["steps"]] == ["recycle_filestore", "drop"]
    assert "annex" not in server.databases()
    assert any(kept.endswith("Z-annex") for kept in server.files("filestore/.recycled"))


def test_addons_follow_their_code(
    server: Server, created: dict[str, Any], ansible_module: Callable[..., dict[str, Any]]
) -> None:
    def addons(check: bool = False, **options: Any) -> dict[str, Any]:
        args = {**server.login, "config": CONFIG, "databases": ["school"], **options}
        return ansible_module(server.host, "gantry.odoo.odoo_addons", args, check=check)

    def yard(version: str, code: str) -> None:
        manifest = {"name": "yard", "version": version, "depends": ["base"], "license": "LGPL-3"}
        server.shell(f"install -d {OURS}/yard")
        server.host.write(f"{OURS}/yard/__manifest__.py", repr(manifest))
        server.host.write(f"{OURS}/yard/__init__.py", code)

    state = "SELECT state, coalesce(latest_version, '') FROM ir_module_module WHERE name = 'yard'"
    yard("1.0", MODEL)
    foretold = addons(installed=["yard"], unrecorded="trust", check=True)
    assert server.psql(state, "school") in ("", "uninstalled|")
    done = addons(installed=["yard"], unrecorded="trust")
    assert [(step["action"], step["target"]) for step in done["steps"]] == [("install", "school: yard")]
    assert (foretold["steps"], foretold["diff"]) == (done["steps"], done["diff"])
    assert server.psql(state, "school") == "installed|14.0.1.0"
    # before 19, this version gets the series in front like any other
    yard("14.0", MODEL + "    load = fields.Char()\n")
    assert [step["action"] for step in addons()["steps"]] == ["upgrade"]
    assert server.psql(state, "school") == "installed|14.0.14.0"
    assert server.psql("SELECT count(load) FROM yard_crane", "school") == "0"
    # a command that fails shows that it is not run
    assert addons(installed=["yard"], odoo_command=["/bin/false"])["steps"] == []
    assert [step["action"] for step in addons(absent=["yard"])["steps"]] == ["remove"]
    assert server.psql(state, "school") == "uninstalled|"
    assert server.psql("SELECT to_regclass('yard_crane')", "school") == ""
