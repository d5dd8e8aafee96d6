# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dns-01 against real name servers (RFC 2136, TSIG) and a real ACME server that asks the slower one of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Host, Lab

from .names import ACME, ANSWERS, KEY, PRIMARY, SECRET, ZONE, Names, authority, name_servers
from .test_alone import DIRECTORY, PROXY, SOCKET, installed, record

# both name servers and the ACME server are installed first
pytestmark = pytest.mark.deep
FOREIGN = "of another client"
WILD = {"name": "wild", "domains": [f"*.{ZONE}", ZONE], "challenge": "dns-01"}
ALIAS = {"name": "alias", "domains": [f"alias.{ZONE}"], "challenge": "dns-01"}
PLAIN = {"name": "plain", "domains": [f"erp.{ZONE}"]}
HOOK = f"""---
- name: Update the zone
  ansible.builtin.command:
    cmd: nsupdate -k /etc/bind/acme.key
    stdin: |
      server 127.0.0.1
      update {{{{ verb }}}} {{{{ item.name }}}} 60 TXT "{{{{ item.value }}}}"
      send
  delegate_to: {PRIMARY}
  changed_when: true
  vars:
    verb: "{{{{ 'add' if certificate_dns_state == 'present' else 'delete' }}}}"
  loop: "{{{{ certificate_dns_records }}}}"
"""
# Accounts are bound, and there are two profiles.
KID, MAC = "account-one", base64.urlsafe_b64encode(b"of the tests, and nobody's account").decode().rstrip("=")
OPTIONS = {
    "externalAccountBindingRequired": True,
    "externalAccountMACKeys": {KID: MAC},
    "profiles": {
        "classic": {"description": "The usual one", "validityPeriod": 90 * 86400},
        "shortlived": {"description": "Six days", "validityPeriod": 6 * 86400},
    },
}
Order = Callable[..., PlaybookRun]


@pytest.fixture(scope="module")
def names(lab: Lab) -> Iterator[Names]:
    """The name servers and the ACME server."""
    found = name_servers(lab, "edge1")
    authority(lab, found, OPTIONS, {"PEBBLE_ALTERNATE_ROOTS": "1"})
    yield found
    # other tests of the same lab have Redis there
    for host in (found.first, found.second):
        host.container.remove(force=True)


@pytest.fixture
def edge(lab: Lab, names: Names) -> Iterator[Host]:
    """A host without certificates, whose answers the ACME server reaches on port 80."""
    edge = lab.host("edge1")
    edge.run(["rm", "-rf", DIRECTORY])
    edge.write("/etc/systemd/system/port80.socket", SOCKET)
    edge.write("/etc/systemd/system/port80.service", PROXY)
    edge.run(["systemctl", "daemon-reload"])
    edge.run(["systemctl", "start", "port80.socket"])
    yield edge
    edge.run(["systemctl", "stop", "port80.socket", "port80.service"])


@pytest.fixture
def order(edge: Host, names: Names, run_playbook: Callable[..., PlaybookRun]) -> Order:
    """`order(request, ..., variables=, **options)` runs the role."""
    updates = {
        "server": PRIMARY,
        "tsig_name": KEY,
        "tsig_secret": SECRET,
        "resolvers": [names.first.address],
        "timeout": 60,
    }

    def call(*requests: dict[str, Any], variables: dict[str, Any] | None = None, **options: Any) -> PlaybookRun:
        given = {
            "certificate_acme_directory": ACME,
            "certificate_requests": list(requests),
            "certificate_eab": {"kid": KID, "key": MAC},
            **(variables or {}),
            "certificate_dns": {**updates, **(variables or {}).get("certificate_dns", {})},
        }
        role = {"name": "Order", "ansible.builtin.include_role": {"name": "gantry.odoo.certificate"}}
        play = {"hosts": edge.name, "gather_facts": False, "vars": given, "tasks": [role]}
        return run_playbook([play], **options)

    return call


def domains(edge: Host, name: str) -> list[str]:
    """The names in an installed certificate, as openssl reads them."""
    path = f"{DIRECTORY}/{name}/current/certificate.pem"
    said = edge.run(["openssl", "x509", "-in", path, "-noout", "-ext", "subjectAltName"])
    return sorted(part.strip(" ,\n") for part in said.split("DNS:")[1:])


def test_a_wildcard_is_issued_once_every_name_server_answers(edge: Host, names: Names, order: Order) -> None:
    planned = order(WILD, ALIAS, PLAIN, check=True).expect_success()
    assert [one["challenge"] for one in planned.results("Create a key and a request")[edge.name]["due"]] == [
        "dns-01",
        "dns-01",
        "http-01",
    ]
    run = order(WILD, ALIAS, PLAIN, arguments=["-vvv"], command_line=True).expect_success()
    assert domains(edge, "wild") == [f"*.{ZONE}", ZONE]
    assert domains(edge, "alias") == [f"alias.{ZONE}"]
    assert domains(edge, "plain") == [f"erp.{ZONE}"]
    # nothing stays but what is of others
    assert names.txt(f"_acme-challenge.{ZONE}") == [FOREIGN]
    assert names.challenges() == [line for line in names.challenges() if FOREIGN in line]
    assert edge.attempt(["test", "-e", f"{DIRECTORY}/records.json"])[0] == 1
    assert [secret for secret in (SECRET, MAC) if secret in run.stdout + run.stderr] == []
    hosts = {
        one["name"]: one["hosts"] for one in run.results("Install the ordered certificates")[edge.name]["certificates"]
    }
    assert hosts["wild"] == [f"gantry-proof.{ZONE}", ZONE]
    assert order(WILD, ALIAS, PLAIN).expect_success().changed == order(WILD, check=True).expect_success().changed == 0


def test_a_name_server_that_lags_behind_and_a_key_that_is_refused_hold_back_their_certificates_alone(
    edge: Host, names: Names, order: Order
) -> None:
    names.follow(on=False)
    run = order(WILD, PLAIN, variables={"certificate_dns": {"timeout": 3}}).expect_failure()
    names.follow(on=True)
    assert sorted(installed(edge)) == ["plain"]
    why = f"ns2.{ZONE}. answers _acme-challenge.{ZONE}. without the record of this order after 3 s"
    assert (record(edge, "wild")["why"], why in run.errors[-1]) == (why, True)
    assert names.txt(f"_acme-challenge.{ZONE}") == [FOREIGN]

    wrong = {"certificate_dns": {"tsig_secret": "d3Jvbmc="}, "certificate_force": True}
    run = order(ALIAS, PLAIN, variables=wrong).expect_failure()
    assert f"the name server {PRIMARY} refused to update alias.{ANSWERS}." in run.errors[-1]
    assert f"the TSIG key {KEY}" in run.errors[-1]
    assert sorted(installed(edge)) == ["plain"]


def test_what_an_interrupted_run_has_left_in_dns_is_removed_by_the_next(
    edge: Host, names: Names, order: Order, ansible_module: Callable[..., dict[str, Any]]
) -> None:
    order(PLAIN, WILD).expect_success()
    left = {"certificate": "wild", "name": f"_acme-challenge.{ZONE}", "value": "left"}
    updates = {"server": PRIMARY, "tsig_name": KEY, "tsig_secret": SECRET, "resolvers": [names.first.address]}
    args = {"path": DIRECTORY, "state": "present", "records": [left], **updates}
    assert ansible_module(edge, "gantry.odoo.certificate_dns", args, check=True)["changed"]
    assert names.txt(left["name"]) == [FOREIGN]
    assert ansible_module(edge, "gantry.odoo.certificate_dns", args)["refused"] == {}
    assert names.txt(left["name"]) == ["left", FOREIGN]
    # nothing is due
    order(PLAIN, WILD).expect_success()
    assert names.txt(left["name"]) == [FOREIGN]
    assert edge.attempt(["test", "-e", f"{DIRECTORY}/records.json"])[0] == 1


def test_the_users_own_tasks_write_and_remove_records(edge: Host, names: Names, order: Order, tmp_path: Path) -> None:
    hook = tmp_path / "hook.yml"
    variables = {"certificate_dns": {"server": ""}, "certificate_dns_hook": str(hook)}
    # it writes, and cannot remove
    stuck = "  when: certificate_dns_state == 'present' or (undefined_by_the_hook | mandatory)\n"
    hook.write_text(HOOK + stuck, encoding="utf-8")
    run = order(WILD, PLAIN, variables=variables).expect_failure()
    assert sorted(installed(edge)) == ["plain", "wild"]
    assert f"the hook {hook}: Update the zone" in run.errors[-1]
    assert len(names.txt(f"_acme-challenge.{ZONE}")) == 3
    hook.write_text(HOOK, encoding="utf-8")
    order(WILD, PLAIN, variables=variables).expect_success()
    assert names.txt(f"_acme-challenge.{ZONE}") == [FOREIGN]

    hook.write_text("- ansible.builtin.fail: {msg: no rights to the zone}\n", encoding="utf-8")
    run = order(ALIAS, PLAIN, variables={**variables, "certificate_force": True}).expect_failure()
    assert sorted(installed(edge)) == ["plain", "wild"]
    assert "no rights to the zone" in record(edge, "alias")["why"]


def test_profiles_chains_and_a_bound_account_are_those_that_are_declared(
    edge: Host, names: Names, order: Order
) -> None:
    short, foreign = {**PLAIN, "profile": "shortlived"}, {"name": "foreign", "domains": [f"f.{ZONE}"], "profile": "tls"}
    run = order(short, variables={"certificate_eab": {}}).expect_failure()
    assert "externalaccountbinding" in run.errors[-1].lower().replace(" ", "")
    assert (
        "not base64url"
        in order(short, variables={"certificate_eab": {"kid": KID, "key": "!"}}).expect_failure().errors[-1]
    )

    run = order(short, foreign, variables={"certificate_force": True}).expect_failure()
    assert sorted(installed(edge)) == ["plain"]
    assert "the server has no profile tls, but classic, shortlived" in run.errors[-1]
    (one,) = run.results("Install the ordered certificates")[edge.name]["certificates"]
    lasts = datetime.fromisoformat(one["not_after"]) - datetime.fromisoformat(one["not_before"])
    assert 5 < lasts.total_seconds() / 86400 <= 6.1

    first, other = names.root(0), names.root(1)
    assert first in last_issuer(edge, "plain")
    chosen = {**PLAIN, "profile": "classic", "preferred_chain": other}
    order(chosen).expect_success()
    assert other in last_issuer(edge, "plain")
    assert order(chosen).expect_success().changed == 0
    run = order({**PLAIN, "profile": "classic", "preferred_chain": "Root of Nobody"}).expect_success()
    assert "and not to Root of Nobody" in run.stdout


def last_issuer(edge: Host, name: str) -> str:
    """The issuer of the last certificate of an installed chain, as openssl reads it."""
    path = f"{DIRECTORY}/{name}/current/certificate.pem"
    said = edge.run(["sh", "-c", f"openssl crl2pkcs7 -nocrl -certfile {path} | openssl pkcs7 -print_certs -noout"])
    return [line for line in said.splitlines() if line.startswith("issuer")][-1]


@pytest.mark.parametrize(
    ("requests", "variables", "words"),
    [
        ([{**WILD, "challenge": "http-01"}], {}, "can be validated by dns-01 alone"),
        ([WILD], {"certificate_dns": {"server": ""}}, "wild: the challenge dns-01 needs a server"),
        ([WILD], {"certificate_dns": {"tsig_secret": ""}}, "a TSIG key has a name and a secret"),
    ],
)
def test_a_declaration_that_cannot_be_ordered_touches_nothing(
    edge: Host, order: Order, requests: list[dict[str, Any]], variables: dict[str, Any], words: str
) -> None:
    assert words in order(*requests, variables=variables).expect_failure().errors[-1]
    assert edge.attempt(["test", "-e", DIRECTORY])[0] == 1
