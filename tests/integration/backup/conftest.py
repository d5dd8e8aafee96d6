# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host with Odoo, PostgreSQL and a filled database, and the bucket beside it, for all tests of backups."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings
from tests.lab.hosts import Host, Lab
from tests.lab.spec import BUCKET, S3_PORT
from tests.lab.state import ROOT
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
CREATE ROLE gantry_restore LOGIN;
CREATE ROLE gantry_write LOGIN;
GRANT odoo_harbour, gantry_restore, gantry_write TO gantry WITH INHERIT TRUE, SET TRUE;
CREATE DATABASE harbour OWNER odoo_harbour TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
"""
# what a database of the collection has: a trusted extension with a comment, and one wrapped by a function
EXTENSIONS = """
SET ROLE odoo_harbour;
CREATE EXTENSION pg_trgm;
CREATE SCHEMA unaccent_schema;
CREATE EXTENSION unaccent SCHEMA unaccent_schema;
"""


def _loaded() -> Any:
    path = ROOT / "extensions/restore/restore_backup.py"
    spec = importlib.util.spec_from_file_location("restore_backup", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


restore_program = _loaded()


@dataclass(frozen=True)
class Estate:
    """The host under test and the bucket, each reachable by other means than the modules."""

    host: Host
    client: Any
    repository: dict[str, Any]
    bucket: Settings

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

    def erase(self, key: str) -> None:
        """Remove an object below the prefix with its versions and marks, so that it can be created once more."""
        self._erase(f"{PREFIX}/{key}")

    def _erase(self, prefix: str) -> None:
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=prefix):
            found = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            if found:
                assert not self.client.delete_objects(Bucket=BUCKET, Delete={"Objects": found}).get("Errors")

    def drop_copies(self) -> None:
        """Remove what was made beside the tenant's database, and its files."""
        for name in self.databases() - {"harbour"}:
            self.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.shell(f"mkdir -p {DATA}/filestore && cd {DATA}/filestore && ls | grep -vx harbour | xargs -r rm -r")

    def empty(self) -> None:
        """Leave the bucket and the host as the tests want to find them."""
        self.drop_copies()
        # without versions and marks, which would hinder what is written once
        self._erase(f"{PREFIX}/")
        self.client.delete_bucket_lifecycle(Bucket=BUCKET)
        self.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})

    @property
    def secrets(self) -> list[str]:
        """What no output may show: the keys of the bucket, the access key first, and the one that encrypts."""
        return [*(self.repository[key] for key in ("access_key", "secret_key")), self.repository["keys"][0]["secret"]]

    def reader(self, tenant: str = "harbour") -> Any:
        """The repository of a tenant, as the program reads it that shares no code with the collection."""
        names = self.repository["bucket"], self.repository.get("records_bucket", self.repository["bucket"])
        bucket, records = (self._read_by_program(name) for name in names)
        key = base64.b64decode(self.repository["keys"][0]["secret"])
        return restore_program.Tenant(bucket, records, self.repository["prefix"], tenant, {"key": key})

    def _read_by_program(self, name: str) -> Any:
        """A bucket as that program reads it, by the client of the tests."""
        bucket = restore_program.Bucket.__new__(restore_program.Bucket)
        bucket.name, bucket.client = name, self.client
        bucket.refused, bucket.silent = ClientError, BotoCoreError
        return bucket

    def entries(self, tenant: str = "harbour") -> list[dict[str, Any]]:
        """The backups of a tenant's catalog, oldest first."""
        if not self.listed(f"{tenant}/keys/"):
            return []
        listed = [one for one in self.reader(tenant).catalog() if one.get("restorable") != restore_program.UNLISTED]
        return sorted(listed, key=lambda one: int(one["number"]))

    def complete(self, tenant: str = "harbour") -> list[str]:
        """The identifiers of the complete backups, oldest first."""
        return [one["name"] for one in self.entries(tenant) if not one["expired"]]

    def manifest(self, name: str, tenant: str = "harbour") -> dict[str, Any]:
        """The manifest of a backup."""
        (entry,) = [one for one in self.entries(tenant) if one["name"] == name]
        healed = f"-{entry['healed']}" if entry["healed"] else ""
        key = f"manifests/{entry['number']}{healed}"
        document: dict[str, Any] = self.reader(tenant).read("manifest", key)
        return document

    def held(self, tenant: str = "harbour") -> list[dict[str, Any]]:
        """The leases on the repository of a tenant."""
        held: list[dict[str, Any]] = []
        for log in ("leases", "reads"):
            for newest in self.listed(f"{tenant}/{log}/")[:1]:
                key = newest.removeprefix(f"{tenant}/")
                held += self.reader(tenant).read("record", key)["held"]
        return held

    def drills(self, tenant: str = "harbour") -> list[dict[str, Any]]:
        """The records of drills, oldest first."""
        keys = [key.removeprefix(f"{tenant}/") for key in self.listed(f"{tenant}/drills/")]
        return [self.reader(tenant).read("drill", key) for key in sorted(keys)]

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


# a call of a module: its name, its options, and whether it is in check mode
Asked = tuple[str, dict[str, Any], bool]
Ask = Callable[..., list[dict[str, Any]]]
# each call is (module, arguments); the answer is what each said when it failed
Failures = Callable[..., list[str]]


@pytest.fixture
def ask(run_playbook: Callable[..., Any]) -> Ask:
    """Several calls of modules in one run, whether each fails or not."""

    def run(*wanted: Asked) -> list[dict[str, Any]]:
        tasks = [
            {"name": f"call {number}", module: args, "check_mode": check, "diff": True, "ignore_errors": True}
            for number, (module, args, check) in enumerate(wanted)
        ]
        done = run_playbook([{"hosts": HOST, "gather_facts": False, "tasks": tasks}]).expect_success()
        assert PASSWORD not in done.stdout
        results = [{"failed": False, **done.results(f"call {number}")[HOST]} for number in range(len(wanted))]
        assert "Traceback" not in str(results)
        return results

    return run


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
def estate(lab: Lab, run_playbook: Callable[..., Any]) -> Estate:
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
        "keys": [{"name": "lab", "secret": lab.state.sealing_key("backup_key")}],
    }
    tools = {"name": "tools", "ansible.builtin.include_role": {"name": "gantry.odoo.backup"}}
    server = {"name": "server", "ansible.builtin.apt": {"name": ["postgresql", "ssl-cert"], "update_cache": True}}
    plays = [{"hosts": HOST, "gather_facts": False, "tasks": [server, tools]}]
    run_playbook(plays, extra_vars={"backup_repository": repository}).expect_success()
    bucket = Settings(
        BUCKET,
        f"https://{s3.address}:{S3_PORT}",
        REGION,
        access_key=repository["access_key"],
        secret_key=repository["secret_key"],
        ca_bundle=str(lab.state.ca),
    )
    estate = Estate(host, s3_client(lab.state, s3.address), repository, bucket)
    if "harbour" not in estate.databases():
        _fill(estate)
    # a kept lab holds what the tests of the session before left
    estate.empty()
    return estate


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
