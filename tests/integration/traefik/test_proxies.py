# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is let in behind trusted proxies, on a real Traefik; no host is needed to ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .loopback import Edge, ask, free_port, running

NAME = "harbour.internal.example"
WEB = f"127.0.0.1:{free_port()}"
PROXY, OTHER_PROXY, MEMBER, STRANGER = "127.0.1.9", "127.0.1.10", "127.0.1.5", "127.0.2.1"
ROUTE = {
    "name": "office",
    "hosts": [NAME],
    "audience": "internal",
    # with the proxies, which are in the office's network
    "allow": ["127.0.1.0/24", "10.20.0.0/16"],
    "tls": False,
}
# By a proxy that adds the address which it sees; the first addresses are what a client says.
LET_IN = (["10.20.0.9"], ["198.51.100.7, 10.20.0.9"], ["10.20.0.9, 127.0.1.10"], ["198.51.100.7", "10.20.0.9"])
REFUSED = (
    [],
    ["198.51.100.7"],
    ["10.20.0.9, 198.51.100.7"],
    ["10.20.0.9", "198.51.100.7"],
    ["10.20.0.9, 198.51.100.7, 127.0.1.10"],
    ["10.20.0.9, unknown"],
    ["127.0.1.9"],
)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    points = {"web": WEB, "websecure": f"127.0.0.1:{free_port()}"}
    folder = tmp_path_factory.mktemp("edge")
    with running(folder, traefik_entry_points=points, traefik_trusted_proxies=[f"{PROXY}/32", OTHER_PROXY]) as one:
        one.declare(ROUTE)
        assert not one.declare(ROUTE)["changed"]
        yield one


def status(source: str, *forwarded: str, method: str = "GET", path: str = "/") -> int:
    return ask(WEB, NAME, source, [("X-Forwarded-For", one) for one in forwarded], path, method)[0]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.usefixtures("edge")
def test_the_word_of_a_proxy_decides(method: str) -> None:
    assert [status(PROXY, *said, method=method) for said in LET_IN] == [200] * len(LET_IN)
    assert [status(PROXY, *said, method=method) for said in REFUSED] == [403] * len(REFUSED)


@pytest.mark.usefixtures("edge")
def test_who_comes_directly_is_judged_by_the_own_address() -> None:
    for said in ([], ["10.20.0.9"], ["198.51.100.7"]):
        assert status(MEMBER, *said) == 200
        assert status(STRANGER, *said) == 403


@pytest.mark.usefixtures("edge")
def test_a_client_behind_a_proxy_does_not_say_which_host_is_meant() -> None:
    others = [("X-Forwarded-Host", one) for one in ("other.example", NAME)]
    _status, _headers, seen = ask(WEB, NAME, PROXY, [("X-Forwarded-For", "10.20.0.9"), *others])
    assert json.loads(seen)["headers"]["X-Forwarded-Host"] == NAME


def test_each_client_behind_a_proxy_has_a_limit_of_its_own(edge: Edge) -> None:
    edge.declare({**ROUTE, "rate_limit": {"average": 1, "burst": 3}})
    try:
        assert [status(PROXY, "10.20.0.9") for _turn in range(5)].count(429) >= 1
        assert status(PROXY, "10.20.0.10") == 200
    finally:
        edge.declare(ROUTE)
