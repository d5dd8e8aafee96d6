# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of an instance before users are, and what its answers say."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_warm_up import warm_up
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_warm_up import (
    WEB_CLIENT,
    Answer,
    Site,
    linked,
    redirected,
    sites_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_pages import ask_at

LOGIN = "/web/login"
STYLE = "/web/assets/1a2b3c4/web.assets_frontend.min.css"
PAGE = f'<link href="{STYLE}"><link href="{STYLE}"><script src="//elsewhere/web/assets/x.js"></script>'
HARBOUR = Site("harbour", "erp.harbour.example", 8169)


class Workers:
    """Two workers of an instance, each of which answers its first request slowly. broken: how many answers are 500."""

    def __init__(self, broken: int = 0, slow_s: float = 3.0) -> None:
        self.asked: Counter[str] = Counter()
        self.cold, self.broken, self.slow_s = 2, broken, slow_s
        self._lock = threading.Lock()

    def ask(self, _site: Site, path: str, _timeout: float) -> Answer:
        """One answer."""
        with self._lock:
            self.asked[path] += 1
            if self.broken:
                self.broken -= 1
                return Answer(path, 500)
            self.cold -= self.cold > 0
            return Answer(path, 200, self.slow_s if self.cold else 0.1, PAGE)


def test_pages_are_asked_for_until_all_are_fast_and_what_they_need_once() -> None:
    workers = Workers()
    (found,) = warm_up([HARBOUR], workers.ask, 1.0, Deadline(60))
    assert (found.first_s, found.last_s, found.gap) == (3.0, 0.1, "")
    assert workers.asked == {LOGIN: 8, STYLE: 1, **dict.fromkeys(WEB_CLIENT, 1)}
    assert found.requests == sum(workers.asked.values())


def test_an_instance_that_is_warm_is_asked_for_one_round() -> None:
    workers = Workers(slow_s=0.1)
    (found,) = warm_up([HARBOUR], workers.ask, 1.0, Deadline(60))
    assert workers.asked[LOGIN] == HARBOUR.at_once
    assert found.last_s == 0.1


def test_errors_of_an_instance_that_starts_are_waited_out() -> None:
    (found,) = warm_up([HARBOUR], Workers(broken=3).ask, 1.0, Deadline(60))
    assert found.gap == ""


def test_a_tenant_that_answers_with_errors_is_named_and_keeps_no_other_waiting() -> None:
    broken, good = Workers(broken=10**6), Workers()
    asked = {HARBOUR: broken, Site("quarry", "quarry.example", 8269): good}
    began = time.monotonic()
    found = warm_up(list(asked), lambda site, *args: asked[site].ask(site, *args), 1.0, Deadline(0.3))
    assert [one.gap for one in found] == ["/web/login answered 500", ""]
    assert time.monotonic() - began < 3


def test_a_tenant_that_stays_slow_is_told_so_before_the_time_is_over() -> None:
    deadline = Deadline(30)
    (found,) = warm_up([HARBOUR], lambda _site, path, _timeout: Answer(path, 200, 20.0, PAGE), 1.0, deadline)
    assert (found.last_s, found.gap) == (20.0, "")
    assert deadline.elapsed < 5


@pytest.mark.parametrize(
    ("tenant", "complaint"),
    [
        ({"host": "a b"}, "tenants: harbour: 'a b' is no host name"),
        ({"paths": ["web"]}, "tenants: harbour: 'web' is no path"),
        ({"paths": ["/a\r\nHost: x"]}, "is no path"),
    ],
)
def test_what_no_request_can_carry_is_refused(tenant: dict, complaint: str) -> None:
    given = {"name": "harbour", "host": "a.example", "http_port": 8069, "workers": 2, "paths": [LOGIN]}
    assert sites_from([given])[0].at_once == 4
    with pytest.raises(InputError, match=complaint):
        sites_from([{**given, **tenant}])


def test_assets_are_those_of_the_page_on_the_same_host() -> None:
    assert linked(PAGE) == (STYLE,)


@pytest.mark.parametrize(
    ("status", "location", "path"),
    [
        (303, "/web/login?redirect=%2Fodoo", "/web/login?redirect=%2Fodoo"),
        (303, "https://erp.harbour.example/web", "/web"),
        (303, "https://login.example/authorize", ""),
        (303, "", ""),
        (200, "/web", ""),
    ],
)
def test_a_redirect_is_followed_on_the_same_host(status: int, location: str, path: str) -> None:
    assert redirected(Answer(LOGIN, status, location=location), "ERP.harbour.example") == path


# Seconds that a redirect takes.
SLOW_S = 0.2


class _Odoo(BaseHTTPRequestHandler):
    """Answers as Odoo behind an edge does, and drips a body without an end at one path."""

    def do_GET(self) -> None:
        """One answer."""
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        names = (self.headers["Host"], self.headers["X-Forwarded-Host"], self.headers["X-Forwarded-Proto"])
        is_edge = names == ("erp.harbour.example", "erp.harbour.example", "https")
        if self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
        elif self.path == "/":
            time.sleep(SLOW_S)
            self.send_response(302)
            self.send_header("Location", "https://erp.harbour.example/web/login")
        else:
            self.send_response(200 if is_edge else 404)
        body = PAGE.encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Nothing."""


@contextmanager
def instance() -> Iterator[Site]:
    """An instance on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Odoo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Site("harbour", "erp.harbour.example", server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def test_an_instance_is_asked_as_an_edge_asks() -> None:
    with instance() as site:
        ask = partial(ask_at, "127.0.0.1", site)
        found = ask("/", 5)
        assert (found.status, found.page) == (200, PAGE)
        # a user waits for the redirect as well
        assert found.seconds >= SLOW_S
        assert ask("/round", 5).status == 302
    assert ask(LOGIN, 5).said().startswith("/web/login did not answer (")
    assert not ask(LOGIN, 5).is_good


def test_a_body_without_an_end_ends_with_the_time() -> None:
    with instance() as site:
        began = time.monotonic()
        found = ask_at("127.0.0.1", site, "/drip", 0.5)
    assert (found.status, found.error) == (0, "its body did not end in time")
    assert time.monotonic() - began < 3
