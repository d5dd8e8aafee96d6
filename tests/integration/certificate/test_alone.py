# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role certificate against a real ACME server: each certificate stands alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab import pki, thirdparty
from tests.lab.hosts import Host, Lab
from tests.lab.spec import REFUSED_DOMAIN

DIRECTORY = "/etc/gantry/certificates"
ACME = "https://acme:14000/dir"
# The ACME server asks on port 80, and the role answers on loopback.
SOCKET = "[Socket]\nListenStream=80\n"
PROXY = "[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd 127.0.0.1:8402\n"
# A directory that is overloaded, and one with a clock of 2001.
BUSY = """import http.server, ssl
class Busy(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return super().date_time_string(1e9 if self.path == "/late" else timestamp)
    def do_GET(self):
        self.send_response(503)
        self.send_header("Retry-After", "7200")
        self.end_headers()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/root/busy.crt", "/root/busy.key")
server = http.server.HTTPServer(("127.0.0.1", 14443), Busy)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
Order = Callable[..., PlaybookRun]


@pytest.fixture(scope="module")
def edge(lab: Lab) -> Iterator[Host]:
    """A host that the ACME server asks, whatever the name but dead.lab.example."""
    hosts = lab.up(["acme", "edge1"])
    edge = hosts["edge1"]
    if edge.attempt(["test", "-e", "/usr/local/bin/traefik"])[0] == 0:
        # port 80 belongs to the tests of Traefik
        edge.container.remove(force=True)
        edge = lab.host("edge1")
    # of a lab that was kept
    edge.run(["rm", "-rf", DIRECTORY])
    edge.attempt(["systemctl", "stop", "busy.service"])
    edge.write("/etc/systemd/system/port80.socket", SOCKET)
    edge.write("/etc/systemd/system/port80.service", PROXY)
    edge.run(["systemctl", "daemon-reload"])
    edge.run(["systemctl", "start", "port80.socket"])
    thirdparty.resolve(hosts["acme"], "dead.lab.example", ["127.0.0.1"])
    certificate, key = pki.issue(lab.state, ["localhost"], ["127.0.0.1"])
    edge.write("/root/busy.crt", certificate)
    edge.write("/root/busy.key", key)
    edge.write("/root/busy.py", BUSY)
    edge.run(["systemd-run", "--unit=busy", "--collect", "python3", "/root/busy.py"])
    yield edge
    # other tests of the same lab use these ports
    edge.run(["systemctl", "stop", "port80.socket", "port80.service", "busy.service"])


@pytest.fixture(scope="module")
def order(edge: Host, run_playbook: Callable[..., PlaybookRun]) -> Order:
    """`order(name=domain, ...)` runs the role with one request for each name; `variables` go to the role."""

    def call(variables: dict[str, Any] | None = None, **names: str) -> PlaybookRun:
        given = {
            "certificate_acme_directory": ACME,
            "certificate_requests": [{"name": name, "domains": [domain]} for name, domain in names.items()],
            **(variables or {}),
        }
        role = {"name": "Order", "ansible.builtin.include_role": {"name": "gantry.odoo.certificate"}}
        return run_playbook([{"hosts": edge.name, "gather_facts": False, "vars": given, "tasks": [role]}])

    return call


def installed(edge: Host) -> dict[str, str]:
    """The version that is installed, by name."""
    listed = edge.run(["find", DIRECTORY, "-name", "current", "-printf", "%P %l\n"]).splitlines()
    return dict(line.replace("/current", "").split() for line in listed)


def record(edge: Host, name: str) -> dict[str, Any]:
    """Why the last order of a name failed."""
    found: dict[str, Any] = json.loads(edge.read(f"{DIRECTORY}/{name}/refused.json"))
    return found


def test_a_name_that_is_refused_keeps_no_other_from_being_issued(edge: Host, order: Order) -> None:
    names = {
        "blocked": REFUSED_DOMAIN,
        "dead": "dead.lab.example",
        "one": "one.lab.example",
        "two": "two.lab.example",
    }
    run = order(**names).expect_failure()
    first = installed(edge)
    assert sorted(first) == ["one", "two"]
    sentence = run.errors[-1]
    assert f"{ACME} did not issue certificate blocked for {REFUSED_DOMAIN} (" in sentence
    assert "nor certificate dead for dead.lab.example (" in sentence
    assert "refused once, ordered again from" in sentence
    assert "\n" not in sentence
    kept = record(edge, "dead")
    assert kept["tries"] == 1
    # neither is ordered again before its time, and nothing is issued twice
    again = order(**names).expect_failure()
    assert not again.results("Order each certificate")
    assert "refused once, ordered again from" in again.errors[-1]
    assert (installed(edge), record(edge, "dead")) == (first, kept)
    # another request is not held back, and its success ends the record
    order(**{**names, "dead": "alive.lab.example", "blocked": "open.lab.example"}).expect_success()
    assert sorted(installed(edge)) == ["blocked", "dead", "one", "two"]
    assert edge.attempt(["test", "-e", f"{DIRECTORY}/dead/refused.json"])[0] == 1


def test_a_server_that_takes_no_order_leaves_what_is_installed(edge: Host, order: Order) -> None:
    order(kept="kept.lab.example").expect_success()
    before = installed(edge)
    for directory, words, hours in (
        ("https://acme:14001/dir", "refused", 1),
        ("https://localhost:14443/dir", "503", 2),
    ):
        away = {"certificate_acme_directory": directory}
        run = order({**away, "certificate_force": True}, kept="kept.lab.example").expect_failure()
        assert f"{directory} did not issue certificate kept for kept.lab.example (" in run.errors[-1]
        assert words in run.errors[-1]
        assert installed(edge) == before
        kept = record(edge, "kept")
        assert (moment(kept["until"]) - moment(kept["tried"])) / 3600 == hours
        # where nothing is due, nothing fails
        order(away, kept="kept.lab.example").expect_success()


def test_a_clock_that_differs_from_that_of_the_server_judges_nothing(edge: Host, order: Order) -> None:
    run = order({"certificate_acme_directory": "https://localhost:14443/late"}, timely="timely.lab.example")
    run.expect_failure()
    assert "ahead of that of the issuer" in run.errors[-1]
    assert "timely" not in installed(edge)


def moment(text: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()
