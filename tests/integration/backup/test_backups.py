# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores of a real Odoo database: whole or not at all, proven, and with no secret in sight."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backup.conftest import CONFIG, DATA, HOST, PASSWORD, Ask, Estate, Failures
from tests.integration.intruder import intruder
from tests.lab import wait

BACKUP, RESTORE = "gantry.odoo.odoo_backup", "gantry.odoo.odoo_restore"
HARBOUR = {"databases": [{"name": "harbour"}]}


@pytest.fixture(scope="module")
def calls(run_playbook: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """Several calls of modules in one run; each is (module, arguments, check mode)."""

    def run(*wanted: tuple[str, dict[str, Any], bool]) -> list[dict[str, Any]]:
        tasks = [
            {"name": f"call {number}", module: args, "check_mode": check, "diff": True}
            for number, (module, args, check) in enumerate(wanted)
        ]
        done = run_playbook(
            [{"hosts": HOST, "gather_facts": False, "tasks": tasks}], command_line=True
        ).expect_success()
        assert PASSWORD not in done.stdout
        return [done.results(f"call {number}")[HOST] for number in range(len(wanted))]

    return run


@pytest.fixture
def backed_up(estate: Estate, ansible_module: Callable[..., Any]) -> str:
    """The identifier of the newest backup of the tenant."""
    if not estate.complete():
        ansible_module(HOST, BACKUP, {**estate.login, **HARBOUR})
    return estate.complete()[-1]


@pytest.fixture
def copied(estate: Estate, ansible_module: Callable[..., Any], backed_up: str) -> str:
    """The name of a database that was restored from the newest backup, blocked."""
    args = {"tenant": "harbour", "database": "harbour-copy", "overwrite": "replace", "access": "blocked"}
    ansible_module(HOST, RESTORE, {**estate.login, **args})
    return "harbour-copy"


def test_four_beats_of_a_backup(estate: Estate, calls: Callable[..., Any], tmp_path: Path) -> None:
    args = {**estate.login, **HARBOUR, "max_age_s": 3600}
    beats = calls(*((BACKUP, args, check) for check in (True, False, True, False)))
    assert [beat["changed"] for beat in beats] == [True, True, False, False]
    assert beats[0]["steps"] == beats[1]["steps"]
    for secret in estate.secrets:
        assert secret not in json.dumps(beats)

    taken = beats[1]["backups"][0]
    assert estate.complete() == [taken["id"]]
    assert beats[3]["backups"][0]["id"] == taken["id"]
    assert estate.held() == []
    assert not estate.listed("harbour/sent/")
    # the program that shares no code with the collection writes it to a directory
    number = estate.entries()[0]["number"]
    estate.reader().write(number, tmp_path / "written")
    manifest = estate.manifest(taken["id"])
    assert manifest["database"]["tables"]["public.ir_model"] == int(
        estate.sql("SELECT count(*) FROM ir_model", "harbour")[0]
    )
    written = {path.relative_to(tmp_path / "written/filestore").as_posix() for path in tmp_path.glob("written/*/*/*")}
    assert written == set(files_of(estate))
    estate.host.write("/srv/written.dump", (tmp_path / "written/database.dump").read_bytes(), mode=0o600)
    listed = estate.host.run(["pg_restore", "--list", "/srv/written.dump"])
    assert " TABLE DATA public ir_model odoo_harbour" in listed


def test_nothing_in_the_bucket_can_be_read_without_the_key(estate: Estate, backed_up: str) -> None:
    secrets = [b"ir_model", b"PGDMP", b"public.", PASSWORD.encode(), *(name.encode() for name in files_of(estate))]
    for key in estate.listed():
        data = estate.object(key)
        assert not [secret for secret in secrets if secret in data], key


def test_a_second_backup_sends_only_what_is_new(estate: Estate, calls: Callable[..., Any], backed_up: str) -> None:
    with attachment(estate, b"new in the second backup"):
        (found,) = calls((BACKUP, {**estate.login, **HARBOUR}, False))
    assert found["backups"][0]["files_sent"] == 1
    # the file's attachment is gone again, so the newest backup refers to one file more than the database
    assert found["backups"][0]["files_total"] == 1 + len(files_of(estate))


@pytest.mark.parametrize("damage", ["missing", "torn"])
def test_a_file_that_cannot_be_backed_up_fails_the_backup(
    estate: Estate, ansible_module: Callable[..., Any], damage: str
) -> None:
    before = estate.complete()
    with attachment(estate, f"{damage} file".encode()) as path:
        estate.shell(f"rm {path}" if damage == "missing" else f"echo other > {path}")
        told = ansible_module(HOST, BACKUP, {**estate.login, **HARBOUR}, fails=True)["msg"]
        assert ("1 files that are not in" if damage == "missing" else "is damaged: its SHA-1 is not its name") in told
        assert estate.complete() == before
        if damage == "missing":
            lossy = {"databases": [{"name": "harbour", "tenant": "lossy"}], "missing": "record"}
            assert ansible_module(HOST, BACKUP, {**estate.login, **lossy})["backups"][0]["files_missing"] == 1
            again = ansible_module(HOST, BACKUP, {**estate.login, **lossy})["backups"][0]
            assert (again["files_missing"], again["files_sent"]) == (1, 0)


def test_four_beats_of_a_restore(estate: Estate, calls: Callable[..., Any], backed_up: str) -> None:
    args = {**estate.login, "tenant": "harbour", "database": "harbour-copy", "access": "blocked"}
    prefetch = {**args, "prefetch": True}
    beats = calls(
        *((RESTORE, prefetch, check) for check in (True, False, True)),
        *((RESTORE, args, check) for check in (True, False, True, False)),
    )
    assert [beat["changed"] for beat in beats] == [True, True, False, True, True, False, False]
    assert beats[3]["steps"] == beats[4]["steps"]
    done = beats[4]
    assert done["counts"]["files_fetched"] == 0
    assert done["rto_s"] > 0
    assert done["rpo_s"] > 0
    assert estate.databases() == {"harbour", "harbour-copy"}
    assert estate.filestores() == {"harbour", "harbour-copy"}

    count = "SELECT count(*), max(id) FROM ir_model_fields"
    assert estate.sql(count, "harbour-copy") == estate.sql(count, "harbour")
    uuid = "SELECT key, value FROM ir_config_parameter WHERE key IN ('database.uuid', 'database.secret') ORDER BY 1"
    assert estate.sql(uuid, "harbour-copy") == estate.sql(uuid, "harbour")
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert estate.sql(owners, "harbour-copy") == ["odoo_harbour"]
    for name in files_of(estate):
        estate.shell(f"test $(sha1sum < {DATA}/filestore/harbour-copy/{name} | cut -c1-40) = {name[3:]}")
    assert estate.shell(f"stat -c %U {DATA}/filestore/harbour-copy").strip() == "odoo"
    # Odoo's own role can work with it
    estate.sql('GRANT CONNECT ON DATABASE "harbour-copy" TO odoo_harbour')
    estate.host.run(["odoo", "neutralize", "-c", CONFIG, "-d", "harbour-copy"], user="odoo")


def test_locale_settings_and_pending_modules_are_part_of_a_backup(
    estate: Estate, calls: Callable[..., Any], ansible_module: Callable[..., Any]
) -> None:
    name = "harbour-icu"
    estate.sql(
        f"CREATE DATABASE \"{name}\" OWNER odoo_harbour TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' "
        "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
    )
    dumped = f"pg_dump harbour | psql -Xq -v ON_ERROR_STOP=1 {name} > /dev/null"
    estate.shell(f"runuser -u postgres -- bash -o pipefail -c '{dumped}'")
    estate.sql(
        f"ALTER DATABASE \"{name}\" SET work_mem = '17MB'; "
        f"ALTER ROLE odoo_harbour IN DATABASE \"{name}\" SET lock_timeout = '10s'; "
        f'ALTER DATABASE "{name}" SET log_min_messages = error'
    )
    estate.sql("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'base'", name)
    estate.shell(f"cp -a {DATA}/filestore/harbour {DATA}/filestore/{name}")
    backup = {**estate.login, "databases": [{"name": name}]}
    restore = {**estate.login, "tenant": name, "database": "harbour-icu-copy", "access": "blocked"}
    _taken, done = calls((BACKUP, backup, False), (RESTORE, restore, False))
    assert done["restored"]
    (left,) = done["left_out"]
    assert left.startswith("setting log_min_messages was left out: permission denied")
    assert f"database harbour-icu-copy: {left}" in done["warnings"]
    locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = '{}'"
    assert estate.sql(locale.format("harbour-icu-copy")) == estate.sql(locale.format(name)) == ["i|de-AT"]
    assert estate.sql("SHOW work_mem", "harbour-icu-copy") == ["17MB"]
    roles = "SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole JOIN pg_database d"
    assert estate.sql(f"{roles} ON d.oid = setdatabase WHERE datname = 'harbour-icu-copy'") == ["1"]
    assert estate.sql("SELECT state FROM ir_module_module WHERE name = 'base'", "harbour-icu-copy") == ["to upgrade"]
    assert estate.manifest(done["backup"], name)["database"]["pending"] == {"base": "to upgrade"}
    estate.drop_copies()


@pytest.mark.deep
def test_a_grant_to_a_role_that_this_server_lacks_is_left_out_and_named(
    estate: Estate, ansible_module: Callable[..., Any]
) -> None:
    estate.sql("CREATE ROLE bi_reader; CREATE ROLE bi_gone")
    grants = "GRANT SELECT ON res_partner TO bi_reader, bi_gone; GRANT SELECT (id) ON res_users TO bi_gone"
    estate.sql(f"SET ROLE odoo_harbour; {grants}", "harbour")
    try:
        ansible_module(HOST, BACKUP, {**estate.login, **HARBOUR})
        estate.sql("DROP OWNED BY bi_gone; DROP ROLE bi_gone", "harbour")
        args = {"tenant": "harbour", "database": "harbour-grants", "access": "blocked"}
        done = ansible_module(HOST, RESTORE, {**estate.login, **args})
    finally:
        estate.sql("DROP OWNED BY bi_reader", "harbour")
    assert estate.sql("SELECT has_table_privilege('bi_reader', 'res_partner', 'SELECT')", "harbour-grants") == ["t"]
    assert sorted(done["left_out"]) == [
        'GRANT SELECT ON TABLE public.res_partner TO bi_gone was left out: role "bi_gone" does not exist',
        'GRANT SELECT(id) ON TABLE public.res_users TO bi_gone was left out: role "bi_gone" does not exist',
    ]
    estate.drop_copies()
    estate.sql("DROP ROLE bi_reader")


def test_a_restore_overwrites_only_what_was_given_up(
    estate: Estate, ansible_module: Callable[..., Any], copied: str
) -> None:
    estate.sql('COMMENT ON DATABASE "harbour-copy" IS NULL; CREATE TABLE kept ()', "harbour-copy")
    args = {**estate.login, "tenant": "harbour", "database": "harbour-copy"}
    assert "give it up with overwrite: replace" in ansible_module(HOST, RESTORE, args, fails=True)["msg"]
    assert estate.sql("SELECT to_regclass('kept')", "harbour-copy") == ["kept"]
    ansible_module(HOST, RESTORE, {**args, "overwrite": "replace", "access": "blocked"})
    assert estate.sql("SELECT to_regclass('kept') IS NULL", "harbour-copy") == ["t"]
    assert estate.sql("SELECT has_database_privilege('odoo_harbour', 'harbour-copy', 'CONNECT')") == ["f"]
    assert estate.databases() == {"harbour", "harbour-copy"}
    assert estate.filestores() == {"harbour", "harbour-copy"}


def test_a_restore_killed_after_the_swap_is_finished_by_the_next(
    estate: Estate, ansible_module: Callable[..., Any], backed_up: str, copied: str
) -> None:
    files = f"{DATA}/filestore/{copied}"
    note = json.dumps({"origin": f"harbour/{backed_up}", "swapping": True, "reopen": True})
    estate.shell(f"mv {files} {files}__new; mkdir {files}; echo '{note}' > {files}__new.note")
    estate.sql('CREATE DATABASE "harbour-copy__old" OWNER odoo_harbour')
    estate.sql("COMMENT ON DATABASE \"harbour-copy__old\" IS 'gantry.odoo.odoo_restore: replaced, to be dropped'")
    args = {**estate.login, "tenant": "harbour", "database": "harbour-copy", "access": "blocked"}
    found = ansible_module(HOST, RESTORE, {**args, "backup": backed_up})
    done = ["finish_filestore", "drop_old", "recycle_old_files", "forget"]
    assert [step["action"] for step in found["steps"]] == done
    assert estate.databases() == {"harbour", "harbour-copy"}
    assert estate.filestores() == {"harbour", "harbour-copy"}
    assert estate.shell(f"find {files} -type f | wc -l").strip() != "0"


@pytest.mark.deep
def test_a_session_that_cannot_be_ended_leaves_the_database_as_it_was(
    estate: Estate, failures: Failures, copied: str
) -> None:
    estate.sql(f'GRANT CONNECT ON DATABASE "{copied}" TO odoo_harbour')
    before = estate.sql(f"SELECT oid, datacl FROM pg_database WHERE datname = '{copied}'")
    with asleep(estate, copied):
        args = {**estate.login, "tenant": "harbour", "database": copied, "overwrite": "replace", "access": "blocked"}
        (told,) = failures((RESTORE, args))
    assert copied in told
    assert estate.sql(f"SELECT oid, datacl FROM pg_database WHERE datname = '{copied}'") == before
    assert estate.databases() == {"harbour", copied}
    assert not [name for name in estate.filestores() if "note" in name]


def test_a_restored_copy_is_harmless_before_anybody_enters(estate: Estate, calls: Callable[..., Any]) -> None:
    estate.sql(
        "INSERT INTO ir_mail_server (name, smtp_host, smtp_encryption, smtp_authentication, smtp_user, smtp_pass, "
        "active) VALUES ('live', 'mail.example', 'starttls', 'login', 'erp', 'smtp-s3cret', true)",
        "harbour",
    )
    args = {**estate.login, "tenant": "harbour", "database": "harbour-stage", "neutralize": True}
    with intruder(estate.host, door("harbour-stage__new"), PASSWORD) as tries:
        taken, foretold, done, again = calls(
            (BACKUP, {**estate.login, **HARBOUR}, False),
            *((RESTORE, args, check) for check in (True, False, False)),
        )
        met = tries()
    estate.sql("DELETE FROM ir_mail_server WHERE smtp_pass = 'smtp-s3cret'", "harbour")
    assert "denied" in met
    assert "in" not in met
    assert done["backup"] == taken["backups"][0]["id"]
    assert foretold["steps"] == done["steps"]
    assert [step["action"] for step in done["steps"]][-5:] == [
        "verify",
        "renew_identity",
        "neutralize",
        "open",
        "publish",
    ]
    assert not again["changed"]
    copy = estate.host.run(["pg_dump", "--data-only", "harbour-stage"], user="postgres")
    assert "mail.example" in copy
    assert "s3cret" not in copy
    assert estate.sql("SELECT smtp_host FROM ir_mail_server WHERE active", "harbour-stage") == ["invalid"]
    assert estate.sql("SELECT count(*) FROM ir_cron WHERE active", "harbour-stage") == ["1"]
    identity = "SELECT value FROM ir_config_parameter WHERE key IN ('database.uuid', 'database.secret')"
    assert not {*estate.sql(identity, "harbour-stage")} & {*estate.sql(identity, "harbour")}


def test_a_drill_proves_and_leaves_only_its_record(
    estate: Estate, run_playbook: Callable[..., Any], backed_up: str
) -> None:
    # as where Odoo's code is in an image, so that it has to be asked through Odoo
    elsewhere = "/etc/odoo/elsewhere.conf"
    estate.shell(
        f"sed 's#^addons_path = .*#addons_path = /opt#' {CONFIG} > {elsewhere}; chmod 640 {elsewhere}; "
        f"chgrp odoo {elsewhere}"
    )
    play = {
        "hosts": HOST,
        "gather_facts": False,
        "tasks": [
            {"name": "drill", "ansible.builtin.include_role": {"name": "gantry.odoo.backup", "tasks_from": "drill"}},
            {"name": "told", "ansible.builtin.debug": {"var": "backup_drill_results"}},
        ],
        "vars": {
            "backup_repository": estate.repository,
            "backup_login": {"host": "127.0.0.1", "user": "gantry", "password": PASSWORD, "ssl_mode": "require"},
            "backup_databases": [{"tenant": "harbour", "database": "harbour", "config": elsewhere}],
        },
    }
    with intruder(estate.host, door("harbour_drill__new"), PASSWORD) as tries:
        (found,) = run_playbook([play]).expect_success().results("told")[HOST]["backup_drill_results"]
        met = tries()
    assert "denied" in met
    assert "in" not in met
    assert found["ok"]
    assert found["rto_s"] > 0
    record = estate.drills()[-1]
    assert record["ok"]
    assert record["rto_s"] == found["rto_s"]
    assert {"verify_s", "neutralize_s", "serve_s"} <= set(record["timings"])
    (file,) = {record["served"].pop("file")}
    assert estate.sql(f"SELECT 1 FROM ir_attachment WHERE store_fname = '{file}'", "harbour")
    assert record["served"].pop("files") > 0
    answers = {"health": 200, "page": 200, "form": True, "user": "admin", "login": True, "web": 200}
    assert record["served"] == answers
    assert estate.shell(f"find {DATA}/sessions -type f -mmin -5 | wc -l").strip() == "0"
    assert not any("drill" in name for name in estate.databases() | estate.filestores())


@pytest.mark.parametrize(
    "damage",
    ["a changed byte", "an object of another key", pytest.param("a removed object", marks=pytest.mark.deep)],
)
def test_what_is_damaged_or_forged_in_the_bucket_is_found(
    estate: Estate, ansible_module: Callable[..., Any], backed_up: str, damage: str
) -> None:
    index = estate.manifest(backed_up)["index"]
    key, other = f"harbour/data/{index['uses'][0][0]}", f"harbour/data/{index['shards'][0][1]}"
    intact = estate.object(key)
    if damage == "a removed object":
        estate.remove(key)
    else:
        estate.put(
            key, bytes([*intact[:200], intact[200] ^ 1, *intact[201:]]) if "byte" in damage else estate.object(other)
        )
    try:
        args = {**estate.login, "tenant": "harbour", "drill": True, "neutralize": True}
        told = ansible_module(HOST, RESTORE, args, fails=True)["msg"]
    finally:
        estate.put(key, intact)
    if damage == "a changed byte":
        assert key.removeprefix("harbour/") in told
        assert "of the backup are damaged" in told
    else:
        # the listing shows that, before anything is fetched
        assert "lacks files that were missing when it was taken, or that are missing or damaged in the" in told
    assert not estate.drills()[-1]["ok"]
    assert not any("drill" in name for name in estate.databases() | estate.filestores())


def test_a_copy_under_another_name_is_not_taken_for_the_tenant(
    estate: Estate, failures: Failures, ansible_module: Callable[..., Any], backed_up: str, copied: str
) -> None:
    estate.sql("UPDATE ir_config_parameter SET value = 'another' WHERE key = 'database.uuid'", copied)
    before = estate.complete()
    args = {**estate.login, "databases": [{"name": copied, "tenant": "harbour"}]}
    (told,) = failures((BACKUP, args))
    assert "and this one has another; give the right tenant, or let the new database follow" in told
    assert estate.complete() == before


@pytest.mark.deep
def test_a_database_that_is_no_home_any_more_is_not_backed_up(
    estate: Estate, ask: Ask, ansible_module: Callable[..., Any], copied: str
) -> None:
    """A change has blocked it, or given it another home number, since it was chosen."""
    login = {key: value for key, value in estate.login.items() if key != "repository"}
    home = {"home": {"number": 5, "group": "app"}, "access": "blocked", "create": False}
    ansible_module(HOST, "gantry.odoo.odoo_database", {**login, "name": copied, **home})

    def chosen(number: int, access: str, check: bool) -> tuple[str, dict[str, Any], bool]:
        expected = {"home": number, "access": access}
        listed = [{"name": copied, "tenant": "harbour", "expected": expected}]
        return BACKUP, {**estate.login, "databases": listed}, check

    before = estate.complete()
    moved = f"database {copied} is blocked as home 5, and counts only while it is open as home 5, since users"
    told = ask(
        chosen(5, "open", True), chosen(5, "open", False), chosen(4, "blocked", False), chosen(5, "blocked", True)
    )
    assert [one["failed"] for one in told] == [True, True, True, False]
    assert all(moved in one["msg"] for one in told[:2])
    assert "is blocked as home 5, and counts only while it is blocked as home 4" in told[2]["msg"]
    estate.sql(f'GRANT CONNECT ON DATABASE "{copied}" TO odoo_harbour')
    (opened,) = ask(chosen(5, "open", True))
    assert not opened["failed"]
    assert estate.complete() == before


def test_bad_databases_do_not_hold_up_the_others(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    before = estate.complete()
    bad = [
        {"name": "postgres"},
        {"name": "nowhere"},
        {"name": "harbour", "tenant": "gone", "config": "/etc/odoo/gone.conf"},
    ]
    done = ansible_module(
        HOST, BACKUP, {**estate.login, "databases": [*bad[:2], {"name": "harbour"}, bad[2]]}, fails=True
    )
    assert [one["tenant"] for one in done["backups"]] == ["harbour"]
    assert [one["tenant"] for one in done["failures"]] == ["postgres", "nowhere", "gone"]
    assert "/etc/odoo/gone.conf" in done["failures"][2]["error"]
    assert all(f"tenant {one['tenant']}: {one['error']}" in done["msg"] for one in done["failures"])
    assert len(estate.complete()) == len(before) + 1


def test_a_killed_backup_is_no_backup_and_shows_no_secret(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    before = estate.complete()
    args = {**estate.login, **HARBOUR}
    with locked(estate, "res_partner"), ThreadPoolExecutor(1) as pool:
        running = pool.submit(ansible_module, HOST, BACKUP, args, fails=True)
        dump = int(awaited(estate, "pgrep -f [p]g_dump.*--snapshot="))
        scan(estate)
        estate.shell(f"kill -KILL $(ps -o ppid= -p {dump})")
        running.result()
    assert estate.complete() == before
    assert len(estate.held()) == 1
    scan(estate)
    found = ansible_module(HOST, BACKUP, args)
    assert estate.complete() == [*before, found["backups"][0]["id"]]
    assert estate.held() == []
    assert not estate.listed("harbour/sent/")


def test_a_killed_restore_is_undone_by_the_next(
    estate: Estate, ansible_module: Callable[..., Any], backed_up: str
) -> None:
    args = {**estate.login, "tenant": "harbour", "database": "harbour-killed", "access": "blocked"}
    freeze = (
        "for i in $(seq 2000); do p=$(pgrep -f -- '[-]-exit-on-error' || true); "
        'if [ -n "$p" ]; then kill -STOP $p && echo $p && exit 0; fi; sleep 0.05; done; exit 1'
    )
    with ThreadPoolExecutor(2) as pool:
        freezing = pool.submit(estate.shell, freeze)
        running = pool.submit(ansible_module, HOST, RESTORE, args, fails=True)
        stopped = freezing.result().split()[0]
        scan(estate)
        estate.shell(f"kill -KILL $(ps -o ppid= -p {stopped}) {stopped}")
        running.result()
    assert "harbour-killed" not in estate.databases()
    assert "harbour-killed__new" in estate.databases()
    scan(estate)
    found = ansible_module(HOST, RESTORE, args)
    assert found["steps"][0]["action"] == "drop_new"
    assert "harbour-killed__new" not in estate.databases() | estate.filestores()
    assert "harbour-killed" in estate.databases()
    estate.sql('DROP DATABASE "harbour-killed"')
    assert estate.shell(f"find {DATA} -name '.gantry-part-*' -o -name '*.note'") == ""


@pytest.mark.deep
def test_bad_input_is_one_sentence(estate: Estate, failures: Failures) -> None:
    wrong = [
        (BACKUP, {**HARBOUR, "login_password": "wrong"}, "did not let gantry into"),
        (BACKUP, {**HARBOUR, "login_port": 9}, "Connection refused"),
        (BACKUP, {"databases": [{"name": "postgres"}]}, "is not one of Odoo"),
        (BACKUP, {"databases": [{"name": "nowhere"}]}, "nowhere"),
        (BACKUP, {**HARBOUR, "config": "/no/such.conf"}, "/no/such.conf cannot be read"),
        (RESTORE, {"tenant": "nobody"}, "tenant nobody has no backup"),
        (RESTORE, {"tenant": "harbour", "backup": "yesterday"}, "is not a backup's identifier"),
        (RESTORE, {"tenant": "harbour", "backup": "20010101T000000Z"}, "no complete backup 20010101T000000Z"),
        (RESTORE, {"tenant": "harbour", "database": "h2", "owner": "nobody"}, "role nobody does not exist"),
        (RESTORE, {"tenant": "harbour", "database": "Harbour"}, "lower-case"),
    ]

    def stored() -> list[str]:
        return [key for key in estate.listed() if "/leases/" not in key and "/reads/" not in key]

    before = (estate.databases(), estate.filestores(), stored())
    said = failures(*((module, {**estate.login, **given}) for module, given, _told in wrong))
    for sentence, (_module, _given, told) in zip(said, wrong):
        assert told in sentence
    assert (estate.databases(), estate.filestores(), stored()) == before


def door(database: str) -> str:
    """How the owner's role connects to a database."""
    return f"host=127.0.0.1 user=odoo_harbour dbname={database} sslmode=require"


@contextmanager
def attachment(estate: Estate, content: bytes) -> Iterator[str]:
    """An attachment of the database with its file, for the time of the block; yields the path of the file."""
    digest = hashlib.sha1(content).hexdigest()
    name = f"{digest[:2]}/{digest}"
    path = f"{DATA}/filestore/harbour/{name}"
    estate.shell(f"install -d -o odoo -g odoo {path[:-41]}")
    estate.host.write(path, content, uid=8069, gid=8069)
    estate.sql(
        f"INSERT INTO ir_attachment (name, type, store_fname) VALUES ('{digest}', 'binary', '{name}')", "harbour"
    )
    try:
        yield path
    finally:
        estate.sql(f"DELETE FROM ir_attachment WHERE name = '{digest}'", "harbour")
        estate.shell(f"rm -f {path}")


@contextmanager
def locked(estate: Estate, table: str) -> Iterator[None]:
    """A table that nobody can read for the time of the block."""
    name = "gantry-test-lock"
    hold = f"SET application_name = '{name}'; BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
    estate.shell(f'runuser -u postgres -- psql -Xq -d harbour -c "{hold}" > /dev/null 2>&1 &')
    held = f"SELECT pid FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = '{table}'::regclass AND granted"
    wait.until(lambda: None if estate.sql(held, "harbour") else "not yet", f"the lock on {table}")
    try:
        yield
    finally:
        estate.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")


@contextmanager
def asleep(estate: Estate, database: str) -> Iterator[None]:
    """A session of a superuser in a database, for the time of the block."""
    name = "gantry-test-sleeper"
    hold = f"SET application_name = '{name}'; SELECT pg_sleep(600)"
    estate.shell(f'runuser -u postgres -- psql -Xq -d {database} -c "{hold}" > /dev/null 2>&1 &')
    there = f"SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'"
    wait.until(lambda: None if estate.sql(there) else "not yet", f"a session in {database}")
    try:
        yield
    finally:
        estate.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")


def awaited(estate: Estate, command: str) -> str:
    """The first line that a command on the host prints, waited for."""
    seen: list[str] = []

    def probe() -> str | None:
        code, out, _err = estate.host.attempt(["bash", "-c", command])
        seen[:] = out.split()
        return None if code == 0 and seen else "nothing yet"

    wait.until(probe, command)
    return seen[0]


def scan(estate: Estate) -> None:
    """Neither password nor secret key is in an argument, an environment, or a file, but for Odoo's configuration."""
    for secret in (PASSWORD, *estate.secrets[1:]):
        # outside of what is searched, and on a file system that Docker can write to
        pattern = "/srv/pattern"
        estate.host.write(pattern, secret, mode=0o600)
        found = estate.shell(
            f"grep -laF -f {pattern} /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true; "
            f"grep -rlaF -f {pattern} /tmp /var/tmp /root /var/log /run {DATA} 2>/dev/null || true; rm {pattern}"
        )
        assert found == "", found


def files_of(estate: Estate) -> list[str]:
    """The names of the files that the database refers to."""
    return estate.sql("SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL", "harbour")
