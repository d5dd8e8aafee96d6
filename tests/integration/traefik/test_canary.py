# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A canary on a real Traefik on loopback: who gets there, who stays, and what becomes of them when it dies or ends."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_sticky import cookie_value
from ansible_collections.gantry.odoo.plugins.modules import traefik_route, traefik_route_info

from .local import LocalTraefik, server, traefik

NAME, COOKIE = "erp.harbour.example", "gantry-harbour"
HEADER = {"name": "X-Canary", "value": "next"}


@dataclass
class Rig:
    """A Traefik with two servers, of which the second can be stopped."""

    traefik: LocalTraefik
    stays: str
    trial: str
    running: contextlib.ExitStack

    def declare(self, *, check: bool = False, **canary: Any) -> dict[str, Any]:
        """Declare the route, with a canary where something is said of it."""
        one = {
            "name": "harbour",
            "hosts": [NAME],
            "audience": "public",
            "tls": False,
            "sticky": {"cookie": COOKIE},
            "health_interval": 1,
        }
        one["servers"] = [{"url": self.stays}, {"url": self.trial}]
        if canary:
            one["canary"] = {"servers": [self.trial], **canary}
        return self.traefik.call(traefik_route, routes=[one], check=check)

    def users(self, count: int, **headers: str) -> Counter[str]:
        """The servers that answer users, one request each."""
        seen = [self.traefik.get(NAME, **headers) for _turn in range(count)]
        assert {status for status, _body, _cookie in seen} == {200}
        return Counter(f"http://127.0.0.1:{body}" for _status, body, _cookie in seen)

    def of(self, url: str) -> str:
        """The cookie of a user who stays with a server."""
        return f"{COOKIE}={cookie_value(url)}"


@pytest.fixture
def rig(tmp_path: Any) -> Iterator[Rig]:
    with contextlib.ExitStack() as running, server() as stays, traefik(tmp_path, watch=True) as one:
        yield Rig(one, stays, running.enter_context(server()), running)


def actions(done: dict[str, Any]) -> list[str]:
    return [step["action"] for step in done["steps"]]


def test_users_of_a_canary_from_its_beginning_to_its_end(rig: Rig) -> None:
    rig.declare()
    planned, done = (rig.declare(check=check, percent=10, header=HEADER) for check in (True, False))
    assert (actions(planned), actions(done)) == (["begin canary"], ["begin canary"])
    assert done["routes"]["harbour"]["canary"] == [rig.trial]
    assert not rig.declare(percent=10, header=HEADER)["changed"]
    info = rig.traefik.call(traefik_route_info, certificates=False)
    assert {one["canary"]["percent"] for one in info["routers"]} == {10}
    assert info["faults"] == []

    assert rig.users(50) == {rig.stays: 45, rig.trial: 5}
    assert rig.users(5, X_Canary="next") == {rig.trial: 5}
    for url in (rig.stays, rig.trial):
        assert rig.users(5, Cookie=rig.of(url)) == {url: 5}
        assert actions(rig.declare(percent=20, header=HEADER)) in ([], ["change canary"])
        assert rig.users(5, Cookie=rig.of(url)) == {url: 5}
    # the header is asked for first, and its user stays afterwards
    _status, _body, cookie = rig.traefik.get(NAME, X_Canary="next", Cookie=rig.of(rig.stays))
    assert cookie == rig.of(rig.trial)

    # promoted, and once more aborted: users are where the declaration has them
    assert actions(rig.declare()) == ["end canary"]
    assert rig.users(5, Cookie=rig.of(rig.trial)) == {rig.trial: 5}
    assert rig.users(20) == {rig.stays: 10, rig.trial: 10}
    rig.declare(percent=20)
    assert actions(rig.declare(percent=0)) == ["change canary"]
    assert rig.users(20) + rig.users(5, Cookie=rig.of(rig.trial)) == {rig.stays: 25}


def test_nobody_is_left_to_a_dead_canary(rig: Rig) -> None:
    rig.declare()
    port = int(rig.trial.rpartition(":")[2])
    rig.running.close()
    with pytest.raises(RefusedError, match="would send users to a canary of which no server answers /web/health"):
        rig.declare(percent=20, header=HEADER)
    with server(port):
        rig.declare(percent=20, header=HEADER)
        assert rig.users(3, X_Canary="next") == {rig.trial: 3}
    # the first requests meet it dead, and none of them fails
    assert rig.users(3, X_Canary="next") + rig.users(3, Cookie=rig.of(rig.trial)) + rig.users(10) == {rig.stays: 16}
    # it can be ended and aborted while it is dead
    assert actions(rig.declare(percent=0)) == ["change canary"]
