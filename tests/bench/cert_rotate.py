# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of two edges, PostgreSQL and Redis are renewed under load: the connections that it ends, and refuses.

Every client verifies what it is shown, by the authority that it trusted before. No peer renews all of them.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import redis

from tests.bench import edges
from tests.bench.clients import Clients
from tests.bench.erp import Erp
from tests.bench.harness import RUNS, Result
from tests.integration.ansible import run_playbook
from tests.integration.redis.estate import NODE, TLS, Estate
from tests.integration.redis.rig import PASSWORD
from tests.integration.traefik.edge import NAME, Edge
from tests.lab.browser import EdgeConnection, Site
from tests.lab.hosts import Host, Lab
from tests.lab.progress import say
from tests.lab.spec import EDGES
from tests.lab.state import write

PORT, ROLE, BACKEND = 5432, "bench", 9001
PATIENCE_S = 30


@dataclass
class World:
    """What is renewed. round: of the renewals, from 0 on."""

    lab: Lab
    edges: Sequence[Edge]
    database: Host
    redis: Estate
    round: int = 0
    shown: list[dict[str, str]] = field(default_factory=list)

    def renew(self) -> None:
        """Renew each certificate, as a playbook would: the edges one after the other, then the others."""
        for edge in self.edges:
            edges.certify(self.lab, edge)
        edges.run_role(self.lab, EDGES, "certificates", serial=1)
        self.postgresql()
        self.redis.certify(self.redis.hosts[0])
        self.redis.role("certificate").expect_success()

    def postgresql(self) -> None:
        """Run the role with one more name in the certificate each time, which has it made again."""
        names = [self.database.name, self.database.address, *(f"round{number}" for number in range(self.round))]
        network = self.database.address.rsplit(".", 1)[0] + ".0/24"
        variables = {
            "postgresql_tls_names": names,
            "postgresql_allowed_networks": [network],
            "postgresql_memory_mb": 512,
            "postgresql_roles": [{"name": ROLE, "password": PASSWORD}],
        }
        task = {"name": "PostgreSQL", "ansible.builtin.include_role": {"name": "gantry.odoo.postgresql"}}
        play = {"hosts": self.database.name, "gather_facts": False, "vars": variables, "tasks": [task]}
        run_playbook([play], self.lab.state.inventory, diff=False).expect_success()

    def look(self) -> dict[str, str]:
        """The fingerprint of what each server shows, as openssl on an edge sees it."""
        places = {edge.host.name: [f"{edge.host.address}:443", "-servername", NAME] for edge in self.edges}
        places["postgresql"] = [f"{self.database.address}:{PORT}", "-starttls", "postgres"]
        places["redis"] = [f"{self.redis.hosts[0].address}:{NODE}"]
        script = 'openssl s_client -connect "$@" < /dev/null 2> /dev/null | openssl x509 -noout -fingerprint -sha256'
        asker = self.edges[0].host
        return {name: asker.run(["sh", "-c", script, "sh", *place]).strip() for name, place in places.items()}


def run(erp: Erp) -> list[Result]:
    """Three renewals of all, one after the other."""
    world = _prepare(erp.lab)
    clients = _clients(world)
    world.shown.append(world.look())
    dropped: list[float] = []
    seconds: list[float] = []
    with ExitStack() as stack:
        for one in clients:
            stack.enter_context(one)
        for number in range(RUNS):
            before, begun = sum(len(one.dropped) for one in clients), time.monotonic()
            world.round += 1
            world.renew()
            seconds.append(time.monotonic() - begun)
            world.shown.append(world.look())
            same = [name for name, seen in world.shown[-1].items() if seen == world.shown[-2][name]]
            assert not same, f"{', '.join(same)} show the certificate of before"
            dropped.append(float(sum(len(one.dropped) for one in clients) - before))
            say("cert-rotate", f"run {number + 1}: {dropped[-1]:g} connections dropped in {seconds[-1]:.0f} s")
    for one in clients:
        say("cert-rotate", f"{one.name}: {one.asked} questions, {one.came} new connections")
        for words in [*one.dropped, *one.refused][:5]:
            say("cert-rotate", words)
    facts = {
        "dropped_connections": sum(len(one.dropped) for one in clients),
        "bound": 0,
        "refused_connections": sum(len(one.refused) for one in clients),
        "asked": {one.name: one.asked for one in clients},
        "connected": {one.name: one.came for one in clients},
        "renewal_s": [round(one, 1) for one in seconds],
    }
    return [Result("cert-rotate", "gantry.odoo", {"gantry.odoo": dropped}, facts, "dropped connections")]


def _prepare(lab: Lab) -> World:
    made = edges.prepare(lab, EDGES)
    for edge in made:
        edges.start_backend(edge, BACKEND)
        server = {"url": f"http://127.0.0.1:{BACKEND}"}
        edges.declare(lab, edge, [{"name": "harbour", "hosts": [NAME], "servers": [server]}])
    hosts = lab.up(["db1", "cache1"])
    declared = {**TLS, "redis_nodes": [{"host": hosts["cache1"].address}], "redis_password": PASSWORD}
    world = World(lab, made, hosts["db1"], Estate(lab, [hosts["cache1"]], declared, _run_playbook))
    world.postgresql()
    world.redis.certify(hosts["cache1"])
    world.redis.role().expect_success()
    return world


def _run_playbook(playbook: Any, inventory: Any, extra: Any, **options: Any) -> Any:
    return run_playbook(playbook, inventory, extra, diff=False, **options)


def _clients(world: World) -> list[Clients]:
    """Of each server, with what they trust from the beginning."""
    made = [
        Clients(edge.host.name, _https(world.lab, edge), (OSError, http.client.HTTPException)) for edge in world.edges
    ]
    made.append(Clients("postgresql", _postgresql(world), (psycopg2.Error,)))
    made.append(Clients("redis", _redis(world), (redis.RedisError, OSError)))
    return made


def _https(lab: Lab, edge: Edge) -> Callable[[], Callable[[], None]]:
    site = Site(f"https://{NAME}", (edge.host.address,), ssl.create_default_context(cafile=str(lab.state.ca)))

    def connect() -> Callable[[], None]:
        connection = EdgeConnection(site, PATIENCE_S)
        connection.connect()
        # a client that connects again by itself would hide what is looked for
        connection.auto_open = 0

        def ask() -> None:
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                raise http.client.HTTPException(f"status {answer.status}")

        return ask

    return connect


def _postgresql(world: World) -> Callable[[], Callable[[], None]]:
    authority = world.lab.state.directory / "postgresql-ca.pem"
    write(authority, world.database.read("/etc/postgresql/17/main/ca.crt"))

    def connect() -> Callable[[], None]:
        session = psycopg2.connect(
            host=world.database.address,
            port=PORT,
            dbname="postgres",
            user=ROLE,
            password=PASSWORD,
            sslmode="verify-full",
            sslrootcert=str(authority),
            connect_timeout=PATIENCE_S,
        )
        session.autocommit = True
        cursor = session.cursor()

        def ask() -> None:
            cursor.execute("SELECT 1")
            cursor.fetchone()

        return ask

    return connect


def _redis(world: World) -> Callable[[], Callable[[], None]]:
    def connect() -> Callable[[], None]:
        connection = redis.SSLConnection(
            host=world.redis.hosts[0].address,
            port=NODE,
            password=PASSWORD,
            ssl_ca_certs=str(world.lab.state.ca),
            socket_timeout=PATIENCE_S,
            # one that connects again by itself would hide what is looked for
            retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
        )
        connection.connect()

        def ask() -> None:
            connection.send_command("INCR", "bench")
            connection.read_response()

        return ask

    return connect
