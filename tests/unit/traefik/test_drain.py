# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of a drained server have left when none of them has sent a request for a while."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import apply_drain, plan_drain
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api
from ansible_collections.gantry.odoo.plugins.modules import traefik_drain

ONE, TWO = "gantry.harbour.kept-0123456789abcdef@file", "gantry.north.kept-0123456789abcdef@file"
POOL = "gantry.pool-0123456789abcdef@file"
METRICS = f"""# TYPE traefik_router_requests_total counter
traefik_router_requests_total{{code="200",method="GET",protocol="http",router="{ONE}",service="{POOL}"}} 3
traefik_router_requests_total{{code="303",method="POST",protocol="http",router="{ONE}",service="{POOL}"}} 1.5e+01
traefik_router_requests_total{{code="200",method="GET",protocol="http",router="gantry.harbour.http@file"}} 99
traefik_router_requests_bytes_total{{code="200",method="GET",protocol="http",router="{ONE}",service="{POOL}"}} 7
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{POOL}"}} 117
"""


def test_requests_are_those_of_all_kinds() -> None:
    assert plan_drain.requests_of(METRICS, [ONE]) == 18
    assert plan_drain.requests_of(METRICS, [TWO]) == 0
    assert plan_drain.requests_of(METRICS.replace(f'"{ONE}"', f'"{TWO}"'), [ONE, TWO]) == 18


def test_routers_are_those_of_the_owner() -> None:
    others = ("other.x.kept-0123456789abcdef@file", "gantry.harbour.http@file", "gantry.harbour.http-body@file")
    bodies = ONE.replace("@", "-body-proxied-1@")
    raw = {"routers": {name: {} for name in (ONE, TWO, bodies, *others)}}
    assert plan_drain.kept_routers(raw, "gantry") == sorted([ONE, TWO, bodies])
    assert plan_drain.kept_routers({}, "gantry") == []


def test_a_request_begins_the_quiet_time_again() -> None:
    watch = plan_drain.Watch(5, 0.0, 5)
    assert (watch.is_quiet(9.9, 10), watch.is_quiet(10, 10)) == (False, True)
    later = watch.after(6, 8.0)
    assert (later.is_quiet(10, 10), later.is_quiet(18, 10), later.seen) == (False, True, 1)
    assert later.after(6, 12.0) is later


class Counter(Api):
    """Traefik whose kept users send a request each time that somebody looks, so many in all."""

    def __init__(self, requests: int, routers: tuple[str, ...] = (ONE,)) -> None:
        super().__init__("http://127.0.0.1:1", 1.0)
        object.__setattr__(self, "left", requests)
        object.__setattr__(self, "counted", 0)
        object.__setattr__(self, "listed", routers)

    def metrics(self) -> str:
        more = int(self.left > 0)  # type: ignore[attr-defined]
        object.__setattr__(self, "left", self.left - more)  # type: ignore[attr-defined]
        object.__setattr__(self, "counted", self.counted + more)  # type: ignore[attr-defined]
        return f'traefik_router_requests_total{{code="200",router="{ONE}"}} {self.counted}\n'  # type: ignore[attr-defined]

    def raw(self) -> dict[str, dict[str, object]]:
        return {"routers": {name: {} for name in self.listed}}  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_drain, "_INTERVAL_S", 0.01)


def test_it_ends_when_users_have_left() -> None:
    watch, left = apply_drain.wait_until_left(Counter(3), [ONE], Deadline(30), 0.05)
    assert (watch.seen, left) == (2, True)


def test_it_ends_with_users_when_the_time_is_over() -> None:
    watch, left = apply_drain.wait_until_left(Counter(10**6), [ONE], Deadline(0.1), 0.05)
    assert watch.seen > 0
    assert not left


def drain(monkeypatch: pytest.MonkeyPatch, api: Counter, *, check: bool = False, **params: int) -> dict[str, object]:
    monkeypatch.setattr(traefik_drain, "Api", lambda *_given: api)
    given = {"owner": "gantry", "api_url": "http://x", "seconds": 30, "quiet": 1, **params}
    return dict(traefik_drain.work(Call(given, check_mode=check)).values())


def test_the_module_says_what_it_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = drain(monkeypatch, Counter(10**6), seconds=0)
    assert (seen["left"], seen["routers"], seen["changed"]) == (False, [ONE], False)
    assert drain(monkeypatch, Counter(10**6), check=True)["left"] is False
    empty = drain(monkeypatch, Counter(0, ()))
    assert (empty["left"], empty["routers"], empty["requests"]) == (True, [], 0)
