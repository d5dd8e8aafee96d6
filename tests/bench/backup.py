# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a database with a filestore of 750 MB: the first one, later ones, and the restore.

Every contender writes to the same disk of the host. On the S3 server of the tests, restic stops for minutes.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.bench import clone
from tests.bench.erp import CONFIG, DATA_DIR, PASSWORD, Erp
from tests.bench.harness import RUNS, Contender, Result, Timed, compare, timed
from tests.lab.hosts import Host

PEER_DIR = "/var/lib/odoo/peers"
OURS = "/var/lib/odoo/backups"
DUMP = f"{PEER_DIR}/database.dump"
NEW_SHARE = 100
TIMES = 10
_UUID = "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'"
_ADD = """
import hashlib, os, sys
root, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open("/root/more.csv", "w") as rows:
    for number in range(count):
        content = os.urandom(size)
        digest = hashlib.sha1(content).hexdigest()
        os.makedirs(os.path.join(root, digest[:2]), exist_ok=True)
        with open(os.path.join(root, digest[:2], digest), "wb") as stream:
            stream.write(content)
        rows.write(f"more {number},binary,{digest[:2]}/{digest},{digest},{size}\\n")
"""


@dataclass
class Backups:
    """The host with a database. seen: what our backups said, in the order of the runs. peaks: their memory in MiB."""

    erp: Erp
    seen: list[dict[str, Any]] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)

    @property
    def host(self) -> Host:
        """Where the contenders run."""
        return self.erp.server.host

    @property
    def repository(self) -> dict[str, Any]:
        """The repository of ours."""
        key = self.erp.lab.state.sealing_key("backup_key")
        return {"directory": OURS, "keys": [{"name": "bench", "secret": key}]}

    def forget(self) -> None:
        """An empty repository of ours."""
        self.erp.server.shell(f"rm -rf {OURS}; install -d -m 0700 {OURS}")
        self.erp.settle()

    def restic(self, *arguments: str) -> Timed:
        """A command of restic on its repository."""
        env = {
            "RESTIC_PASSWORD": "b3nch",
            "RESTIC_REPOSITORY": f"{PEER_DIR}/restic",
            "PGPASSWORD": self.erp.login["login_password"],
        }
        return timed(self.host, arguments, env=env)

    def new_restic(self) -> None:
        """An empty repository of restic."""
        self.erp.server.shell(f"rm -rf {PEER_DIR}/restic")
        self.restic("restic", "init", "--quiet")
        self.erp.settle()

    def restic_backup(self) -> Timed:
        """A dump and the filestore, by restic. It has no snapshot in common, so it may miss a file."""
        login = self.erp.login
        url = f"host={login['login_host']} user={login['login_user']} dbname=origin"
        script = f"pg_dump -Fc -f {DUMP} '{url}' && restic backup --quiet {DUMP} {DATA_DIR}/filestore/origin"
        return self.restic("bash", "-euc", script)

    def ours(self, call: Callable[[], Timed]) -> Callable[[], Timed]:
        """A run of our module, whose answer is kept."""

        def run() -> Timed:
            done = call()
            self.seen.append(json.loads(done.stdout)["backups"][0])
            self.peaks.append(done.peak_mib)
            return done

        return run

    def add_files(self, count: int) -> None:
        """Attachments that no backup has."""
        self.host.write("/root/add.py", _ADD)
        filestore = f"{DATA_DIR}/filestore/origin"
        self.erp.server.shell(
            f"python3 /root/add.py {filestore} {count} {clone.FILE_BYTES}; chown -R odoo: {filestore}"
        )
        copy = "COPY ir_attachment (name, type, store_fname, checksum, file_size) FROM STDIN WITH (FORMAT csv)"
        self.erp.server.shell(f"su postgres -c 'psql -Xqd origin -c \"{copy}\"' < /root/more.csv")
        self.erp.settle()


def run(erp: Erp) -> list[Result]:
    """The first backup, the next ones, and their restores."""
    backups = prepare(erp)
    backup = erp.module("odoo_backup", repository=backups.repository, databases=[{"name": "origin"}])
    facts = {"files": clone.FILES, "bytes": clone.FILES * clone.FILE_BYTES}
    zipped, folder = f"{PEER_DIR}/origin.zip", f"{PEER_DIR}/origin"

    def emptied() -> None:
        erp.server.shell(f"rm -rf {zipped} {folder} {DUMP}")
        erp.settle()

    dump = Contender("odoo db dump", lambda: erp.odoo("db", "-c", CONFIG, "dump", "origin", zipped), emptied)
    click = Contender(
        "click-odoo-backupdb, folder",
        lambda: erp.click_odoo("backupdb", "--format", "folder", "origin", folder),
        emptied,
    )
    first = compare(
        "backup-first",
        [
            Contender("gantry.odoo.odoo_backup", backups.ours(backup), backups.forget),
            Contender("restic + pg_dump", backups.restic_backup, backups.new_restic),
            dump,
        ],
        **facts,
    )
    first_peak = max(backups.peaks)
    backups.seen.clear()
    noop = compare(
        "backup-noop",
        [
            Contender("gantry.odoo.odoo_backup", backups.ours(backup), erp.settle),
            Contender("restic + pg_dump", backups.restic_backup, erp.settle),
            dump,
            click,
        ],
        **facts,
    )
    sent = max(one["bytes_sent"] for one in backups.seen)
    files_sent = sum(one["files_sent"] for one in backups.seen)
    assert files_sent == 0, f"{files_sent} files were sent where nothing was new"
    backups.seen.clear()
    added = clone.FILES // NEW_SHARE
    delta = compare(
        "backup-delta",
        [
            Contender("gantry.odoo.odoo_backup", backups.ours(backup), lambda: backups.add_files(added)),
            Contender("restic + pg_dump", backups.restic_backup, lambda: backups.add_files(added)),
        ],
        **facts,
    )
    assert min(one["files_sent"] for one in backups.seen) >= added
    peak = {"peak_mib": round(max(backups.peaks))}
    vs_noop = round(delta.median(delta.ours) / noop.median(noop.ours), 2)
    restored = restore(backups, zipped, folder)
    large = grown(backups, backup)
    vs_10x = round(large.median(large.ours) / delta.median(delta.ours), 2)
    return [
        with_facts(noop, bytes_sent=sent, sent_percent=round(100 * sent / facts["bytes"], 2), **peak),
        with_facts(first, peak_mib=round(first_peak)),
        with_facts(delta, vs_noop=vs_noop, vs_10x=vs_10x, **peak),
        restored,
        large,
    ]


def grown(backups: Backups, backup: Callable[[], Timed]) -> Result:
    """Later backups where the filestore is ten times as large, with the same share of it new."""
    backups.add_files((TIMES - 1) * clone.FILES)
    backup()
    backups.peaks.clear()
    added = TIMES * clone.FILES // NEW_SHARE
    ours = Contender("gantry.odoo.odoo_backup", backups.ours(backup), lambda: backups.add_files(added))
    files = TIMES * clone.FILES
    found = compare("backup-delta-10x", [ours], files=files, bytes=files * clone.FILE_BYTES)
    return with_facts(found, peak_mib=round(max(backups.peaks)))


def restore(backups: Backups, zipped: str, folder: str) -> Result:
    """The newest backup under another name, into a server and a data directory that are not empty."""
    erp = backups.erp
    erp.server.shell(f"rm -rf {zipped} {folder}")
    erp.odoo("db", "-c", CONFIG, "dump", "origin", zipped)
    wish = {"tenant": "origin", "database": "back", "repository": backups.repository}
    # two that are open with one uuid are refused
    was = erp.server.psql(_UUID, "origin")
    _make_another(erp, "origin")
    call = erp.module("odoo_restore", **wish)
    _make_another(erp, "back")
    erp.put_aside("back")
    peaks: list[float] = []
    parts: dict[str, float] = {}

    def ours() -> Timed:
        done = call()
        peaks.append(done.peak_mib)
        parts.update(json.loads(done.stdout)["timings"])
        return done

    def foldered() -> None:
        # the peer moves the files out of the folder
        erp.server.shell(f"rm -rf {folder}")
        erp.click_odoo("backupdb", "--format", "folder", "origin", folder)
        erp.settle()

    def whole() -> None:
        names = erp.server.psql("SELECT count(DISTINCT store_fname) FROM ir_attachment", "back")
        files = erp.server.shell(f"find {DATA_DIR}/filestore/back -type f | wc -l").strip()
        assert int(names) <= int(files), f"{names} files are referred to and {files} are there"
        _make_another(erp, "back")
        erp.put_aside("back")

    contenders = [
        Contender("gantry.odoo.odoo_restore", ours, erp.settle, whole),
        Contender("odoo db load", lambda: erp.odoo("db", "-c", CONFIG, "load", "back", zipped), erp.settle, whole),
        Contender(
            "click-odoo-restoredb, folder, 2 jobs",
            lambda: erp.click_odoo("restoredb", "--jobs", "2", "back", folder),
            foldered,
            whole,
        ),
    ]
    found = compare("restore", contenders, files=clone.FILES, bytes=clone.FILES * clone.FILE_BYTES)
    erp.server.psql(f"UPDATE ir_config_parameter SET value = '{was}' WHERE key = 'database.uuid'", "origin")
    return with_facts(found, peak_mib=round(max(peaks)), parts=parts, pg_restore_alone_s=_dump_alone(backups))


def _dump_alone(backups: Backups) -> float:
    """Seconds that pg_restore takes for the same database, with nothing else: no restore is faster than that."""
    erp = backups.erp
    login = {"PGHOST": erp.login["login_host"], "PGUSER": erp.login["login_user"], "PGPASSWORD": PASSWORD}
    env = {**login, "PGOPTIONS": "-c synchronous_commit=off -c maintenance_work_mem=256MB"}
    timed(backups.host, ["pg_dump", "-Fc", "--compress=zstd:3", "-f", DUMP, "origin"], env=login)
    seen = []
    for _run in range(RUNS):
        timed(backups.host, ["createdb", "--template=template0", "alone"], env=login)
        erp.settle()
        seen.append(timed(backups.host, ["pg_restore", "--jobs=2", "--no-owner", "-d", "alone", DUMP], env=env).seconds)
        erp.drop("alone")
    return round(statistics.median(seen), 3)


def _make_another(erp: Erp, name: str) -> None:
    """Give a database an uuid of its own."""
    erp.server.psql("UPDATE ir_config_parameter SET value = gen_random_uuid() WHERE key = 'database.uuid'", name)


def with_facts(result: Result, **facts: Any) -> Result:
    """A result with more facts."""
    return Result(result.bench, result.ours, result.seconds, {**result.facts, **facts}, result.unit)


def prepare(erp: Erp) -> Backups:
    """The database, the bucket, and the programs of the contenders."""
    clone.prepare(erp)
    backups = Backups(erp)
    packages = "restic python3-nacl python3-zstandard"
    erp.server.shell(f"apt-get update -q >/dev/null; apt-get install -qy --no-install-recommends {packages} >/dev/null")
    erp.server.shell(f"install -d -o odoo -g odoo {PEER_DIR}")
    backups.forget()
    backups.new_restic()
    return backups
