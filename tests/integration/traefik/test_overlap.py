# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of rules as sets is so for each request that the real Traefik is sent; no host is needed to ask it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model_request
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher, every, parse
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_overlap import lies_within, meet, regions
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_request import Answering, answering

RULES = [
    "Host(`a.example`)", "Host(`A.example.`)", "Host(`*.example`)", "Host(`b.a.example`)", "HostRegexp(`^a`)",
    "HostRegexp(`^[a-z]+[.]example$`)", "!HostRegexp(`^a`)", "Host(`a.example`) && !Path(`/my`)", "Path(`/my`)",
    "Path(`//my`)", "PathPrefix(`/my`)", "PathPrefix(`/my/`)", "PathPrefix(`/`)", "Path(`/p x`)", "Path(`/p%20x`)",
    "Path(`/p%2Fx`)", "Path(`/p%2fx`)", "Path(`/p/x`)", "PathRegexp(`^/my/[0-9]+$`)", "Path(`/my/1`)", "Path(`/é`)",
    "Path(`/%C3%A9`)", "Method(`get`)", "Method(`POST`)", "!Method(`GET`)", "Header(`X-A`, `1`)", "Header(`x-a`, `2`)",
    "HeaderRegexp(`X-A`, `^[0-9]$`)", "Query(`a`)", "Query(`a`, `1`)", "Query(`a`, `2`)", "QueryRegexp(`a`, `^[0-9]$`)",
    "QueryRegexp(`a`)", "ClientIP(`127.0.0.1/8`)", "ClientIP(`::ffff:127.0.0.0/104`)", "ClientIP(`10.0.0.0/8`)",
    "!ClientIP(`10.0.0.0/8`)", "(Host(`a.example`) || Host(`c.example`)) && (Path(`/my`) || Method(`POST`))",
]  # fmt: skip
HOSTS = ["a.example", "A.EXAMPLE.", "a.example:80", "b.a.example", "c.example", "b.example."]
PATHS = ["/my", "//my", "/my/1", "/myself", "/p%20x", "/p%2Fx", "/p%2fx", "/p/x", "/%C3%A9", "/?a=1&a=2", "/?a", "/x"]
CALLS = [("GET", ()), ("POST", ("1",)), ("GET", ("1", "2"))]


class Request(NamedTuple):
    """A request, with the values of its header X-A."""

    host: str
    path: str
    method: str
    values: tuple[str, ...]


REQUESTS = [Request(host, path, *call) for host, path, call in product(HOSTS, PATHS, CALLS)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Traefik with a router for each rule, which the header X-Rule chooses."""
    folder, port = tmp_path_factory.mktemp("traefik"), free_port()
    routers = {
        f"r{number}": {
            "rule": str(every([Matcher("Header", ("X-Rule", str(number))), parse(rule)])),
            "service": "empty",
        }
        for number, rule in enumerate(RULES)
    }
    services = {"empty": {"loadBalancer": {"passHostHeader": True}}}
    (folder / "dynamic.yml").write_text(json.dumps({"http": {"routers": routers, "services": services}}))
    static = {
        "entryPoints": {"web": {"address": f"127.0.0.1:{port}"}},
        "providers": {"file": {"filename": str(folder / "dynamic.yml"), "watch": False}},
    }
    (folder / "static.yml").write_text(json.dumps(static))
    program = Path(sys.executable).with_name("traefik")
    process = subprocess.Popen([program, f"--configFile={folder / 'static.yml'}"], stdout=subprocess.DEVNULL)
    try:
        last = Request("a.example", "/", "GET", ())
        Deadline(30).wait(lambda: _matches_or_none(port, RULES.index("PathPrefix(`/`)"), last), "Traefik's answer")
        yield port
    finally:
        process.kill()
        process.wait(10)


def _matches_or_none(port: int, rule: int, request: Request) -> bool | None:
    try:
        return matches(http.client.HTTPConnection("127.0.0.1", port, timeout=30), rule, request) or None
    except OSError:
        return None


def matches(connection: http.client.HTTPConnection, rule: int, request: Request) -> bool:
    """Whether the rule's router answers; its service has no server."""
    connection.putrequest(request.method, request.path, skip_host=True)
    connection.putheader("Host", request.host)
    connection.putheader("X-Rule", str(rule))
    for value in request.values:
        connection.putheader("X-A", value)
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (404, 503)
    return answer.status == 503


@pytest.fixture(scope="module")
def answered(port: int) -> list[set[Request]]:
    """The requests that each rule matches."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    return [{one for one in REQUESTS if matches(connection, rule, one)} for rule in range(len(RULES))]


def test_sets_agree_with_traefik(answered: list[set[Request]]) -> None:
    sets = [regions(parse(rule)) for rule in RULES]
    assert sum(bool(one) for one in answered) > 30
    for one, other in product(range(len(RULES)), repeat=2):
        both = answered[one] & answered[other]
        assert meet(sets[one], sets[other]) or not both, f"{RULES[one]} and {RULES[other]} both match {min(both)}"
        if lies_within(sets[one], sets[other]):
            rest = answered[one] - answered[other]
            assert not rest, f"{RULES[one]} matches {min(rest)}, and {RULES[other]} does not"


def found(rule: str, one: Request) -> Answering:
    """What is said of a request where a router has the rule."""
    path, _mark, query = one.path.partition("?")
    asked = model_request.Request(
        host=one.host.partition(":")[0],
        path=path,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        method=one.method,
        headers=tuple(("x-a", value) for value in one.values),
        address="127.0.0.1",
        tls=False,
        entry_point="web",
    )
    return answering({"routers": {"r@file": {"rule": rule, "entryPoints": ["web"], "status": "enabled"}}}, asked)


def test_what_answers_a_request_is_what_traefik_says(answered: list[set[Request]]) -> None:
    uncertain = set()
    for rule, matched in zip(RULES, answered):
        for one in REQUESTS:
            said = found(rule, one)
            if said.why:
                uncertain.add(rule)
            else:
                assert bool(said.router) == (one in matched), f"{rule} of {one}"
    # paths that have to be encoded are not judged, nor what Traefik may not find since it cleans those of requests
    assert uncertain == {
        "Path(`//my`)",
        "Path(`/%C3%A9`)",
        "Path(`/p x`)",
        "Path(`/p%20x`)",
        "Path(`/p%2Fx`)",
        "Path(`/p%2fx`)",
        "Path(`/é`)",
        "PathRegexp(`^/my/[0-9]+$`)",
    }
