# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two edges on real servers: one order for both, and one that was off catches up."""

from __future__ import annotations

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab import thirdparty
from tests.lab.spec import EDGES

from .conftest import Estate
from .test_site import login_pages, served

TENANTS = ("north", "south", "harbour")


def ordering(run: PlaybookRun) -> set[str]:
    """The edges that ordered a certificate."""
    return {event.host for event in run.events if event.task.endswith("Order each certificate")}


def serials(estate: Estate) -> dict[str, bytes]:
    """The certificate that both edges serve, by tenant."""
    return {tenant: served(estate, f"{tenant}.lab.example") for tenant in TENANTS}


@pytest.mark.deep
def test_certificates_are_ordered_once_and_an_edge_that_was_off_catches_up(estate: Estate) -> None:
    first, second = EDGES
    before = serials(estate)
    run = estate.play("renew_certificates", {"renew_force": True}).expect_success()
    renewed = serials(estate)
    assert ordering(run) == {first}
    assert {*renewed.values()}.isdisjoint(before.values())

    estate.hosts[first].container.stop(timeout=5)
    for tenant in TENANTS:
        thirdparty.resolve(estate.hosts["acme"], f"{tenant}.lab.example", [estate.lab.address(second)])
    run = estate.play("renew_certificates", {"renew_force": True}).expect_failure()
    assert f"{first} is untouched; {second} is done and proven" in run.errors[-1]
    assert ordering(run) == {second}

    estate.hosts.update(estate.lab.up([first]))
    run = estate.play("renew_certificates").expect_success()
    assert ordering(run) == set()
    assert {*serials(estate).values()}.isdisjoint(renewed.values())
    login_pages(estate, *TENANTS)
