# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server is healthy when it answers its health check with 2xx or 3xx."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_pool


class Answer(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_the_status_decides(server: str) -> None:
    asked = [(server, path) for path in ("/200", "/302", "/404", "/503")]
    assert read_pool.faults(asked) == {
        (server, "/200"): "",
        (server, "/302"): "",
        (server, "/404"): f"{server}: status 404",
        (server, "/503"): f"{server}: status 503",
    }


def test_a_server_that_is_not_there_is_told() -> None:
    nobody = ("http://127.0.0.1:1", "/")
    assert "refused" in read_pool.faults([nobody])[nobody]
