# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host with Odoo and PostgreSQL, seen by other means than the modules."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass
from typing import Any

from tests.lab.hosts import Host

ADMIN, ADMIN_PASSWORD = "gantry", "g4ntry-pass"
OWNER, OWNER_PASSWORD = "odoo_harbour", "h4rbour-pass"
OTHER_OWNER = "odoo_other"
# as the examples of the documentation call it
EXAMPLE_HOST = "db1.example.com"
CERTIFICATE = "/etc/ssl/postgresql.pem"
CONFIG = "/etc/odoo/harbour.conf"
DATA_DIR = "/var/lib/odoo/harbour"
ADDONS_PATH = "/usr/lib/python3/dist-packages/odoo/addons"

_INSTALL = f"""
set -eu
if ! test -x /usr/lib/postgresql/$version/bin/postgres; then
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "postgresql-$version" >/dev/null
fi
if ! test -e {CERTIFICATE}; then
    cd /etc/postgresql/$version/main
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=$(hostname)" \
        -addext "subjectAltName=DNS:$(hostname),DNS:{EXAMPLE_HOST}" -keyout key.pem -out {CERTIFICATE} 2>/dev/null
    chown postgres: key.pem
    cat > conf.d/test.conf <<END
listen_addresses = '*'
ssl_cert_file = '{CERTIFICATE}'
ssl_key_file = '/etc/postgresql/$version/main/key.pem'
password_encryption = 'scram-sha-256'
fsync = off
END
    echo 'hostssl all all all scram-sha-256' >> pg_hba.conf
    systemctl restart "postgresql@$version-main"
fi
systemctl stop odoo 2>/dev/null || true
install -d -o odoo -g odoo {DATA_DIR}
cat > {CONFIG} <<END
[options]
db_host = $(hostname)
db_user = {OWNER}
db_password = {OWNER_PASSWORD}
db_sslmode = verify-full
data_dir = {DATA_DIR}
addons_path = {ADDONS_PATH}
list_db = False
END
chown root:odoo {CONFIG}
chmod 640 {CONFIG}
"""
_ROLES = f"""
CREATE ROLE {OWNER} LOGIN PASSWORD '{OWNER_PASSWORD}';
CREATE ROLE {OTHER_OWNER} LOGIN PASSWORD '{OWNER_PASSWORD}';
CREATE ROLE {ADMIN} LOGIN CREATEDB PASSWORD '{ADMIN_PASSWORD}';
CREATE ROLE gantry_restore LOGIN;
CREATE ROLE gantry_write LOGIN;
GRANT {OWNER}, {OTHER_OWNER}, gantry_restore, gantry_write TO {ADMIN};
"""


@dataclass(frozen=True)
class Server:
    """The host, and what stands on it. postgresql: the major version of its PostgreSQL."""

    host: Host
    postgresql: int = 17

    @property
    def login(self) -> dict[str, Any]:
        """The options by which a module logs in, over verified TLS."""
        return {
            "login_host": self.host.name,
            "login_user": ADMIN,
            "login_password": ADMIN_PASSWORD,
            "ca_cert": CERTIFICATE,
        }

    def prepare(self) -> None:
        """Install and configure what is not there yet, and remove every database that an earlier session left."""
        self.shell(f"version={self.postgresql}\n{_INSTALL}")
        if not self.psql(f"SELECT 1 FROM pg_roles WHERE rolname = '{ADMIN}'"):
            self.psql(_ROLES)
        for name in self.databases():
            self.psql(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.shell(f"rm -rf {DATA_DIR}/*")

    def shell(self, script: str) -> str:
        """The output of a shell script run as root."""
        return self.host.run(["bash", "-c", script])

    def psql(self, statement: str, database: str = "postgres") -> str:
        """What the superuser is answered, without decoration."""
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement]
        return self.host.run(command, user="postgres").strip()

    def databases(self) -> list[str]:
        """The names of all databases but PostgreSQL's own."""
        listed = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"
        return self.psql(listed).split()

    def parameter(self, database: str, key: str) -> str:
        """A configuration parameter."""
        return self.psql(f"SELECT value FROM ir_config_parameter WHERE key = '{key}'", database)

    def may_connect(self, database: str) -> bool:
        """Whether Odoo's own role gets in."""
        url = f"host={self.host.name} user={OWNER} dbname={database} sslmode=verify-full sslrootcert={CERTIFICATE}"
        code, _out, err = self.host.attempt(["psql", "-XAtqc", "SELECT 1", url], env={"PGPASSWORD": OWNER_PASSWORD})
        assert code == 0 or "permission denied" in err, err
        return code == 0

    def accepts_password(self, database: str, password: str) -> bool:
        """Whether Odoo's own library takes `password` for the administrator's."""
        stored = self.psql("SELECT password FROM res_users WHERE login = 'admin'", database)
        script = (
            "import json, sys; from passlib.hash import pbkdf2_sha512 as p; print(p.verify(*json.loads(sys.argv[1])))"
        )
        return self.host.run(["python3", "-Wignore", "-c", script, json.dumps([password, stored])]).strip() == "True"

    def files(self, directory: str) -> list[str]:
        """The names in a directory below the data directory; none where there is no such directory."""
        return self.shell(f"ls {shlex.quote(DATA_DIR + '/' + directory)} 2>/dev/null || true").split()

    def attach(self, database: str, content: bytes) -> str:
        """Give a database an attachment, file and row; the file's path below the data directory."""
        digest = hashlib.sha1(content).hexdigest()
        store_fname = f"{digest[:2]}/{digest}"
        path = f"filestore/{database}/{store_fname}"
        self.shell(f"install -d {DATA_DIR}/filestore/{database}/{digest[:2]}")
        self.host.write(f"{DATA_DIR}/{path}", content, uid=8069, gid=8069)
        self.psql(
            "INSERT INTO ir_attachment (name, type, store_fname, checksum, file_size) "
            f"VALUES ('test', 'binary', '{store_fname}', '{digest}', {len(content)})",
            database,
        )
        return path
