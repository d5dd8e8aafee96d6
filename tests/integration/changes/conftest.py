# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of change store: a directory, and the real PostgreSQL and S3 servers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.hosts import Lab
from tests.lab.spec import BUCKET, S3_PORT
from tests.lab.thirdparty import REGION

PASSWORD = "a-secret-of-the-change-store"
# As a server of the estate: TLS with its own certificate, and a login that owns one database and nothing else.
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
sudo 'CREATE DATABASE gantry OWNER gantry'
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
def s3(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A change store in the bucket, below a path that no test has used."""
    server = lab.host("s3")
    return {
        "s3": {
            "endpoint_url": f"https://{server.address}:{S3_PORT}",
            "bucket": BUCKET,
            "region": REGION,
            "prefix": tmp_path_factory.mktemp("changes").name + "-" + lab.state.secret("s3_access_key")[:4],
            "access_key": lab.state.secret("s3_access_key"),
            "secret_key": lab.state.secret("s3_secret_key"),
            "ca_bundle": str(lab.state.ca),
        }
    }


@pytest.fixture(params=["directory", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The option `store` of the modules, of each kind in turn."""
    if request.param == "directory":
        return {"directory": str(tmp_path / "store")}
    found: dict[str, Any] = request.getfixturevalue(request.param)
    return found


Tasks = Callable[..., Any]


@pytest.fixture
def on_controller(run_playbook: Callable[..., Any]) -> Tasks:
    """`on_controller(tasks...)` runs tasks on this machine, without any host."""

    def call(*tasks: dict[str, Any], **options: Any) -> Any:
        plays = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": list(tasks)}]
        return run_playbook(plays, {"all": {"hosts": {"localhost": {}}}}, **options)

    return call
