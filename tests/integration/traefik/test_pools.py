# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks on a real Traefik on loopback: as many as pools have servers, however many routes share these."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_sticky import cookie_value
from ansible_collections.gantry.odoo.plugins.modules import traefik_route, traefik_route_info

from .local import Answers, LocalTraefik, traefik

ROUTES, INTERVAL_S, SECONDS = 50, 1, 4


class _Counts(Answers):
    """Counts the health checks of all servers."""

    checks = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        if "health" in self.path:
            with self.lock:
                _Counts.checks += 1
        super().do_GET()


@contextmanager
def servers(count: int) -> Iterator[list[dict[str, Any]]]:
    """Servers that count their health checks, as an option has them."""
    with ExitStack() as running:
        made = [running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Counts)) for _number in range(count)]
        for one in made:
            threading.Thread(target=one.serve_forever, daemon=True).start()
            running.callback(one.shutdown)
        yield [{"url": f"http://127.0.0.1:{one.server_port}"} for one in made]


def checks_a_second() -> float:
    begun, before = time.monotonic(), _Counts.checks
    time.sleep(SECONDS)
    return (_Counts.checks - before) / (time.monotonic() - begun)


def routes(count: int, web: list[dict[str, Any]], sockets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    common = {"audience": "public", "tls": False, "health_interval": INTERVAL_S, "sticky": {"cookie": "node"}}
    pools = {"servers": web, "websocket_servers": sockets}
    return [{"name": f"r{number}", "hosts": [f"r{number}.example"], **common, **pools} for number in range(count)]


def served(edge: LocalTraefik, number: int, server: dict[str, Any]) -> set[str]:
    """Addresses of the servers that answer users of a route who were with a server."""
    cookie = f"node={cookie_value(server['url'])}"
    return {f"http://127.0.0.1:{edge.get(f'r{number}.example', Cookie=cookie)[1]}" for _turn in range(6)}


def test_checks_do_not_grow_with_routes(tmp_path: Path) -> None:
    with servers(4) as (one, two, *sockets), traefik(tmp_path, watch=True) as edge:
        declared = routes(ROUTES, [one, two], sockets)
        done = edge.call(traefik_route, routes=declared)
        assert set(done["routes"]["r7"]["servers"]) == {one["url"], two["url"]}
        # the first check is after an interval, and each one takes a moment
        assert 2 <= checks_a_second() <= 4 / INTERVAL_S * 1.25

        # a drain of one route leaves the users of the others where they are
        left = [{**one, "drained": True, "keeps_users": False}, two]
        done = edge.call(traefik_route, routes=[{**declared[0], "servers": left}])
        assert [step["action"] for step in done["steps"]] == ["drain"]
        assert (served(edge, 0, one), served(edge, 1, one)) == ({two["url"]}, {one["url"]})
        found = edge.call(traefik_route_info, certificates=False)
        assert found["faults"] == []
        states = {
            each["name"]: {server["url"]: server["state"] for server in each["servers"]} for each in found["routers"]
        }
        assert states["gantry.r0.http@file"] == {two["url"]: "unchecked", one["url"]: "drained"}
        assert states["gantry.r1.http@file"] == {one["url"]: "up", two["url"]: "up"}
