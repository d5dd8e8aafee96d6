# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a filter: what is understood, what names stand for, and whose an address was."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Filter, Lookup, Network, Sources
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_filter import ruleset
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_sources import (
    admitted,
    left,
    names_in,
    network_of,
    networks_in,
    networks_of,
    recorded,
    settle,
    sources_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filter.read_filter import look_up

NAME = "edge1.example.com"


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


BEFORE = Sources(names={NAME: networks("192.0.2.10", "192.0.2.11")})


def test_networks_that_overlap_are_one_and_the_host_itself_is_none() -> None:
    given = ["192.0.2.7", "::1", "192.0.2.0/24", "127.0.1.1", "2001:db8::1", "198.51.100.1"]
    found = sources_of(map(ip_network, given))
    assert [str(one) for one in found] == ["192.0.2.0/24", "198.51.100.1/32", "2001:db8::1/128"]
    # an estate on one host
    assert sources_of(networks("127.0.1.1", "::1")) == ()
    assert settle(["127.0.0.1"], {}, {}, Sources(), [])[0].networks == ()
    with pytest.raises(InputError, match="the list is empty"):
        sources_of([])


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::fffe:192.0.2.9", "::fffe:192.0.2.9"),
    ],
)
def test_an_address_of_ipv4_within_ipv6_is_that_one(text: str, meant: str) -> None:
    assert network_of(text) == ip_network(meant)
    assert networks_of([text], "cut_off") == [ip_network(meant)]


@pytest.mark.parametrize("text", ["10.0.0.256", "10.0.0.1/8", "", "a b", "edge1;drop", "10.0.0", "-edge1", "a" * 64])
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(InputError, match="sources"):
        names_in([text], {})
    with pytest.raises(InputError, match="hosts: edge1: "):
        names_in([], {"edge1": text})


def test_a_name_is_not_cut_off() -> None:
    with pytest.raises(InputError, match="cut_off: 'edge1' is the name of a host"):
        networks_of(["edge1"], "cut_off")


def test_a_name_stands_for_all_its_addresses() -> None:
    def lookup(_name: str, _port: None, **_given: Any) -> list[Any]:
        return [(0, 0, 0, "", (one, 0)) for one in ("192.0.2.10", "192.0.2.10", "fe80::1%eth0", "::ffff:192.0.2.11")]

    assert look_up("edge1", lookup) == Lookup(networks("192.0.2.10", "192.0.2.11", "fe80::1"))

    def unknown(_name: str, _port: None, **_given: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert look_up("edge1", unknown) == Lookup(why="Name or service not known")
    with pytest.raises(StateError, match=r"edge1 has no address on this host .Name or service not known."):
        settle(["edge1"], {}, {"edge1": look_up("edge1", unknown)}, Sources(), [])


@pytest.mark.parametrize(
    ("lookup", "said"),
    [
        (Lookup(networks("192.0.2.10")), "looked up without 192.0.2.11 now, which may connect as before"),
        (Lookup(why="timed out"), r"no address on this host now \(timed out\), so 192.0.2.10 and 192.0.2.11 may"),
    ],
)
def test_a_short_answer_or_none_takes_nobody_out(lookup: Lookup, said: str) -> None:
    found, (told,) = settle([], {"edge1": NAME}, {NAME: lookup}, BEFORE, [])
    assert found == Sources(
        networks("192.0.2.10/31"), {"edge1": networks("192.0.2.10", "192.0.2.11")}, dict(BEFORE.names)
    )
    assert re.search(said, told)


def test_what_is_cut_off_stays_out() -> None:
    short = {NAME: Lookup(networks("192.0.2.10"))}
    found, told = settle([NAME], {}, short, BEFORE, [*networks("192.0.2.11", "2001:db8::/32")])
    assert (found.names, told) == ({NAME: networks("192.0.2.10")}, [])


def test_all_that_a_name_has_now_is_nothing_to_be_told() -> None:
    answer = {NAME: Lookup(networks("192.0.2.10", "192.0.2.11", "192.0.2.12"))}
    found, told = settle([NAME, "192.0.2.40"], {}, answer, BEFORE, [])
    assert (len(found.names[NAME]), told) == (3, [])
    assert ip_network("192.0.2.40") in found.networks


def test_the_file_says_whose_an_address_is() -> None:
    asked = {'the "edge"': "192.0.2.9", "edge1": NAME}
    made, _told = settle([], asked, {NAME: Lookup(networks("192.0.2.10"))}, Sources(), [])
    rules = ruleset(Filter("odoo", (8069,), made))
    assert recorded(rules) == Sources((), made.hosts, made.names)
    assert recorded(None) == recorded('# host "edge1": by hand\n# host \n# name "x') == Sources()


def test_a_host_that_is_declared_no_more_has_left() -> None:
    before = Sources(hosts={"edge1": networks("192.0.2.10"), "edge2": networks("192.0.2.11")})
    # its address was corrected, which says nothing of those who come from the former one
    now = Sources(hosts={"edge1": networks("192.0.2.40")})
    assert left(before, now) == [*networks("192.0.2.11")]


def test_who_may_connect_by_a_filter_that_was_written() -> None:
    every = networks("192.0.2.9", "198.51.100.0/24", "2001:db8::/64")
    rules = ruleset(Filter("odoo", (8069,), Sources(every)))
    assert networks_in(rules) == every
    assert networks_in(ruleset(Filter("odoo", (8069,), Sources()))) == ()
    there = [ip_address(one) for one in ("192.0.2.9", "192.0.2.10", "2001:db8::7", "2001:db8:1::7")]
    assert admitted(there, every) == {there[0], there[2]}
