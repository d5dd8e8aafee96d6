# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of databases on a real server: each change checked, made, checked and made again, and read back by psql."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .server import ADMIN, CERTIFICATE, CONFIG, OTHER_OWNER, OWNER, Server

PASSWORD = "correct horse battery"
HARBOUR = {
    "name": "harbour",
    "addons": ["uom"],
    "language": "fr_FR",
    "admin_password": PASSWORD,
    "base_url": "https://erp.harbour.example",
    "parameters": {"harbour.flag": True},
}
NORTH = {"name": "north"}

Declare = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def created(server: Server, declare: Declare) -> dict[str, Any]:
    """Two databases, made by one call; its result."""
    server.prepare()
    foretold = declare(HARBOUR, NORTH, check=True)
    assert server.databases() == []
    done = declare(HARBOUR, NORTH)
    assert done["steps"] == foretold["steps"]
    assert done["diff"] == foretold["diff"]
    return done


def four_beats(declare: Declare, *databases: dict[str, Any], actions: list[str], **options: Any) -> None:
    """Check, run, check, run: foretold as done, and done once."""
    foretold = declare(*databases, check=True, **options)
    done = declare(*databases, **options)
    assert [step["action"] for step in done["steps"]] == actions
    assert foretold["steps"] == done["steps"]
    assert foretold["diff"] == done["diff"]
    assert declare(*databases, check=True, **options)["steps"] == []
    assert declare(*databases, **options)["changed"] is False


def test_two_databases_are_made_whole_by_one_call(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    assert [step["action"] for step in created["steps"] if step["target"] == "north"] == [
        "create",
        "initialize",
        "publish",
    ]
    assert {name: (seen["state"], seen["access"]) for name, seen in created["databases"].items()} == {
        "harbour": ("present", "open"),
        "north": ("present", "open"),
    }
    assert PASSWORD not in repr(created)
    assert server.databases() == ["harbour", "north"]
    made = (
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datacl, "
        "shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'harbour'"
    )
    assert server.psql(made) == f"{OWNER}|UTF8|C|C.UTF-8|{{{OWNER}=CTc/{OWNER}}}|"
    installed = server.psql("SELECT name FROM ir_module_module WHERE state = 'installed'", "harbour").split()
    assert {"base", "uom"} <= set(installed)
    assert server.psql("SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %'", "harbour") == "0"
    assert server.psql("SELECT count(*) FROM ir_module_module WHERE demo", "harbour") == "0"
    assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "harbour") == OWNER
    assert server.psql("SELECT unaccent('Hélène')", "harbour") == "Helene"
    assert (
        server.psql("SELECT provolatile FROM pg_proc WHERE oid = 'public.unaccent(text)'::regprocedure", "harbour")
        == "i"
    )
    assert (
        server.psql(
            "SELECT lang FROM res_partner p JOIN res_users u ON u.partner_id = p.id WHERE login = 'admin'", "harbour"
        )
        == "fr_FR"
    )
    assert server.parameter("harbour", "web.base.url") == "https://erp.harbour.example"
    assert server.parameter("harbour", "web.base.url.freeze") == "True"
    assert server.parameter("harbour", "harbour.flag") == "True"
    assert server.accepts_password("harbour", PASSWORD)
    assert not server.accepts_password("harbour", "admin")
    assert sorted(set(server.files("filestore")) - {"harbour", "north"}) == []
    assert declare(HARBOUR, NORTH, check=True)["changed"] is False
    assert declare(HARBOUR, NORTH)["changed"] is False


def test_extensions_are_created_where_the_login_may(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    server.shell("apt-get install -qy --no-install-recommends postgresql-17-pgvector > /dev/null")
    assert "may not create it there" in declare({"name": "north", "extensions": ["vector"]}, fails=True)["msg"]
    assert "does not have nothing" in declare({"name": "north", "extensions": ["nothing"]}, fails=True)["msg"]
    four_beats(declare, {"name": "north", "extensions": ["pgcrypto"]}, actions=["extend"])
    server.psql(f"ALTER ROLE {ADMIN} SUPERUSER")
    try:
        assert declare({"name": "north", "extensions": ["vector"]})["changed"]
    finally:
        server.psql(f"ALTER ROLE {ADMIN} NOSUPERUSER")
    assert server.psql("SELECT '[1,2]'::vector <-> '[1,3]'::vector", "north") == "1"
    # what is there needs no right to be created
    assert declare({"name": "north", "extensions": ["vector", "pgcrypto"]})["changed"] is False


def test_parameters_and_administrator_are_set_and_workers_are_told(
    server: Server, declare: Declare, created: dict[str, Any]
) -> None:
    signals = "SELECT count(*) FROM orm_signaling_stable"
    before = int(server.psql(signals, "north"))
    want = {"name": "north", "parameters": {"a.key": "v1"}, "admin_password": "first"}
    assert [step["action"] for step in declare(want)["steps"]] == ["set_parameter", "set_admin"]
    assert declare(want)["changed"] is False
    assert int(server.psql(signals, "north")) == before + 2
    assert server.parameter("north", "a.key") == "v1"
    assert server.accepts_password("north", "first")
    changed = declare({**want, "parameters": {"a.key": "v2-h1dden"}})
    # Ansible writes each call to the host's log, with all options that are not secrets by themselves
    assert "v2-h1dden" not in repr(changed) + server.shell("journalctl --no-pager --output=cat")
    assert changed["invocation"]["module_args"]["databases"][0]["name"] == "north"
    assert server.parameter("north", "a.key") == "v2-h1dden"


def test_an_addon_is_installed_into_a_database_in_use(
    server: Server, declare: Declare, created: dict[str, Any]
) -> None:
    four_beats(declare, {"name": "north", "addons": ["uom"]}, actions=["install"])
    assert server.psql("SELECT state FROM ir_module_module WHERE name = 'uom'", "north") == "installed"


def test_blocking_shuts_odoo_out_and_ends_its_sessions(
    server: Server, declare: Declare, info: Declare, created: dict[str, Any]
) -> None:
    server.shell(
        f"PGPASSWORD=h4rbour-pass systemd-run -q --setenv=PGPASSWORD psql -h {server.host.name} -U {OWNER} north "
        "-c 'SELECT pg_sleep(600)'"
    )
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE datname = 'north' AND usename = '{OWNER}'"
    for _turn in range(100):
        if server.psql(sessions) == "1":
            break
    assert server.psql(sessions) == "1"
    four_beats(declare, {"name": "north", "access": "blocked"}, actions=["block"])
    assert server.psql(sessions) == "0"
    assert not server.may_connect("north")
    assert server.may_connect("harbour")
    told = info("north")["databases"]["north"]
    assert (told["open"], told["odoo_version"]) == (False, "19.0")
    assert [step["action"] for step in declare({"name": "north", "access": "open"})["steps"]] == ["open"]
    assert declare({"name": "north", "access": "open"})["changed"] is False
    assert server.may_connect("north")


RIGHTS = """
SELECT coalesce(r.rolname, 'PUBLIC'), a.privilege_type, a.is_grantable
FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE d.datname = 'north' ORDER BY 1, 2
"""


def test_a_block_takes_every_right_to_connect_and_gives_back_what_it_took(
    server: Server, declare: Declare, info: Declare, created: dict[str, Any]
) -> None:
    server.psql("DROP ROLE IF EXISTS report, analysts, analyst")
    server.psql("CREATE ROLE report LOGIN; CREATE ROLE analysts; CREATE ROLE analyst LOGIN; GRANT analysts TO analyst")
    enters = "SELECT bool_or(has_database_privilege(r, 'north', 'CONNECT')) FROM unnest('{report,analyst}'::name[]) r"
    for rights in (
        "GRANT CONNECT, TEMPORARY ON DATABASE north TO PUBLIC",
        # the right to make temporary tables says nothing of the right to connect
        "REVOKE CONNECT ON DATABASE north FROM PUBLIC; GRANT CONNECT ON DATABASE north TO analysts; "
        "GRANT CONNECT ON DATABASE north TO report WITH GRANT OPTION; COMMENT ON DATABASE north IS 'our words'",
    ):
        server.psql(rights)
        before = server.psql(RIGHTS)
        assert server.psql(enters) == "t"
        four_beats(declare, {"name": "north", "access": "blocked"}, actions=["block"])
        assert (server.psql(enters), server.may_connect("north")) == ("f", False)
        assert info("north")["databases"]["north"]["open"] is False
        # somebody lets one in again: it is blocked no more, and the next block takes that as well
        server.psql("GRANT CONNECT ON DATABASE north TO report")
        assert info("north")["databases"]["north"]["open"] is True
        assert declare({"name": "north"})["databases"]["north"]["access"] == "open"
        four_beats(declare, {"name": "north", "access": "blocked"}, actions=["block"])
        assert server.psql(enters) == "f"
        server.psql("REVOKE CONNECT ON DATABASE north FROM report")
        four_beats(declare, {"name": "north", "access": "open"}, actions=["open"])
        # which somebody gave to the role meanwhile
        assert set(server.psql(RIGHTS).split()) - {"report|CONNECT|f"} == set(before.split())
    assert server.psql("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'north'") == (
        "our words"
    )
    server.psql(f"GRANT {ADMIN} TO analyst")
    failed = declare({"name": "north", "access": "blocked"}, fails=True)["msg"]
    assert f"north cannot be blocked: analyst, a member of {ADMIN}, could still connect" in failed
    server.psql("REVOKE ALL ON DATABASE north FROM PUBLIC, report, analysts; COMMENT ON DATABASE north IS NULL")
    server.psql("DROP ROLE report, analysts, analyst")


def test_a_database_changes_hands_with_all_it_holds(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    four_beats(declare, {"name": "north", "owner": OTHER_OWNER}, actions=["change_owner"])
    owned = (
        "SELECT count(*) FROM pg_class WHERE relowner = '{0}'::regrole UNION ALL "
        "SELECT count(*) FROM pg_database WHERE datdba = '{0}'::regrole AND datname = 'north'"
    )
    assert server.psql(owned.format(OWNER), "north").split() == ["0", "0"]
    assert server.psql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'harbour'") == OWNER
    declare({"name": "north", "owner": OWNER})
    assert server.psql(owned.format(OTHER_OWNER), "north").split() == ["0", "0"]


@pytest.mark.deep
def test_all_kinds_of_objects_change_hands_whatever_the_role_is_called(
    server: Server, declare: Declare, created: dict[str, Any]
) -> None:
    server.psql(f'CREATE ROLE "zz@corp.example"; GRANT "zz@corp.example" TO {ADMIN}')
    server.psql(
        f"SET ROLE {OWNER}; SELECT lo_create(4242); CREATE TYPE pair AS (a int, b int); CREATE DOMAIN word AS text; "
        "CREATE SCHEMA quay; CREATE TABLE quay.t (a serial, b int); CREATE STATISTICS quay.s ON a, b FROM quay.t; "
        'CREATE TEXT SEARCH CONFIGURATION quay.c (PARSER = default); CREATE COLLATION quay.l FROM "C"; '
        "CREATE FUNCTION quay.f(int, int) RETURNS bool LANGUAGE sql AS 'SELECT true'; "
        "CREATE OPERATOR quay.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = quay.f); CREATE PUBLICATION p; "
        "CREATE AGGREGATE quay.total(int) (SFUNC = int4pl, STYPE = int); "
        "ALTER DEFAULT PRIVILEGES IN SCHEMA quay GRANT SELECT ON TABLES TO odoo_other",
        "north",
    )
    server.psql(f"ALTER ROLE {OWNER} IN DATABASE north SET search_path = 'a b', public")
    server.psql(f"ALTER ROLE {OWNER} IN DATABASE north SET log_statement = 'ddl'")
    settings = (
        "SELECT setrole::regrole, unnest(setconfig) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase "
        "WHERE datname = 'north' ORDER BY 1, 2"
    )
    done = declare({"name": "north", "owner": "zz@corp.example"})
    (told,) = done["warnings"]
    assert "still owns" in told
    assert "setting log_statement (permission denied" in told
    moved = ['"zz@corp.example"|search_path="a b", public', f"{OWNER}|log_statement=ddl"]
    assert sorted(server.psql(settings).splitlines()) == sorted(moved)
    # and nothing but what is told: members of an extension belong to it
    left = (
        "SELECT DISTINCT s.classid::regclass FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid "
        f"WHERE d.datname = 'north' AND s.refobjid = '{OWNER}'::regrole AND s.deptype = 'o' AND NOT EXISTS (SELECT "
        "FROM pg_depend e WHERE e.classid = s.classid AND e.objid = s.objid AND e.deptype = 'e') ORDER BY 1"
    )
    assert set(server.psql(left, "north").split()) <= {"pg_default_acl", "pg_extension"}
    assert "default privileges on new relations" in told
    back = declare({"name": "north", "owner": OWNER})
    assert [step["action"] for step in back["steps"]] == ["change_owner"]
    assert declare({"name": "north", "owner": OWNER})["changed"] is False
    assert set(server.psql(settings).splitlines()) == {
        f'{OWNER}|search_path="a b", public',
        f"{OWNER}|log_statement=ddl",
    }
    server.psql(f"ALTER ROLE {OWNER} IN DATABASE north RESET ALL")
    tidy = "DROP SCHEMA quay CASCADE; DROP PUBLICATION p; DROP TYPE pair, word; SELECT lo_unlink(4242)"
    server.psql(f'{tidy}; DROP ROLE "zz@corp.example"', "north")


def test_a_rename_takes_the_filestore_along(
    server: Server, declare: Declare, info: Declare, created: dict[str, Any]
) -> None:
    server.attach("north", b"a drawing")
    uuid = server.parameter("north", "database.uuid")
    four_beats(declare, {"name": "east", "rename_from": "north"}, actions=["rename"])
    assert server.databases() == ["east", "harbour"]
    assert server.parameter("east", "database.uuid") == uuid
    assert "north" not in server.files("filestore")
    store = info("east", gather=["filestore"])["databases"]["east"]["filestore"]
    assert (store["missing"], store["corrupt"]) == ([], [])
    assert store["files"] >= 1
    # as a run that was killed between the two would leave it
    server.shell("mv /var/lib/odoo/harbour/filestore/east /var/lib/odoo/harbour/filestore/north")
    finished = declare({"name": "east", "rename_from": "north"})
    assert [step["action"] for step in finished["steps"]] == ["move_filestore"]
    assert "east" in server.files("filestore")


def test_a_drop_needs_leave_and_keeps_the_files(server: Server, declare: Declare, created: dict[str, Any]) -> None:
    if "north" in server.databases():
        declare({"name": "east", "rename_from": "north"})
    path = server.attach("east", b"a precious drawing").rsplit("/", 1)[-1]
    refused = declare({"name": "east", "state": "absent"}, fails=True)
    assert "policy: drop" in refused["msg"]
    assert "east" in server.databases()
    four_beats(declare, {"name": "east", "state": "absent", "policy": "drop"}, actions=["recycle_filestore", "drop"])
    assert server.databases() == ["harbour"]
    assert server.files("filestore") == ["harbour"]
    (kept,) = server.files("filestore/.recycled")
    assert kept.endswith("Z-east")
    assert path in server.files(f"filestore/.recycled/{kept}/{path[:2]}")


def test_a_fingerprint_proves_a_copy_and_names_what_differs(
    server: Server, info: Declare, created: dict[str, Any]
) -> None:
    server.psql("DROP DATABASE IF EXISTS copy")
    server.psql("CREATE DATABASE copy TEMPLATE template0")
    # another order of rows, as a restore gives
    server.host.run(["bash", "-c", "pg_dump harbour | psql -Xqd copy -v ON_ERROR_STOP=1 >/dev/null"], user="postgres")
    server.psql(
        "BEGIN; CREATE TABLE x AS SELECT * FROM ir_config_parameter; DELETE FROM ir_config_parameter; "
        "INSERT INTO ir_config_parameter SELECT * FROM x ORDER BY key DESC; DROP TABLE x; COMMIT",
        "copy",
    )
    server.psql("GRANT odoo_harbour TO gantry; ALTER DATABASE copy OWNER TO odoo_harbour")
    seen = info("harbour", "copy", gather=["fingerprint", "modules"])["databases"]
    original, copy = seen["harbour"]["fingerprint"], seen["copy"]["fingerprint"]
    assert original == copy
    assert original["tables"]["ir_config_parameter"]["rows"] == int(
        server.psql("SELECT count(*) FROM ir_config_parameter", "harbour")
    )
    assert len(original["tables"]) == int(
        server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "harbour")
    )
    assert seen["harbour"]["modules"]["base"].startswith("19.0.")
    server.psql("UPDATE res_partner SET name = name || '!' WHERE id = 1; SELECT nextval('res_users_id_seq')", "copy")
    changed = info("copy", gather=["fingerprint"])["databases"]["copy"]["fingerprint"]
    assert {name for name, table in changed["tables"].items() if table != original["tables"][name]} == {"res_partner"}
    assert changed["hash"] != original["hash"]
    assert changed["sequences"]["hash"] != original["sequences"]["hash"]
    server.psql("DROP DATABASE copy")


def test_missing_and_torn_files_are_found(server: Server, info: Declare, created: dict[str, Any]) -> None:
    torn, gone = server.attach("harbour", b"a plan"), server.attach("harbour", b"a bill")
    server.shell(f"cd /var/lib/odoo/harbour; printf x > {torn}; rm {gone}")
    store = info("harbour", gather=["filestore"])["databases"]["harbour"]["filestore"]
    assert [gone.endswith(name) for name in store["missing"]] == [True]
    assert [torn.endswith(name) for name in store["corrupt"]] == [True]
    server.psql("DELETE FROM ir_attachment WHERE name = 'test'", "harbour")


def test_the_superuser_on_the_socket_is_told_of_all_databases(
    server: Server, run_playbook: Callable[..., Any], created: dict[str, Any]
) -> None:
    server.psql("DROP DATABASE IF EXISTS ledger")
    server.psql("CREATE DATABASE ledger")
    task = {
        "name": "tell",
        "gantry.odoo.odoo_database_info": {"login_host": "/run/postgresql", "login_user": "postgres"},
        "become": True,
        "become_user": "postgres",
        "become_method": "ansible.builtin.su",
    }
    play = {"hosts": server.host.name, "gather_facts": False, "tasks": [task]}
    told = run_playbook([play]).expect_success().results("tell")[server.host.name]
    assert "harbour" in told["databases"]
    assert "ledger" not in told["databases"]
    assert told["databases"]["harbour"]["uuid"] == server.parameter("harbour", "database.uuid")
    assert told["unreadable"] == []
    server.psql("DROP DATABASE ledger")


@pytest.mark.deep
def test_a_single_database_may_stand_at_the_top_level(
    server: Server, ansible_module: Callable[..., dict[str, Any]], created: dict[str, Any]
) -> None:
    args = {**server.login, "config": CONFIG, **HARBOUR}
    assert args["ca_cert"] == CERTIFICATE
    assert ansible_module(server.host, "gantry.odoo.odoo_database", args)["changed"] is False
