# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work shows how far it is, over the same connection, and is done all the same where that cannot be read."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.integration.backup.conftest import DATA, HOST, PASSWORD, Estate
from tests.integration.backup.test_backups import BACKUP, HARBOUR, RESTORE, locked
from tests.integration.deep import all_but
from tests.lab import wait

DIRECTORY = "/run/gantry-progress"
MANY = 6_000
# Small files of the tenant, and the statement that refers to them.
FILL = f"""
import hashlib, os
with open("/srv/many.sql", "w") as statement:
    statement.write("INSERT INTO ir_attachment (name, type, store_fname) VALUES ")
    for number in range({MANY}):
        content = (f"file {{number}} " * 150).encode()
        digest = hashlib.sha1(content).hexdigest()
        path = f"{DATA}/filestore/harbour/{{digest[:2]}}/{{digest}}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content)
        statement.write(("," if number else "") + f"('many', 'binary', '{{digest[:2]}}/{{digest}}')")
"""
LINE = re.compile(r"progress: \[(?P<host>[^]]+)\] => (?:(?P<item>[a-z-]+), )?(?P<seconds>\d+) s: (?P<parts>.+)")
FILES = re.compile(r"files (?P<done>[\d,]+) of (?P<total>[\d,]+) \((?P<bytes>[\d.]+ \w+)[^,]*\), [\d.]+ \w+/s")


@pytest.fixture
def many(estate: Estate) -> Iterator[None]:
    """A filestore with many files."""
    estate.host.write("/srv/many.py", FILL.encode())
    estate.shell(f"python3 /srv/many.py && chown -R odoo:odoo {DATA}/filestore/harbour && chmod 644 /srv/many.sql")
    estate.shell("runuser -u postgres -- psql -Xq -v ON_ERROR_STOP=1 -d harbour -f /srv/many.sql")
    try:
        yield
    finally:
        names = "COPY (SELECT store_fname FROM ir_attachment WHERE name = 'many') TO STDOUT"
        estate.shell(
            f'cd {DATA}/filestore/harbour && runuser -u postgres -- psql -XAtq -d harbour -c "{names}" | xargs rm -f'
        )
        estate.sql("DELETE FROM ir_attachment WHERE name = 'many'", "harbour")
        estate.drop_copies()


@contextmanager
def slowed(estate: Estate) -> Iterator[None]:
    """A host that has a sixth of a core for the time of the block."""
    estate.host.container.update(cpu_period=100_000, cpu_quota=17_000)
    try:
        yield
    finally:
        estate.host.container.update(cpu_quota=-1)


def shown(run: PlaybookRun) -> list[re.Match[str]]:
    """The lines of progress, each of which is alone on its line."""
    found = [line for line in run.stderr.splitlines() if "progress:" in line]
    matches = [LINE.fullmatch(line) for line in found]
    assert None not in matches, found
    return [match for match in matches if match]


def play(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """A play on the host with a line each second, as a user would set it for all modules that show progress."""
    defaults = {"group/gantry.odoo.progress": {"progress_interval": 1}}
    return [{"hosts": HOST, "gather_facts": False, "module_defaults": defaults, "tasks": list(tasks)}]


def test_a_long_backup_and_its_restore_show_rising_numbers(
    estate: Estate, run_playbook: Callable[..., PlaybookRun], many: None
) -> None:
    copy = {"tenant": "harbour", "database": "harbour-shown", "access": "blocked"}
    # what the calls left that other tests have killed
    before = estate.shell(f"test ! -e {DIRECTORY} || ls -A {DIRECTORY}")
    with slowed(estate):
        taken = run_playbook(play({"name": "take", BACKUP: {**estate.login, **HARBOUR}})).expect_success()
    restored = run_playbook(play({"name": "restore", RESTORE: {**estate.login, **copy}})).expect_success()
    total = taken.results("take")[HOST]["backups"][0]["files_total"]
    fetched = restored.results("restore")[HOST]["counts"]["files_fetched"]
    assert fetched >= MANY
    for run, item, expected in ((taken, "harbour", total), (restored, "harbour-shown", fetched)):
        # standard output is the document of the callback, and nothing else
        assert run.stdout.startswith("{\n")
        for secret in (PASSWORD, *estate.secrets):
            assert secret not in run.stderr
        lines = shown(run)
        assert {line["item"] for line in lines} <= {item, None}
        seconds = [int(line["seconds"]) for line in lines]
        assert seconds == sorted(seconds)
        files = [seen for line in lines if (seen := FILES.search(line["parts"]))]
        counts = [int(seen["done"].replace(",", "")) for seen in files]
        assert {int(seen["total"].replace(",", "")) for seen in files} == {expected}
        assert len(counts) >= 2, [line[0] for line in lines]
        assert counts == sorted(counts)
        assert counts[0] < counts[-1] <= expected
        assert any("left" in line["parts"] for line in lines)
    assert estate.shell(f"ls -A {DIRECTORY}") in ("", before)
    assert estate.shell(f"stat -c '%a %U' {DIRECTORY}").split() == ["700", "root"]


@pytest.mark.parametrize("way", all_but(["hanging"], ["not written", "refused", "hanging"]))
@pytest.mark.deep
def test_a_backup_whose_progress_cannot_be_read_succeeds(
    estate: Estate, run_playbook: Callable[..., PlaybookRun], tmp_path: Path, way: str
) -> None:
    before = estate.complete()
    reading = {"refused": "echo 'no session' >&2; exit 255", "hanging": "exec sleep 30", "not written": ":"}[way]
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\ncase "$*" in *{DIRECTORY}*) touch {tmp_path}/asked; {reading} ;; esac\nexec ssh "$@"\n',
        encoding="utf-8",
    )
    ssh.chmod(stat.S_IRWXU)
    if way == "not written":
        estate.shell(f"rm -rf {DIRECTORY} && touch {DIRECTORY}")
    variables = {"ansible_ssh_executable": str(ssh)}
    try:
        with ThreadPoolExecutor(1) as pool:
            with locked(estate, "res_partner"):
                task = {"name": "take", BACKUP: {**estate.login, **HARBOUR}}
                running = pool.submit(run_playbook, play(task), None, variables)
                waits = "SELECT count(*) FROM pg_locks WHERE relation = 'res_partner'::regclass AND NOT granted"
                wait.until(lambda: None if estate.sql(waits, "harbour") != ["0"] else "no", "a waiting pg_dump")
                wait.until(lambda: None if (tmp_path / "asked").exists() else "no", "a reading")
                ends = time.monotonic() + 3
                wait.until(lambda: None if time.monotonic() > ends else "too early", "some more readings")
            released = time.monotonic()
            done = running.result().expect_success()
            # the end of a reading that hangs is not waited for
            assert time.monotonic() - released < 20
    finally:
        if way == "not written":
            estate.shell(f"rm {DIRECTORY}")
    assert len(estate.complete()) == len(before) + 1
    assert "progress" not in done.stderr
