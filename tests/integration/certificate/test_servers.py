# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that an internal authority signs for a real PostgreSQL and a real Redis: what clients of them see.

The plays are those that gantry.odoo.site and gantry.odoo.renew_certificates import.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Host, Lab
from tests.lab.state import ROOT

ZONE = "internal.harbour.example"
DATABASE, CACHE = f"db.{ZONE}", f"cache.{ZONE}"
LOGIN, PASSWORD = "certified", "a-password-of-this-test"
STORE, TRUSTED = "/etc/gantry/certificates", "/etc/gantry/trust/authorities.pem"
PLAYS = ROOT / "playbooks/plays"
# As a client of each asks it for its certificate.
PORTS = {DATABASE: "5432 -starttls postgres", CACHE: "6379"}
Renew = Callable[..., PlaybookRun]


def request(name: str, domain: str) -> dict[str, Any]:
    """What a host declares, and where its pair is."""
    return {"certificate_requests": [{"name": name, "domains": [domain], "issuer": "internal"}]}


def variables(address: str) -> dict[str, dict[str, Any]]:
    """What the inventory declares by host. address: of one of them."""
    database, cache = (f"{STORE}/{name}/current" for name in ("database", "cache"))
    return {
        DATABASE: {
            **request("database", DATABASE),
            "postgresql_tls_names": [DATABASE],
            "postgresql_allowed_networks": [address.rsplit(".", 1)[0] + ".0/24"],
            "postgresql_memory_mb": 512,
            "postgresql_roles": [{"name": LOGIN, "password": PASSWORD}],
            "postgresql_ca_file": TRUSTED,
            "postgresql_cert_file": f"{database}/certificate.pem",
            "postgresql_key_file": f"{database}/key.pem",
        },
        CACHE: {
            **request("cache", CACHE),
            "certificate_group": "redis",
            "redis_nodes": [{"host": CACHE}],
            "redis_password": PASSWORD,
            "redis_settings": {"maxmemory": "64mb"},
            "redis_tls": True,
            "redis_tls_ca": TRUSTED,
            "redis_tls_certificate": f"{cache}/certificate.pem",
            "redis_tls_key": f"{cache}/key.pem",
        },
    }


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> Iterator[dict[str, Host]]:
    """Two hosts with nothing of PostgreSQL, Redis and certificates, the second of which has the authority."""
    found = {name: lab.host(name.partition(".")[0], image="vm") for name in (DATABASE, CACHE)}
    for name, host in found.items():
        host.run(["sh", "-c", f"echo {host.address} {name} >>/etc/hosts"])
    yield found
    for host in found.values():
        host.container.remove(force=True, v=True)


@pytest.fixture(scope="module")
def renew(lab: Lab, hosts: dict[str, Host], run_playbook: Callable[..., PlaybookRun]) -> Renew:
    """`renew(then=, own=, **inputs)` renews what is due. then: further plays. own: other variables of hosts."""
    declared = variables(hosts[DATABASE].address)

    def call(
        then: list[dict[str, Any]] | None = None,
        own: dict[str, dict[str, Any]] | None = None,
        check: bool = False,
        **inputs: Any,
    ) -> PlaybookRun:
        members = {
            name: {**lab.connection(host.name), **declared[name], **(own or {}).get(name, {})}
            for name, host in hosts.items()
        }
        authority = {
            "certificate_internal_authorities": [{"name": "servers", "zones": [ZONE]}],
            "certificate_internal_host": CACHE,
        }
        groups = {
            "edge": {"hosts": {}},
            "estate_postgresql": {"hosts": {DATABASE: {}}},
            "cache": {"hosts": {CACHE: {}}},
        }
        inventory = {"all": {"hosts": members, "vars": authority, "children": groups}}
        plays = [
            play("Declare", set_fact("server_certificates", f"hostvars | {FILTER}certificate_servers(groups, {APP})")),
            imported("internal_authorities"),
            imported("server_certificates", **inputs),
            *(then or []),
            play("Report", set_fact("left", f"server_certificates | {FILTER}left_servers(hostvars)")),
        ]
        return run_playbook(plays, inventory, check=check)

    return call


FILTER = "gantry.odoo."
APP = {"app": {"database_server": DATABASE, "database_host": DATABASE}}


def play(name: str, *tasks: dict[str, Any], where: str = "all") -> dict[str, Any]:
    return {"name": name, "hosts": where, "gather_facts": False, "tasks": list(tasks)}


def set_fact(name: str, value: str) -> dict[str, Any]:
    return {"name": f"Set {name}", "ansible.builtin.set_fact": {name: f"{{{{ {value} }}}}"}, "run_once": True}


def imported(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.import_playbook": str(PLAYS / f"{name}.yml"), "vars": given}


def role(name: str) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.include_role": {"name": f"gantry.odoo.{name}"}}


def converge(renew: Renew) -> PlaybookRun:
    """As gantry.odoo.site does it: certificates first, and then the servers."""
    mains = [play(name, role(name), where=host) for name, host in (("postgresql", DATABASE), ("redis", CACHE))]
    return renew(mains, servers_start=True)


def left(run: PlaybookRun) -> list[str]:
    """What the end of the run says of hosts that do not show what is due."""
    (said,) = run.results("Set left").values()
    found: list[str] = said["ansible_facts"]["left"]
    return found


def shown(host: Host, name: str) -> str:
    """The serial number of what a client is shown, once openssl has verified it by the authority and the name alone."""
    verified = f"-verify_return_error -CAfile {TRUSTED} -no-CApath -no-CAstore -verify_hostname {name}"
    ask = f"openssl s_client -connect {host.address}:{PORTS[name]} {verified} </dev/null"
    return host.run(["sh", "-c", f"set -o pipefail; {ask} | openssl x509 -noout -serial"]).strip()


def all_shown(hosts: dict[str, Host]) -> dict[str, str]:
    return {name: shown(host, name) for name, host in hosts.items()}


def installed(host: Host, name: str) -> str:
    """The serial number of the installed certificate."""
    path = f"{STORE}/{name}/current/certificate.pem"
    return host.run(["openssl", "x509", "-in", path, "-noout", "-serial"]).strip()


class Session:
    """A connection with Redis over TLS, verified by the authority of a file, that answers while it is the same one."""

    def __init__(self, host: Host, authority: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        plain = socket.create_connection((host.address, 6379), timeout=30)
        self._secure = context.wrap_socket(plain, server_hostname=CACHE)
        assert self.ask(f"AUTH {PASSWORD}") == "+OK"

    def ask(self, words: str) -> str:
        """The first line of an answer."""
        self._secure.sendall(f"{words}\r\n".encode())
        return self._secure.recv(4096).decode().splitlines()[0]

    def close(self) -> None:
        self._secure.close()


def connected(host: Host, authority: Path) -> Any:
    """A session with PostgreSQL over TLS, verified by the authority of a file."""
    where = {"host": DATABASE, "hostaddr": host.address, "dbname": "postgres", "connect_timeout": 30}
    login = {"user": LOGIN, "password": PASSWORD}
    connection = psycopg2.connect(**where, **login, sslmode="verify-full", sslrootcert=str(authority))
    connection.autocommit = True
    return connection


def process(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_fresh_servers_show_what_is_signed_and_renewed_and_no_connection_ends(
    hosts: dict[str, Host], renew: Renew, tmp_path: Path
) -> None:
    assert left(converge(renew).expect_success()) == []
    first = all_shown(hosts)
    assert first == {DATABASE: installed(hosts[DATABASE], "database"), CACHE: installed(hosts[CACHE], "cache")}
    assert hosts[CACHE].run(["stat", "-L", "-c", "%a %G", f"{STORE}/cache/current/key.pem"]) == "640 redis\n"

    authority = tmp_path / "authorities.pem"
    authority.write_bytes(hosts[CACHE].read(TRUSTED))
    with (
        closing(connected(hosts[DATABASE], authority)) as database,
        closing(Session(hosts[CACHE], authority)) as cache,
    ):
        before = process(database), cache.ask("CLIENT ID")
        assert left(renew(servers_force=True).expect_success()) == []
        assert {*all_shown(hosts).values()}.isdisjoint(first.values())
        assert (process(database), cache.ask("CLIENT ID")) == before
    assert renew().expect_success().changed == 0


@pytest.mark.deep
def test_the_second_run_of_site_changes_nothing_and_check_mode_says_what_is_renewed(
    hosts: dict[str, Host], renew: Renew
) -> None:
    converge(renew).expect_success()
    assert converge(renew).expect_success().changed == 0
    before = all_shown(hosts)
    assert renew(check=True, servers_force=True).expect_success().changed > 0
    assert all_shown(hosts) == before
    assert renew().expect_success().changed == 0


@pytest.mark.deep
def test_a_pair_that_a_server_does_not_take_is_put_back_and_the_other_is_renewed(
    hosts: dict[str, Host], renew: Renew
) -> None:
    converge(renew).expect_success()
    before = all_shown(hosts)
    run = renew(own={DATABASE: request("database", f"other.{ZONE}")}).expect_success()
    (words,) = left(run)
    assert words.startswith(f"the servers on {DATABASE} show the certificates that they had: ")
    assert "hostname mismatch" in words
    assert (all_shown(hosts), installed(hosts[DATABASE], "database")) == (before, before[DATABASE])
    assert renew().expect_success().changed == 0

    run = renew(own={CACHE: request("cache", f"other.{ZONE}")}, servers_force=True).expect_success()
    (words,) = left(run)
    assert words.startswith(f"the servers on {CACHE} show the certificates that they had: ")
    assert shown(hosts[CACHE], CACHE) == before[CACHE] == installed(hosts[CACHE], "cache")
    assert shown(hosts[DATABASE], DATABASE) != before[DATABASE]
    assert left(renew().expect_success()) == []


@pytest.mark.deep
def test_a_server_that_is_off_or_stopped_is_named_and_the_other_is_renewed(
    hosts: dict[str, Host], renew: Renew, lab: Lab
) -> None:
    converge(renew).expect_success()
    before = all_shown(hosts)
    hosts[DATABASE].run(["systemctl", "stop", "postgresql@17-main.service"])
    (words,) = left(renew(servers_force=True).expect_success())
    assert "127.0.0.1:5432 serves no certificate" in words
    assert installed(hosts[DATABASE], "database") == before[DATABASE]
    cache = shown(hosts[CACHE], CACHE)
    assert cache != before[CACHE]

    hosts[DATABASE].container.stop(timeout=5)
    assert left(renew(servers_force=True).expect_failure()) == [
        f"{DATABASE} was off or lost, and its servers show the certificates that they had; start it"
    ]
    assert shown(hosts[CACHE], CACHE) != cache
    hosts[DATABASE] = lab.host(hosts[DATABASE].name, image="vm")
    assert left(converge(renew).expect_success()) == []
    assert shown(hosts[DATABASE], DATABASE) == before[DATABASE]


@pytest.mark.deep
def test_what_a_killed_run_has_installed_is_loaded_or_put_back(hosts: dict[str, Host], renew: Renew) -> None:
    converge(renew).expect_success()
    before = shown(hosts[DATABASE], DATABASE)
    # as a run that is killed between the two: nothing is loaded
    sign = {"name": "gantry.odoo.certificate"}
    signed = play("Sign", {"name": "Sign", "ansible.builtin.include_role": sign, "vars": {"certificate_force": True}})
    renew([signed]).expect_success()
    new = installed(hosts[DATABASE], "database")
    assert shown(hosts[DATABASE], DATABASE) == before != new
    # it cannot be loaded any more
    (words,) = left(renew(own={DATABASE: {"postgresql_tls_names": [f"other.{ZONE}"]}}).expect_success())
    assert "hostname mismatch" in words
    assert shown(hosts[DATABASE], DATABASE) == before == installed(hosts[DATABASE], "database")

    renew([signed]).expect_success()
    new = installed(hosts[DATABASE], "database")
    assert left(renew().expect_success()) == []
    assert shown(hosts[DATABASE], DATABASE) == new != before


@pytest.mark.deep
def test_a_certificate_is_revoked_by_name_once_its_server_shows_another_one(
    hosts: dict[str, Host], renew: Renew
) -> None:
    converge(renew).expect_success()
    before = all_shown(hosts)
    include = {
        "name": "Revoke",
        "ansible.builtin.include_tasks": str(ROOT / "playbooks/tasks/renew_revoke.yml"),
        "vars": {
            "revoke_requests": "{{ hostvars[inventory_hostname].certificate_requests }}",
            "revoke_hosts": ["{{ inventory_hostname }}"],
        },
        "when": "certificate_revocations | default([]) | length > 0",
    }
    lost = {"revoke": ["database"], "reason": "key_compromise"}
    run = renew([play("Revoke", include), imported("internal_authorities")], servers_lost=lost).expect_success()
    assert left(run) == []
    assert shown(hosts[CACHE], CACHE) == before[CACHE]
    assert shown(hosts[DATABASE], DATABASE) != before[DATABASE]
    listed = hosts[DATABASE].run(["openssl", "crl", "-in", "/etc/gantry/trust/revoked.pem", "-noout", "-text"])
    serial = before[DATABASE].partition("=")[2].lstrip("0")
    assert [line.split()[-1].lstrip("0") for line in listed.splitlines() if "Serial Number:" in line] == [serial]
    assert renew().expect_success().changed == 0
