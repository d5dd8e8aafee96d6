# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes on a real Traefik, seen through its entry points and its API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .edge import NAME, Edge

ONE, TWO = {"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}
HARBOUR = {"name": "harbour", "hosts": [NAME], "servers": [ONE], "websocket_servers": [TWO]}
FILE = "/etc/traefik/dynamic/gantry-routes.yml"

Declare = Callable[..., dict[str, Any]]


def test_four_beats(edge: Edge, declare: Declare) -> None:
    fresh = {"name": "beats", "hosts": ["beats.example"], "servers": [ONE], "rate_limit": {"average": 100}}

    planned = declare([fresh], check=True)
    assert (planned["changed"], planned["validated"]) == (True, True)
    assert edge.get(name="beats.example")[0] == 404

    made = declare([fresh])
    assert made["steps"] == planned["steps"]
    assert made["routes"]["beats"]["pool"] == [ONE["url"]]
    assert json.loads(edge.get(name="beats.example")[2])["server"] == "9001"
    assert edge.api("/api/http/routers/gantry.beats.http@file")["status"] == "enabled"

    assert not declare([fresh], check=True)["changed"]
    assert not declare([fresh])["changed"]

    gone = declare([{"name": "beats", "state": "absent"}])
    assert [step["action"] for step in gone["steps"]] == ["remove"]
    assert edge.get(name="beats.example")[0] == 404


def test_what_a_client_and_odoo_see(edge: Edge, declare: Declare) -> None:
    declare([HARBOUR])

    status, headers, body = edge.get("/web")
    seen = json.loads(body)
    assert (status, seen["server"]) == (200, "9001")
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert seen["headers"]["X-Forwarded-Proto"] == "https"
    assert seen["headers"]["X-Forwarded-Host"] == NAME

    spoofed = json.loads(edge.get("/web", X_Forwarded_Host="evil.example", X__Auth="x")[2])
    assert spoofed["headers"]["X-Forwarded-Host"] == NAME

    upgrade = json.loads(edge.get("/websocket", Connection="Upgrade", Upgrade="websocket")[2])
    assert upgrade["server"] == "9002"
    assert upgrade["headers"]["X-Forwarded-Proto"] == "https"

    status, headers, _body = edge.get_plain("/web?x=1")
    assert (status, headers["location"]) == (301, f"https://{NAME}/web?x=1")


def test_a_rule_that_traefik_refuses(edge: Edge, declare: Declare) -> None:
    declare([HARBOUR])
    before = edge.host.read(FILE)
    for check in (True, False):
        bad = {**HARBOUR, "name": "bad", "rule": "HostRegexp(`(`)"}
        refused = declare([bad], check=check, fails=True)["msg"]
        assert refused.startswith("route bad: Traefik refuses router gantry.bad.")
        assert "error parsing regexp" in refused
        assert refused.endswith("nothing was written")
    assert edge.host.read(FILE) == before


def test_two_routes_with_one_host(edge: Edge, declare: Declare) -> None:
    declare([HARBOUR])
    twin = {**HARBOUR, "name": "twin"}
    assert f"routes harbour and twin of owner gantry both answer for {NAME}" in declare([twin], fails=True)["msg"]
    for taken in ({}, {"hosts": ["twin.example", NAME]}, {"rule": "PathPrefix(`/my`)"}, {"priority": 5}):
        rival = declare([{**twin, **taken}], owner="others", fails=True)["msg"]
        assert f"route twin of owner others and route harbour of owner gantry both answer for {NAME} (" in rival
    assert edge.host.attempt(["test", "-e", "/etc/traefik/dynamic/others-routes.yml"])[0] != 0


def test_a_route_that_is_more_specific_gets_its_requests(edge: Edge, declare: Declare) -> None:
    portal = {**HARBOUR, "name": "portal", "rule": "PathPrefix(`/my`)", "servers": [TWO], "websocket_servers": []}
    declare([HARBOUR, portal], purge=True)
    assert json.loads(edge.get("/my/orders")[2])["server"] == "9002"
    assert json.loads(edge.get("/web")[2])["server"] == "9001"
    declare([HARBOUR], purge=True)


def test_a_rule_does_not_leave_its_route(edge: Edge, declare: Declare) -> None:
    declare([HARBOUR])
    bad = {**HARBOUR, "name": "bad", "hosts": ["bad.example"], "rule": "PathPrefix(`/`)) || (PathPrefix(`/`)"}
    refused = declare([bad], owner="others", fails=True)["msg"]
    assert "route bad: rule is" in refused
    assert "at character 16, expected && or || and found )" in refused
    assert json.loads(edge.get()[2])["server"] == "9001"


def test_audiences_are_kept_apart(edge: Edge, declare: Declare) -> None:
    mine = f"{edge.get('/')[0] and _client_address(edge)}/32"
    far = "203.0.113.0/24"
    office = {**HARBOUR, "name": "office", "hosts": ["office.example"], "audience": "internal"}
    shared = {"name": "shared", "hosts": [NAME], "audience": "partner", "servers": [TWO]}

    declare([HARBOUR, {**office, "allow": [far]}, {**shared, "allow": [far]}])
    assert edge.get(name="office.example")[0] == 403
    assert edge.get("/websocket", name="office.example")[0] == 403
    assert json.loads(edge.get()[2])["server"] == "9001"

    declare([{**office, "allow": [mine]}, {**shared, "allow": [mine]}])
    assert edge.get(name="office.example")[0] == 200
    assert json.loads(edge.get()[2])["server"] == "9002"

    declare([HARBOUR], purge=True)
    assert edge.get(name="office.example")[0] == 404


def test_a_change_that_was_overtaken_writes_no_routes(edge: Edge, declare: Declare) -> None:
    declare([{**HARBOUR, "hosts": ["fenced.example"]}], owner="fenced", fencing_number=17)
    before = edge.host.read("/etc/traefik/dynamic/fenced-routes.yml")
    for check in (True, False):
        refused = declare([], owner="fenced", purge=True, fencing_number=16, check=check, fails=True)["msg"]
        assert "dynamic for fenced was changed under the fencing number 17, and this change has 16" in refused
    assert edge.host.read("/etc/traefik/dynamic/fenced-routes.yml") == before
    # the number rises although nothing else changes
    assert not declare([], owner="fenced", fencing_number=19)["changed"]
    declare([], owner="fenced", purge=True, fencing_number=18, fails=True)
    assert declare([], owner="fenced", purge=True)["changed"]


def test_routes_are_put_back_once(edge: Edge, declare: Declare) -> None:
    file = "/etc/traefik/dynamic/back-routes.yml"
    made = {**HARBOUR, "hosts": ["back.example"]}
    declare([made], owner="back", fencing_number=17)
    before = edge.host.read(file)
    declare([{**made, "hosts": ["forth.example"]}], owner="back", purge=True, fencing_number=18)
    assert "fencing number 18" in declare([], owner="back", put_back=True, fencing_number=17, fails=True)["msg"]
    assert declare([], owner="back", put_back=True, check=True)["steps"][0]["action"] == "update"
    done = declare([], owner="back", put_back=True, fencing_number=18)
    assert (edge.host.read(file), done["routes"]["harbour"]["hosts"]) == (before, ["back.example"])
    assert not declare([], owner="back", put_back=True)["changed"]
    # the first routes of an owner are put back to none
    declare([], owner="back", purge=True)
    edge.host.run(["rm", file])
    declare([made], owner="back")
    assert declare([], owner="back", put_back=True)["routes"] == {}
    assert edge.host.attempt(["test", "-e", file])[0] != 0
    assert "takes no routes" in declare([made], put_back=True, fails=True)["msg"]


def test_maintenance(edge: Edge, declare: Declare) -> None:
    done = declare([{**HARBOUR, "mode": "maintenance", "retry_after": 300}])
    assert [step["why"] for step in done["steps"]] == ["differs in mode, retry_after"]
    status, headers, _body = edge.get("/web")
    assert (status, headers["retry-after"]) == (503, "300")
    assert edge.get("/websocket")[0] == 503
    declare([HARBOUR])
    assert edge.get("/web")[0] == 200


def test_a_route_edited_by_hand_is_named_and_mended(edge: Edge, declare: Declare) -> None:
    declare([HARBOUR, {"name": "other", "hosts": ["other.example"], "servers": [ONE]}])
    edge.host.run(["sed", "-i", "s/`other.example`/`elsewhere.example`/", FILE])
    planned = declare([], check=True)["steps"]
    assert [(step["action"], step["target"]) for step in planned] == [("repair", "route other")]
    declare([])
    assert edge.get(name="other.example")[0] == 200
    declare([HARBOUR], purge=True)


def _client_address(edge: Edge) -> str:
    seen: str = json.loads(edge.get("/")[2])["headers"]["X-Forwarded-For"]
    return seen
