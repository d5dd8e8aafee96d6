# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Browsers that stay with a server on a real Traefik: while it is drained, when it dies, and when it is taken away."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .edge import Edge, ask

NAME = "sticky.example"
COOKIE = "gantry-sticky"
STAYS, LEAVES = "http://127.0.0.1:9001", "http://127.0.0.1:9003"
ROUTE = {"name": "sticky", "hosts": [NAME], "sticky": {"cookie": COOKIE}, "health_interval": 1}
THEIRS = f"{COOKIE}={hashlib.sha256(LEAVES.encode()).hexdigest()[:16]}"

Declare = Callable[..., dict[str, Any]]


def route(**leaves: Any) -> dict[str, Any]:
    return {**ROUTE, "servers": [{"url": STAYS}, {"url": LEAVES, **leaves}]}


def server(edge: Edge, **headers: str) -> str:
    status, _headers, body = edge.get("/web", name=NAME, **headers)
    assert status == 200, body
    return str(json.loads(body)["server"])


@pytest.fixture
def _leaving(edge: Edge, declare: Declare) -> Iterator[None]:
    edge.start_backend(9003)
    declare([route()])
    yield
    declare([{"name": "sticky", "state": "absent"}])
    edge.host.attempt(["systemctl", "stop", "backend-9003"])


@pytest.mark.usefixtures("_leaving")
def test_a_browser_stays_until_its_server_dies(edge: Edge, declare: Declare) -> None:
    cookies = {edge.get("/web", name=NAME)[1]["set-cookie"] for _turn in range(8)}
    assert f"{THEIRS}; Path=/; HttpOnly; Secure; SameSite=Lax" in cookies
    assert len(cookies) == 2
    assert {server(edge, Cookie=f"tz=UTC; {THEIRS}") for _turn in range(8)} == {"9003"}

    done = declare([route(drained=True)])
    assert (done["routes"]["sticky"]["drained"], done["routes"]["sticky"]["keeping"]) == ([LEAVES], [LEAVES])
    assert {server(edge) for _turn in range(8)} == {"9001"}
    assert {server(edge, Cookie=f"tz=UTC; {THEIRS}") for _turn in range(8)} == {"9003"}
    assert not declare([route(drained=True)])["changed"]

    # the first requests meet it dead, and none of them fails
    edge.host.run(["systemctl", "stop", "backend-9003"])
    connection, answers = edge.connect(NAME), []
    for _turn in range(20):
        answers.append(ask(connection, "/web", NAME, Cookie=THEIRS))
    assert {(status, json.loads(body)["server"]) for status, _headers, body in answers} == {(200, "9001")}
    new = answers[0][1]["set-cookie"].partition(";")[0]
    assert new != THEIRS
    assert server(edge, Cookie=new) == "9001"

    # also where each change of routes makes it healthy for a moment
    declare([{**route(drained=True), "hsts_seconds": 1}])
    assert server(edge, Cookie=THEIRS) == "9001"


@pytest.mark.usefixtures("_leaving")
def test_a_drain_waits_for_browsers_and_not_for_ever(
    edge: Edge, declare: Declare, ansible_module: Callable[..., dict[str, Any]]
) -> None:
    def wait(**options: Any) -> dict[str, Any]:
        return ansible_module("edge1", "gantry.odoo.traefik_drain", options)

    assert wait(seconds=60)["routers"] == []
    declare([route(drained=True)])
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.3):
            server(edge, Cookie=THEIRS)

    user = threading.Thread(target=work)
    user.start()
    try:
        busy = wait(seconds=4, quiet=2)
    finally:
        over.set()
        user.join(timeout=60)
    assert (busy["left"], busy["changed"]) == (False, False)
    assert busy["requests"] > 3
    kept = f"gantry.sticky.kept-{THEIRS.partition('=')[2]}"
    assert busy["routers"] == [*(f"{kept}-{kind}@file" for kind in ("body", "file", "upload")), f"{kept}@file"]
    quiet = wait(seconds=60, quiet=1)
    assert quiet["left"]
    assert quiet["seconds"] < 10

    # the time is over, and whoever is left goes on to another server before this one is stopped
    taken = declare([route(drained=True, keeps_users=False)])
    assert [step["why"] for step in taken["steps"]] == ["keeps no users"]
    assert {server(edge, Cookie=THEIRS) for _turn in range(8)} == {"9001"}
