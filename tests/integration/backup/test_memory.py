# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory that backups need grows neither with the number of files nor with their size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.integration.backup.conftest import DATA, HOST, Estate
from tests.integration.backup.test_backups import BACKUP, HARBOUR, RESTORE

CHECK = "gantry.odoo.odoo_backup_check"
FILES, GIB = 1_000_000, 2**30
MOST_MIB = 200.0
# on a machine that does other work beside it
LONGEST_S = 7200
# What two runs of the same work differ by, in MiB.
NOISE_MIB = 16.0
PYTHON = "/usr/local/bin/measured"
# The most memory that one process of a module had, in MiB.
MEASURED = """#!/usr/bin/python3
import pathlib, resource, subprocess, sys
code = subprocess.run(["/usr/bin/python3", *sys.argv[1:]]).returncode
pathlib.Path("/srv/peak").write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))
sys.exit(code)
"""
# Writes files of the tenant as its account does, and the rows that refer to them. Arguments: their number, the bytes of
# zeros that each begins with.
FILL = f"""
import hashlib, os, pwd, sys
count, zeros = map(int, sys.argv[1:])
account = pwd.getpwnam("odoo")
names = open("/srv/names", "w")
os.setgid(account.pw_gid), os.setuid(account.pw_uid)
begins = hashlib.sha1()
for _mib in range(zeros // 2**20):
    begins.update(bytes(2**20))
for number in range(count):
    tail = b"file %d" % number
    digest = begins.copy()
    digest.update(tail)
    name = digest.hexdigest()
    path = f"{DATA}/filestore/harbour/{{name[:2]}}"
    os.makedirs(path, exist_ok=True)
    with open(f"{{path}}/{{name}}", "wb") as stream:
        stream.seek(zeros)
        stream.write(tail)
    print(f"many\\tbinary\\t{{name[:2]}}/{{name}}", file=names)
"""
ROWS = r"\copy ir_attachment (name, type, store_fname) FROM /srv/names"

Peak = Callable[..., float]


@pytest.fixture
def fill(estate: Estate) -> Iterator[Callable[..., None]]:
    """A function that gives the tenant files, all of which are gone afterwards."""

    def write(count: int, zeros: int = 0) -> None:
        remove()
        estate.host.write("/srv/fill.py", FILL.encode())
        estate.shell(f"python3 /srv/fill.py {count} {zeros}; runuser -u postgres -- psql -Xqd harbour -c '{ROWS}'")

    def remove() -> None:
        estate.sql("DELETE FROM ir_attachment WHERE name = 'many'", "harbour")
        estate.shell(f"touch /srv/names; cd {DATA}/filestore/harbour; cut -f 3 /srv/names | xargs -r rm -f")
        estate.empty()

    try:
        yield write
    finally:
        remove()


@pytest.fixture
def peak(estate: Estate, run_playbook: Callable[..., PlaybookRun]) -> Peak:
    """A function that calls a module, and returns its memory in MiB."""
    estate.host.write(PYTHON, MEASURED.encode(), mode=0o755)

    def call(module: str, **args: Any) -> float:
        task = {"name": "call", module: {**args, "timeout": 7200}}
        play = {"hosts": HOST, "gather_facts": False, "vars": {"ansible_python_interpreter": PYTHON}, "tasks": [task]}
        run_playbook([play]).expect_success()
        found = float(estate.shell("cat /srv/peak"))
        print(f"{module}: {found:.0f} MiB")
        return found

    return call


@pytest.mark.deep
@pytest.mark.timeout(LONGEST_S)
def test_a_million_files_are_backed_up_checked_and_restored(
    estate: Estate, fill: Callable[..., None], peak: Peak
) -> None:
    fill(FILES)
    seen = [
        peak(BACKUP, **estate.login, **HARBOUR),
        # nothing is new
        peak(BACKUP, **estate.login, **HARBOUR),
        peak(CHECK, repository=estate.repository, tenants=["harbour"]),
        peak(RESTORE, **estate.login, tenant="harbour", database="harbour-million", access="blocked"),
    ]
    found = estate.shell(f"find {DATA}/filestore/harbour-million -type f | wc -l")
    assert int(found) >= FILES
    assert max(seen) <= MOST_MIB, seen


@pytest.mark.deep
@pytest.mark.timeout(LONGEST_S)
def test_64_gib_need_as_much_as_one(estate: Estate, fill: Callable[..., None], peak: Peak) -> None:
    seen: dict[int, list[float]] = {}
    for gib in (1, 64):
        # as many files, so that as many are read at a time
        fill(64, gib * GIB // 64)
        seen[gib] = [
            peak(BACKUP, **estate.login, **HARBOUR),
            peak(CHECK, repository=estate.repository, tenants=["harbour"]),
        ]
    assert max(seen[64]) <= MOST_MIB, seen
    assert all(large <= small + NOISE_MIB for small, large in zip(seen[1], seen[64])), seen
