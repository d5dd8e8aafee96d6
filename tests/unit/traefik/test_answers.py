# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked on the wire to prove who may come, and which answers are wrong."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_answers, read_answers
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import Address, EntryPoints
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_answers import Question

from .builders import route

LIVE = {
    "web": {"address": "192.0.2.1:80"},
    "websecure": {"address": "192.0.2.1:443"},
    "websecure-internal": {"address": "10.0.0.5:8443"},
}
OWN = EntryPoints("", "websecure-internal", 8443)
QUESTION = Question("office", "a.example", Address("10.0.0.5", 8443), True, "/web/health", "10.0.0.5", True, (200, 399))


def office(**changes: Any) -> Route:
    return replace(route(name="office", audience="internal", allow=["10.0.0.0/8"], **changes), points=OWN)


def asked(*desired: Route, of: int = 0, own: str = "10.0.0.5") -> list[tuple[str, bool, int]]:
    found = plan_answers.questions([desired[of]], desired, LIVE, lambda _network: own)
    return [(one.source, one.inside, one.place.port) for one in found]


def test_a_stranger_and_a_member_are_asked_for_at_the_port_of_the_audience() -> None:
    assert asked(office()) == [("127.0.0.1", False, 8443), ("10.0.0.5", True, 8443)]
    # on the common entry point that is the port of all
    assert asked(replace(office(), points=EntryPoints())) == [("127.0.0.1", False, 443), ("10.0.0.5", True, 443)]


def test_what_would_prove_nothing_is_not_asked() -> None:
    no_member = [("127.0.0.1", False, 8443)]
    assert asked(office(), own="192.168.0.1") == no_member
    assert asked(office(), own="") == no_member
    # a rule or a middleware of the user's own may answer anything
    assert asked(office(rule="PathPrefix(`/my`)")) == no_member
    assert asked(office(middlewares=["waf"])) == no_member
    # loopback is inside
    near = replace(office(), allow=("127.0.0.0/8",))
    assert asked(near, own="127.0.0.1") == [("127.0.0.1", True, 8443)]
    # a wider audience answers a stranger, where it has the host at the same entry point
    both = [replace(office(), points=EntryPoints()), route()]
    assert asked(*both) == []
    assert asked(office(), route()) == asked(office())


def test_only_what_decides_who_may_come_is_proven_anew() -> None:
    had = {"office": office()}
    drained = office(servers=[{"url": "http://app1:8069"}, {"url": "http://app2:8069", "drained": True}])
    assert not plan_answers.to_prove(had, [office(), drained, route(), office(mode="maintenance")], None, None)
    moved = [
        replace(office(), points=EntryPoints()),
        replace(office(), allow=("10.1.0.0/16",)),
        office(rule="Path(`/`)"),
    ]
    assert plan_answers.to_prove(had, moved, None, None) == moved
    assert plan_answers.to_prove({}, [office()], None, None) == [office()]


@pytest.mark.parametrize(
    ("inside", "status", "expected", "said"),
    [
        (False, 403, (200, 399), ""),
        (False, 404, (200, 399), ""),
        (False, 200, (200, 399), "answers 200 to a client from 10.0.0.5, which is in none of the networks of allow"),
        (False, 503, (200, 399), "answers 503 to a client from 10.0.0.5, which is in none"),
        (True, 200, (200, 399), ""),
        (True, 429, (200, 399), ""),
        (
            True,
            403,
            (200, 399),
            "answers 403 to /web/health for a client from 10.0.0.5, which may come",
        ),
        (True, 404, (200, 399), "answers 404 to /web/health"),
        (True, 503, (503, 503), ""),
        (True, 200, (503, 503), "answers 200 to /web/health"),
    ],
)
def test_an_answer_is_right_or_said_to_be_wrong(
    inside: bool, status: int, expected: tuple[int, int], said: str
) -> None:
    found = plan_answers.fault(replace(QUESTION, inside=inside, expected=expected), status, "")
    assert (said in found) if said else found == ""


@pytest.mark.parametrize("status", [401, 500, 502, 503, 504])
def test_a_sick_odoo_says_nothing_against_the_list(status: int) -> None:
    # an attack that overloads Odoo must not keep the attacker in the list
    assert plan_answers.fault(QUESTION, status, "") == ""
    # where a Redis counts, Traefik itself answers so
    assert f"answers {status}" in plan_answers.fault(replace(QUESTION, counted=True), status, "")
    assert f"answers {status}" in plan_answers.fault(replace(QUESTION, inside=False), status, "")


def test_only_routes_with_a_limit_are_counted() -> None:
    limited = office(rate_limit={"average": 1})
    for counted, one, expected in ((True, limited, True), (True, office(), False), (False, limited, False)):
        found = plan_answers.questions([one], [one], LIVE, lambda _network: "10.0.0.5", counted=counted)
        assert {each.counted for each in found} == {expected}


def test_an_odoo_that_is_late_says_nothing_against_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_answers, "_SECONDS", 0.2)
    monkeypatch.setattr(read_answers, "_SETTLE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        member = replace(QUESTION, place=Address("127.0.0.1", silent.getsockname()[1]), tls=False, source="127.0.0.2")
        assert read_answers.faults([member], 10) == []
        (said,) = read_answers.faults([replace(member, inside=False)], 10)
        assert "does not answer a client from 127.0.0.2: timed out" in said


def test_all_questions_together_keep_to_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_answers, "_AT_ONCE", 1)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        member = replace(QUESTION, place=Address("127.0.0.1", silent.getsockname()[1]), tls=False, source="127.0.0.2")
        strangers = [replace(member, inside=False, source=f"127.0.0.{number}") for number in (3, 4)]
        # a late Odoo has its turn last
        first, last = read_answers.faults([member, *strangers], 1.5)
    assert time.monotonic() - began < 8
    assert "a client from 127.0.0.3: timed out" in first
    assert "a client from 127.0.0.4: the time is over" in last


class Answers(http.server.BaseHTTPRequestHandler):
    """Lets 127.0.0.2 in and nobody else, on the second request."""

    turns: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.turns.append(self.client_address[0])
        right = self.client_address[0] == "127.0.0.2" and self.headers["Host"] == "a.example" and len(self.turns) > 1
        self.send_response(200 if right else 403)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def place() -> Iterator[Address]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Answers.turns.clear()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Address("127.0.0.1", server.server_address[1])
        server.shutdown()


def test_an_address_that_another_edge_has_now_is_not_asked() -> None:
    for host, here in (("", True), ("::", True), ("127.0.0.5", True), ("198.51.100.7", False), ("2001:db8::7", False)):
        assert read_answers.is_here(Address(host, 443)) is here
    assert read_answers.faults([replace(QUESTION, place=Address("198.51.100.7", 443), source="127.0.0.1")], 10) == []


def test_it_is_asked_from_the_address_that_is_given(place: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_answers, "_SETTLE_SECONDS", 0.5)
    member = replace(QUESTION, place=place, tls=False, source="127.0.0.2")
    assert read_answers.faults([member], 10) == []
    assert Answers.turns == ["127.0.0.2", "127.0.0.2"]
    (said,) = read_answers.faults([replace(member, source="127.0.0.3")], 10)
    assert "answers 403" in said
    (said,) = read_answers.faults([replace(member, tls=True)], 10)
    assert f"a.example at 127.0.0.1 port {place.port} does not answer a client from 127.0.0.2: " in said
    assert read_answers.own_address("127.0.0.0/8") == "127.0.0.1"


def test_an_entry_point_that_asks_clients_for_a_certificate_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [str(tmp_path / name) for name in ("a.crt", "a.key")]
    subject = ["-subj", "/CN=a.example", "-keyout", pair[1], "-out", pair[0]]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *subject],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pair[0])
    context.load_cert_chain(*pair)
    context.verify_mode = ssl.CERT_REQUIRED
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = Address("127.0.0.1", server.server_address[1])
        question = replace(QUESTION, place=where, source="127.0.0.3")
        assert read_answers.faults([question], 10) == []

        def lost(*_asked: object) -> int:
            raise ConnectionResetError(104, "Connection reset by peer")

        # what was sent after the handshake may have the refusal thrown away
        monkeypatch.setattr(read_answers, "_status", lost)
        assert read_answers.faults([question], 10) == []
        server.shutdown()
