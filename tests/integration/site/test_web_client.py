# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user has on the screen: the web client in Chromium, over HTTPS that it verifies, while nodes are patched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.chromium import SCREENSHOTS, Chromium

from .conftest import Estate

TENANT = "north"
URL = f"https://{TENANT}.lab.example"
SECOND = "app2"
BACK_WITHIN_S = 5
# A script of the page shows the form.
FORM = "return !!document.querySelector('input[name=login]')?.offsetParent"
CLIENT = "return !!document.querySelector('.o_main_navbar') && !!odoo.__WOWL_DEBUG__"
# The service of the web client that keeps the websocket to the bus, and what it says of it.
BUS = "odoo.__WOWL_DEBUG__.root.env.services.bus_service"
CONNECTED = f"return {BUS}.workerState === 'CONNECTED'"
RECORD = f"""
for (const kind of ["BUS:DISCONNECT", "BUS:CONNECT", "BUS:RECONNECT"]) {{
    {BUS}.addEventListener(kind, () => window.gantrySeen.push([kind, performance.now() / 1000]));
}}
window.gantrySeen = [];
"""
TAKEN = "return window.gantrySeen.splice(0)"


@contextmanager
def user(estate: Estate) -> Iterator[Chromium]:
    """Somebody who has logged in, and sees the web client."""
    with Chromium(estate.lab, estate.lab.state.acme_root.read_bytes()) as browser:
        page = browser.open(f"{URL}/web/login")
        assert (page["status"], page["security"]) == (200, "secure")
        browser.wait(FORM)
        browser.fill("input[name=login]", "admin")
        browser.fill("input[name=password]", estate.lab.state.secret(f"admin_{TENANT}"))
        browser.click("button[type=submit]")
        browser.wait(CLIENT)
        browser.wait(CONNECTED)
        yield browser


def outages(seen: list[tuple[str, float]]) -> list[float]:
    """Seconds from each end of the websocket to the next one that is connected."""
    found: list[float] = []
    ended = None
    for kind, at in seen:
        if kind == "BUS:DISCONNECT":
            ended = at
        elif kind in ("BUS:CONNECT", "BUS:RECONNECT") and ended is not None:
            found.append(round(at - ended, 2))
            ended = None
    assert ended is None, f"the websocket did not come back: {seen}"
    return found


def test_a_user_logs_in_and_the_websocket_is_connected(estate: Estate) -> None:
    with user(estate) as browser:
        assert browser.ask("return location.href").startswith(f"{URL}/odoo")
        assert browser.ask("return isSecureContext") is True
        browser.screenshot(SCREENSHOTS / "web-client.png")


@pytest.mark.deep
def test_the_websocket_is_back_in_time_while_each_node_is_patched(estate: Estate) -> None:
    children = estate.inventory["all"]["children"]
    estate.hosts.update(estate.lab.up([SECOND]))
    children["app"]["hosts"][SECOND] = estate.lab.connection(SECOND)
    estate.play("site").expect_success()

    with user(estate) as browser:
        browser.ask(RECORD)
        for release in ("2026.11.2", "2026.11.1"):
            estate.play("patch", {"patch_release": release}).expect_success()
            browser.wait(CONNECTED)
            # the second node is the last one to be patched, so that the second patch takes both of them away
            found = outages(browser.ask(TAKEN))
            assert len(found) == 2 or (len(found) == 1 and release == "2026.11.2"), found
            assert max(found) <= BACK_WITHIN_S, found
        # the page was never loaded again, and still answers
        assert browser.ask(f"return {BUS}.isActive") is True
        assert browser.ask(CLIENT) is True
