# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clones of a real database: another identity, the same content, files that come over, users who notice nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import BEGUN_LIMIT

from .server import ADMIN, CERTIFICATE, CONFIG, DATA_DIR, OTHER_OWNER, OWNER, OWNER_PASSWORD, Server
from .test_database import four_beats
from .test_database_faults import state_of, wait_until

Declare = Callable[..., dict[str, Any]]
SESSION = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'origin' AND application_name = 'a user'"
# The brackets keep them from finding themselves.
DUMP_AT_WORK = "pgrep -of '[p]g_restore'"


@pytest.fixture(scope="module")
def origin(server: Server, declare: Declare) -> str:
    """A database with an address, a licence and two files."""
    server.prepare()
    declare(
        {
            "name": "origin",
            "base_url": "https://erp.harbour.example",
            "parameters": {"database.enterprise_code": "a licence", "harbour.flag": "kept"},
        },
        template_cache=True,
    )
    server.attach("origin", b"a plan")
    return server.attach("origin", b"a bill")


@contextmanager
def connected(server: Server, database: str = "origin") -> Iterator[None]:
    """A user's session on the original, for as long as it is let."""
    url = f"host={server.host.name} user={OWNER} dbname={database} sslmode=verify-full sslrootcert={CERTIFICATE}"
    command = ["psql", "-Xqc", "SELECT pg_sleep(120)", f"{url} application_name='a user'"]
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.host.attempt, command, env={"PGPASSWORD": OWNER_PASSWORD})
        wait_until(lambda: server.psql(SESSION.replace("origin", database)) == "1", "the session")
        try:
            yield
        finally:
            server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'a user'")


def rows(server: Server, database: str) -> str:
    """How many rows each table has that a copy leaves alone."""
    one = "(xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM ' || tablename, false, false, '')))[1]::text"
    return server.psql(
        f"SELECT tablename, {one} FROM pg_tables WHERE schemaname = 'public' "
        "AND tablename <> 'ir_config_parameter' AND tablename NOT LIKE 'orm_signaling%' ORDER BY 1",
        database,
    )


def test_a_clone_is_another_database_with_the_same_content(server: Server, declare: Declare, origin: str) -> None:
    before = server.psql("SELECT array_agg((key, value) ORDER BY key) FROM ir_config_parameter", "origin")
    clone = {"name": "trial", "clone_from": "origin", "base_url": "https://trial.harbour.example"}
    actions = ["clone", "renew_identity", "set_parameter", "set_parameter", "open", "publish"]
    four_beats(declare, clone, actions=actions)
    assert rows(server, "trial") == rows(server, "origin")
    for key in ("database.uuid", "database.secret"):
        assert len(server.parameter("trial", key)) >= 36
        assert server.parameter("trial", key) != server.parameter("origin", key)
    assert server.parameter("trial", "web.base.url") == "https://trial.harbour.example"
    assert server.parameter("trial", "database.enterprise_code") == ""
    assert server.parameter("trial", "harbour.flag") == "kept"
    acl = server.psql("SELECT datacl, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'trial'")
    # whoever made it was the only one who might enter it
    assert acl == f"{{{OWNER}=CTc/{OWNER},{ADMIN}=c/{OWNER}}}|"
    assert server.psql("SELECT array_agg((key, value) ORDER BY key) FROM ir_config_parameter", "origin") == before
    copy = origin.replace("filestore/origin", "filestore/trial")
    inodes = server.shell(f"cd {DATA_DIR}; stat -c '%i %U' {origin} {copy}").split()
    assert inodes[0] == inodes[2]
    assert server.shell(f"cd {DATA_DIR}; stat -c %U filestore/trial").strip() == "odoo"
    assert declare({"name": "trial", "state": "absent", "policy": "drop"})["changed"]
    assert server.shell(f"cat {DATA_DIR}/{origin}") == "a bill"


def test_the_original_serves_on(server: Server, declare: Declare, origin: str) -> None:
    with connected(server):
        declare({"name": "beside", "clone_from": "origin", "clone_files": "copy"})
        assert server.psql(SESSION) == "1"
    assert rows(server, "beside") == rows(server, "origin")
    assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "beside") == OWNER
    copy = origin.replace("filestore/origin", "filestore/beside")
    inodes = server.shell(f"cd {DATA_DIR}; stat -c %i {origin} {copy}").split()
    assert inodes[0] != inodes[1]
    declare({"name": "beside", "state": "absent", "policy": "drop"})


@pytest.mark.fault
@pytest.mark.deep
def test_sessions_end_only_by_policy(server: Server, declare: Declare, origin: str) -> None:
    with connected(server):
        declare({"name": "quick", "clone_from": "origin", "clone_sessions": "end"})
        assert server.psql(SESSION) == "0"
    declare({"name": "quick", "state": "absent", "policy": "drop"})


@pytest.mark.deep
def test_a_clone_for_another_instance_is_its_owners(server: Server, declare: Declare, origin: str) -> None:
    server.shell("sed 's/^db_user = .*/db_user = odoo_other/' /etc/odoo/harbour.conf > /etc/odoo/other.conf")
    declare({"name": "theirs", "clone_from": "origin"}, config="/etc/odoo/other.conf")
    assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "theirs") == OTHER_OWNER
    assert server.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "origin") == OWNER
    declare({"name": "theirs", "state": "absent", "policy": "drop"})


@pytest.mark.fault
def test_a_killed_clone_is_finished_by_the_next_run(server: Server, declare: Declare, origin: str) -> None:
    with connected(server), ThreadPoolExecutor(1) as pool:
        killed = pool.submit(declare, {"name": "killed", "clone_from": "origin"}, fails=True)
        # found and killed by one command, as the first pg_restore only lists the dump and may end in between
        server.shell(
            f"for turn in $(seq 600); do child=$({DUMP_AT_WORK}) && module=$(ps -o ppid= -p $child) && "
            "kill -KILL $module && exit; sleep 0.1; done; exit 1"
        )
        killed.result()
    assert "killed" not in server.databases()
    done = declare({"name": "killed", "clone_from": "origin"})
    assert [step["action"] for step in done["steps"]] == ["discard", "clone", "renew_identity", "open", "publish"]
    assert [name for name in server.databases() if name.startswith("killed")] == ["killed"]
    declare({"name": "killed", "state": "absent", "policy": "drop"})


@pytest.mark.fault
@pytest.mark.deep
def test_a_copy_that_nobody_could_mark_is_ours(server: Server, declare: Declare, origin: str) -> None:
    server.psql(f"CREATE DATABASE unmarked__new OWNER {OWNER} TEMPLATE origin ALLOW_CONNECTIONS false")
    # somebody else may have closed a database of that name
    failed = declare({"name": "unmarked", "clone_from": "origin"}, fails=True)
    assert "unmarked__new is in the way and was not left by this module" in failed["msg"]
    server.psql(f"ALTER DATABASE unmarked__new CONNECTION LIMIT {BEGUN_LIMIT}")
    done = declare({"name": "unmarked", "clone_from": "origin"})
    assert [step["action"] for step in done["steps"]] == ["discard", "clone", "renew_identity", "open", "publish"]
    declare({"name": "unmarked", "state": "absent", "policy": "drop"})


@pytest.mark.deep
def test_a_clone_sorts_and_is_set_as_its_original(server: Server, declare: Declare, origin: str) -> None:
    server.psql(f"CREATE DATABASE paris OWNER {OWNER} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'fr-FR'")
    server.shell("su postgres -c 'pg_dump origin | psql -Xqd paris -v ON_ERROR_STOP=1 >/dev/null'")
    server.shell(f"cp -a {DATA_DIR}/filestore/origin {DATA_DIR}/filestore/paris")
    server.psql("CREATE SCHEMA extensions; CREATE EXTENSION dblink SCHEMA extensions", "paris")
    server.psql("ALTER DATABASE paris SET work_mem = '5MB'; ALTER DATABASE paris SET log_statement = 'ddl'")
    server.psql("ALTER DATABASE paris SET search_path = 'a b', public, extensions")
    server.psql(f"ALTER ROLE {OWNER} IN DATABASE paris SET statement_timeout = '5min'")
    seen = (
        "SELECT datlocprovider, datlocale, setrole::regrole, ARRAY(SELECT unnest(setconfig) ORDER BY 1) "
        "FROM pg_database d LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid WHERE datname = '{}' ORDER BY 3, 4"
    )
    expected = server.psql(seen.format("paris"))
    assert "log_statement=ddl," in expected
    clone = {"name": "lyon", "clone_from": "paris"}
    with connected(server, "paris"):
        assert "may not create the extensions dblink" in declare(clone, fails=True)["msg"]
        server.psql(f"ALTER ROLE {ADMIN} SUPERUSER")
        try:
            assert not declare(clone).get("warnings")
        finally:
            server.psql(f"ALTER ROLE {ADMIN} NOSUPERUSER")
    assert server.psql(seen.format("lyon")) == expected
    where = "SELECT extname, extnamespace::regnamespace FROM pg_extension WHERE extname = 'dblink'"
    assert server.psql(where, "lyon") == "dblink|extensions"
    declare({"name": "lyon", "state": "absent", "policy": "drop"})
    # while nobody uses it, the server copies it, without its settings; one is of an extension that is gone
    server.psql(
        "UPDATE pg_db_role_setting SET setconfig = array_append(setconfig, 'gone_setting=1') "
        "WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = 'paris')"
    )
    told = declare(clone)["warnings"]
    assert "log_statement of paris is not set for lyon" in repr(told)
    assert "gone_setting of paris is not set for lyon" in repr(told)
    assert server.psql(seen.format("lyon")) == expected.replace("log_statement=ddl,", "")
    for name in ("lyon", "paris"):
        declare({"name": name, "state": "absent", "policy": "drop"})


@pytest.mark.fault
def test_what_another_run_works_on_is_not_cloned(server: Server, declare: Declare, origin: str) -> None:
    lock = "SELECT pg_advisory_lock{}(hashtextextended('gantry.odoo:database:origin', 0)), pg_sleep(60)"
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    for kind, refused in (("", True), ("_shared", False)):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(server.host.attempt, ["psql", "-Xqc", lock.format(kind)], user="postgres")
            wait_until(lambda: server.psql(held) == "1", "the lock")
            done = declare({"name": "kept", "clone_from": "origin"}, fails=refused, lock_timeout=1)
            server.psql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        assert ("another run works on one of kept, origin" in done.get("msg", "")) is refused
    declare({"name": "kept", "state": "absent", "policy": "drop"})


@pytest.mark.fault
@pytest.mark.deep
def test_filestores_on_a_mount(server: Server, declare: Declare, origin: str) -> None:
    server.shell(
        "install -d -o odoo /mnt/volume/filestore; mount -t tmpfs -o uid=8069 none /mnt/volume/filestore; "
        f"cp -a {DATA_DIR}/filestore/origin /mnt/volume/filestore/; "
        f"sed 's#^data_dir = .*#data_dir = /mnt/volume#' {CONFIG} > /etc/odoo/volume.conf"
    )
    try:
        declare({"name": "afloat", "clone_from": "origin"}, config="/etc/odoo/volume.conf")
        declare({"name": "afloat", "state": "absent", "policy": "drop"}, config="/etc/odoo/volume.conf")
        left = server.shell("ls -A /mnt/volume /mnt/volume/filestore /mnt/volume/filestore/.recycled")
    finally:
        server.shell("umount /mnt/volume/filestore")
    assert "Z-afloat" in left
    assert left.split()[:2] == ["/mnt/volume:", "filestore"]


@pytest.mark.fault
def test_a_full_disk_leaves_nothing(server: Server, declare: Declare, origin: str) -> None:
    server.attach("origin", b"x" * 400_000)
    server.shell(
        "mkdir -p /mnt/small; mount -t tmpfs -o size=700k none /mnt/small; mkdir /mnt/small/filestore; "
        f"cp -a {DATA_DIR}/filestore/origin /mnt/small/filestore/; "
        f"sed 's#^data_dir = .*#data_dir = /mnt/small#' {CONFIG} > /etc/odoo/small.conf"
    )
    before = state_of(server)
    try:
        clone = {"name": "full", "clone_from": "origin", "clone_files": "copy"}
        failed = declare(clone, fails=True, config="/etc/odoo/small.conf")
        left = server.shell("ls /mnt/small/filestore").split()
    finally:
        server.shell("umount /mnt/small")
    assert "No space left on device" in failed["msg"]
    assert left == ["origin"]
    assert state_of(server) == before


@pytest.mark.fault
def test_what_cannot_be_cloned(server: Server, declare: Declare, origin: str) -> None:
    server.psql("UPDATE ir_module_module SET latest_version = '18.0.1.3' WHERE name = 'base'", "origin")
    before = state_of(server)
    foreign = declare({"name": "x", "clone_from": "origin"}, fails=True)["msg"]
    assert "database origin is of Odoo 18.0, and the code of this instance is 19.0" in foreign
    assert "there is no database nowhere" in declare({"name": "x", "clone_from": "nowhere"}, fails=True)["msg"]
    assert "renamed or itself" in declare({"name": "origin", "clone_from": "origin"}, fails=True)["msg"]
    assert state_of(server) == before
