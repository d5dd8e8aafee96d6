# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two edges on real servers: one order for both, and one that was off catches up."""

from __future__ import annotations

import pytest

from tests.integration import change_store
from tests.integration.ansible import PlaybookRun
from tests.lab import thirdparty
from tests.lab.spec import EDGES

from .conftest import Estate
from .test_site import ROUTES, login_pages, served

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


# The second Traefik that validates refuses all while it is there.
BROKEN = "/etc/traefik/dynamic/theirs.yml"


def routes(estate: Estate) -> list[bytes]:
    """The routes of each edge, as its Traefik reads them."""
    return [estate.hosts[edge].read(ROUTES) for edge in EDGES]


@pytest.mark.deep
def test_what_the_second_edge_does_not_take_is_put_back_on_the_first(estate: Estate) -> None:
    before, had = serials(estate), routes(estate)
    variables = estate.inventory["all"]["vars"]
    declared = variables["odoo_tenants"]
    partner = {"audience": "partner", "allow": ["203.0.113.0/24"]}
    other = [{**one, "routes": [*one["routes"], {**one["routes"][0], **partner}]} for one in declared]
    estate.hosts[EDGES[1]].write(BROKEN, "http:\n  routerz: {}\n")
    try:
        variables["odoo_tenants"] = other
        run = estate.play("site").expect_failure()
        assert (routes(estate), serials(estate)) == (had, before)
        assert "theirs.yml: field not found, node: routerz" in run.errors[-1]
        assert "; put back to what it served before: edge1, edge2; " in run.errors[-1]
        assert change_store.entries(estate.store)[-1]["event"] == "unfinished"
        run = estate.play("renew_certificates", {"renew_force": True}).expect_failure()
        assert serials(estate) == before
        assert "edge1 was put back as it was and serves (edge2: " in run.errors[-1]
    finally:
        variables["odoo_tenants"] = declared
        estate.hosts[EDGES[1]].run(["rm", BROKEN])
    # the pairs that were ordered then wait
    change = change_store.parts(estate.store)[0]["change"]
    run = estate.play("resume", {"change": change, "way": "finish"}).expect_success()
    assert ordering(run) == set()
    assert {*serials(estate).values()}.isdisjoint(before.values())

    # an edge that is off meanwhile is named, and catches up
    variables["odoo_tenants"] = other
    estate.hosts[EDGES[0]].container.stop(timeout=5)
    run = estate.play("site").expect_failure()
    assert "edge1 (" in run.errors[-1]
    assert "cannot be reached and keeps the certificates and routes that it had" in run.errors[-1]
    changed = estate.hosts[EDGES[1]].read(ROUTES)
    assert changed != had[1]
    estate.hosts.update(estate.lab.up([EDGES[0]]))
    estate.play("site").expect_success()
    assert routes(estate) == [changed, changed]
    variables["odoo_tenants"] = declared
    estate.play("site").expect_success()
    login_pages(estate, *TENANTS)
