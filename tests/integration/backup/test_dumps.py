# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases with objects that pg_dump leaves out, or that only a superuser can make: nothing is lost without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.backup.conftest import DATA, Ask, Asked, Estate

BACKUP, RESTORE, EXPORT = (f"gantry.odoo.odoo_{one}" for one in ("backup", "restore", "export"))


@contextmanager
def made(estate: Estate, make: str, undo: str) -> Iterator[None]:
    """Objects in the tenant's database for the time of the block; `undo` is run in any case."""
    try:
        estate.sql(make, "harbour")
        yield
    finally:
        estate.sql(undo, "harbour")


def backup(estate: Estate, tenant: str, *, check: bool = False, **options: Any) -> Asked:
    """A backup of the tenant's database under another tenant's name."""
    databases = [{"name": "harbour", "tenant": tenant}]
    return BACKUP, {**estate.login, "databases": databases, **options}, check


def restore(estate: Estate, tenant: str, **options: Any) -> Asked:
    """A restore of the newest backup of a tenant beside the tenant's database."""
    return (
        RESTORE,
        {**estate.login, "tenant": tenant, "database": "harbour-dumps", "access": "blocked", **options},
        False,
    )


def test_rows_that_pg_dump_leaves_out_stop_a_backup_and_an_export(estate: Estate, ask: Ask) -> None:
    add = "SET ROLE odoo_harbour; CREATE TABLE x_money AS SELECT generate_series(1, 10) AS id; "
    add += "ALTER EXTENSION pg_trgm ADD TABLE x_money"
    drop = "ALTER EXTENSION pg_trgm DROP TABLE x_money; DROP TABLE x_money"
    asked = {name: one for name, one in estate.login.items() if name != "repository"}
    export = EXPORT, {**asked, "name": "harbour", "path": "/srv/harbour-money.zip"}, True
    with made(estate, add, drop):
        said = [one["msg"] for one in ask(backup(estate, "money", check=True), backup(estate, "money"), export)]
        assert all(
            "table public.x_money of database harbour has rows and belongs to extension pg_trgm" in one for one in said
        )
        assert all("ALTER EXTENSION DROP TABLE" in one for one in said)
        assert not estate.complete("money")
        estate.sql("TRUNCATE x_money", "harbour")
        assert not ask(backup(estate, "money"))[0]["failed"]


def test_a_backup_without_files_is_partial_until_that_is_accepted(estate: Estate, ask: Ask) -> None:
    lost = "ab/ab" + "0" * 38
    add = f"INSERT INTO ir_attachment (name, type, store_fname) VALUES ('lost', 'binary', '{lost}')"
    policy = {"repository": estate.repository, "policies": [{"tenant": "partial", "tier": 1}]}
    observed = {"repository": estate.repository, "tenants": ["partial"]}
    with made(estate, add, "DELETE FROM ir_attachment WHERE name = 'lost'"):
        taken, _policy, refused, drill, done, check, judged = ask(
            backup(estate, "partial", missing="record"),
            ("gantry.odoo.backup_policy", policy, False),
            restore(estate, "partial"),
            restore(estate, "partial", drill=True, missing_files="list"),
            restore(estate, "partial", missing_files="list"),
            ("gantry.odoo.odoo_backup_check", observed, False),
            ("gantry.odoo.backup_compliance", observed, False),
        )
    assert f"the backup lacks 1 files that the database refers to ({lost}), so it is partial" in str(taken["warnings"])
    assert "lacks files that were missing when it was taken" in refused["msg"]
    assert f"proves nothing, as 1 files of backup {taken['backups'][0]['id']} are missing" in drill["msg"]
    assert done["files_left_out"] == [lost]
    assert done["left_out"] == [f"1 files were left out, the first as {lost} was missing when the backup was taken"]
    assert check["failed"]
    assert [one["files_missing"] for one in check["checks"][0]["backups"]] == [1]
    assert [one["kind"] for one in judged["compliance"][0]["findings"]] == ["damaged"]
    estate.drop_copies()


def test_an_open_database_with_the_uuid_of_the_backup_is_found_under_any_name(estate: Estate, ask: Ask) -> None:
    opened = restore(estate, "twins", access="open", database="harbour")[1]
    ask(backup(estate, "twins"))
    estate.sql("CREATE DATABASE plain OWNER odoo_harbour")
    estate.sql("ALTER DATABASE harbour RENAME TO elsewhere")
    files = f"{DATA}/filestore"
    estate.shell(f"mv {files}/harbour {files}/elsewhere")
    try:
        (refused,) = ask((RESTORE, opened, True))
        assert "database elsewhere is open and has the uuid of the backup" in refused["msg"]
        estate.sql("ALTER TABLE ir_config_parameter ENABLE ROW LEVEL SECURITY", "elsewhere")
        (doubted,) = ask((RESTORE, opened, True))
        (warning,) = doubted["warnings"]
        assert warning.startswith("database elsewhere is open, and whether it has the uuid of the backup is not known")
        estate.sql("REVOKE CONNECT ON DATABASE elsewhere FROM PUBLIC, odoo_harbour")
        assert not ask((RESTORE, opened, True))[0].get("warnings")
    finally:
        estate.sql("ALTER TABLE ir_config_parameter DISABLE ROW LEVEL SECURITY", "elsewhere")
        estate.sql("ALTER DATABASE elsewhere RENAME TO harbour")
        estate.sql("GRANT CONNECT ON DATABASE harbour TO PUBLIC, odoo_harbour")
        estate.shell(f"mv {files}/elsewhere {files}/harbour")
        estate.sql("DROP DATABASE plain")


@pytest.mark.deep
def test_objects_that_only_a_superuser_can_make_are_left_out_and_named(estate: Estate, ask: Ask) -> None:
    make = (
        "CREATE FUNCTION x_note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER x_event ON ddl_command_end EXECUTE FUNCTION x_note();"
        "COMMENT ON EVENT TRIGGER x_event IS 'said';"
        'CREATE PUBLICATION "x all" FOR ALL TABLES; COMMENT ON PUBLICATION "x all" IS \'said\';'
        "CREATE PUBLICATION x_schema FOR TABLES IN SCHEMA public; CREATE PUBLICATION x_one FOR TABLE res_partner"
    )
    undo = 'DROP FUNCTION IF EXISTS x_note CASCADE; DROP PUBLICATION IF EXISTS "x all", x_schema, x_one'
    with made(estate, make, undo):
        taken, drill, done = ask(
            backup(estate, "events"), restore(estate, "events", drill=True), restore(estate, "events")
        )
        left = [
            "EVENT TRIGGER x_event was left out: only a superuser can make it",
            "PUBLICATION TABLES IN SCHEMA x_schema public was left out: only a superuser can make it",
            "PUBLICATION x all was left out: only a superuser can make it",
        ]
        assert sorted(done["left_out"]) == sorted(drill["left_out"]) == left
        (warning,) = taken["warnings"]
        assert "event trigger x_event, publication x all, publication x_schema" in warning
    assert estate.sql("SELECT pubname FROM pg_publication ORDER BY 1", "harbour-dumps") == ["x_one", "x_schema"]
    assert estate.sql("SELECT count(*) FROM pg_event_trigger", "harbour-dumps") == ["0"]
    estate.drop_copies()


@pytest.mark.deep
def test_foreign_tables_come_back_with_a_login_of_a_superuser(estate: Estate, ask: Ask) -> None:
    make = (
        "CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO odoo_harbour;"
        "SET ROLE odoo_harbour; CREATE SERVER x_far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1');"
        "CREATE FOREIGN TABLE x_remote (a int) SERVER x_far; CREATE VIEW x_seen AS SELECT a FROM x_remote"
    )
    password = estate.login["login_password"]
    estate.sql(f"DROP ROLE IF EXISTS boss; CREATE ROLE boss SUPERUSER LOGIN PASSWORD '{password}'")
    estate.sql("GRANT gantry_restore, gantry_write, odoo_harbour TO boss")
    try:
        with made(estate, make, "DROP EXTENSION IF EXISTS postgres_fdw CASCADE"):
            _taken, refused, done = ask(
                backup(estate, "foreign"), restore(estate, "foreign"), restore(estate, "foreign", login_user="boss")
            )
        assert "restore it with a superuser's login" in refused["msg"]
        assert not done["failed"], done["msg"]
        held = "SELECT pg_get_userbyid(srvowner), (SELECT count(*) FROM pg_foreign_table) FROM pg_foreign_server"
        assert estate.sql(held, "harbour-dumps") == ["odoo_harbour|1"]
        assert estate.sql("SELECT count(*) FROM pg_shdepend WHERE refobjid = 'gantry_restore'::regrole") == ["0"]
    finally:
        estate.drop_copies()
        estate.sql("DROP ROLE boss")


@pytest.mark.deep
def test_a_failed_restore_names_its_cause(estate: Estate, ask: Ask) -> None:
    make = (
        "SET ROLE odoo_harbour; CREATE TABLE public.x_looked (id int); SET search_path = public;"
        "CREATE FUNCTION public.x_look(int) RETURNS boolean LANGUAGE plpgsql AS "
        "'BEGIN RETURN NOT EXISTS (SELECT FROM x_looked WHERE id = $1); END';"
        "CREATE TABLE public.x_checked (id int CHECK (public.x_look(id))); INSERT INTO public.x_checked VALUES (1)"
    )
    with made(estate, make, "DROP TABLE x_checked; DROP FUNCTION x_look; DROP TABLE x_looked"):
        _taken, done = ask(backup(estate, "looked"), restore(estate, "looked", drill=True))
    assert 'ERROR: relation "x_looked" does not exist' in done["msg"]
    assert "x_look(integer)" in done["msg"]
    assert "worker process" not in done["msg"]


@pytest.mark.deep
def test_row_security_is_named_by_whoever_meets_it_first(estate: Estate, ask: Ask) -> None:
    make = (
        "SET ROLE odoo_harbour; CREATE TABLE x_rows (a int); ALTER TABLE x_rows ENABLE ROW LEVEL SECURITY;"
        "ALTER TABLE x_rows FORCE ROW LEVEL SECURITY; CREATE POLICY x_policy ON x_rows USING (a = 1)"
    )
    with made(estate, make, "DROP TABLE x_rows"):
        for one in ask(*[backup(estate, "secured")] * 4):
            assert 'query would be affected by row-level security policy for table "x_rows"' in one["msg"]
            assert "snapshot" not in one["msg"]


@pytest.mark.deep
def test_the_encoding_of_clients_does_not_stop_a_backup(estate: Estate, ask: Ask) -> None:
    setting = "ALTER DATABASE harbour SET client_encoding = 'LATIN1'"
    name = "SELECT name FROM res_partner WHERE id = 1"
    make = f"{setting}; UPDATE res_partner SET ref = E'\\u2019 \\u0141\\u00f3d\\u017a' WHERE id = 1"
    undo = "ALTER DATABASE harbour RESET client_encoding; UPDATE res_partner SET ref = NULL WHERE id = 1"
    name = name.replace("name", "ref")
    with made(estate, make, undo):
        wanted = {**estate.login, "name": "harbour", "path": "/srv/harbour-latin.zip"}
        wanted.pop("repository")
        done = ask(backup(estate, "latin"), restore(estate, "latin"), (EXPORT, wanted, False))
        assert [one["failed"] for one in done] == [False] * 3, done
        read = "SET client_encoding = 'UTF8'; " + name
        assert estate.sql(read, "harbour-dumps") == estate.sql(read, "harbour")
    estate.shell("rm /srv/harbour-latin.zip")
    estate.drop_copies()
