# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The maintenance page of a route on a real Traefik, with the process of the role and without it, and in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab import pki
from tests.lab.chromium import SCREENSHOTS, Chromium
from tests.lab.errors import LabError
from tests.lab.hosts import Lab

from .edge import CERTIFICATE, KEY, Edge
from .edge import NAME as CERTIFIED

NAME = "page.example"
ROUTE = {"name": "page", "hosts": [NAME], "servers": [{"url": "http://127.0.0.1:9001"}]}
WORDS = "Wartung & Umzug\nWir sind um <b>12 Uhr</b> zurück."
UNIT = "gantry-maintenance-page.service"


def test_users_read_the_words_of_the_tenant(edge: Edge, declare: Callable[..., dict[str, Any]]) -> None:
    away = {**ROUTE, "mode": "maintenance", "maintenance_page": WORDS, "retry_after": 300}
    declare([away])
    for path in ("/web/login", "/websocket", "/longpolling/poll"):
        status, headers, body = edge.get(path, name=NAME)
        assert (status, headers["retry-after"], headers["cache-control"]) == (503, "300", "no-store")
        assert "<title>Wartung &amp; Umzug</title>" in body
        assert "<p>Wir sind um &lt;b&gt;12 Uhr&lt;/b&gt; zurück.</p>" in body
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["strict-transport-security"] == "max-age=31536000"
    assert not declare([away])["changed"]

    edge.host.run(["systemctl", "stop", UNIT])
    status, headers, _body = edge.get("/web/login", name=NAME)
    assert (status, headers["retry-after"], headers["cache-control"]) == (503, "300", "no-store")
    edge.host.run(["systemctl", "start", UNIT])

    declare([ROUTE])
    assert edge.get("/web/login", name=NAME)[0] == 200
    declare([{"name": "page", "state": "absent"}])


def test_a_browser_shows_the_page_and_verifies_the_edge(
    lab: Lab, edge: Edge, run_role: Callable[..., PlaybookRun], declare: Callable[..., dict[str, Any]]
) -> None:
    certificate, key = pki.issue(lab.state, [CERTIFIED, NAME], [])
    edge.host.write(CERTIFICATE, certificate)
    edge.host.write(KEY, key, mode=0o600)
    run_role("certificates").expect_success()
    declare([{**ROUTE, "mode": "maintenance", "maintenance_page": WORDS, "retry_after": 300}])
    url, hosts = f"https://{NAME}/web/login", {NAME: edge.host.address}

    with Chromium(lab, hosts=hosts) as stranger, pytest.raises(LabError, match="ERR_CERT_AUTHORITY_INVALID"):
        stranger.open(url)
    with Chromium(lab, lab.state.ca.read_bytes(), hosts) as browser:
        page = browser.open(url)
        assert (page["url"], page["status"], page["security"]) == (url, 503, "secure")
        assert (page["headers"]["retry-after"], page["headers"]["cache-control"]) == ("300", "no-store")
        assert browser.ask("return document.title") == "Wartung & Umzug"
        assert browser.ask("return document.body.innerText").split("\n\n") == WORDS.split("\n")
        # its style is let in by its own policy
        assert browser.ask("return getComputedStyle(document.body).fontFamily") == "system-ui, sans-serif"
        browser.screenshot(SCREENSHOTS / "maintenance-page.png")
    declare([{"name": "page", "state": "absent"}])
