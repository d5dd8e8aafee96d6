# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role certificate on two hosts that serve the same certificates: one account, one order, one pair."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab import thirdparty
from tests.lab.hosts import Host, Lab
from tests.lab.spec import EDGES

from .test_alone import ACME, DIRECTORY, PROXY, SOCKET

# `make test` has one order for two edges in the area of site
pytestmark = pytest.mark.deep
FIRST, SECOND = EDGES
# The ACME server asks the first edge for one of them, and the second one for the other.
NAMES = {"at-first": "at-first.lab.example", "at-second": "at-second.lab.example"}
Order = Callable[..., PlaybookRun]


@pytest.fixture(scope="module")
def edges(lab: Lab) -> Iterator[dict[str, Host]]:
    """Two hosts with nothing on port 80 but the way to the role's answers."""
    hosts = lab.up(["acme", *EDGES])
    for name in EDGES:
        hosts[name].container.remove(force=True)
    hosts.update(lab.up(EDGES))
    for name in EDGES:
        hosts[name].write("/etc/systemd/system/port80.socket", SOCKET)
        hosts[name].write("/etc/systemd/system/port80.service", PROXY)
        hosts[name].run(["systemctl", "daemon-reload"])
        hosts[name].run(["systemctl", "start", "port80.socket"])
    thirdparty.resolve(hosts["acme"], NAMES["at-second"], [hosts[SECOND].address])
    yield {name: hosts[name] for name in EDGES}
    for name in EDGES:
        lab.host(name).container.remove(force=True)


@pytest.fixture(scope="module")
def order(edges: dict[str, Host], run_playbook: Callable[..., PlaybookRun]) -> Order:
    """`order(variables)` runs the role on both hosts."""

    def call(variables: dict[str, Any] | None = None, **options: Any) -> PlaybookRun:
        given = {
            "certificate_acme_directory": ACME,
            "certificate_requests": [{"name": name, "domains": [domain]} for name, domain in NAMES.items()],
            "certificate_hosts": list(edges),
            **(variables or {}),
        }
        role = {"name": "Order", "ansible.builtin.include_role": {"name": "gantry.odoo.certificate"}}
        play = {"hosts": ",".join(edges), "gather_facts": False, "vars": given, "tasks": [role]}
        return run_playbook([play], **options)

    return call


def pairs(edge: Host) -> dict[str, str]:
    """The installed pairs, each with its certificate, key and request."""
    return {
        name: edge.run(["sh", "-c", f"cat {DIRECTORY}/{name}/current/*"])
        for name in edge.run(["ls", DIRECTORY]).split()
        if name in NAMES
    }


def account(edge: Host) -> tuple[str, str]:
    """The key of the account, and who may read it."""
    key = f"{DIRECTORY}/account.key"
    return edge.run(["cat", key]), edge.run(["stat", "-c", "%a %U", key]).strip()


def ordered(run: PlaybookRun) -> list[str]:
    """The hosts that ordered a certificate, a host for each order."""
    return [event.host for event in run.events if event.task.endswith("Order each certificate")]


def test_one_host_orders_and_both_answer_and_serve(edges: dict[str, Host], order: Order) -> None:
    run = order(arguments=["-vvv"], command_line=True).expect_success()
    first, second = (pairs(edges[name]) for name in EDGES)
    assert first.keys() == NAMES.keys()
    assert second == first
    assert account(edges[FIRST]) == account(edges[SECOND])
    assert account(edges[SECOND])[1] == "600 root"
    modes = edges[SECOND].run(["stat", "-c", "%a", f"{DIRECTORY}/at-first/current/key.pem"])
    assert modes.strip() == "640"
    keys = [edges[FIRST].read(f"{DIRECTORY}/{path}") for path in ("account.key", "at-first/current/key.pem")]
    # a line within each key as the file has it, and as it travels
    secrets = [text for key in keys for text in (key.decode().splitlines()[1], base64.b64encode(key).decode()[60:120])]
    assert [secret for secret in secrets if secret in run.stdout + run.stderr] == []


def test_what_is_renewed_on_one_is_taken_by_the_other(edges: dict[str, Host], order: Order) -> None:
    before = pairs(edges[FIRST])
    run = order({"certificate_force": True}).expect_success()
    after = pairs(edges[FIRST])
    assert {*ordered(run)} == {FIRST}
    assert [name for name in NAMES if after[name] == before[name]] == []
    assert pairs(edges[SECOND]) == after
    taken = run.results("Create a key and a request")[SECOND]["due"]
    assert [(one["host"], one["why"]) for one in taken] == [(FIRST, f"{FIRST} has a newer one")] * len(NAMES)
    assert order(check=True).expect_success().changed == order().expect_success().changed == 0
    # the host that does not order has the advice of the server as well, by which the scan of all edges agrees
    first, second = (edges[name].read(f"{DIRECTORY}/at-first/advice.json") for name in EDGES)
    assert second == first


@pytest.mark.parametrize("off", EDGES[::-1])
def test_a_host_that_is_off_is_named_and_catches_up_without_an_order(
    lab: Lab, edges: dict[str, Host], order: Order, off: str
) -> None:
    (on,) = {*EDGES} - {off}
    known = account(edges[on])
    edges[off].container.stop(timeout=1)
    # the server has to find the one that is on
    for domain in NAMES.values():
        thirdparty.resolve(lab.host("acme"), domain, [edges[on].address])
    run = order({"certificate_force": True}).expect_failure()
    assert run.stats[off]["unreachable"] == 1
    assert (run.stats[on]["unreachable"], run.stats[on]["failures"], {*ordered(run)}) == (0, 0, {on}), run.errors
    assert account(edges[on]) == known
    renewed = pairs(edges[on])

    lab.host(off).run(["systemctl", "start", "port80.socket"])
    again = order().expect_success()
    assert not ordered(again)
    assert pairs(edges[off]) == renewed == pairs(edges[on])
