# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits that two edges count together in a real Redis, and one that does not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from tests.lab.hosts import Host, Lab

from .loopback import Edge, ask, free_port, running

NAME = "erp.harbour.example"
WEB = [f"127.0.0.1:{free_port()}" for _edge in range(2)]
BURST = 6
LIMITED = {"name": "harbour", "hosts": [NAME], "tls": False, "rate_limit": {"average": 1, "burst": BURST}}
USER, PASSWORD, PORT = "traefik", "counts-requests", 6399
RULES = "~rate:* +eval +evalsha +hgetall +hset +expire +hello +ping"


def run_edge(folder: Path, web: str) -> Iterator[Edge]:
    folder.mkdir()
    points = {"web": web, "websecure": f"127.0.0.1:{free_port()}"}
    with running(folder, traefik_entry_points=points) as one:
        yield one


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    yield from run_edge(tmp_path_factory.mktemp("limits") / "first", WEB[0])


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Edge]:
    yield from run_edge(tmp_path / "other", WEB[1])


@pytest.fixture
def redis(lab: Lab) -> Iterator[Host]:
    """A host with a Redis that lets a user of ours count."""
    host = lab.host("limits1", image="vm")
    host.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode=0o755)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "redis-server", "redis-tools"]
    host.run(install, env={"DEBIAN_FRONTEND": "noninteractive"})
    user = f"user {USER} on >{PASSWORD} {RULES}"
    host.write("/root/redis.conf", f'port {PORT}\nbind 0.0.0.0\nprotected-mode no\nsave ""\n{user}\n')
    host.run(["systemd-run", "--unit=limits", "redis-server", "/root/redis.conf"])
    Deadline(20).wait(
        lambda: host.attempt(["redis-cli", "-p", str(PORT), "ping"])[0] == 0 or None, "the start of Redis"
    )
    yield host
    host.attempt(["systemctl", "stop", "limits.service"])


def test_a_store_that_does_not_answer_is_not_taken(edge: Edge) -> None:
    edge.declare(LIMITED)
    edge.store.write_text(json.dumps({"endpoint": f"127.0.0.1:{free_port()}", "password": PASSWORD}), encoding="utf-8")
    try:
        with pytest.raises(StateError, match=r"answers 500 to /web/health .*; the previous file is back") as error:
            edge.declare()
        assert PASSWORD not in str(error.value)
        # a setting that goes away is not waited for
        Deadline(5).wait(lambda: ask(WEB[0], NAME, source="127.0.0.8")[0] == 200 or None, "the limit of before")
    finally:
        edge.store.unlink()


@pytest.mark.deep
def test_two_edges_count_together_until_redis_is_off(edge: Edge, other: Edge, redis: Host) -> None:
    store = {"endpoint": f"{redis.address}:{PORT}", "username": USER, "password": PASSWORD}
    for one in (edge, other):
        one.store.write_text(json.dumps(store), encoding="utf-8")
        assert one.declare(LIMITED)["changed"]
        assert not one.declare(LIMITED)["changed"]
    # another client than the one that has proven the routes
    answers = [ask(web, NAME, source="127.0.0.9")[0] for _turn in range(BURST) for web in WEB]
    assert BURST <= answers.count(200) <= BURST + 2
    assert answers.count(429) == len(answers) - answers.count(200)
    seen = redis.run(["redis-cli", "-p", str(PORT), "keys", "*"]).split()
    assert "rate:gantry.harbour.limit@file:127.0.0.9" in seen
    # it fails closed, which the README says
    redis.run(["systemctl", "stop", "limits.service"])
    assert ask(WEB[0], NAME)[0] == 500
