# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What odoo_database_info tells of a real server on which each thing that it looks for was made to happen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.hosts import Lab

from .server import ADDONS_PATH, CERTIFICATE, CONFIG, DATA_DIR, OWNER, OWNER_PASSWORD, Server
from .test_database_faults import wait_until

GOOD, BAD, BY_NAME = "/etc/odoo/good.conf", "/etc/odoo/bad.conf", "/etc/odoo/by-name.conf"
ODD = "/etc/odoo/odd.conf"
MASTER = "m4ster-of-all"
AUDITOR, AUDITOR_PASSWORD = "auditor", "4uditor-pass"
ALL = ["summary", "filestore", "activity", "cron", "drift"]
UNITS = ("gantry-holder", "gantry-waiter", "gantry-reader")

Declare = Callable[..., dict[str, Any]]


def configuration(*lines: str) -> str:
    """An odoo.conf of the instance harbour with other lines at the end."""
    common = (f"db_user = {OWNER}", f"data_dir = {DATA_DIR}", f"addons_path = {ADDONS_PATH}")
    return "\n".join(("[options]", *common, *lines, ""))


@pytest.fixture(scope="module")
def harbour(server: Server, declare: Declare) -> Iterator[None]:
    """One database as odoo_database makes it, on a server that can do what the tests need, and three odoo.conf."""
    server.prepare()
    server.psql("ALTER SYSTEM SET wal_level = logical")
    server.psql("ALTER SYSTEM SET max_prepared_transactions = 5")
    server.shell("systemctl restart postgresql@17-main")
    server.host.write(GOOD, configuration("list_db = False", "admin_passwd =", "db_name = harbour"))
    server.host.write(BAD, configuration("list_db = True", f"admin_passwd = {MASTER}"))
    server.host.write(BY_NAME, configuration("list_db = False", "admin_passwd = admin", "dbfilter = ^%d$"))
    declare({"name": "harbour", "base_url": "https://erp.harbour.example"}, template_cache=True)
    yield
    server.psql("ALTER SYSTEM RESET ALL")


@pytest.fixture(scope="module")
def neighbours(server: Server, harbour: None) -> None:
    """`north` of the same owner, ill inside; `annex` of the superuser with tables of another; `ledger`, not Odoo's."""
    for name in ("north", "annex"):
        server.psql(f"CREATE DATABASE {name} TEMPLATE harbour OWNER {OWNER if name == 'north' else 'postgres'}")
    server.psql("CREATE DATABASE ledger")
    server.psql(
        "DELETE FROM ir_config_parameter WHERE key = 'web.base.url.freeze';"
        "INSERT INTO ir_config_parameter (key, value) VALUES ('base.partially_updated_database', 'updated');"
        "UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'web';"
        "UPDATE ir_module_module SET latest_version = '19.0.1.2' WHERE name = 'base';"
        "ALTER FUNCTION unaccent(text) STABLE",
        "north",
    )
    server.psql("DROP FUNCTION public.unaccent(text) CASCADE", "annex")


@pytest.fixture(scope="module")
def old(lab: Lab, ansible_module: Callable[..., dict[str, Any]]) -> Iterator[Server]:
    """Odoo 14 and PostgreSQL 13 on a host with Python 3.9, with one database."""
    server = Server(lab.host("legacy1", image="app14"), postgresql=13)
    server.prepare()
    server.host.write(GOOD, configuration("list_db = False", "admin_passwd =", "db_name = harbour"))
    made = {
        **server.login,
        "config": CONFIG,
        "databases": [{"name": "harbour", "base_url": "https://erp.harbour.example"}],
    }
    ansible_module(server.host, "gantry.odoo.odoo_database", made)
    yield server
    server.shell(f"systemctl stop {' '.join(UNITS[:2])} || true")
    server.psql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def background(server: Server, unit: str, script: str) -> None:
    """Run a shell script on the host as Odoo's role, until it is stopped."""
    url = f"host={server.host.name} user={OWNER} dbname=harbour sslmode=verify-full sslrootcert={CERTIFICATE}"
    settings = f"--setenv=PGPASSWORD={OWNER_PASSWORD} --setenv=URL='{url}'"
    server.shell(f"systemd-run -q --collect --unit={unit} {settings} bash -c '{script}'")


@pytest.fixture(scope="module")
def busy(server: Server, neighbours: None) -> Iterator[None]:
    """Harbour with a session that forgot its transaction, one that waits for it, one prepared, and three slots."""
    change = "UPDATE res_partner SET name = name WHERE id = 1"
    forgotten = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = 'harbour'"
    active = "SELECT count(*) FROM pg_replication_slots WHERE active"
    try:
        # a logical slot is made only when every transaction has ended
        server.psql("SELECT pg_create_logical_replication_slot('mover', 'pgoutput')", "harbour")
        server.psql("SELECT pg_create_physical_replication_slot(name, true) FROM unnest('{standby,gone}'::text[]) name")
        background(server, UNITS[0], f'(echo "BEGIN; {change};"; sleep 600) | psql -Xq "$URL"')
        wait_until(lambda: server.psql(forgotten) == "1", "the session that forgot its transaction")
        background(server, UNITS[1], f'psql -Xqc "{change}" "$URL"')
        wait_until(lambda: server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1", "the waiting session")
        server.psql("BEGIN; CREATE TABLE half (); PREPARE TRANSACTION 'left'", "harbour")
        server.shell("rm -rf /tmp/wal; install -d -o postgres /tmp/wal")
        receive = "runuser -u postgres -- pg_receivewal -D /tmp/wal --slot standby"
        background(server, UNITS[2], receive)
        wait_until(lambda: server.psql(active) == "1", "the slot that is read from")
        server.psql("CREATE TABLE wal AS SELECT generate_series(1, 10000); DROP TABLE wal")
        yield
    finally:
        server.shell(f"systemctl stop {' '.join(UNITS)} || true")
        server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        wait_until(lambda: server.psql(active) == "0", "the end of the reader")
        for name in server.psql("SELECT gid FROM pg_prepared_xacts").split():
            server.psql(f"ROLLBACK PREPARED '{name}'", "harbour")
        server.psql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


@pytest.fixture(scope="module")
def told(server: Server, busy: None, info: Declare) -> dict[str, Any]:
    """The answer of one call about everything."""
    late = "(SELECT id FROM ir_cron WHERE active ORDER BY id LIMIT 1 OFFSET {})"
    server.psql(
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day';"
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '2 hours', "
        f"lastcall = '2026-01-02 03:04:05' WHERE id = {late.format(0)};"
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '5 minutes', failure_count = 2 "
        f"WHERE id = {late.format(1)};"
        "INSERT INTO ir_cron (ir_actions_server_id, user_id, active, interval_number, interval_type, nextcall) "
        "SELECT ir_actions_server_id, user_id, false, 1, 'days', now() - interval '1 year' FROM ir_cron LIMIT 1",
        "harbour",
    )
    server.psql(
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day';"
        "INSERT INTO ir_cron_trigger (cron_id, call_at) "
        f"VALUES ({late.format(0)}, now() AT TIME ZONE 'UTC' - interval '1 hour')",
        "north",
    )
    torn, gone = server.attach("harbour", b"a plan"), server.attach("harbour", b"a bill")
    lost, spooled = (server.attach("harbour", content) for content in (b"a lost letter", b"a letter to be burnt"))
    server.psql(
        f"DELETE FROM ir_attachment WHERE store_fname LIKE '%/{lost.rsplit('/', 1)[-1]}' "
        f"OR store_fname LIKE '%/{spooled.rsplit('/', 1)[-1]}'",
        "harbour",
    )
    spool = f"filestore/harbour/checklist/{spooled[len('filestore/harbour/') :]}"
    server.shell(
        f"cd {DATA_DIR}; printf x > {torn}; rm {gone}; mkdir -p $(dirname {spool}); touch {spool}; "
        "mkdir -p filestore/sunk filestore/template1; touch filestore/not-a-directory"
    )
    return info(config=BAD, gather=ALL)


def findings(database: dict[str, Any]) -> dict[str, str]:
    """The sentences of a database's findings by their name; each name comes once."""
    by_name = {one["finding"]: one["why"] for one in database["drift"]}
    assert len(by_name) == len(database["drift"])
    return by_name


def test_a_database_as_it_should_be_has_no_findings(server: Server, info: Declare, harbour: None) -> None:
    seen = info(config=GOOD, gather=ALL)
    assert seen["orphan_filestores"] == seen["replication_slots"] == seen["unreadable"] == []
    assert list(seen["databases"]) == ["harbour"]
    facts = seen["databases"]["harbour"]
    assert facts["drift"] == []
    assert facts["filestore"]["orphans"] == {"files": 0, "bytes": 0, "spooled": 0}
    held = server.shell(
        f"find {DATA_DIR}/filestore/harbour -type f -printf '%s\\n' | awk '{{n += $1}} END {{print n}}'"
    )
    assert facts["filestore"]["disk_bytes"] == int(held) > 0
    active = int(server.psql("SELECT count(*) FROM ir_cron WHERE active", "harbour"))
    assert facts["cron"] == {
        "active": active,
        "running": 0,
        "overdue": [],
        "longest_overdue_seconds": 0.0,
        "last_run": None,
        "failing": [],
        "blocked": [],
    }
    assert facts["activity"]["sessions"] == facts["activity"]["idle_in_transaction"] == 0
    assert facts["activity"]["visible"] is True


def test_the_options_of_running_processes_and_the_home_of_odoo_count(
    server: Server, info: Declare, harbour: None
) -> None:
    hashed = "from passlib.hash import pbkdf2_sha512 as p; print(p.hash('admin'))"
    stored = server.host.run(["python3", "-Wignore", "-c", hashed]).strip()
    home = server.shell("getent passwd odoo | cut -d: -f6").strip()
    assert DATA_DIR.startswith(f"{home}/")
    odd = configuration("list_db = False", f"admin_passwd = {stored}").replace(DATA_DIR, DATA_DIR.replace(home, "~"))
    server.host.write(ODD, odd)
    # not in /tmp, which is a mount that Docker does not see
    server.host.write("/srv/odoo", "import time\ntime.sleep(600)\n")
    for unit, options in (
        ("gantry-web", "--db-filter=^harbour --max-cron-threads=0"),
        ("gantry-cron", "-d harbour --no-http"),
    ):
        setting = "--setenv=ODOO_LIST_DB=1" if unit == "gantry-web" else ""
        server.shell(f"systemd-run -q --collect --unit={unit} {setting} python3 /srv/odoo --config={ODD} {options}")
    # a name that is not UTF-8, as an old archive leaves it
    server.shell(f"install -d {DATA_DIR}/filestore/$'caf\\xe9'")
    options = {"config": ODD, "verify_content": False}
    try:
        wait_until(lambda: server.shell(f"pgrep -fc '[c]onfig={ODD} ' || test $? = 1").strip() == "2", "both processes")
        facts = info("harbour", gather=["filestore", "drift"], **options)["databases"]["harbour"]
        orphans = info(gather=["filestore"], **options)["orphan_filestores"]
    finally:
        server.shell(f"systemctl stop gantry-web gantry-cron; rm -r {DATA_DIR}/filestore/$'caf\\xe9' {ODD}")
    assert facts["filestore"]["missing"] == []
    assert facts["filestore"]["files"] > 0
    assert {one["finding"] for one in facts["drift"]} == {"list_db", "master_password"}
    assert "with the options of process" in facts["drift"][0]["why"]
    assert "caf\\xe9" in orphans


def test_what_is_wrong_with_an_instance_is_found_in_its_databases(told: dict[str, Any]) -> None:
    databases = told["databases"]
    assert list(databases) == ["annex", "harbour", "north"]
    assert set(findings(databases["harbour"])) == {"list_db", "master_password", "cron_scope", "owner"}
    assert "north" in findings(databases["harbour"])["cron_scope"]
    assert "plain text" in findings(databases["harbour"])["master_password"]
    assert set(findings(databases["north"])) == {
        *findings(databases["harbour"]), "base_url_freeze", "unaccent", "pending", "partially_updated"
    }  # fmt: skip
    assert "IMMUTABLE" in findings(databases["north"])["unaccent"]
    assert "web" in findings(databases["north"])["pending"]
    # another role's: this odoo.conf does not serve it
    assert set(findings(databases["annex"])) == {"owner", "unaccent"}
    assert "superuser" in findings(databases["annex"])["owner"]
    assert "does not own all" in findings(databases["annex"])["owner"]
    assert MASTER not in repr(told)


def test_files_without_attachments_and_directories_without_databases_are_found(told: dict[str, Any]) -> None:
    store = told["databases"]["harbour"]["filestore"]
    assert store["missing"] == [_store_fname(b"a bill")]
    assert store["corrupt"] == [_store_fname(b"a plan")]
    sizes = len(b"a lost letter") + len(b"a letter to be burnt")
    assert store["orphans"] == {"files": 2, "bytes": sizes, "spooled": 1}
    assert store["disk_bytes"] >= store["bytes"] + sizes
    assert told["orphan_filestores"] == ["sunk"]


def test_sessions_waits_and_slots_are_told(server: Server, told: dict[str, Any]) -> None:
    seen = told["databases"]["harbour"]["activity"]
    assert (seen["visible"], seen["hidden"], seen["sessions"]) == (True, 0, 2)
    assert seen["by_state"] == {"active": 1, "idle in transaction": 1}
    assert seen["by_role"] == {OWNER: 2}
    assert (seen["waiting"], seen["idle_in_transaction"], seen["prepared_transactions"]) == (1, 1, 1)
    for seconds in ("longest_wait", "longest_idle_in_transaction", "oldest_prepared"):
        assert 0 < seen[f"{seconds}_seconds"] <= seen["longest_transaction_seconds"] < 600
    assert told["databases"]["north"]["activity"]["sessions"] == 0
    slots = {slot["name"]: slot for slot in told["replication_slots"]}
    assert {name: (slot["type"], slot["database"], slot["active"], slot["dead"]) for name, slot in slots.items()} == {
        "gone": ("physical", None, False, True),
        "mover": ("logical", "harbour", False, True),
        "standby": ("physical", None, True, False),
    }
    held = (
        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots WHERE slot_name = 'gone'"
    )
    assert 300_000 < slots["gone"]["retained_bytes"] <= int(server.psql(held))
    assert slots["gone"]["wal_status"] == "reserved"


@pytest.mark.deep
def test_jobs_that_are_not_run_are_told(server: Server, told: dict[str, Any]) -> None:
    names = server.psql("SELECT cron_name FROM ir_cron WHERE active ORDER BY id", "north").splitlines()
    cron = told["databases"]["harbour"]["cron"]
    assert cron["active"] == len(names)
    assert cron["overdue"] == names[:1]
    assert cron["failing"] == names[1:2]
    assert 7200 <= cron["longest_overdue_seconds"] < 7800
    assert (cron["last_run"], cron["blocked"]) == ("2026-01-02T03:04:05Z", [])
    # due by its trigger alone, and skipped whatever is due
    north = told["databases"]["north"]["cron"]
    assert north["overdue"] == names[:1]
    assert north["blocked"] == ["pending", "base_version"]


def test_a_job_that_runs_is_counted_and_the_grace_can_be_chosen(
    server: Server, info: Declare, told: dict[str, Any]
) -> None:
    background(
        server,
        "gantry-runner",
        '(echo "BEGIN; SELECT FROM ir_cron LIMIT 1 FOR NO KEY UPDATE;"; sleep 60) | psql "$URL"',
    )
    running = "SELECT count(*) FROM pg_locks WHERE relation = 'ir_cron'::regclass AND mode = 'RowShareLock'"
    wait_until(lambda: server.psql(running, "harbour") == "1", "the job that runs")
    seen = info("harbour", config=BY_NAME, gather=["cron", "drift"], cron_grace=60)
    server.shell("systemctl stop gantry-runner || true")
    assert "orphan_filestores" not in seen
    facts = seen["databases"]["harbour"]
    assert facts["cron"]["running"] == 1
    assert len(facts["cron"]["overdue"]) == 2
    # dbfilter keeps users apart and cron does not
    assert set(findings(facts)) == {"master_password", "cron_scope"}
    assert "default" in findings(facts)["master_password"]


def test_without_odoo_conf_only_what_the_database_says_is_told(info: Declare, told: dict[str, Any]) -> None:
    facts = info("north", "harbour", config=None, gather=["drift", "cron"])["databases"]
    assert facts["harbour"]["drift"] == []
    assert set(findings(facts["north"])) == {"base_url_freeze", "unaccent", "pending", "partially_updated"}
    assert facts["north"]["cron"]["blocked"] == ["pending"]


def test_a_login_with_few_rights_is_told_what_it_cannot_see(
    server: Server, info: Declare, told: dict[str, Any]
) -> None:
    if not server.psql(f"SELECT 1 FROM pg_roles WHERE rolname = '{AUDITOR}'"):
        server.psql(f"CREATE ROLE {AUDITOR} LOGIN PASSWORD '{AUDITOR_PASSWORD}'")
    server.psql(f"REVOKE pg_monitor FROM {AUDITOR}; GRANT CONNECT ON DATABASE harbour TO {AUDITOR}")
    tables = "ir_module_module, ir_config_parameter, ir_cron, ir_cron_trigger, ir_act_server"
    server.psql(f"GRANT SELECT ON {tables} TO {AUDITOR}", "harbour")
    options = {
        "login_user": AUDITOR,
        "login_password": AUDITOR_PASSWORD,
        "config": GOOD,
        "gather": ["activity", "cron", "drift"],
    }
    seen = info(**options)
    assert list(seen["databases"]) == ["harbour"]
    assert seen["unreadable"] == ["annex", "north"]
    assert len(seen["replication_slots"]) == 3
    facts = seen["databases"]["harbour"]
    assert (facts["drift"], len(facts["cron"]["overdue"])) == ([], 1)
    activity = facts["activity"]
    assert (activity["visible"], activity["hidden"], activity["sessions"]) == (False, 2, 2)
    assert activity["by_role"] == {OWNER: 2}
    assert activity["by_state"] == {}
    assert activity["idle_in_transaction"] is activity["longest_transaction_seconds"] is None
    assert activity["waiting"] == activity["prepared_transactions"] == 1
    assert activity["longest_wait_seconds"] > 0
    server.psql(f"GRANT pg_monitor TO {AUDITOR}")
    activity = info("harbour", **{**options, "gather": ["activity"]})["databases"]["harbour"]["activity"]
    assert (activity["visible"], activity["idle_in_transaction"]) == (True, 1)


@pytest.mark.deep
def test_a_query_that_must_wait_too_long_fails_with_a_sentence(
    server: Server, info: Declare, told: dict[str, Any]
) -> None:
    background(server, "gantry-lock", '(echo "BEGIN; LOCK TABLE ir_cron;"; sleep 60) | psql "$URL"')
    held = "SELECT count(*) FROM pg_locks WHERE relation = 'ir_cron'::regclass AND mode = 'AccessExclusiveLock'"
    wait_until(lambda: server.psql(held, "harbour") == "1", "the lock")
    failed = info("harbour", gather=["cron"], timeout=1, fails=True)
    server.shell("systemctl stop gantry-lock || true")
    assert failed["msg"].startswith(f"database harbour at {server.host.name}:5432 could not be read: ")
    assert "cron_grace" in info("harbour", cron_grace=-1, fails=True)["msg"]


@pytest.mark.deep
def test_odoo_14_on_postgresql_13_is_told_of_in_the_same_words(
    old: Server, ansible_module: Callable[..., dict[str, Any]]
) -> None:
    old.psql("SELECT pg_create_physical_replication_slot('gone', true)")
    first = "(SELECT min(id) FROM ir_cron WHERE active)"
    old.psql(
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '2 hours', numbercall = 0;"
        f"UPDATE ir_cron SET numbercall = -1 WHERE id = {first};"
        "UPDATE ir_module_module SET latest_version = '14.0.1.2' WHERE name = 'base'",
        "harbour",
    )
    orphan = old.attach("harbour", b"a lost letter")
    old.psql("DELETE FROM ir_attachment WHERE name = 'test'", "harbour")
    change = "UPDATE res_partner SET name = name WHERE id = 1"
    background(old, UNITS[0], f'(echo "BEGIN; {change};"; sleep 600) | psql -Xq "$URL"')
    forgotten = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    wait_until(lambda: old.psql(forgotten) == "1", "the session that forgot its transaction")
    background(old, UNITS[1], f'psql -Xqc "{change}" "$URL"')
    wait_until(lambda: old.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1", "the waiting session")
    seen = ansible_module(old.host, "gantry.odoo.odoo_database_info", {**old.login, "config": GOOD, "gather": ALL})
    facts = seen["databases"]["harbour"]
    assert facts["odoo_version"] == "14.0"
    assert facts["drift"] == []
    assert facts["cron"]["active"] == 1
    assert facts["cron"]["overdue"] == [old.psql(f"SELECT cron_name FROM ir_cron WHERE id = {first}", "harbour")]
    assert facts["cron"]["failing"] is None
    assert facts["cron"]["blocked"] == ["base_version"]
    assert facts["activity"]["by_state"] == {"active": 1, "idle in transaction": 1}
    assert facts["activity"]["waiting"] == facts["activity"]["idle_in_transaction"] == 1
    assert 0 < facts["activity"]["longest_wait_seconds"] < 600
    assert facts["filestore"]["orphans"]["bytes"] >= len(b"a lost letter")
    assert orphan.rsplit("/", 1)[-1] not in facts["filestore"]["missing"]
    assert [(slot["name"], slot["dead"], slot["wal_status"]) for slot in seen["replication_slots"]] == [
        ("gone", True, "reserved")
    ]


def _store_fname(content: bytes) -> str:
    digest = hashlib.sha1(content).hexdigest()
    return f"{digest[:2]}/{digest}"
