# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What edges have seen of ports, and what is said of it."""

from __future__ import annotations

import socket
from dataclasses import asdict
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Answer
from ansible_collections.gantry.odoo.plugins.module_utils._filter.read_ports import ask_ports
from ansible_collections.gantry.odoo.plugins.module_utils._filter.report_proof import (
    cut_off,
    servers_of,
    unasked,
    unreached,
)
from ansible_collections.gantry.odoo.plugins.modules import port_info


def asked(edge: str, *ports: tuple[int, bool], address: str = "10.0.0.5") -> dict[str, Any]:
    return {
        "edge": edge,
        "answers": [asdict(Answer("app1", port, address, "10.0.9.9", came, "no answer")) for port, came in ports],
    }


LOST = {"edge": "edge2", "unreachable": True, "msg": "gone"}


def test_an_edge_that_loses_a_port_is_named_with_the_address_it_came_from() -> None:
    before = [asked("edge1", (8069, True), (8072, True)), asked("edge2", (8069, True), (8072, True))]
    after = [asked("edge1", (8069, True), (8072, True)), asked("edge2", (8069, False), (8072, True))]
    (said,) = cut_off(before, after, "app1")
    assert said.startswith("the edge edge2 does not reach app1 (10.0.0.5 port 8069) through its new filter")
    assert "edge2 asked from 10.0.9.9" in said
    assert "odoo_http_further_sources of app1" in said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # not reached before either
        ([asked("edge2", (8069, False))], [asked("edge2", (8069, False))]),
        # off before, or since
        ([LOST], [LOST]),
        ([asked("edge2", (8069, True))], [LOST]),
        # in check mode nothing is asked again
        ([asked("edge2", (8069, True))], [{"edge": "edge2", "skipped": True}]),
    ],
)
def test_what_is_no_fault_of_the_filter(before: Any, after: Any) -> None:
    assert cut_off(before, after, "app1") == []


def test_an_edge_that_is_off_proves_nothing_and_that_is_said() -> None:
    (said,) = unasked(["edge1", "edge2", "edge3"], [asked("edge1", (8069, False)), LOST], [], "app1")
    assert said.startswith(
        "edge2 and edge3 could not be asked, so nothing shows yet that the filter of app1 lets them in"
    )
    seen = asked("edge2", (8069, True))
    assert unasked(["edge2"], [seen], [seen], "app1") == []
    # in check mode, or with a filter that is right already
    assert unasked(["edge2"], [seen], [{"edge": "edge2", "skipped": True}], "app1") == []
    # lost in between
    (said,) = unasked(["edge2"], [seen], [LOST], "app1")
    assert said.startswith("edge2 could not be asked, so nothing shows yet")


def test_an_edge_to_which_the_name_of_a_server_moves_has_to_reach_it_still() -> None:
    before = [asked("edge2", (8069, True))]
    assert cut_off(before, [asked("edge2", (8069, True), address="10.0.0.6")], "app1") == []
    (said,) = cut_off(before, [asked("edge2", (8069, False), address="10.0.0.6")], "app1")
    assert "the edge edge2 does not reach app1 (10.0.0.5 port 8069)" in said
    assert said.endswith("; the name app1 stood for 10.0.0.6 meanwhile, so see its resolver, too")
    (said,) = cut_off(before, [asked("edge2", (8069, False), address="")], "app1")
    assert said.endswith("; the name app1 stood for no address meanwhile, so see its resolver, too")
    # one of the addresses of a host is lost
    two = [asked("edge2", (8069, True), address="fd00::5")["answers"][0], *before[0]["answers"]]
    half = [two[0], *asked("edge2", (8069, False))["answers"]]
    (said,) = cut_off([{"edge": "edge2", "answers": two}], [{"edge": "edge2", "answers": half}], "app1")
    assert "(10.0.0.5 port 8069)" in said
    assert said.endswith("correct ansible_host of edge2")
    # the other address of a host of two, as before
    both = asked("edge2", (8069, False), address="fd00::5")["answers"] + asked("edge2", (8069, True))["answers"]
    assert cut_off([{"edge": "edge2", "answers": both}], [{"edge": "edge2", "answers": both}], "app1") == []


def test_a_host_is_reached_by_one_of_its_addresses() -> None:
    by_ipv6 = asked("edge1", (8069, True), address="fd00::5")["answers"]
    by_ipv4 = asked("edge1", (8069, False), (8072, False))["answers"]
    (said,) = unreached([*by_ipv4, *by_ipv6], "edge1")
    assert said.startswith("the edge edge1 does not reach app1 at port 8072 (no answer)")
    assert "asks from 10.0.9.9" in said


def test_the_servers_of_routes() -> None:
    routes = [
        {
            "name": "north",
            "servers": [{"url": "http://10.0.0.5:8069"}, {"url": "http://[fd00::5]:8069"}],
            "websocket_servers": [{"url": "http://10.0.0.5:8072"}],
        },
        {"name": "south", "servers": [{"url": "http://10.0.0.5:8069"}]},
    ]
    assert servers_of(routes) == [
        {"host": "10.0.0.5", "ports": [8069, 8072]},
        {"host": "fd00::5", "ports": [8069]},
    ]
    with pytest.raises(InputError, match="http://app1 of route east has no host or no port"):
        servers_of([{"name": "east", "servers": [{"url": "http://app1"}]}])


def test_a_port_that_is_open_and_one_that_refuses_have_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as other:
        # bound and silent: nobody else listens there meanwhile
        other.bind(("127.0.0.1", 0))
        ports = [server.getsockname()[1], other.getsockname()[1]]
        opened, refused = ask_ports([("127.0.0.1", port) for port in ports], 5)
    assert (opened.answers, refused.answers) == (True, True)
    assert (opened.source, opened.seen, refused.seen) == ("127.0.0.1", "it is open", "Connection refused")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_question_takes_time(seconds: float) -> None:
    with pytest.raises(InputError, match=r"timeout: .* is no time"):
        port_info.work(Call({"servers": [{"host": "127.0.0.1", "ports": [8069]}], "timeout": seconds}))


def test_a_full_queue_does_not_answer_and_a_name_without_an_address_cannot() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first, socket.socket() as last:
        for one in (first, last):
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        dropped, nameless = ask_ports([server.getsockname()[:2], ("edge1.invalid", 8069)], 0.3)
    assert (dropped.answers, dropped.seen) == (False, "no answer within 0.3 s")
    assert dropped.source == "127.0.0.1"
    assert (nameless.answers, nameless.address, nameless.source) == (False, "", "")
