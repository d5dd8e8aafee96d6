# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore gives the code in a dump no rights, gives up a database by the rules of a drop, and asks for room first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.backup.conftest import CONFIG, DATA, HOST, PASSWORD, Estate, Failures
from tests.integration.owners import OWNERS
from tests.lab import wait

BACKUP, RESTORE = "gantry.odoo.odoo_backup", "gantry.odoo.odoo_restore"
ROLE, WRITER = "gantry_restore", "gantry_write"
SMALL, SMALL_CONFIG = "/srv/small", "/etc/odoo/small.conf"
# an operator who is a superuser, and a neighbor with a database of its own
OTHERS = f"""
DROP ROLE IF EXISTS chief;
CREATE ROLE chief SUPERUSER LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE odoo_north LOGIN PASSWORD '{PASSWORD}';
GRANT odoo_north TO gantry WITH INHERIT TRUE, SET TRUE;
CREATE DATABASE north OWNER odoo_north;
REVOKE ALL ON DATABASE north FROM PUBLIC;
"""
NEIGHBOR = (
    "SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, (SELECT array_agg(m.member::regrole ORDER BY 1) FROM "
    "pg_auth_members m WHERE m.roleid = r.oid), (SELECT array_agg(s.setconfig) FROM pg_db_role_setting s WHERE "
    "s.setrole = r.oid) FROM pg_roles r WHERE rolname !~ '^pg_' ORDER BY 1"
)
RIGHTS = "SELECT datname, pg_get_userbyid(datdba), datacl, datistemplate FROM pg_database ORDER BY 1"
# what code with the rights of an operator would do; each try on its own
DEEDS = (
    "RESET ROLE",
    "RESET SESSION AUTHORIZATION",
    "SET ROLE gantry",
    "SET ROLE odoo_north",
    "SET SESSION AUTHORIZATION postgres",
    "SET SESSION AUTHORIZATION chief",
    "SET ROLE postgres",
    "ALTER ROLE odoo_north NOLOGIN",
    "ALTER ROLE odoo_north SET search_path = trap",
    "GRANT odoo_north TO odoo_harbour",
    "GRANT gantry_restore TO odoo_harbour",
    "ALTER DATABASE north OWNER TO odoo_harbour",
    "GRANT ALL ON DATABASE north TO odoo_harbour",
    "ALTER DATABASE harbour SET search_path = trap",
    "CREATE DATABASE loot",
    "CREATE ROLE loot SUPERUSER",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/loot'",
    "SELECT pg_read_file('/etc/passwd')",
)
# what it may do all the same: to the role that it acts as, and to the database that this role owns for the moment
OWN_DEEDS = (
    "ALTER ROLE gantry_restore PASSWORD 'known'",
    "ALTER ROLE gantry_restore SET search_path = trap, public",
    "ALTER ROLE gantry_restore SET default_transaction_read_only = on",
    "EXECUTE format('ALTER ROLE gantry_restore IN DATABASE %I SET work_mem = ''1MB''', current_database())",
    "EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database())",
    "EXECUTE format('ALTER DATABASE %I SET role = ''odoo_north''', current_database())",
    "EXECUTE format('ALTER DATABASE %I IS_TEMPLATE true CONNECTION LIMIT 0', current_database())",
    "EXECUTE format('GRANT ALL ON DATABASE %I TO odoo_north, PUBLIC WITH GRANT OPTION', current_database())",
    "EXECUTE format('GRANT ALL ON DATABASE %I TO odoo_north, PUBLIC', current_database())",
    "EXECUTE format('COMMENT ON DATABASE %I IS ''mine''', current_database())",
)
MORE = """
CREATE TYPE trap.mood AS ENUM ('calm');
CREATE DOMAIN trap.port AS int CHECK (VALUE > 0);
CREATE TYPE trap.span AS RANGE (subtype = int4);
CREATE TABLE trap.log (id serial, at trap.mood, what jsonb) PARTITION BY LIST (at);
CREATE TABLE trap.log_calm PARTITION OF trap.log FOR VALUES IN ('calm');
CREATE VIEW trap.seen AS SELECT * FROM trap.log;
CREATE MATERIALIZED VIEW trap.kept AS SELECT 1 AS one;
CREATE STATISTICS trap.odd ON id, at FROM trap.log;
CREATE FUNCTION trap.sum(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2';
CREATE OPERATOR trap.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = trap.sum);
CREATE PUBLICATION harbour_log FOR TABLE trap.log_calm;
CREATE EXTENSION hstore SCHEMA trap;
ALTER DEFAULT PRIVILEGES IN SCHEMA trap GRANT SELECT ON TABLES TO odoo_north;
SELECT lo_from_bytea(0, 'large');
"""
# the same code on every table, for each statement and at COMMIT
HUNG = (
    "GRANT USAGE ON SCHEMA trap TO PUBLIC\n"
    "CREATE FUNCTION trap.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM trap.act(1); RETURN NULL; END'\n"
    "DO $$ DECLARE t regclass; fire text := 'EXECUTE FUNCTION trap.fire()'; BEGIN "
    "FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP "
    "EXECUTE format('CREATE TRIGGER trap AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT %s', t, fire); "
    "EXECUTE format('CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OR DELETE ON %s DEFERRABLE INITIALLY "
    "DEFERRED FOR EACH ROW %s', t, fire); END LOOP; END $$"
)


@pytest.fixture(scope="module")
def others(estate: Estate) -> Iterator[None]:
    """A superuser as operator, a neighbor, and a server that does not wait long for a login to end."""
    if "north" in estate.sql("SELECT datname FROM pg_database"):
        _remove_others(estate)
    for statement in OTHERS.strip().splitlines():
        estate.sql(statement)
    estate.sql("ALTER SYSTEM SET authentication_timeout = '1s'")
    estate.sql("SELECT pg_reload_conf()")
    yield
    _remove_others(estate)


def _remove_others(estate: Estate) -> None:
    estate.drop_copies()
    for statement in (
        "ALTER SYSTEM RESET authentication_timeout",
        "SELECT pg_reload_conf()",
        "DROP DATABASE north",
        "DROP ROLE odoo_north, chief",
    ):
        estate.sql(statement)


def body(*deeds: str) -> str:
    """The body of a function that tries each deed, in a database in the making only, and says what it is."""
    tries = "".join(
        f"BEGIN {deed if deed.startswith(('EXECUTE', 'PERFORM')) else f'EXECUTE {quoted(deed)}'}; "
        "EXCEPTION WHEN OTHERS THEN NULL; END; "
        for deed in deeds
    )
    said = (
        "RAISE WARNING 'trap: % % %', session_user, current_user, "
        "(SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolname <> 'pg_database_owner' "
        "AND (pg_has_role(session_user, oid, 'MEMBER') OR pg_has_role(oid, 'MEMBER')));"
    )
    return f"BEGIN IF current_database() LIKE '%\\_\\_new' THEN {tries} {said} END IF; RETURN true; END"


def quoted(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def trap(estate: Estate, *deeds: str, more: str = "") -> Iterator[None]:
    """A check constraint in the tenant's database that does `deeds` where it is restored, for the time of the block."""
    made = (
        "SET ROLE odoo_harbour; CREATE SCHEMA trap; "
        f"CREATE FUNCTION trap.act(int) RETURNS boolean LANGUAGE plpgsql AS $act${body(*deeds)}$act$; "
        "CREATE TABLE trap.bait (id int CHECK (trap.act(id))); INSERT INTO trap.bait VALUES (1);"
    )
    try:
        estate.sql(made, "harbour")
        for statement in more.strip().splitlines():
            estate.sql("SET ROLE odoo_harbour; " + statement, "harbour")
        yield
    finally:
        estate.sql("DROP SCHEMA IF EXISTS trap CASCADE; DROP PUBLICATION IF EXISTS harbour_log", "harbour")
        estate.sql("SELECT lo_unlink(oid) FROM pg_largeobject_metadata", "harbour")
        if "odoo_north" in more:
            estate.sql("DROP OWNED BY odoo_north", "harbour")


@pytest.fixture
def restored_as(estate: Estate, ansible_module: Callable[..., Any]) -> Callable[..., Any]:
    """A restore of the newest backup of a tenant; blocked, unless it is a drill."""

    def call(tenant: str, *, fails: bool = False, check: bool = False, **options: Any) -> Any:
        access = {} if options.get("drill") or options.get("prefetch") else {"access": "blocked"}
        args = {**estate.login, "tenant": tenant, **access, **options}
        return ansible_module(HOST, RESTORE, args, fails=fails, check=check)

    return call


def back_up(estate: Estate, ansible_module: Callable[..., Any], tenant: str, **options: Any) -> str:
    """The identifier of a backup of the tenant's database under another tenant's name."""
    database = {"name": options.pop("name", "harbour"), "tenant": tenant}
    return str(ansible_module(HOST, BACKUP, {**estate.login, "databases": [database], **options})["backups"][0]["id"])


def log(estate: Estate) -> list[str]:
    """What code in a dump has said to the server's log."""
    said = estate.shell("sed -n 's/.*\\(WARNING:  trap: .*\\)/\\1/p' /var/log/postgresql/*.log").splitlines()
    return [line.removeprefix("WARNING:  trap: ") for line in said]


@pytest.mark.parametrize("login", ["gantry", pytest.param("chief", marks=pytest.mark.deep)])
def test_code_in_a_dump_has_no_rights_of_the_operator(
    estate: Estate, others: None, ansible_module: Callable[..., Any], restored_as: Callable[..., Any], login: str
) -> None:
    tenant = f"trapped-{login}"
    with trap(estate, *DEEDS, more=MORE):
        back_up(estate, ansible_module, tenant)
        owners = estate.sql(OWNERS, "harbour")
    before = estate.sql(NEIGHBOR), estate.sql(RIGHTS), len(log(estate))
    done = restored_as(tenant, database="harbour-trapped", login_user=login)
    said = log(estate)[before[2] :]
    assert said == [f"{ROLE} {ROLE} {ROLE}"]
    assert estate.sql(NEIGHBOR) == before[0]
    assert [row for row in estate.sql(RIGHTS) if "harbour-trapped" not in row] == before[1]
    assert estate.shell("find /tmp -maxdepth 1 -name loot") == ""
    assert not done.get("warnings")
    assert done["timings"]["give_s"] < done["timings"]["restore_s"]

    found = estate.sql(OWNERS, "harbour-trapped")
    # a superuser that restores is none of whom the objects are
    assert found == owners
    assert estate.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'harbour-trapped'") == [
        "odoo_harbour"
    ]
    assert estate.sql(f"SELECT count(*) FROM pg_shdepend WHERE refobjid = '{ROLE}'::regrole") == ["0"]
    acl = "SELECT datacl FROM pg_database WHERE datname = 'harbour-trapped'"
    assert ROLE not in estate.sql(acl)[0]
    estate.drop_copies()


def test_a_drill_of_a_trapped_backup_does_no_harm_and_says_so(
    estate: Estate, others: None, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    with trap(estate, *DEEDS):
        back_up(estate, ansible_module, "drilled")
    before = estate.sql(NEIGHBOR), estate.sql(RIGHTS), len(log(estate))
    restored_as("drilled", database="harbour-drilled", drill=True)
    assert log(estate)[before[2] :] == [f"{ROLE} {ROLE} {ROLE}"]
    assert (estate.sql(NEIGHBOR), estate.sql(RIGHTS)) == before[:2]
    assert estate.drills("drilled")[-1]["ok"]


@pytest.fixture
def mailing(estate: Estate) -> Iterator[str]:
    """A database with the module mail."""
    estate.sql("CREATE DATABASE mailing OWNER odoo_harbour TEMPLATE harbour")
    estate.shell(f"cp -a {DATA}/filestore/harbour {DATA}/filestore/mailing")
    try:
        estate.host.run(
            ["odoo", "-c", CONFIG, "-d", "mailing", "-i", "mail", "--stop-after-init", "--no-http"], user="odoo"
        )
        yield "mailing"
    finally:
        estate.sql("DROP DATABASE mailing WITH (FORCE)")
        estate.shell(f"rm -r {DATA}/filestore/mailing")


@pytest.mark.deep
def test_a_tenant_whose_users_are_told_of_a_new_password_is_drilled(
    estate: Estate, mailing: str, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    """A drill sets one, and Odoo renders the message with the address of the database, which a copy has to have."""
    back_up(estate, ansible_module, mailing, name=mailing)
    restored_as(mailing, drill=True, neutralize=True, database="mailing-drill")
    assert estate.drills(mailing)[-1]["ok"]


@pytest.mark.deep
def test_a_right_that_the_owner_may_not_give_stops_no_restore(
    estate: Estate, ansible_module: Callable[..., Any]
) -> None:
    estate.sql("CREATE ROLE bi_reader")
    for statement in (
        "SET ROLE gantry; GRANT SELECT ON res_partner TO bi_reader",
        "ALTER DEFAULT PRIVILEGES FOR ROLE gantry IN SCHEMA public GRANT SELECT ON TABLES TO bi_reader",
        "GRANT USAGE ON LANGUAGE plpgsql TO bi_reader",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO odoo_harbour",
    ):
        estate.sql(statement, "harbour")
    try:
        back_up(estate, ansible_module, "granted")
        asked = {**estate.login, "tenant": "granted", "database": "harbour-granted"}
        done = ansible_module(HOST, RESTORE, {**asked, "access": "blocked"})
        drill = ansible_module(HOST, RESTORE, {**asked, "database": "harbour-granted-drill", "drill": True})
    finally:
        estate.sql("DROP OWNED BY bi_reader", "harbour")
        estate.sql("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) FROM odoo_harbour", "harbour")
    given = "SELECT has_table_privilege('bi_reader', 'res_partner', 'SELECT')"
    assert estate.sql(given, "harbour-granted") == ["t"]
    # a right on what is the server's is for an operator to give
    assert estate.sql(
        "SELECT has_function_privilege('odoo_harbour', 'pg_read_file(text)', 'EXECUTE')", "harbour-granted"
    ) == ["f"]
    assert [one.partition(" was left out: ")[0] for one in sorted(done["left_out"])] == [
        "ALTER DEFAULT PRIVILEGES FOR ROLE gantry IN SCHEMA public GRANT SELECT ON TABLES TO bi_reader",
        "GRANT ALL ON FUNCTION pg_catalog.pg_read_file(text) TO odoo_harbour",
        "GRANT ALL ON LANGUAGE plpgsql TO bi_reader",
    ]
    assert drill["left_out"] == done["left_out"] == estate.drills("granted")[-1]["left_out"]
    estate.drop_copies()
    estate.sql("DROP ROLE bi_reader")


def test_rights_on_the_database_itself_come_back(
    estate: Estate, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    database = "gantry.odoo.odoo_database"
    at = {key: value for key, value in estate.login.items() if key != "repository"}
    rights = (
        "SELECT r.rolname, a.privilege_type, a.is_grantable FROM pg_database d, aclexplode(d.datacl) a "
        "JOIN pg_roles r ON r.oid = a.grantee WHERE d.datname = '{}' AND r.rolname ~ '^bi_' ORDER BY 1, 2"
    )
    for statement in (
        "CREATE ROLE bi_reader",
        "CREATE ROLE bi_gone",
        "GRANT CONNECT ON DATABASE harbour TO bi_reader WITH GRANT OPTION",
        "GRANT TEMPORARY, CREATE ON DATABASE harbour TO bi_reader",
        "GRANT CONNECT, TEMPORARY ON DATABASE harbour TO bi_gone",
    ):
        estate.sql(statement)
    try:
        # as the playbooks do before they replace or drop it
        ansible_module(HOST, database, {**at, "name": "harbour", "create": False, "access": "blocked"})
        back_up(estate, ansible_module, "entitled")
        ansible_module(HOST, database, {**at, "name": "harbour", "create": False, "access": "open"})
        wanted = [line for line in estate.sql(rights.format("harbour")) if "bi_reader" in line]
        estate.sql("DROP OWNED BY bi_gone; DROP ROLE bi_gone")
        done = restored_as("entitled", database="harbour-entitled")
        blocked = estate.sql(rights.format("harbour-entitled"))
        assert restored_as("entitled", database="harbour-entitled")["changed"] is False
        ansible_module(HOST, database, {**at, "name": "harbour-entitled", "create": False, "access": "open"})
        opened = estate.sql(rights.format("harbour-entitled"))
    finally:
        # it takes the rights on every database of the server
        estate.sql("DROP OWNED BY bi_reader")
        estate.sql("DROP ROLE bi_reader")
    assert wanted == ["bi_reader|CONNECT|t", "bi_reader|CREATE|f", "bi_reader|TEMPORARY|f"]
    # while it is blocked, nobody else may connect
    assert (blocked, opened) == (wanted[1:], wanted)
    assert sorted(done["left_out"]) == [
        f'GRANT {one} ON DATABASE "harbour-entitled" TO "bi_gone" was left out: role "bi_gone" does not exist'
        for one in ("CONNECT", "TEMPORARY")
    ]
    estate.drop_copies()


@pytest.mark.parametrize("login", [pytest.param("gantry", marks=pytest.mark.deep), "chief"])
@pytest.mark.parametrize("drill", [pytest.param(False, marks=pytest.mark.deep), True])
@pytest.mark.deep
def test_triggers_on_every_table_have_no_rights_while_a_restored_copy_is_neutralized(
    estate: Estate,
    others: None,
    ansible_module: Callable[..., Any],
    restored_as: Callable[..., Any],
    login: str,
    drill: bool,
) -> None:
    tenant = f"hung-{login}-{'drill' if drill else 'copy'}"
    with trap(estate, *DEEDS, more=HUNG):
        back_up(estate, ansible_module, tenant)
    before = estate.sql(NEIGHBOR), estate.sql(RIGHTS), len(log(estate))
    restored_as(tenant, database="harbour-hung", neutralize=True, drill=drill, login_user=login)
    sessions = {line.split()[0] for line in log(estate)[before[2] :]}
    assert sessions == {ROLE, WRITER}
    assert estate.sql(NEIGHBOR) == before[0]
    assert [row for row in estate.sql(RIGHTS) if "harbour-hung" not in row] == before[1]
    assert estate.shell("find /tmp -maxdepth 1 -name loot") == ""
    assert estate.sql(f"SELECT count(*) FROM pg_shdepend WHERE refobjid = '{WRITER}'::regrole") == ["0"]
    estate.drop_copies()


@pytest.mark.deep
def test_a_function_of_an_index_that_never_ends_ends_with_the_deadline(
    estate: Estate, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    # the index is made by the role that restores, and its statistics are gathered by the login
    waiting = "BEGIN IF session_user = ''gantry'' THEN PERFORM pg_sleep(900); END IF; RETURN what; END"
    more = (
        f"CREATE FUNCTION trap.wait(what int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS '{waiting}'\n"
        "CREATE INDEX waiting ON trap.bait (trap.wait(id))"
    )
    with trap(estate, more=f"{more}\n"):
        back_up(estate, ansible_module, "waiting")
    begun = time.monotonic()
    told = restored_as("waiting", database="harbour-waiting", timeout=40, fails=True)["msg"]
    assert "canceling statement due to statement timeout" in told
    assert 30 < time.monotonic() - begun < 120
    assert estate.databases() == {"harbour"}


@pytest.mark.deep
def test_what_code_in_a_dump_does_to_the_restore_role_reaches_nobody(
    estate: Estate, others: None, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    with trap(estate, *OWN_DEEDS):
        back_up(estate, ansible_module, "greedy")
    noted = f"code in harbour-greedy__new has changed how {ROLE} logs in, which is as it was again"
    # several connections have to log in again
    told = restored_as("greedy", fails=True, database="harbour-greedy", jobs=2)["msg"]
    assert told.endswith(f"; {noted}")
    assert "pg_restore into harbour-greedy__new failed: exit code 1" in told
    assert estate.databases() == {"harbour"}
    done = restored_as("greedy", database="harbour-greedy", jobs=1)
    assert done["left_out"] == [noted]
    _require_untouched(estate, "harbour-greedy")
    estate.drop_copies()


def _require_untouched(estate: Estate, database: str) -> None:
    code, _out, err = estate.host.attempt(
        ["psql", "-XAtqc", "SELECT 1", f"host=127.0.0.1 user={ROLE} dbname=postgres sslmode=require"],
        env={"PGPASSWORD": "known"},
    )
    assert code != 0
    assert "password authentication failed" in err
    assert estate.sql(f"SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{ROLE}'") == ["t"]
    assert estate.sql(f"SELECT setconfig FROM pg_db_role_setting WHERE setrole = '{ROLE}'::regrole") == []
    options = (
        "SELECT datistemplate, datconnlimit, pg_get_userbyid(datdba), datacl, "
        "(SELECT array_agg(setconfig) FROM pg_db_role_setting s WHERE setdatabase = d.oid), "
        "shobj_description(oid, 'pg_database') LIKE 'gantry.odoo.odoo_restore: restored from greedy/%' "
        f"FROM pg_database d WHERE datname = '{database}'"
    )
    assert estate.sql(options) == ["f|-1|odoo_harbour|{odoo_harbour=CT/odoo_harbour,gantry=c/odoo_harbour}||t"]


@pytest.mark.deep
def test_killed_between_the_dump_and_the_owner_the_next_run_completes(
    estate: Estate, others: None, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    back_up(estate, ansible_module, "cut")
    freeze = (
        "for i in $(seq 2000); do if p=$(pgrep -f -- '[-]-exit-on-error'); then "
        "kill -STOP $p && ps -o ppid= -p $p && echo $p && exit 0; fi; sleep 0.05; done; exit 1"
    )
    with ThreadPoolExecutor(2) as pool:
        freezing = pool.submit(estate.shell, freeze)
        running = pool.submit(restored_as, "cut", fails=True, database="harbour-cut")
        parent, child = freezing.result().split()[:2]
        with held(estate, f"BEGIN; ALTER ROLE {ROLE} CONNECTION LIMIT -1"):
            estate.shell(f"kill -CONT {child}")
            stuck = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ALTER ROLE%'"
            wait.until(lambda: None if estate.sql(stuck) else "not yet", "the end of pg_restore")
            estate.shell(f"kill -KILL {parent}")
            running.result()
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'harbour-cut__new'"
    assert estate.sql(owner) == [ROLE]
    # the next one must not reach what the interrupted one left
    restored_as("cut", database="harbour-other")
    assert estate.sql(owner) == ["gantry"]
    done = restored_as("cut", database="harbour-cut")
    assert done["steps"][0]["action"] == "drop_new"
    assert estate.sql(owner.removesuffix("__new'") + "'") == ["odoo_harbour"]
    assert "harbour-cut__new" not in estate.databases() | estate.filestores()
    estate.drop_copies()


@pytest.mark.deep
def test_more_tables_than_a_transaction_can_lock_are_given(
    estate: Estate, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    estate.sql('CREATE DATABASE "harbour-many" OWNER odoo_harbour TEMPLATE harbour')
    estate.shell(f"cp -a {DATA}/filestore/harbour {DATA}/filestore/harbour-many")
    made = (
        "DO $$ BEGIN EXECUTE 'SET ROLE odoo_harbour'; EXECUTE 'CREATE SCHEMA many'; FOR n IN 1..2000 LOOP "
        "EXECUTE format('CREATE TABLE many.t%s (id serial PRIMARY KEY, what text)', n); "
        "IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$"
    )
    estate.sql(made, "harbour-many")
    back_up(estate, ansible_module, "many", name="harbour-many")
    done = restored_as("many", database="harbour-given")
    assert sorted(estate.sql(OWNERS, "harbour-given")) == sorted(estate.sql(OWNERS, "harbour-many"))
    assert done["timings"]["give_s"] < done["timings"]["restore_s"] / 2, done["timings"]
    estate.drop_copies()


def test_two_untrusted_extensions_share_a_schema_of_their_own(
    estate: Estate, others: None, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    made = "CREATE EXTENSION dblink SCHEMA extensions; CREATE EXTENSION pageinspect SCHEMA extensions"
    estate.sql(f"CREATE SCHEMA extensions AUTHORIZATION odoo_harbour; {made}", "harbour")
    try:
        estate.sql("SET ROLE odoo_harbour; CREATE TABLE extensions.beside (id int)", "harbour")
        back_up(estate, ansible_module, "extended")
    finally:
        estate.sql("DROP SCHEMA extensions CASCADE", "harbour")
    told = restored_as("extended", database="harbour-extended", fails=True)["msg"]
    assert "uses the extension dblink in a way that only a superuser can make" in told
    restored_as("extended", database="harbour-extended", login_user="chief")
    listed = "SELECT extname FROM pg_extension WHERE extnamespace = 'extensions'::regnamespace ORDER BY 1"
    assert estate.sql(listed, "harbour-extended") == ["dblink", "pageinspect"]
    owner = "SELECT pg_get_userbyid(nspowner), to_regclass('extensions.beside') FROM pg_namespace WHERE nspname = "
    owner += "'extensions'"
    assert estate.sql(owner, "harbour-extended") == ["odoo_harbour|extensions.beside"]
    estate.drop_copies()


@pytest.mark.deep
def test_a_role_with_rights_does_not_restore(
    estate: Estate, others: None, failures: Failures, ansible_module: Callable[..., Any]
) -> None:
    wrong = {
        "nobody": "role nobody does not exist",
        "gantry": "gantry is the login as well",
        "odoo_harbour": "odoo_harbour is to own the database as well",
        "chief": "role chief has SUPERUSER",
        "odoo_north": "role odoo_north owns or may use north",
    }
    args = {**estate.login, "tenant": "harbour", "database": "harbour-wrong"}
    back_up(estate, ansible_module, "harbour")
    before = estate.databases(), estate.filestores()
    said = failures(*((RESTORE, {**args, "access": "blocked", "restore_user": role}) for role in wrong))
    for sentence, words in zip(said, wrong.values()):
        assert words in sentence
    lock = f"SELECT pg_advisory_lock(hashtextextended('gantry.odoo:role:{ROLE}', 0))"
    with held(estate, lock):
        (busy,) = failures((RESTORE, {**args, "access": "blocked", "lock_timeout": 1}))
    told = f"role {ROLE} at 127.0.0.1:5432 is used for another database for a run on the server, which did not end"
    assert told in busy
    assert (estate.databases(), estate.filestores() - {"harbour-wrong__new"}) == before
    estate.drop_copies()


def test_a_replaced_database_is_given_up_by_the_rules_of_a_drop(
    estate: Estate, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    back_up(estate, ansible_module, "harbour")
    restored_as("harbour", database="harbour-old")
    replace = {"database": "harbour-old", "overwrite": "replace", "tier": 1}
    told = restored_as("harbour", fails=True, **replace)["msg"]
    assert "harbour-old is of tier 1 and has no backup in the bucket" in told
    assert "harbour-old__new" not in estate.databases()
    back_up(estate, ansible_module, "harbour-old", name="harbour-old")
    foretold = restored_as("harbour", check=True, **replace)
    done = restored_as("harbour", **replace)
    assert foretold["steps"] == done["steps"]
    assert [step["action"] for step in done["steps"]][-4:] == ["replace", "drop_old", "recycle_old_files", "forget"]
    assert "until they are removed by hand" in done["steps"][-2]["why"]
    (kept,) = [name for name in estate.shell(f"ls {DATA}/filestore/.recycled").split() if name.endswith("-harbour-old")]
    assert estate.shell(f"find {DATA}/filestore/.recycled/{kept} -type f | wc -l").strip() != "0"
    assert estate.databases() == {"harbour", "harbour-old"}
    assert not [name for name in estate.filestores() if name.startswith("harbour-old_")]

    twin = restored_as("harbour", fails=True, database="harbour-twin", access="open")["msg"]
    assert "database harbour is open and has the uuid of the backup" in twin
    estate.shell(f"rm -r {DATA}/filestore/.recycled")
    estate.drop_copies()


@contextmanager
def held(estate: Estate, statement: str) -> Iterator[None]:
    """A superuser's session that has done `statement`, for the time of the block."""
    name = "gantry-test-holder"
    hold = f"SET application_name = '{name}'; {statement}; SELECT pg_sleep(600)"
    estate.host.write("/srv/hold.sql", hold, mode=0o644)
    estate.shell("runuser -u postgres -- psql -Xq -f /srv/hold.sql > /dev/null 2>&1 &")
    there = f"SELECT pid FROM pg_stat_activity WHERE application_name = '{name}' AND wait_event = 'PgSleep'"
    wait.until(lambda: None if estate.sql(there) else "not yet", "the session that holds")
    try:
        yield
    finally:
        estate.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")


@pytest.fixture
def small(estate: Estate) -> Iterator[None]:
    """A data directory on a file system of 64 MiB and 300 files."""
    estate.shell(
        f"mkdir -p {SMALL}; mountpoint -q {SMALL} || mount -t tmpfs -o size=64M,nr_inodes=300 tmpfs {SMALL}; "
        f"chown odoo: {SMALL}; sed 's#^data_dir = .*#data_dir = {SMALL}#' {CONFIG} > {SMALL_CONFIG}; "
        f"chmod 640 {SMALL_CONFIG}; chgrp odoo {SMALL_CONFIG}"
    )
    yield
    estate.shell(f"umount {SMALL}; rm -r {SMALL} {SMALL_CONFIG}")


def test_room_is_asked_for_before_anything_is_touched(
    estate: Estate, small: None, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    back_up(estate, ansible_module, "harbour")
    before = estate.databases()
    estate.shell(f"head -c 67000000 /dev/zero > {SMALL}/full")
    told = restored_as("harbour", fails=True, check=True, database="harbour-small", config=SMALL_CONFIG)["msg"]
    assert f"bytes in {SMALL}, " in told
    assert " are free; make room" in told
    assert estate.databases() == before
    assert estate.shell(f"ls {SMALL}").split() == ["full"]


@pytest.mark.parametrize("full", ["dump", pytest.param("files", marks=pytest.mark.deep)])
def test_a_drill_on_a_disk_that_fills_up_is_recorded_as_failed(
    estate: Estate,
    small: None,
    ansible_module: Callable[..., Any],
    restored_as: Callable[..., Any],
    full: str,
) -> None:
    back_up(estate, ansible_module, "harbour")
    records = len(estate.drills())
    fill = {
        "dump": f"fallocate -l $(($(stat -f -c '%a * %S' {SMALL}) - 65536)) {SMALL}/full",
        # one for the dump, one for a directory
        "files": f"for i in $(seq $(($(stat -f -c %d {SMALL}) - 2))); do : > {SMALL}/full$i; done",
    }
    with ThreadPoolExecutor(1) as pool:
        with held(estate, "BEGIN; LOCK TABLE pg_catalog.pg_database IN SHARE MODE"):
            running = pool.submit(restored_as, "harbour", fails=True, drill=True, config=SMALL_CONFIG)
            stuck = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE DATABASE%'"
            wait.until(lambda: None if estate.sql(stuck) else "not yet", "the start of the drill")
            estate.shell(fill[full])
        told = running.result()["msg"]
    assert "No space left on device" in told
    record = estate.drills()[-1]
    assert len(estate.drills()) == records + 1
    assert not record["ok"]
    assert "No space left on device" in record["error"]
    assert not [name for name in estate.databases() if "drill" in name]
    assert not [name for name in estate.shell(f"ls {SMALL}/filestore").split() if "note" in name]


@pytest.mark.deep
def test_a_drill_that_fails_before_it_restores_is_recorded(
    estate: Estate, ansible_module: Callable[..., Any], restored_as: Callable[..., Any]
) -> None:
    backup = back_up(estate, ansible_module, "early")
    restored_as("early", fails=True, drill=True, database="harbour-early", backup="20200101T000000Z")
    restored_as("early", fails=True, drill=True, database="harbour-early", restore_user="odoo_harbour")
    none, survey = estate.drills("early")
    assert (none["ok"], none["backup"], none["rpo_s"]) == (False, "", None)
    assert "has no complete backup 20200101T000000Z" in none["error"]
    assert (survey["ok"], survey["backup"], survey["counts"], survey["left_out"]) == (False, backup, None, None)
    assert "restore_user" in survey["error"] or "odoo_harbour" in survey["error"]
    restored_as("early", check=True, drill=True, database="harbour-early")
    restored_as("early", drill=True, database="harbour-early")
    good = estate.drills("early")[2:]
    assert [(one["ok"], one["backup"], one["left_out"], one["left_out_count"]) for one in good] == [
        (True, backup, [], 0)
    ]
