# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host with Odoo, PostgreSQL and a filled database, and the bucket beside it, for all tests of backups."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab.hosts import Host, Lab
from tests.lab.spec import BUCKET, S3_PORT
from tests.lab.thirdparty import REGION, s3_client

HOST = "backup1"
PASSWORD = "a-secret-of-the-database"
PREFIX = "tests"
CONFIG = "/etc/odoo/harbour.conf"
DATA = "/var/lib/odoo/harbour"
ODOO_CONF = f"""[options]
db_host = 127.0.0.1
db_user = odoo_harbour
db_password = {PASSWORD}
db_sslmode = require
data_dir = {DATA}
addons_path = /usr/lib/python3/dist-packages/odoo/addons
admin_passwd = 0f1e2d3c4b5a
list_db = False
"""
ROLES = f"""
CREATE ROLE gantry LOGIN CREATEDB PASSWORD '{PASSWORD}';
CREATE ROLE odoo_harbour LOGIN PASSWORD '{PASSWORD}';
GRANT odoo_harbour TO gantry WITH INHERIT TRUE, SET TRUE;
CREATE DATABASE harbour OWNER odoo_harbour TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
"""
# what a database of the collection has: a trusted extension with a comment, and one wrapped by a function
EXTENSIONS = """
SET ROLE odoo_harbour;
CREATE EXTENSION pg_trgm;
CREATE SCHEMA unaccent_schema;
CREATE EXTENSION unaccent SCHEMA unaccent_schema;
"""


@dataclass(frozen=True)
class Estate:
    """The host under test and the bucket, each reachable by other means than the modules."""

    host: Host
    client: Any
    repository: dict[str, str]

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """The rows of a statement, as psql's superuser sees them."""
        argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement]
        return self.host.run(argv, user="postgres").splitlines()

    def shell(self, script: str) -> str:
        """The output of a shell script on the host."""
        return self.host.run(["bash", "-euc", script])

    def listed(self, below: str = "") -> list[str]:
        """The keys in the bucket below a path of the prefix, without the prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/{below}")
        return [item["Key"].removeprefix(f"{PREFIX}/") for page in pages for item in page.get("Contents", [])]

    def object(self, key: str) -> bytes:
        """The bytes of an object below the prefix."""
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")["Body"].read()
        return data

    def put(self, key: str, data: bytes) -> None:
        """Write an object below the prefix."""
        self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=data)

    def remove(self, key: str) -> None:
        """Remove an object below the prefix."""
        self.client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")

    def empty(self) -> None:
        """Leave the bucket and the host as the tests want to find them."""
        for name in self.databases() - {"harbour"}:
            self.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.shell(f"mkdir -p {DATA}/filestore && cd {DATA}/filestore && ls | grep -vx harbour | xargs -r rm -r")
        for key in self.listed():
            self.remove(key)
        self.client.delete_bucket_lifecycle(Bucket=BUCKET)
        self.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})

    def complete(self, tenant: str = "harbour") -> list[str]:
        """The identifiers of the backups that have a manifest, oldest first."""
        found = [key.split("/") for key in self.listed(f"{tenant}/backups/")]
        return sorted(parts[2] for parts in found if parts[3] == "manifest.json")

    def manifest(self, identifier: str, tenant: str = "harbour") -> dict[str, Any]:
        """The manifest of a backup."""
        document: dict[str, Any] = json.loads(self.object(f"{tenant}/backups/{identifier}/manifest.json"))
        return document

    def databases(self) -> set[str]:
        """The databases whose names begin with the tenant's."""
        return set(self.sql("SELECT datname FROM pg_database WHERE datname LIKE 'harbour%'"))

    def filestores(self) -> set[str]:
        """What stands beside the tenant's filestore."""
        return set(self.shell(f"ls {DATA}/filestore").split())

    @property
    def login(self) -> dict[str, Any]:
        """The options of the modules that reach PostgreSQL and the repository."""
        return {
            "repository": self.repository,
            "login_host": "127.0.0.1",
            "login_user": "gantry",
            "login_password": PASSWORD,
            "ssl_mode": "require",
            "config": CONFIG,
        }


# each call is (module, arguments); the answer is what each said when it failed
Failures = Callable[..., list[str]]


@pytest.fixture
def failures(run_playbook: Callable[..., Any]) -> Failures:
    """Calls of modules that all have to fail with one sentence, in one run."""

    def run(*calls: tuple[str, dict[str, Any]]) -> list[str]:
        tasks = [
            {"name": f"call {number:02}", module: args, "ignore_errors": True}
            for number, (module, args) in enumerate(calls)
        ]
        done = run_playbook([{"hosts": HOST, "gather_facts": False, "tasks": tasks}])
        results = [done.results(f"call {number:02}")[HOST] for number in range(len(calls))]
        assert all(result["failed"] and "Traceback" not in str(result) for result in results)
        said = [str(result["msg"]) for result in results]
        assert not [sentence for sentence in said if "\n" in sentence]
        return said

    return run


@pytest.fixture(scope="session")
def estate(lab: Lab, run_playbook: Callable[..., Any]) -> Iterator[Estate]:
    """The host with its database initialised by Odoo, and the client tools installed by the role."""
    s3 = lab.host("s3")
    host = lab.host(HOST, image="app")
    repository = {
        "endpoint_url": f"https://s3:{S3_PORT}",
        "bucket": BUCKET,
        "region": REGION,
        "prefix": PREFIX,
        "access_key": lab.state.secret("s3_access_key"),
        "secret_key": lab.state.secret("s3_secret_key"),
    }
    tools = {"name": "tools", "ansible.builtin.include_role": {"name": "gantry.odoo.backup"}}
    server = {"name": "server", "ansible.builtin.apt": {"name": ["postgresql", "ssl-cert"], "update_cache": True}}
    plays = [{"hosts": HOST, "gather_facts": False, "tasks": [server, tools]}]
    run_playbook(plays, extra_vars={"backup_repository": repository}).expect_success()
    estate = Estate(host, s3_client(lab.state, s3.address), repository)
    if "harbour" not in estate.databases():
        _fill(estate)
    # a kept lab holds what the tests of the session before left
    estate.empty()
    yield estate
    estate.empty()


def _fill(estate: Estate) -> None:
    for statement in ROLES.strip().splitlines():
        estate.sql(statement)
    for statement in EXTENSIONS.strip().splitlines():
        estate.sql("SET ROLE odoo_harbour; " + statement, "harbour")
    estate.shell(f"mkdir -p /etc/odoo && install -d -o odoo -g odoo {DATA}")
    estate.host.write(CONFIG, ODOO_CONF, mode=0o640, gid=8069)
    estate.host.run(
        ["odoo", "-c", CONFIG, "-d", "harbour", "-i", "base", "--stop-after-init", "--no-http", "--without-demo=all"],
        user="odoo",
    )
