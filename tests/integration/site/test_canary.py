# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release meets a canary on real servers, as the guide says: those who ask for it get it, nobody else does."""

from __future__ import annotations

import itertools
import ssl

import pytest

from tests.lab.browser import EdgeConnection, Site

from .conftest import Estate
from .test_site import login_pages

SECOND = "app2"
CURRENT = "/opt/odoo/current"
FORMER, NEXT = "2026.11.1", "2026.11.2"
HEADER = {"name": "X-Canary", "value": "next"}
_NUMBERS = itertools.count()


def served_by(estate: Estate, headers: dict[str, str]) -> set[str]:
    """The hosts that have answered the tenant's login page on each edge, by the log of Odoo."""
    context = ssl.create_default_context(cafile=str(estate.lab.state.acme_root))
    marks = [f"mark={next(_NUMBERS)}." for _edge in estate.edges]
    for edge, mark in zip(estate.edges, marks, strict=True):
        connection = EdgeConnection(Site("https://north.lab.example", (edge,), context), timeout=60)
        connection.request("GET", f"/web/login?{mark}", headers=headers)
        assert connection.getresponse().status == 200
        connection.close()
    journal = ["journalctl", "--unit", "odoo-web@shared", "--no-pager", "--output=cat"]
    logged = {host: estate.hosts[host].run(journal) for host in ("app1", SECOND)}
    found = [{host for host, text in logged.items() if mark in text} for mark in marks]
    assert all(len(one) == 1 for one in found), found
    return set().union(*found)


def releases(estate: Estate) -> dict[str, str]:
    """The release that is active on each host."""
    return {host: estate.hosts[host].run(["readlink", CURRENT]).strip().rpartition("/")[2] for host in ("app1", SECOND)}


@pytest.mark.deep
def test_a_release_meets_those_who_ask_for_it(estate: Estate) -> None:
    app = estate.inventory["all"]["children"]["app"]["hosts"]
    variables = estate.inventory["all"]["vars"]
    declared = variables["odoo_tenants"]
    estate.hosts.update(estate.lab.up([SECOND]))
    app[SECOND] = estate.lab.connection(SECOND)
    variables["odoo_tenants"] = [{**one, "sticky": True} for one in declared]
    estate.play("site").expect_success()
    assert releases(estate) == {"app1": FORMER, SECOND: FORMER}

    app[SECOND]["odoo_canary"] = True
    variables["odoo_tenants"] = [{**one, "sticky": True, "canary": {"header": HEADER}} for one in declared]
    estate.play("patch", {"patch_release": NEXT, "patch_hosts": [SECOND]}).expect_success()
    assert releases(estate) == {"app1": FORMER, SECOND: NEXT}
    assert served_by(estate, {HEADER["name"]: HEADER["value"]}) == {SECOND}
    assert served_by(estate, {}) == {"app1"}

    # the abort of the guide
    app[SECOND]["odoo_drained"] = True
    estate.play("site").expect_success()
    assert served_by(estate, {HEADER["name"]: HEADER["value"]}) == {"app1"}
    estate.play("patch", {"patch_release": FORMER, "patch_hosts": [SECOND]}).expect_success()
    app[SECOND] = estate.lab.connection(SECOND)
    variables["odoo_tenants"] = declared
    estate.play("site").expect_success()
    assert releases(estate) == {"app1": FORMER, SECOND: FORMER}
    login_pages(estate)
