# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect to the ports of a service: what is understood, what is refused, and what is done."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Filter, Found, Sources, Tried
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_filter import (
    check_name,
    check_ports,
    plan_absent,
    plan_failed,
    plan_present,
    plan_proven,
    plan_trial,
    ports_in,
    ruleset,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filter.read_filter import peers_in

EDGES = Filter("odoo", (8069, 8072), Sources((ip_network("192.0.2.10"), ip_network("2001:db8::/64"))))
PATH = "/etc/odoo/port-filter.nft"
RIGHT = Found(ruleset(EDGES), "as listed", "as listed")
# as the kernel of a machine with little-endian numbers writes them: 192.0.2.10, 192.0.2.99 and the host itself
LINES = """\
   0: 00000000:1F85 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1
   1: 640200C0:1F85 0A0200C0:C001 01 00000000:00000000 00:00000000 00000000 0 0 1
   2: 640200C0:1F85 630200C0:C001 06 00000000:00000000 00:00000000 00000000 0 0 1
   6: 640200C0:1F85 4D0200C0:C001 03 00000000:00000000 01:00000045 00000000 0 0 0
   3: 640200C0:1F85 640200C0:C001 01 00000000:00000000 00:00000000 00000000 0 0 1
   4: 0100007F:1F85 0100007F:C001 01 00000000:00000000 00:00000000 00000000 0 0 1
   5: 640200C0:1538 070200C0:C001 01 00000000:00000000 00:00000000 00000000 0 0 1
"""
MAPPED = "   1: 0000000000000000FFFF0000640200C0:1F88 0000000000000000FFFF00000A0200C0:C001 01 0:0 0:0 0 0 0 1\n"


def test_the_rules_name_the_ports_and_the_sources_of_each_family() -> None:
    lines = ruleset(EDGES).splitlines()
    assert lines[1:3] == ["table inet gantry_odoo", "delete table inet gantry_odoo"]
    assert "  set ports { type inet_service; elements = { 8069, 8072 }; }" in lines
    assert "  set sources { type ipv4_addr; flags interval; elements = { 192.0.2.10/32 }; }" in lines
    assert "  set sources6 { type ipv6_addr; flags interval; elements = { 2001:db8::/64 }; }" in lines
    # a family without a source lets nobody in
    only4 = ruleset(Filter("odoo", (1,), Sources((ip_network("192.0.2.10"),))))
    assert "set sources6 { type ipv6_addr; flags interval; }" in only4
    # packets of anything else are never looked at
    assert lines[-3] == "    tcp dport @ports fib daddr type local jump connecting"


def test_names_and_ports_are_checked() -> None:
    assert check_ports([8072, 8069, 8072]) == (8069, 8072)
    for ports in ([], [0], [65536]):
        with pytest.raises(InputError, match="ports"):
            check_ports(ports)
    for name in ("", "Odoo", "a-b", "1", "a" * 32):
        with pytest.raises(InputError, match="name"):
            check_name(name)


def test_who_is_connected() -> None:
    assert peers_in(LINES.splitlines(), {8069}) == {ip_address("192.0.2.10"), ip_address("192.0.2.99")}
    assert peers_in(LINES.splitlines(), {5432}) == {ip_address("192.0.2.7")}
    assert peers_in([MAPPED], {8072}) == {ip_address("192.0.2.10")}


def test_the_ports_of_a_filter_are_read_back() -> None:
    assert ports_in(ruleset(EDGES)) == EDGES.ports
    assert ports_in(ruleset(Filter("odoo", (1,), Sources()))) == (1,)
    assert (ports_in(None), ports_in("table inet gantry_odoo {}")) == ((), ())


def test_nothing_is_done_where_all_is_right() -> None:
    # a stranger has lost the connection long ago
    assert plan_present(EDGES, PATH, Found(RIGHT.file, "a", "a", [ip_address("192.0.2.99")]), []) == []
    assert plan_absent("gantry_odoo", PATH, Found()) == []
    # the host would put the former one back
    assert [one.action for one in plan_absent("gantry_odoo", PATH, Found(on_trial=True))] == ["unload_filter"]


def test_what_is_done() -> None:
    def told(found: Found) -> list[str]:
        return [one.action for one in plan_present(EDGES, PATH, found, [])]

    assert told(Found(None, None, "a")) == ["load_filter", "write_file"]
    assert told(Found(RIGHT.file, "changed by hand", "a")) == ["load_filter"]
    assert told(Found("of before", "a", "a")) == ["write_file"]
    assert [one.action for one in plan_absent("gantry_odoo", PATH, RIGHT)] == ["remove_file", "unload_filter"]


def test_a_filter_is_written_once_it_is_proven() -> None:
    def actions(found: Found) -> list[str]:
        return [one.action for one in plan_trial(EDGES, PATH, found, [])]

    assert actions(Found("of before", "a", "b")) == ["load_filter"]
    assert actions(Found("of before", "a", "a")) == ["write_file"]
    assert actions(RIGHT) == []
    # a run that was killed between the two
    killed = Found("of before", "a", "a", on_trial=True, former="b")
    assert actions(killed) == ["put_back_filter", "load_filter"]
    assert [one.action for one in plan_present(EDGES, PATH, killed, [])] == ["load_filter", "write_file"]
    assert actions(Found(RIGHT.file, "a", "b", on_trial=True, former="b")) == ["put_back_filter"]


def test_what_was_tried_is_proven_or_put_back() -> None:
    mine = Tried("mine", "new")
    proven = plan_proven("gantry_odoo", PATH, "mine", mine, Found("of before", "a", "a"))
    assert [one.action for one in proven] == ["write_file"]
    for trial in ("mine", ""):
        failed = plan_failed("gantry_odoo", trial, mine, Found(on_trial=True))
        assert [one.action for one in failed] == ["put_back_filter"]
    for live in ("b", None):
        with pytest.raises(StateError, match="gantry_odoo that was tried is not loaded any more"):
            plan_proven("gantry_odoo", PATH, "mine", mine, Found("of before", live, "a"))
    for tried in (Tried(), Tried("other", "new")):
        with pytest.raises(StateError, match="the trial of the filter gantry_odoo has ended"):
            plan_proven("gantry_odoo", PATH, "mine", tried, Found("of before", "a", "a"))
    assert plan_failed("gantry_odoo", "mine", Tried("other", "new"), Found(on_trial=True)) == []
    assert plan_failed("gantry_odoo", "", Tried(), Found()) == []


def test_a_trial_cuts_off_nobody_either() -> None:
    with pytest.raises(RefusedError, match=r"192\.0\.2\.99"):
        plan_trial(EDGES, PATH, Found(None, None, "a", [ip_address("192.0.2.99")]), [])


def test_who_would_be_cut_off_is_named() -> None:
    seen = Found(None, None, "a", [*map(ip_address, ("192.0.2.99", "192.0.2.10", "2001:db8::5"))])
    with pytest.raises(RefusedError, match=r"port of 8069, 8072 would be cut off, .*: 192.0.2.99; add"):
        plan_present(EDGES, PATH, seen, [])
    assert plan_present(EDGES, PATH, seen, [ip_network("192.0.2.96/28")])


def test_the_filter_is_loaded_again_whenever_nftables_takes_all_tables_away() -> None:
    unit = Path(__file__).parents[3] / "roles/odoo/templates/gantry-odoo-port-filter.service.j2"
    lines = unit.read_text(encoding="utf-8").splitlines()
    # when it is stopped and started, restarted, and reloaded
    for line in (
        "PartOf=nftables.service",
        "ReloadPropagatedFrom=nftables.service",
        "After=local-fs.target nftables.service",
    ):
        assert line in lines
    (wanted,) = [line for line in lines if line.startswith("WantedBy=")]
    assert "nftables.service" in wanted.partition("=")[2].split()
    (start, again) = [line.partition("=")[2] for line in lines if line.startswith(("ExecStart=", "ExecReload="))]
    assert start == again
