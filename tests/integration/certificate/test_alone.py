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

    def call(variables: dict[str, Any] | None = None, *, check: bool = False, **names: str) -> PlaybookRun:
        given = {
            "certificate_acme_directory": ACME,
            "certificate_requests": [{"name": name, "domains": [domain]} for name, domain in names.items()],
            **(variables or {}),
        }
        role = {"name": "Order", "ansible.builtin.include_role": {"name": "gantry.odoo.certificate"}}
        return run_playbook([{"hosts": edge.name, "gather_facts": False, "vars": given, "tasks": [role]}], check=check)

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


@pytest.mark.deep
def test_the_advice_of_the_server_is_recorded_and_an_order_names_what_it_replaces(
    edge: Host, order: Order, ansible_module: Callable[..., dict[str, Any]]
) -> None:
    names = {"first-told": "first-told.lab.example", "then-told": "then-told.lab.example"}
    order(**names).expect_success()
    assert order(**names).expect_success().changed == 0
    assert moment(json.loads(edge.read(f"{DIRECTORY}/then-told/advice.json"))["start"]) > datetime.now().timestamp()
    before = installed(edge)
    for name in names:
        # the server advises to renew at once what is revoked
        path = f"{DIRECTORY}/{name}/current/certificate.pem"
        args = {"acme_directory": ACME, "acme_version": 2, "certificate": path}
        revoked = ansible_module(
            edge, "community.crypto.acme_certificate_revoke", {**args, "account_key_src": f"{DIRECTORY}/account.key"}
        )
        assert revoked["changed"]
    told = ansible_module(
        edge,
        "community.crypto.acme_certificate_renewal_info",
        {
            "acme_directory": ACME,
            "acme_version": 2,
            "certificate_path": f"{DIRECTORY}/first-told/current/certificate.pem",
        },
    )
    run = order({"certificate_renew_limit": 1}, **names).expect_success()
    (one,) = run.results("Create a key and a request")[edge.name]["due"]
    assert (one["name"], one["replaces"]) == ("first-told", told["cert_id"])
    assert one["why"].startswith("the ACME server advises to renew it from ")
    after = installed(edge)
    assert [name for name in names if before[name] != after[name]] == ["first-told"]
    # the scan asks no server
    requests = [{"name": name, "domains": [domain]} for name, domain in names.items()]
    found = ansible_module(edge, "gantry.odoo.certificate_info", {"path": DIRECTORY, "certificates": requests})
    due = {found["name"]: found["due"] for found in found["certificates"] if found["requested"]}
    assert due["first-told"] == ""
    assert due["then-told"].startswith("the ACME server advises to renew it from ")


@pytest.mark.deep
def test_a_certificate_whose_key_is_lost_is_replaced_before_it_is_revoked(
    edge: Host, order: Order, run_playbook: Callable[..., PlaybookRun]
) -> None:
    names = {"lost": "lost.lab.example", "safe": "safe.lab.example"}
    order(**names).expect_success()
    before, serial = installed(edge), _serial(edge, "lost")
    key = edge.read(f"{DIRECTORY}/lost/current/key.pem")
    told = order({"certificate_revoke": ["lost"]}, check=True, **names).expect_success()
    steps = told.results("Create a key and a request")[edge.name]["steps"]
    assert [(one["action"], one["target"]) for one in steps] == [
        ("order", "certificate lost"),
        ("revoke", "certificate lost"),
    ]
    assert installed(edge) == before

    run = order({"certificate_revoke": ["lost"]}, **names).expect_success()
    after = installed(edge)
    assert [name for name in names if before[name] != after[name]] == ["lost"]
    assert edge.read(f"{DIRECTORY}/lost/current/key.pem") != key
    assert [one["serial"] for one in run.results("Install the ordered")[edge.name]["revocations"]] == [serial]
    assert _status(edge, serial) == "Valid"
    # the run ended there; the next one orders nothing, and revokes what is left
    role = "gantry.odoo.certificate"
    requests = [{"name": name, "domains": [domain]} for name, domain in names.items()]
    given = {"certificate_acme_directory": ACME, "certificate_requests": requests}
    tasks = [
        {"name": "Order", "ansible.builtin.include_role": {"name": role}},
        {"name": "Revoke", "ansible.builtin.include_role": {"name": role, "tasks_from": "revoke"}},
    ]
    play = {
        "hosts": edge.name,
        "gather_facts": False,
        "vars": {**given, "certificate_revoke": ["lost"]},
        "tasks": tasks,
    }
    run_playbook([play]).expect_success()
    assert installed(edge) == after
    assert (_status(edge, serial), _status(edge, _serial(edge, "lost"))) == ("Revoked", "Valid")
    assert sorted(edge.run(["ls", f"{DIRECTORY}/lost"]).split()) == ["advice.json", "current", "versions"]


def _serial(edge: Host, name: str) -> str:
    path = f"{DIRECTORY}/{name}/current/certificate.pem"
    return edge.run(["openssl", "x509", "-in", path, "-noout", "-serial"]).strip().partition("=")[2].lstrip("0")


def _status(edge: Host, serial: str) -> str:
    """What the server says of a certificate."""
    asked = f"https://acme:15000/cert-status-by-serial/{serial.lower()}"
    read = f"import json, urllib.request; print(json.load(urllib.request.urlopen('{asked}'))['Status'])"
    return edge.run(["python3", "-c", read]).strip()


@pytest.mark.deep
def test_a_key_has_the_declared_type_and_stays_where_that_is_declared(edge: Host, order: Order) -> None:
    asked = {"name": "pinned", "domains": ["pinned.lab.example"], "key_type": "rsa-2048", "reuse_key": True}
    order({"certificate_requests": [asked]}).expect_success()
    key, serial = edge.read(f"{DIRECTORY}/pinned/current/key.pem"), _serial(edge, "pinned")
    said = edge.run(["openssl", "x509", "-in", f"{DIRECTORY}/pinned/current/certificate.pem", "-noout", "-text"])
    assert "Public-Key: (2048 bit)" in said
    order({"certificate_requests": [asked], "certificate_force": True}).expect_success()
    assert edge.read(f"{DIRECTORY}/pinned/current/key.pem") == key
    assert _serial(edge, "pinned") != serial
    run = order({"certificate_requests": [{**asked, "key_type": "ecdsa-p384"}]}).expect_success()
    assert run.results("Create a key and a request")[edge.name]["due"][0]["why"] == "its key_type has changed"
    assert edge.read(f"{DIRECTORY}/pinned/current/key.pem") != key
