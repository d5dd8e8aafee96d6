# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that are not ours to manage: an ACME authority and an S3 provider, both behind TLS."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.lab import pki, wait
from tests.lab.archive import File
from tests.lab.spec import (
    ACME_MANAGEMENT_PORT,
    ACME_PORT,
    BUCKET,
    CATALOGUE,
    RECORDS_BUCKET,
    REFUSED_DOMAIN,
    S3_PORT,
    address,
)
from tests.lab.state import State, write

if TYPE_CHECKING:
    from tests.lab.hosts import Host

REGION = "default"
CERTIFICATE_VALID_S = 90 * 24 * 3600


def environment(host: str, subnet: str) -> dict[str, str]:
    """The environment variables of third party `host`; the ACME server finds all names at the first edge."""
    return {"EDGE_ADDRESS": address(subnet, CATALOGUE["edge1"].octet)} if host == "acme" else {}


def files(host: str, state: State, at: str) -> list[File]:
    """The configuration and TLS files of third party `host`, which answers at address `at`."""
    certificate, key = pki.issue(state, [host, "localhost"], [at, "127.0.0.1"])
    if host == "acme":
        return [
            File("/etc/pebble/pebble.json", json.dumps(_pebble(), indent=2).encode()),
            File("/etc/pebble/tls.crt", certificate),
            File("/etc/pebble/tls.key", key, 0o600),
        ]
    return [
        File("/etc/ceph/tls.crt", certificate),
        File("/etc/ceph/tls.key", key, 0o600),
        File("/etc/ceph/s3_access_key", state.secret("s3_access_key").encode(), 0o600),
        File("/etc/ceph/s3_secret_key", state.secret("s3_secret_key").encode(), 0o600),
    ]


def wait_and_prepare(host: str, state: State, at: str) -> None:
    """Wait until third party `host` answers at `at`, then do what a customer of it would do once."""
    if host == "acme":
        wait.until(lambda: _fetch_acme_root(state, at), f"an answer of the ACME server at {at}")
    else:
        wait.until(lambda: _ensure_bucket(state, at), f"an answer of the S3 server at {at}")


def resolve(acme: Host, name: str, addresses: Sequence[str]) -> None:
    """Have the ACME server find `name` at `addresses` alone."""
    body = json.dumps({"host": f"{name}.", "addresses": list(addresses)})
    # its name server adds to what it has
    for path in ("clear-a", "add-a"):
        request = f"POST /{path} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        acme.run(["bash", "-c", 'exec 3<>/dev/tcp/127.0.0.1/8055; printf %s "$0" >&3; cat <&3', request])


def s3_client(state: State, at: str) -> Any:
    """A boto3 client for the S3 server at address `at`, with the lab's keys."""
    return boto3.client(
        "s3",
        endpoint_url=f"https://{at}:{S3_PORT}",
        region_name=REGION,
        aws_access_key_id=state.secret("s3_access_key"),
        aws_secret_access_key=state.secret("s3_secret_key"),
        verify=str(state.ca),
        config=Config(
            s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}
        ),
    )


def _pebble() -> dict[str, Any]:
    return {
        "pebble": {
            "listenAddress": f"0.0.0.0:{ACME_PORT}",
            "managementListenAddress": f"0.0.0.0:{ACME_MANAGEMENT_PORT}",
            "certificate": "/etc/pebble/tls.crt",
            "privateKey": "/etc/pebble/tls.key",
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "domainBlocklist": [REFUSED_DOMAIN],
            "retryAfter": {"authz": 1, "order": 1},
            "certificateValidityPeriod": CERTIFICATE_VALID_S,
        }
    }


def _fetch_acme_root(state: State, at: str) -> str | None:
    """Keep the authority's root, which is a new one after each start of the server; say what went wrong otherwise."""
    context = ssl.create_default_context(cafile=str(state.ca))
    try:
        with urllib.request.urlopen(f"https://{at}:{ACME_PORT}/dir", timeout=3, context=context) as answer:
            answer.read()
        url = f"https://{at}:{ACME_MANAGEMENT_PORT}/roots/0"
        with urllib.request.urlopen(url, timeout=3, context=context) as answer:
            root = answer.read()
    except (urllib.error.URLError, OSError) as error:
        return str(error)
    write(state.acme_root, root)
    return None


def _ensure_bucket(state: State, at: str) -> str | None:
    """Make the buckets unless they are there; say what went wrong otherwise."""
    client = s3_client(state, at)
    try:
        names = [one["Name"] for one in client.list_buckets()["Buckets"]]
        for bucket in {BUCKET, RECORDS_BUCKET}.difference(names):
            client.create_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        return str(error)
    return None
