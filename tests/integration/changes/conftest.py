# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of change store: a directory, and the real PostgreSQL and S3 servers."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.hosts import Lab
from tests.lab.spec import S3_PORT
from tests.lab.thirdparty import REGION, s3_client

PASSWORD = "a-secret-of-the-change-store"
GUIDE = Path(__file__).parents[3] / "docs/docsite/rst/estate_guide.rst"
(_SQL,) = re.findall(r"\.\. code-block:: sql\n\n((?:    .*\n|\n)+)", GUIDE.read_text(encoding="utf-8"))
# As a server of the estate: TLS with its own certificate, and a login with the rights that the guide gives it.
_PREPARE = f"""
set -eu
if ! test -d /etc/postgresql; then
    apt-get update -q > /dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql ssl-cert > /dev/null
fi
cd /etc/postgresql/*/main
printf "listen_addresses = '*'\\nfsync = off\\n" > conf.d/test.conf
grep -q 'all all all scram' pg_hba.conf || echo 'hostssl all all all scram-sha-256' >> pg_hba.conf
systemctl restart 'postgresql@*'
cd /
sudo() {{ runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }}
sudo 'DROP DATABASE IF EXISTS gantry WITH (FORCE)'
sudo 'DROP ROLE IF EXISTS gantry'
sudo "CREATE ROLE gantry LOGIN PASSWORD '{PASSWORD}'"
sudo 'CREATE DATABASE gantry'
runuser -u postgres -- psql -Xq -v ON_ERROR_STOP=1 -d gantry << 'SQL'
{textwrap.dedent(_SQL)}
SQL
"""


@pytest.fixture(scope="session")
def postgresql(lab: Lab) -> dict[str, Any]:
    """A change store in an empty database of its own."""
    host = lab.host("store1", image="vm")
    host.run(["bash", "-c", _PREPARE])
    return {
        "postgresql": {
            "host": host.address,
            "user": "gantry",
            "password": PASSWORD,
            "dbname": "gantry",
            "ssl_mode": "require",
        }
    }


@pytest.fixture(scope="session")
def s3(lab: Lab) -> dict[str, Any]:
    """A change store in an empty bucket of its own."""
    return _empty_bucket(lab, "gantry-changes")


@pytest.fixture(scope="session")
def s3_versioned(lab: Lab) -> dict[str, Any]:
    """A bucket that keeps versions, in which Ceph ignores the condition on a write."""
    return _empty_bucket(lab, "gantry-versioned", versioned=True)


def _empty_bucket(lab: Lab, name: str, *, versioned: bool = False) -> dict[str, Any]:
    server = lab.host("s3")
    client = s3_client(lab.state, server.address)
    client.create_bucket(Bucket=name)
    for item in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=item["Key"])
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return {
        "s3": {
            "endpoint_url": f"https://{server.address}:{S3_PORT}",
            "bucket": name,
            "region": REGION,
            "prefix": "estate",
            "access_key": lab.state.secret("s3_access_key"),
            "secret_key": lab.state.secret("s3_secret_key"),
            "ca_bundle": str(lab.state.ca),
        }
    }


@pytest.fixture(params=["directory", "postgresql", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The option `store` of the modules, of each kind in turn."""
    if request.param == "directory":
        return {"directory": str(tmp_path / "store"), "outbox": str(tmp_path / "outbox")}
    found: dict[str, Any] = request.getfixturevalue(request.param)
    return {**found, "outbox": str(tmp_path / "outbox")}


@pytest.fixture
def empty(lab: Lab, store: dict[str, Any]) -> Callable[[], object]:
    """Empties the store by other means than the collection's."""
    if "directory" in store:
        return lambda: shutil.rmtree(store["directory"])
    if "postgresql" in store:
        host, words = lab.host("store1", image="vm"), "TRUNCATE public.gantry_object"
        return lambda: host.run(["runuser", "-u", "postgres", "--", "psql", "-qd", "gantry", "-c", words])
    return lambda: _empty_bucket(lab, store["s3"]["bucket"])


Tasks = Callable[..., Any]


@pytest.fixture
def on_controller(run_playbook: Callable[..., Any]) -> Tasks:
    """`on_controller(tasks...)` runs tasks on this machine, without any host."""

    def call(*tasks: dict[str, Any], **options: Any) -> Any:
        plays = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": list(tasks)}]
        return run_playbook(plays, {"all": {"hosts": {"localhost": {}}}}, **options)

    return call
