# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab.load`: logged-in users who keep asking while the estate is changed, and what they saw.

Runs until SIGTERM, SIGINT or the end of its duration, then writes a JSON summary. Exit code 0: nothing went wrong;
1: requests failed, users were logged out or held connections were cut; 2: the load could not start.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab import held as holding
from tests.lab.browser import AnswerError, Browser, LoggedOutError, Site
from tests.lab.held import POLL_S, Held, Watcher
from tests.lab.state import write
from tests.lab.tally import Tally, summary

# The first page after a start of Odoo is compiled while the user waits.
TIMEOUT_S = 30.0
TROUBLE = (OSError, http.client.HTTPException, AnswerError)


@dataclass(frozen=True)
class Tenant:
    """One tenant under load and the user who asks."""

    name: str
    site: Site
    user: str
    password: str


@dataclass(frozen=True)
class Plan:
    """How much load: requests a second over all tenants, users a tenant, connections held a tenant."""

    rate: float
    users: int
    idle: int
    websockets: int


def read_user(browser: Browser) -> None:
    """Read the user's own record from the database."""
    rows = browser.call(
        "/web/dataset/call_kw/res.users/read",
        {"model": "res.users", "method": "read", "args": [[browser.uid], ["login"]], "kwargs": {}},
    )
    if [row["id"] for row in rows] != [browser.uid]:
        raise AnswerError(f"res.users/read gave {rows} for user {browser.uid}")


def read_session(browser: Browser) -> None:
    """Ask who is logged in."""
    uid = browser.call("/web/session/get_session_info", {}).get("uid")
    if uid != browser.uid:
        raise LoggedOutError(f"the session belongs to user {uid}, not to {browser.uid}")


def read_page(browser: Browser) -> None:
    """Load the page of the web client."""
    browser.page("/odoo")


# The page costs Odoo ten times a call, so users ask for it a tenth as often.
ROUND = (*(read_user, read_session) * 4, read_user, read_page)


class Load:
    """A running load: threads that ask, threads that hold, counts by tenant."""

    def __init__(self, tenants: list[Tenant], plan: Plan) -> None:
        self._tenants = tenants
        self._plan = plan
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._started = 0.0
        self._tallies: dict[str, Tally] = {}
        self._idle, self._websockets = Held(0, []), Held(0, [])

    def stop(self, *_: Any) -> None:
        """Ask all threads to end; also a signal handler."""
        self._stop.set()

    def start(self) -> None:
        """Log every user in and begin; AnswerError or OSError where one cannot, or a connection cannot be held."""
        browsers = [(tenant, self._log_in(tenant)) for tenant in self._tenants for _turn in range(self._plan.users)]
        self._started = time.monotonic()
        self._tallies = {tenant.name: Tally(self._started) for tenant in self._tenants}
        period = len(browsers) / self._plan.rate
        for number, (tenant, browser) in enumerate(browsers):
            self._spawn(partial(self._ask, tenant, browser, period, number * period / len(browsers)))
        for tenant in self._tenants:
            for _turn in range(self._plan.idle):
                self._hold(holding.idle_https(tenant.site, TIMEOUT_S), self._idle, tenant.name)
            for _turn in range(self._plan.websockets):
                self._hold(holding.websocket(self._log_in(tenant), TIMEOUT_S), self._websockets, tenant.name)
        self._await_held(self._idle, self._plan.idle * len(self._tenants))
        self._await_held(self._websockets, self._plan.websockets * len(self._tenants))

    def finish(self, seconds: float) -> dict[str, Any]:
        """Wait for `stop` or for `seconds` to pass, end all threads, and return the summary."""
        self._stop.wait(seconds)
        ended = time.monotonic()
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)
        for tally in self._tallies.values():
            tally.finish(ended)
        cuts = [*self._idle.cuts, *self._websockets.cuts]
        return {
            **summary(list(self._tallies.values())),
            "duration_s": round(ended - self._started, 3),
            "cut": len(cuts),
            "held": {
                "idle": {"opened": self._idle.opened, "cut": self._idle.cut},
                "websocket": {"opened": self._websockets.opened, "cut": self._websockets.cut},
                "cuts": cuts,
            },
            "tenants": {name: summary([tally]) for name, tally in self._tallies.items()},
        }

    def _log_in(self, tenant: Tenant) -> Browser:
        browser = Browser(tenant.site, TIMEOUT_S)
        browser.login(tenant.user, tenant.password)
        # A connection is made when the load begins, not to lie idle until then.
        browser.close()
        return browser

    def _spawn(self, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _hold(self, watcher: Watcher, held: Held, name: str) -> None:
        self._spawn(lambda: holding.hold(watcher, self._stop, held, name))

    def _await_held(self, held: Held, wanted: int) -> None:
        """Wait until all connections of one kind stand: one that never did cannot be cut."""
        ends = time.monotonic() + TIMEOUT_S
        while held.opened < wanted:
            if held.cuts:
                raise AnswerError(f"a connection to hold could not be opened: {held.cuts[0]}")
            if time.monotonic() > ends:
                raise AnswerError(f"{held.opened} of {wanted} connections to hold were open after {TIMEOUT_S:g} s")
            time.sleep(POLL_S)

    def _ask(self, tenant: Tenant, browser: Browser, period: float, offset: float) -> None:
        """One user: a request each `period` seconds, the first after `offset`; a late one is not made up for."""
        tally = self._tallies[tenant.name]
        due = self._started + offset
        for question in itertools.cycle(ROUND):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            known = browser.connections
            _count(tally, tenant, browser, question)
            tally.reconnected(browser.connections - known)
            due = max(due + period, time.monotonic())
        browser.close()


def _count(tally: Tally, tenant: Tenant, browser: Browser, question: Callable[[Browser], None]) -> None:
    began = time.monotonic()
    try:
        question(browser)
    except LoggedOutError as error:
        tally.went_wrong(began, f"{tenant.name}: {error}", logged_out=True)
        _log_in_again(tally, tenant, browser)
    except TROUBLE as error:
        tally.went_wrong(began, f"{tenant.name}: {type(error).__name__} {error}")
    else:
        tally.succeeded(began, time.monotonic())


def _log_in_again(tally: Tally, tenant: Tenant, browser: Browser) -> None:
    """As the person would: one lost session is counted once, not with every request after it."""
    try:
        browser.login(tenant.user, tenant.password)
    except (*TROUBLE, LoggedOutError) as error:
        tally.went_wrong(time.monotonic(), f"{tenant.name}: logging in again: {error}")


def main() -> int:
    """Run one load as the command line says."""
    arguments = _parse()
    context = ssl.create_default_context(cafile=arguments.ca_file)
    try:
        tenants = [
            Tenant(
                name, Site(url, tuple(arguments.edge), context), user, Path(file).read_text(encoding="utf-8").strip()
            )
            for name, url, user, file in arguments.tenant
        ]
        load = Load(tenants, Plan(arguments.rate, arguments.users, arguments.idle, arguments.websockets))
        signal.signal(signal.SIGTERM, load.stop)
        signal.signal(signal.SIGINT, load.stop)
        load.start()
    except (*TROUBLE, LoggedOutError) as error:
        print(f"load: could not start: {error}", file=sys.stderr)
        return 2
    print("load: started", flush=True)
    counted = load.finish(arguments.duration)
    write(arguments.output, json.dumps(counted, indent=2) + "\n")
    return 1 if counted["failed"] or counted["logged_out"] or counted["cut"] else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.load", description=__doc__)
    parser.add_argument(
        "--tenant",
        nargs=4,
        action="append",
        required=True,
        metavar=("NAME", "URL", "USER", "PASSWORD_FILE"),
        help="a tenant to ask, the user who asks, and the file with the password; may be repeated",
    )
    parser.add_argument(
        "--edge",
        action="append",
        required=True,
        help="IP address that stands for every tenant's host name; may be repeated",
    )
    parser.add_argument("--ca-file", required=True, help="authorities that verify the edge, PEM")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second in all (default: %(default)s)")
    parser.add_argument("--users", type=int, default=2, help="users a tenant, a connection each (default: %(default)s)")
    parser.add_argument("--idle", type=int, default=0, help="idle HTTPS connections to hold a tenant")
    parser.add_argument("--websockets", type=int, default=0, help="websockets to hold a tenant")
    parser.add_argument("--duration", type=float, default=3600.0, help="seconds at most (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="where the summary is written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
