# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What browsers are told, and which names of headers Odoo gets, on a real Traefik."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .edge import Edge

NAME = "headers.example"
ROUTE = {"name": "headers", "hosts": [NAME], "servers": [{"url": "http://127.0.0.1:9001"}]}

Declare = Callable[..., dict[str, Any]]


def test_browsers_are_told_by_audience_and_odoo_gets_no_name_that_it_would_mix_up(edge: Edge, declare: Declare) -> None:
    declare([ROUTE])
    _status, headers, body = edge.get("/web", name=NAME)
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert not {"server", "x-frame-options"} & set(headers)

    address = json.loads(body)["headers"]["X-Forwarded-For"]
    declare([{**ROUTE, "audience": "internal", "allow": [f"{address}/32"]}])
    _status, headers, _body = edge.get("/web", name=NAME)
    told = [headers[name] for name in ("referrer-policy", "x-frame-options", "cross-origin-opener-policy")]
    assert told == ["same-origin", "SAMEORIGIN", "same-origin-allow-popups"]

    # WSGI knows one name for X_Forwarded_For, X.Forwarded.For and X-Forwarded-For
    connection = edge.connect(NAME)
    aliases = {"X_Forwarded_For": "192.0.2.1", "X-Forwarded_Proto": "http", "X_Forwarded-Host": "evil.example"}
    connection.request("GET", "/web", headers={"Host": NAME, "X-Own": "kept", **aliases})
    seen = json.loads(connection.getresponse().read())["headers"]
    assert not [name for name in seen if "_" in name]
    wanted = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", "X-Forwarded-Host": NAME, "X-Own": "kept"}
    assert {name: seen[name] for name in wanted} == wanted
    declare([{"name": "headers", "state": "absent"}])
