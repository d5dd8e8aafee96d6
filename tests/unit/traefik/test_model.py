# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input is one sentence that names the route, the option, what was given and what is accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model

from .builders import item, route


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Harbour!"}, "'Harbour!' cannot name a route"),
        ({"hosts": []}, "route harbour has no hosts"),
        ({"hosts": ["*.harbour.example"]}, "'*.harbour.example' is not a host name"),
        ({"hosts": ["https://erp"]}, "'https://erp' is not a host name"),
        ({"hosts": ["a`) || Host(`b"]}, "is not a host name"),
        ({"hosts": ["häfen.example"]}, "is not a host name"),
        ({"hosts": ["ERP.example", "erp.example"]}, "lists a host twice"),
        ({"audience": "everybody"}, "audience is 'everybody'; accepted are public, partner, internal"),
        ({"audience": "internal"}, "allow is empty, and the audience internal comes from listed networks only"),
        ({"audience": "partner"}, "allow is empty, and the audience partner comes from listed networks only"),
        ({"audience": "internal", "allow": ["10.0.0.0/99"]}, "'10.0.0.0/99', which is not a network"),
        ({"audience": "internal", "allow": ["10.0.0.1/8"]}, "'10.0.0.1/8', which is not a network"),
        ({"audience": "internal", "allow": ["0.0.0.0/0"]}, "allow has '0.0.0.0/0', every address"),
        ({"allow": ["10.0.0.0/8"]}, "allow is not for the audience public"),
        ({"servers": []}, "has no servers"),
        ({"servers": [{"url": "app1:8069"}]}, "'app1:8069'; accepted is http:// or https://"),
        ({"servers": [{"url": "http://app1"}]}, "'http://app1'; accepted is http:// or https://"),
        ({"servers": [{"url": "http://app1:8069/web"}]}, "accepted is http:// or https://, a host and a port"),
        ({"servers": [{"url": "http://app1:99999"}]}, "accepted is http:// or https://, a host and a port"),
        ({"servers": [{"url": "http://u:p@app1:8069"}]}, "accepted is http:// or https://, a host and a port"),
        ({"servers": [{"url": "http://app1:8069"}, {"url": "http://app1:8069/"}]}, "lists a server twice"),
        ({"health_interval": 30}, "health_interval is 30; accepted is a whole number from 1 to 5"),
        ({"health_path": "web/health"}, "health_path is 'web/health'"),
        ({"priority": 10**6}, "priority is 1000000"),
        ({"rate_limit": {"average": 0}}, "rate_limit.average is 0"),
        ({"mode": "closed"}, "mode is 'closed'; accepted are serve, maintenance"),
    ],
)
def test_bad_input_is_one_clear_sentence(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        route(**changes)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("option", ["servers", "websocket_servers"])
def test_the_last_server_cannot_be_drained(option: str) -> None:
    with pytest.raises(RefusedError, match=f"all of its {option} are drained"):
        route(**{option: [{"url": "http://app1:8069", "drained": True}]})


def test_maintenance_needs_no_server() -> None:
    assert route(mode="maintenance", servers=[], websocket_servers=[]).active == ()
    assert route(mode="maintenance", servers=[{"url": "http://app1:8069", "drained": True}]).active == ()


def test_drained_servers_are_not_active() -> None:
    drained = route(servers=[{"url": "http://app1:8069", "drained": True}, {"url": "http://app2:8069/"}])
    assert drained.active == ("http://app2:8069",)


def test_a_record_makes_the_same_route() -> None:
    for changes in (
        {},
        {"audience": "internal", "allow": ["10.0.0.0/8", "10.1.2.3"], "rate_limit": {"average": 5}},
        {"mode": "maintenance", "servers": [], "tls": False, "hsts_seconds": 0, "rule": "Path(`/web`)"},
    ):
        made = route(**changes)
        assert model.route(json.loads(json.dumps(made.record()))) == made


def test_a_name_stands_for_one_route() -> None:
    with pytest.raises(InputError, match="route harbour is listed twice"):
        model.requests([item(), item(state="absent")])


def test_absent_needs_a_name_only() -> None:
    assert model.requests([{"name": "harbour", "state": "absent", "hosts": []}]) == ([], ["harbour"])
