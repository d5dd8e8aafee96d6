# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pages an edge is asked for at which of its entry points, and which answers prove them."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_pages, read_pages
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import Address, EntryPoints
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_pages import Answer, Page
from tests.lab import issued

from .builders import route

NAME = "erp.harbour.example"
LIVE = {"websecure": {"address": "192.0.2.1:8443"}, "websecure-internal": {"address": ":9443"}}
OWN = EntryPoints("", "websecure-internal", 9443)
PAGE = Page(f"https://{NAME}", "/web/login", "websecure", Address("192.0.2.1", 8443))


def office(**changes: Any) -> Route:
    return replace(route(name="office", audience="internal", allow=["10.0.0.0/8"]), **{"points": OWN, **changes})


def asked(*routes: Route, url: str = f"https://{NAME}", own: str = "10.0.0.5") -> list[tuple[str, int, str, bool]]:
    found = plan_pages.pages([url], "/web/login", routes, LIVE, lambda _network: own)
    return [(one.place.reached, one.place.port, one.source, one.is_allowed) for one in found if one.place]


def test_an_address_is_asked_for_at_each_entry_point_that_has_it() -> None:
    public, url = ("192.0.2.1", 8443, "", True), f"https://{NAME}:9443"
    assert asked(route(), office()) == [public]
    assert asked(route(), office(), url=url) == [("127.0.0.1", 9443, "10.0.0.5", True)]
    # two addresses of the edge with the same port
    near = office(points=replace(OWN, port=443))
    assert asked(route(), near) == [public, ("127.0.0.1", 9443, "10.0.0.5", True)]
    # two audiences at one entry point, of which the second lets nobody on this host in
    common = office(points=EntryPoints())
    assert asked(route(), common) == [public, ("192.0.2.1", 8443, "10.0.0.5", True)]
    assert asked(route(), common, own="") == [public]
    # what is not served by TLS is no page at an address with https
    assert asked(replace(route(), tls=False)) == []


@pytest.mark.parametrize(
    ("own", "proxies"), [("192.168.0.1", ()), ("", ()), ("fd00::5", ()), ("10.0.0.5", ("10.0.0.0/24",))]
)
def test_without_a_member_the_system_chooses_the_address(own: str, proxies: tuple[str, ...]) -> None:
    one = office(points=replace(OWN, proxies=proxies), allow=("10.0.0.0/8", "fd00::/8"))
    assert asked(one, url=f"https://{NAME}:9443", own=own) == [("127.0.0.1", 9443, "", False)]


def test_an_entry_point_that_is_not_there_is_a_fault() -> None:
    (one,) = plan_pages.pages([f"https://{NAME}"], "/", [route()], {}, lambda _network: "")
    assert plan_pages.fault(one, Answer(), 1) == (
        f"Traefik has no entry point websecure, at which the route for https://{NAME} is; set it up with "
        "gantry.odoo.site"
    )


def test_addresses_are_read_in_one_spelling() -> None:
    given = [f"https://{NAME}", f"https://{NAME.upper()}/", f"HTTPS://{NAME}:443", f"https://{NAME}:9443"]
    assert plan_pages.require_urls(given, "/") == [f"https://{NAME}", f"https://{NAME}:9443"]


@pytest.mark.parametrize(
    "url",
    ["http://a.example", "a.example", "https://a.example/web", "https://u@a.example", "https://a.example:x", "https://",
     "https://a.example:0", "https://[::1", "https://.example", "https://a.example?x"],
)  # fmt: skip
def test_what_is_no_address_of_a_tenant_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=r"^urls: .* is no address of a tenant; accepted are https://NAME and "):
        plan_pages.require_urls([url], "/")


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"^path is 'web'; it begins with / and has no spaces"):
        plan_pages.require_urls([], "web")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(200), ""),
        (Answer(303, "https://login.example/authorize?client=1"), ""),
        (Answer(is_here=False), ""),
        (Answer(303, "/web/login"), "sends its users from one page to the next (303); see web.base.url of the tenant"),
        (Answer(304), "answers 304 where 200 is right, after 2 s; see its route and servers with "),
        (Answer(303, "https://[::1"), "answers 303 where 200"),
        (Answer(204), "answers 204 where 200"),
        (Answer(503), "answers 503 where 200"),
        (Answer(403), "answers 403 where 200"),
        (Answer(error="Connection\n refused"), "did not answer within 2 s (Connection refused); start Traefik"),
        (Answer(error="expired", is_trusted=False), "has a certificate that this edge does not trust (expired); renew"),
    ],
)
def test_an_answer_proves_the_page_or_is_said_to_be_wrong(answer: Answer, said: str) -> None:
    found = plan_pages.fault(PAGE, answer, 2)
    where = f"https://{NAME}/web/login at 192.0.2.1 port 8443 "
    assert found.startswith(where + said) if said else found == ""


def test_who_may_not_come_is_right_to_be_refused() -> None:
    stranger = replace(PAGE, is_allowed=False)
    assert plan_pages.fault(stranger, Answer(403), 2) == ""
    assert "answers 503 where 200" in plan_pages.fault(stranger, Answer(503), 2)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/fr/web/login?x=1", "/fr/web/login?x=1"),
        ("login?x=1", "/web/login?x=1"),
        (f"https://{NAME}", "/"),
        # Odoo without proxy_mode, which Traefik leads back to TLS
        (f"http://{NAME}/odoo", "/odoo"),
        ("https://login.example/", ""),
        ("", ""),
    ],
)
def test_redirects_within_the_host_are_followed(location: str, path: str) -> None:
    assert plan_pages.followed(PAGE, "/web/login", Answer(303, location)) == path


def test_a_page_that_another_host_has_now_is_named() -> None:
    shown = [plan_pages.shown(PAGE, Answer(200, is_here=here), 1) for here in (True, False)]
    shown.append(plan_pages.shown(Page("https://a", "/", fault="no route"), Answer(), 1))
    assert plan_pages.elsewhere(shown) == [
        f"https://{NAME}/web/login is not proven by this host, as another one has 192.0.2.1 now; ask the host that has "
        "it"
    ]


class Tenant(http.server.BaseHTTPRequestHandler):
    """Chooses the database by a cookie, as Odoo 14 does, and is late with its first page."""

    late: ClassVar[int] = 0
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(f"{self.headers['Host']}{self.path} {self.headers['Cookie']}")
        chosen = self.headers["Cookie"] == "session_id=1; theme=dark"
        late = chosen and len(self.asked) < self.late
        self.send_response(503 if late else 200 if chosen else 303)
        if not chosen:
            self.send_header("Location", "/web/login?db=1" if self.path != "/loop" else "/loop")
            self.send_header("Set-Cookie", "session_id=1; Path=/; HttpOnly")
            self.send_header("Set-Cookie", f"theme={'dark' if self.path != '/loop' else 'none'}; Path=/")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A tenant's page by TLS, whose authority this host trusts."""
    now = datetime.now(timezone.utc)
    root, middle = issued.authority(now)
    pair = issued.issue(NAME, now, middle, names=[NAME])
    for name, content in (("root", root.certificate), ("chain", pair.chain), ("key", pair.key())):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root"))
    monkeypatch.setattr(read_pages, "_INTERVAL", 0.1)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tenant) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Tenant.late, Tenant.asked[:] = 0, []
        yield replace(PAGE, url=f"https://{NAME}:9443", place=Address("127.0.0.1", server.server_address[1]))
        server.shutdown()


def answer(page: Page, seconds: float = 10, *, once: bool = False) -> Answer:
    return read_pages.answers([page], Deadline(seconds), once=once)[page]


def test_a_page_is_asked_for_until_it_is_right_with_the_cookies_of_its_redirects(page: Page) -> None:
    Tenant.late = 4
    assert answer(page) == Answer(200, source="127.0.0.1")
    first, second = f"{NAME}:9443/web/login None", f"{NAME}:9443/web/login?db=1 session_id=1; theme=dark"
    assert Tenant.asked == [first, second] * 2
    assert answer(replace(page, source="127.0.0.7")).source == "127.0.0.7"


def test_check_mode_asks_once(page: Page) -> None:
    Tenant.late = 4
    assert answer(page, once=True).status == 503
    assert len(Tenant.asked) == 2


def test_redirects_in_a_circle_end(page: Page) -> None:
    round_and_round = replace(page, path="/loop")
    assert "from one page to the next" in plan_pages.fault(round_and_round, answer(round_and_round, once=True), 1)
    assert len(Tenant.asked) == plan_pages.REDIRECTS + 1


def test_a_certificate_for_another_name_is_not_trusted(page: Page) -> None:
    found = answer(replace(page, url="https://other.example"), once=True)
    assert (found.status, found.is_trusted) == (0, False)
    assert "Hostname mismatch" in found.error
    assert Tenant.asked == []


def test_an_address_in_the_network_is_found_where_the_way_there_leads_by_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_pages.address_in("127.0.0.0/8") == "127.0.0.1"
    monkeypatch.setattr(read_pages, "own_address", lambda _network: "192.0.2.1")
    # the kernel's own list has the loopback of this machine
    assert read_pages.address_in("127.0.0.0/30") == "127.0.0.1"
    leaf = "     |-- 10.9.0.4\n        /32 link UNICAST\n        /32 host LOCAL\n"
    kernel = {
        "_IPV4": f"     |-- 10.9.0.0\n        /24 link UNICAST\n{leaf}",
        "_IPV6": f"fd{'0' * 29}5 02 40 00 80 eth0\n",
    }
    for name, text in kernel.items():
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(read_pages, name, tmp_path / name)
    assert [read_pages.address_in(one) for one in ("10.0.0.0/8", "10.9.0.0/30", "fd00::/8", "10.8.0.0/16")] == [
        "10.9.0.4",
        "192.0.2.1",
        "fd00::5",
        "192.0.2.1",
    ]


def test_an_edge_that_is_silent_costs_no_more_than_the_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = Address("127.0.0.1", silent.getsockname()[1])
        deadline = Deadline(0.5)
        pages = [replace(PAGE, path=f"/{number}", place=place) for number in range(20)]
        found = read_pages.answers(pages, deadline, once=False)
    assert deadline.elapsed < 2
    assert {(one.status, "time" in one.error) for one in found.values()} == {(0, True)}
    assert read_pages.answers([replace(PAGE, place=Address("198.51.100.7", 443))], deadline, once=False) == {
        replace(PAGE, place=Address("198.51.100.7", 443)): Answer(is_here=False)
    }
