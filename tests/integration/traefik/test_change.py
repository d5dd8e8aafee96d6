# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients notice of a change: nothing. And what a change that goes wrong leaves behind: nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline

from .backend import PATIENCE_S, RELEASED, TAKEN
from .edge import NAME, Edge, Load, ask

ONE, TWO = {"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}
HARBOUR = {"name": "harbour", "hosts": [NAME], "servers": [ONE, TWO]}
DRAINED = {**HARBOUR, "servers": [{**ONE, "drained": True}, TWO]}

Declare = Callable[..., dict[str, Any]]


def test_drain_under_load_loses_no_request(edge: Edge, declare: Declare) -> None:
    declare([HARBOUR], purge=True)
    with Load(edge) as load:
        load.wait_for(50)
        done = declare([DRAINED])
        drained = time.monotonic()
        load.wait_for(50)
        undrain_from = time.monotonic()
        back = declare([HARBOUR])
        undrained = time.monotonic()
        load.wait_for(50)
    assert [(step["action"], step["target"]) for step in done["steps"]] == [("drain", f"route harbour {ONE['url']}")]
    assert [step["action"] for step in back["steps"]] == ["undrain"]
    assert load.failures == []
    assert load.dropped == 0
    assert {server for sent, server in load.answers if drained < sent < undrain_from} == {"9002"}
    assert load.since(undrained) == {"9001", "9002"}


def test_a_request_under_way_outlives_the_removal_of_its_server(edge: Edge, declare: Declare) -> None:
    declare([{**HARBOUR, "servers": [ONE]}], purge=True)
    edge.host.run(["rm", "-f", str(TAKEN), str(RELEASED)])
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, edge.connect(timeout=PATIENCE_S), "/slow")
        Deadline(PATIENCE_S).wait(lambda: edge.host.attempt(["test", "-e", str(TAKEN)])[0] == 0 or None, "The request")
        declare([{**HARBOUR, "servers": [TWO]}])
        assert not slow.done()
        edge.host.run(["touch", str(RELEASED)])
        status, _headers, body = slow.result()
    assert (status, json.loads(body)["server"]) == (200, "9001")
    assert json.loads(edge.get()[2])["server"] == "9002"


def test_a_dead_server_costs_no_request(edge: Edge, declare: Declare) -> None:
    declare([{**HARBOUR, "servers": [TWO]}], purge=True)
    with Load(edge) as load:
        # From here to the first health check Traefik takes a server for healthy that nobody listens at.
        declare([{**HARBOUR, "servers": [TWO, {"url": "http://127.0.0.1:9009"}], "health_interval": 5}])
        Deadline(60).wait(lambda: _status(edge, "http://127.0.0.1:9009") == "DOWN" or None, "The health check")
        load.wait_for(50)
    assert load.failures == []


def test_the_last_server_is_not_drained(edge: Edge, declare: Declare) -> None:
    all_drained = [{**ONE, "drained": True}, {**TWO, "drained": True}]
    refused = declare([{**HARBOUR, "servers": all_drained}], fails=True)["msg"]
    assert "would lose its last server" in refused


def test_a_pool_that_would_answer_503_is_refused(edge: Edge, declare: Declare) -> None:
    declare([HARBOUR], purge=True)
    refused = declare([{**HARBOUR, "servers": [{"url": "http://127.0.0.1:9009"}]}], fails=True)["msg"]
    assert "would answer 503" in refused
    assert "http://127.0.0.1:9009" in refused
    assert edge.get()[0] == 200


def test_what_a_killed_run_left_is_swept(edge: Edge, declare: Declare) -> None:
    edge.host.write("/etc/traefik/.gantry-gantry-routes.yml.new", "half a fi")
    declare([HARBOUR], purge=True)
    assert edge.get()[0] == 200
    declare([DRAINED])
    assert edge.host.attempt(["test", "-e", "/etc/traefik/.gantry-gantry-routes.yml.new"])[0] != 0
    declare([HARBOUR])


def test_a_broken_file_of_somebody_else_is_told_before_anything_is_written(edge: Edge, declare: Declare) -> None:
    edge.host.write("/etc/traefik/dynamic/theirs.yml", "http:\n  routerz: {}\n")
    try:
        refused = declare([DRAINED], fails=True)["msg"]
    finally:
        edge.host.run(["rm", "/etc/traefik/dynamic/theirs.yml"])
    assert "theirs.yml: field not found, node: routerz" in refused
    assert not declare([HARBOUR])["changed"]


def test_no_traefik_no_change(edge: Edge, declare: Declare) -> None:
    edge.host.run(["systemctl", "stop", "traefik.service"])
    try:
        refused = declare([DRAINED], fails=True)["msg"]
        planned = declare([DRAINED], check=True)
    finally:
        edge.host.run(["systemctl", "start", "traefik.service"])
    assert "did not answer" in refused
    assert planned["changed"]


def test_a_change_that_does_not_come_to_life_is_taken_back(edge: Edge, declare: Declare) -> None:
    """A second Traefik that does not watch its directory."""
    deaf = {
        "entryPoints": {
            "traefik": {"address": "127.0.0.1:8090"},
            "web": {"address": "127.0.0.1:8091"},
            "websecure": {"address": "127.0.0.1:8092"},
        },
        "api": {"insecure": True},
        "providers": {"file": {"directory": "/root/deaf/dynamic", "watch": False}},
    }
    edge.host.run(["mkdir", "-p", "/root/deaf/dynamic"])
    edge.host.write("/root/deaf/traefik.yml", json.dumps(deaf))
    program = ["/usr/local/bin/traefik", "--configFile=/root/deaf/traefik.yml"]
    edge.host.run(["systemd-run", "--unit=deaf", "--collect", *program])
    where = {"dynamic_dir": "/root/deaf/dynamic", "api_url": "http://127.0.0.1:8090", "timeout": 15}
    try:
        failed = declare([HARBOUR], fails=True, **where)["msg"]
        left = edge.host.run(["ls", "-A", "/root/deaf/dynamic"])
    finally:
        edge.host.run(["systemctl", "stop", "deaf.service"])
    assert "did not happen within 15 s: router gantry.harbour.http is missing" in failed
    assert "the file is taken away again" in failed
    assert left == ""


def _status(edge: Edge, server: str) -> str:
    service = edge.api("/api/http/routers/gantry.harbour.http@file")["service"]
    found: str = edge.api(f"/api/http/services/{service}@file")["serverStatus"][server]
    return found


def test_a_server_is_not_drained_while_another_one_is_dead(edge: Edge, declare: Declare) -> None:
    dead = {"url": "http://127.0.0.1:9009"}
    declare([{**HARBOUR, "servers": [ONE, TWO, dead]}], purge=True)
    drained = {**HARBOUR, "servers": [{**ONE, "drained": True}, TWO, dead]}
    refused = declare([drained], require_all_servers=True, fails=True)["msg"]
    assert "1 of 2 do not answer" in refused
    assert "http://127.0.0.1:9009: " in refused
    # nothing was written
    assert not declare([{**HARBOUR, "servers": [ONE, TWO, dead]}])["changed"]
    assert declare([drained])["changed"]
