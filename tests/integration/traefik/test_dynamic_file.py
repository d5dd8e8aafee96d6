# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents on a real Traefik: each section proven, each spelling read, each name and secret kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import HOST
from .edge import NAME, Edge

PATH = "/etc/traefik/dynamic/extra.yml"
HASH = "admin:$2y$05$Zm9yIHRlc3RzIG9ubHkuLg"
AUTH = {"http": {"middlewares": {"auth": {"basicAuth": {"users": [HASH]}}}}}

Publish = Callable[..., dict[str, Any]]


@pytest.fixture
def publish(edge: Edge, ansible_module: Callable[..., dict[str, Any]]) -> Iterator[Publish]:
    """`publish(document, check=, fails=, **options)` calls traefik_dynamic_file on the edge."""

    def call(document: dict[str, Any], check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        given = {"name": "extra", "document": document, "validate_command": ["/usr/local/bin/traefik"], **options}
        return ansible_module(HOST, "gantry.odoo.traefik_dynamic_file", given, check=check, fails=fails)

    yield call
    edge.host.run(["rm", "-f", PATH])


SPELLED = {
    "http": {
        "middlewares": {
            "plain": {"redirectScheme": {"scheme": "https", "permanent": False}},
            "slow": {"ratelimit": {"average": "5", "period": "1m"}},
            "small": {"compress": True},
        },
        "services": {
            "extra": {
                "loadBalancer": {
                    "servers": [{"url": "http://127.0.0.1:9001"}],
                    "healthCheck": {"path": "/", "interval": 5, "timeout": "2000ms"},
                }
            }
        },
    },
    "tcp": {
        "services": {"db": {"loadBalancer": {"servers": [{"address": "127.0.0.1:9001"}]}}},
        "routers": {"db": {"rule": "HostSNI(`db.example`)", "service": "db", "entryPoints": ["websecure"], "tls": {}}},
    },
}
UNSEEN = {
    "http": {"serversTransports": {"inner": {"forwardingTimeouts": {"dialTimeout": 5}}}},
    "tls": {"options": {"modern": {"minVersion": "VersionTLS13"}}},
}


@pytest.mark.parametrize("document", [SPELLED, UNSEEN], ids=["in another spelling", "what the API does not show"])
def test_four_beats(publish: Publish, document: dict[str, Any]) -> None:
    planned = publish(document, check=True)
    assert (planned["changed"], planned["validated"]) == (True, True)
    assert publish(document)["steps"] == planned["steps"]
    assert not publish(document, check=True)["changed"]
    assert not publish(document)["changed"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {
                "tcp": {
                    "services": {"db": {"loadBalancer": {"servers": [{"address": "127.0.0.1:9001"}]}}},
                    "routers": {"db": {"rule": "HostSNI(`*`)", "service": "db", "entryPoints": ["postgres"]}},
                }
            },
            'refuses TCP router db, which is disabled: entryPoint "postgres" doesn\'t exist; nothing was written',
        ),
        (
            {"tls": {"options": {"old": {"cipherSuites": ["nope"]}}}},
            "Traefik refuses TLS options old, which is disabled: building router handler: building TLS config: "
            "invalid CipherSuite: nope; nothing was written",
        ),
        ({"http": {"models": {"x": {}}}}, "document has http.models, which could not be proven; accepted are "),
        (
            {"http": {"middlewares": {"gantry.https": {"compress": {}}}}},
            "document has http.middlewares.gantry.https, a name that the collection uses itself; choose another",
        ),
        (
            {"http": {"services": {"gantry-acme-challenge": {"loadBalancer": {}}}}},
            "document has http.services.gantry-acme-challenge, a name that the collection uses itself",
        ),
        (
            {"http": {"middlewares": {"auth": {"basicAuth": {"users": [HASH.replace(":", "")]}}}}},
            "refuses middleware auth, which is disabled: error parsing BasicUser: NOT SHOWN; nothing was written",
        ),
    ],
    ids=["an entry point", "a cipher suite", "a section", "an owner's name", "the name of challenges", "a user"],
)
def test_what_is_not_proven_is_refused(edge: Edge, publish: Publish, document: dict[str, Any], said: str) -> None:
    refused = publish(document, fails=True)
    assert said in refused["msg"]
    assert "Zm9yIHRlc3Rz" not in json.dumps(refused)
    assert edge.host.attempt(["test", "-e", PATH])[0] != 0


def test_a_router_that_takes_over_a_route_is_refused(
    edge: Edge, publish: Publish, declare: Callable[..., dict[str, Any]]
) -> None:
    declare([{"name": "harbour", "hosts": [NAME], "servers": [{"url": "http://127.0.0.1:9001"}]}])
    for rule in (f"Host(`{NAME}`) && Path(`/taken`)", "HostRegexp(`^erp`)", "PathPrefix(`/`)"):
        router = {"rule": rule, "service": "noop@internal", "priority": 999999}
        refused = publish({"http": {"routers": {"taken": router}}}, fails=True)["msg"]
        assert f"router taken of provider file and route harbour of owner gantry both answer for {NAME}" in refused
    passed = {"rule": f"HostSNI(`{NAME}`)", "service": "x", "entryPoints": ["websecure"], "tls": {"passthrough": True}}
    backend = {"loadBalancer": {"servers": [{"address": "127.0.0.1:9001"}]}}
    refused = publish({"tcp": {"routers": {"taken": passed}, "services": {"x": backend}}}, fails=True)["msg"]
    assert f"TCP router taken of provider file and route harbour of owner gantry both answer for {NAME}" in refused
    last = {"rule": "PathPrefix(`/`)", "service": "noop@internal", "priority": 1}
    assert publish({"http": {"routers": {"last": last}}})["changed"]


def test_hashes_are_seen_by_traefik_alone(edge: Edge, publish: Publish) -> None:
    made = publish(AUTH)
    assert "Zm9yIHRlc3Rz" not in json.dumps(made)
    assert made["diff"]["after"]
    assert edge.host.run(["stat", "-c", "%a %U", PATH]).split() == ["600", "traefik"]
    assert edge.host.run(["stat", "-c", "%a %U", "/etc/traefik/dynamic/gantry-routes.yml"]).split() == [
        "600", "traefik"
    ]  # fmt: skip
    edge.host.run(["chmod", "644", PATH])
    assert [step["why"] for step in publish(AUTH)["steps"]] == ["other accounts can read it, or Traefik cannot"]
    assert not publish(AUTH)["changed"]


def test_an_object_that_another_file_has_is_refused(publish: Publish) -> None:
    publish(AUTH)
    refused = publish(AUTH, name="twice", fails=True)["msg"]
    assert "refuses HTTP middleware auth, which another file of the directory has too; nothing was written" in refused
