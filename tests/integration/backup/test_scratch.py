# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill at a server of its own proves as much, leaves nothing, and reaches nothing but that server."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import UNFINISHED
from tests.integration.backup.conftest import CONFIG, HOST, PASSWORD, Estate, Failures
from tests.integration.backup.test_restores import RESTORE, back_up, log, trap
from tests.lab import wait

BASE, ACCOUNT = "/var/lib/gantry-drill", "gantry-drill"
BINARIES = "/usr/lib/postgresql/17/bin"
DRILL = {"drill": True, "scratch": True, "neutralize": True}
# somebody who knows a password of the live server
WAY = f"host=127.0.0.1 sslmode=require user=odoo_harbour password={PASSWORD} dbname=harbour"
LOOT = f"PERFORM public.dblink_exec('{WAY}', 'CREATE TABLE public.loot ()')"


@pytest.fixture(scope="module", autouse=True)
def provided(estate: Estate, run_playbook: Callable[..., Any]) -> None:
    """The account and the programs, by the role; a second run changes nothing."""
    role = {"name": "tools", "ansible.builtin.include_role": {"name": "gantry.odoo.backup"}}
    told = {"name": "told", "ansible.builtin.debug": {"var": "backup_changed"}}
    play = {"hosts": HOST, "gather_facts": False, "tasks": [role, told]}
    variables = {"backup_repository": estate.repository, "backup_tiers": {"harbour": 1}}
    run_playbook([play], extra_vars=variables).expect_success()
    again = run_playbook([play], extra_vars=variables).expect_success()
    assert (again.changed, again.results("told")[HOST]["backup_changed"]) == (0, False)
    assert estate.shell(f"getent passwd {ACCOUNT} | cut -d: -f6-").strip() == "/nonexistent:/usr/sbin/nologin"


@pytest.fixture
def drilled(estate: Estate, ansible_module: Callable[..., Any]) -> Callable[..., Any]:
    """A drill at a scratch server."""

    def call(tenant: str, check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        args = {**estate.login, "tenant": tenant, "database": f"harbour-{tenant}_drill", **DRILL, **options}
        found: dict[str, Any] = ansible_module(HOST, RESTORE, args, fails=fails, check=check)
        return found

    return call


def processes(estate: Estate) -> list[str]:
    """The processes of scratch servers and those that watch them."""
    listing = (f"ps -o pid= -u {ACCOUNT}", f"pgrep -f '{BASE}/[d]rill-'")
    return [pid for command in listing for pid in estate.shell(f"{command} || test $? = 1").split()]


def left(estate: Estate) -> tuple[Any, ...]:
    """What a drill may leave: processes, units, directories, shared memory, databases, files."""
    scopes = "systemctl list-units --no-legend --plain 'run-*.scope' | grep 'restore drill' || test $? = 1"
    return (
        processes(estate),
        estate.shell(scopes).split(),
        estate.shell(f"test ! -e {BASE} || ls -A {BASE}").split(),
        estate.shell("ls /dev/shm").split(),
        estate.databases(),
        estate.filestores(),
    )


@pytest.mark.deep
def test_a_drill_at_a_server_of_its_own_proves_and_leaves_nothing(
    estate: Estate, ansible_module: Callable[..., Any], drilled: Callable[..., Any]
) -> None:
    taken = back_up(estate, ansible_module, "harbour")
    before = left(estate)
    assert before[0] == []
    foretold = drilled("harbour", check=True, load_registry=True)
    assert left(estate) == before
    done = drilled("harbour", load_registry=True)
    assert left(estate) == before
    assert foretold["steps"] == done["steps"]
    assert done["postgresql"] == foretold["postgresql"] == {"scratch": True, "version": 17}
    assert (done["backup"], done["served"]["login"], done["served"]["web"]) == (taken, True, 200)
    assert done["left_out"] == []
    record = estate.drills()[-1]
    assert (record["ok"], record["error"], record["postgresql"]) == (True, "", done["postgresql"])


@pytest.mark.deep
def test_the_role_drills_a_tenant_of_tier_1_at_a_scratch_server_and_clears_what_live_drills_have_left(
    estate: Estate, ansible_module: Callable[..., Any], run_playbook: Callable[..., Any]
) -> None:
    back_up(estate, ansible_module, "harbour")
    before = left(estate)
    # as one has left that was killed, before drills had servers of their own
    estate.sql('CREATE DATABASE "harbour_drill__new" OWNER gantry')
    estate.sql(f"COMMENT ON DATABASE \"harbour_drill__new\" IS '{UNFINISHED}'")
    told = {"name": "told", "ansible.builtin.debug": {"var": "backup_drill_results"}}
    role = {"name": "drill", "ansible.builtin.include_role": {"name": "gantry.odoo.backup", "tasks_from": "drill"}}
    variables = {
        "backup_repository": estate.repository,
        "backup_login": {"host": "127.0.0.1", "user": "gantry", "password": PASSWORD, "ssl_mode": "require"},
        "backup_databases": [{"tenant": "harbour", "database": "harbour", "config": CONFIG}],
        "backup_drill_load_registry": False,
        "backup_tiers": {"harbour": 1},
    }
    play = {"hosts": HOST, "gather_facts": False, "tasks": [role, told]}
    run = run_playbook([play], extra_vars=variables).expect_success()
    (found,) = run.results("told")[HOST]["backup_drill_results"]
    assert (found["ok"], found["postgresql"]["scratch"]) == (True, True)
    assert left(estate) == before


def test_code_in_a_dump_reaches_neither_the_network_nor_another_database(
    estate: Estate, ansible_module: Callable[..., Any], drilled: Callable[..., Any]
) -> None:
    loot = "SELECT relname FROM pg_class WHERE relname LIKE 'loot%'"
    estate.sql("CREATE EXTENSION dblink", "harbour")
    try:
        with trap(estate, LOOT):
            back_up(estate, ansible_module, "looted")
    finally:
        estate.sql("DROP EXTENSION dblink", "harbour")
    before = left(estate), len(log(estate))
    done = drilled("looted")
    assert estate.sql(loot, "harbour") == []
    assert (left(estate), len(log(estate))) == before
    assert (done["postgresql"]["scratch"], done["restored"]) == (True, True)
    # the same code does take the way that a live server has, so it is one
    estate.sql(f"CREATE ROLE chief SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    try:
        drilled("looted", scratch=False, login_user="chief")
        assert estate.sql(loot, "harbour") == ["loot"]
    finally:
        estate.sql("DROP TABLE IF EXISTS loot", "harbour")
        estate.sql("DROP ROLE chief")


@pytest.mark.parametrize("killed", ["module", pytest.param("module and watch", marks=pytest.mark.deep)])
@pytest.mark.deep
def test_killed_in_the_middle_the_server_ends_and_the_next_drill_removes_the_rest(
    estate: Estate, ansible_module: Callable[..., Any], drilled: Callable[..., Any], killed: str
) -> None:
    good = back_up(estate, ansible_module, "stuck")
    with trap(estate, "PERFORM pg_sleep(600)"):
        back_up(estate, ansible_module, "stuck")
    before = left(estate)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(drilled, "stuck", fails=True)
        wait.until(lambda: None if _asleep(estate) else "not yet", "the code in the dump", 120)
        try:
            _require_walls(estate)
            _require_doors(estate)
        finally:
            first = estate.shell("pgrep -o -f -- '[-]-exit-on-error'").strip()
            watch = "$(ps -o ppid= -p $(pgrep -f '^unshare --mount'))" if killed != "module" else ""
            estate.shell(f"kill -KILL $(ps -o ppid= -p {first}) {watch}")
            running.result()
    wait.until(lambda: " ".join(processes(estate)) or None, "the end of the server", 10)
    assert estate.databases() == before[4]
    assert len(left(estate)[2]) == 1
    # another drill removes it as well
    done = drilled("stuck", backup=good)
    assert done["postgresql"]["scratch"]
    assert left(estate) == before


def _asked(estate: Estate, account: str, user: str, statement: str, database: str = "postgres") -> tuple[int, str]:
    """The exit code of psql at the scratch server, and what it said."""
    # the first drill of a host makes the directory
    place = estate.shell(f"test ! -e {BASE} || ls {BASE}").strip()
    way = f"host={BASE}/{place}/door/s user={user} dbname={database}"
    command = f"cd / && psql -XAtqwc {shlex.quote(statement)} '{way}'"
    code, out, err = estate.host.attempt(["sh", "-c", f"runuser -u {account} -- sh -c {shlex.quote(command)}"])
    return code, (out or err).strip()


def _asleep(estate: Estate) -> bool:
    """Whether the code in the dump is at work."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    return _asked(estate, "root", "gantry_scratch", sleeping) == (0, "1")


def _require_walls(estate: Estate) -> None:
    """The scratch server has no way out, and has limits."""
    pid = estate.shell(f"pgrep -o -u {ACCOUNT} -f 'postgres: gantry_restore'").strip()
    # root of the lab may not look into a process of another account, but into the one that made the namespaces
    made = "/proc/" + estate.shell("pgrep -f '^unshare --mount'").strip()
    listed = estate.shell(f"nsenter --net={made}/ns/net sh -c 'ip -brief link; ss -Htulnp'").split()
    assert listed[:2] == ["lo", "DOWN"]
    assert len(listed) == 4
    assert "own" in estate.shell(f"ls -A {made}/root/run").split()
    assert not {"docker.sock", "postgresql", "dbus", "systemd"} & set(estate.shell(f"ls -A {made}/root/run").split())
    assert estate.shell(f"ls -A {made}/root/tmp") == ""
    assert estate.shell(f"ls -A {made}/root/dev/shm | grep -v ^PostgreSQL || test $? = 1") == ""
    inside = f"nsenter --pid={made}/ns/pid_for_children --mount={made}/ns/mnt"
    seen = estate.shell(f"{inside} ps -eo uid= | sort -nu").split()
    assert seen == ["0", estate.shell(f"id -u {ACCOUNT}").strip()]
    status = estate.shell(f"grep -E '^(NoNewPrivs|CapBnd|CapEff|Groups):' /proc/{pid}/status").split()
    assert status == ["Groups:", "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"]
    unit = estate.shell(f"systemctl show --value --property=MemoryMax,CPUWeight,TasksMax $(ps -o unit= -p {pid})")
    assert {str(2048 * 2**20), "20", "256"} <= set(unit.split())
    owners = estate.shell(f"stat -c '%U %G %a' {BASE}/*/door {BASE}/*/data").splitlines()
    assert owners == [f"{ACCOUNT} odoo 710", f"{ACCOUNT} {ACCOUNT} 700"]


def _require_doors(estate: Estate) -> None:
    """Only root and Odoo's account reach the socket, and nobody enters a copy that is not finished."""
    assert _asked(estate, "odoo", "odoo_harbour", "SELECT 1") == (0, "1")
    for account, user, words in (
        ("postgres", "odoo_harbour", "Permission denied"),
        ("odoo", "gantry", "Peer authentication failed"),
        ("odoo", "gantry_scratch", "Peer authentication failed"),
        ("odoo", "gantry_restore", "no password supplied"),
    ):
        code, said = _asked(estate, account, user, "SELECT 1")
        assert (code != 0, words in said) == (True, True), said
    code, said = _asked(estate, "odoo", "odoo_harbour", "SELECT 1", "harbour-stuck_drill__new")
    assert (code != 0, "permission denied for database" in said) == (True, True), said


@contextmanager
def without(estate: Estate, path: str) -> Iterator[None]:
    """The host without a file, for the time of the block."""
    estate.shell(f"mv {path} {path}.gone")
    try:
        yield
    finally:
        estate.shell(f"mv {path}.gone {path}")


@pytest.mark.deep
def test_a_host_that_can_have_no_scratch_server_says_so_before_anything_is_made(
    estate: Estate, ansible_module: Callable[..., Any], failures: Failures, drilled: Callable[..., Any]
) -> None:
    back_up(estate, ansible_module, "harbour")
    before = left(estate)
    with without(estate, f"{BINARIES}/initdb"):
        told = drilled("harbour", fails=True)["msg"]
        assert told == drilled("harbour", fails=True, check=True)["msg"]
    assert "has no server programs of 17 or newer, but none; install postgresql-17 for a drill at a scratch" in told
    with without(estate, "/usr/share/postgresql/17/extension/pg_trgm.control"):
        assert "lacks the extension pg_trgm" in drilled("harbour", fails=True)["msg"]
    args = {**estate.login, "tenant": "harbour", **DRILL}
    said = failures(
        (RESTORE, {**args, "scratch_user": "nobody-there"}),
        (RESTORE, {**args, "scratch_user": "odoo"}),
        (RESTORE, {**args, "scratch_directory": "/var/run/drill"}),
        (RESTORE, {**args, "scratch_memory_mb": 1}),
        (RESTORE, {**args, "restore_user": "odoo_harbour"}),
        (RESTORE, {**args, "drill": False, "database": "harbour-x", "access": "blocked"}),
    )
    for sentence, words in zip(
        said,
        (
            "nobody-there is no account of this host; gantry.odoo.site makes it",
            "odoo has rights of its own",
            "the server does not see what is in /run",
            "1 is not enough for a server",
            "odoo_harbour is to own the database as well",
            "the server is removed with what was restored; give drill: true as well",
        ),
    ):
        assert words in sentence
    assert left(estate) == before
