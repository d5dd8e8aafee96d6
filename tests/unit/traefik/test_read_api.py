# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of the API is read to its end, whatever its length, and one object is there or not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api


class Pages(BaseHTTPRequestHandler):
    """Answers lists as Traefik does: a page that begins behind the end is 400."""

    count = 0
    objects: ClassVar[dict[str, int]] = {
        "/api/http/routers/a%2Fb%40file": 200,
        "/api/tcp/services/db%40file": 200,
        "/api/udp/routers/x%40file": 503,
    }

    def do_GET(self) -> None:
        if self.path.count("/") > 2:
            self.send_response(self.objects.get(self.path, 404))
            self.end_headers()
            self.wfile.write(json.dumps({"path": self.path}).encode())
            return
        asked = {key: int(value[0]) for key, value in parse_qs(urlsplit(self.path).query).items()}
        page, size = asked.get("page", 1), asked.get("per_page", 100)
        start, end = (page - 1) * size, min(page * size, self.count)
        self.send_response(400 if start and start >= self.count else 200)
        self.send_header("X-Next-Page", str(page + 1 if end < self.count else 1))
        self.end_headers()
        self.wfile.write(json.dumps([{"name": f"n{number}"} for number in range(start, end)]).encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Api(f"http://127.0.0.1:{server.server_port}", 10.0)
        server.shutdown()


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 250])
def test_a_list_is_read_to_its_end(api: Api, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(Pages, "count", count)
    assert [one["name"] for one in api.certificates()] == [f"n{number}" for number in range(count)]
    assert len(api.entry_points()) == count


def test_one_object_is_there_or_not(api: Api) -> None:
    assert api.one("routers", "a/b") == {"path": "/api/http/routers/a%2Fb%40file"}
    assert api.one("tcpServices", "db") == {"path": "/api/tcp/services/db%40file"}
    assert api.one("middlewares", "db") is None
    # busy, and nothing is known of it
    with pytest.raises(UnreachableError, match="did not answer"):
        api.one("udpRouters", "x")
