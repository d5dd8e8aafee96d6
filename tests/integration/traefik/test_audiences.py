# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audiences at entry points of their own, on a real Traefik; no host is needed to ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_document

from .loopback import Edge, ask, free_port, running

PUBLIC, OFFICE = "127.0.0.1", "127.0.0.5"
NAME, OFFICE_NAME = "erp.harbour.example", "harbour.internal.example"
PORTS = {name: free_port() for name in ("web", "websecure", "web-internal", "websecure-internal")}
POINTS = {name: f"{OFFICE if name.endswith('internal') else PUBLIC}:{port}" for name, port in PORTS.items()}
ROUTES = [
    {"name": "harbour", "hosts": [NAME], "tls": False},
    {
        "name": "office",
        "hosts": [OFFICE_NAME, NAME],
        "audience": "internal",
        "allow": ["127.0.0.5/32", "127.0.0.6/32"],
        "tls": False,
    },
]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with running(tmp_path_factory.mktemp("edge"), traefik_entry_points=POINTS) as one:
        yield one


def test_an_audience_is_answered_at_its_own_address_only(edge: Edge) -> None:
    declared = edge.declare(*ROUTES)
    assert declared["routes"]["office"]["entry_points"] == ["web-internal"]
    assert not edge.declare(*ROUTES)["changed"]

    outside, inside = POINTS["web"], POINTS["web-internal"]
    # a name of the office is unknown at the public address, even to the office
    assert ask(outside, OFFICE_NAME, source="127.0.0.6")[0] == 404
    assert [ask(inside, one, source="127.0.0.6")[0] for one in (OFFICE_NAME, NAME)] == [200, 200]
    assert [ask(inside, one, source="127.0.0.7")[0] for one in (OFFICE_NAME, NAME)] == [403, 403]
    # the public route of that name is at the public address
    assert ask(outside, NAME, source="127.0.0.7")[0] == 200


def test_a_redirect_leads_to_the_port_of_the_audience(edge: Edge) -> None:
    routes = [{**one, "tls": True} for one in ROUTES]
    declared = edge.declare(*routes)
    assert declared["routes"]["office"]["entry_points"] == ["web-internal", "websecure-internal"]
    _status, headers, _body = ask(POINTS["web-internal"], OFFICE_NAME, source="127.0.0.6")
    assert headers["location"] == f"https://{OFFICE_NAME}:{PORTS['websecure-internal']}/"
    assert ask(POINTS["web"], NAME)[1]["location"] == f"https://{NAME}/"
    edge.declare(*ROUTES)


def test_an_allow_list_that_lets_a_stranger_in_is_taken_back(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.declare(*ROUTES)
    before = (edge.directory / "gantry-routes.yml").read_text(encoding="utf-8")
    make = plan_document.document

    def leaky(*given: object) -> dict[str, object]:
        text = json.dumps(make(*given)).replace('"127.0.0.8/32"', '"127.0.0.0/8"')  # type: ignore[arg-type]
        return dict(json.loads(text))

    monkeypatch.setattr(plan_document, "document", leaky)
    with pytest.raises(
        StateError, match=r"answers 200 to a client from 127.0.0.1, which is in none of the networks .*back"
    ):
        edge.declare({**ROUTES[1], "allow": ["127.0.0.8/32"]})
    assert (edge.directory / "gantry-routes.yml").read_text(encoding="utf-8") == before
