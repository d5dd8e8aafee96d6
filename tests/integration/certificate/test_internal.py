# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal authorities on a real host, and another one that serves: what OpenSSL takes of what they sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Host, Lab
from tests.lab.issued import issue
from tests.lab.state import ROOT

AUTHORITY, EDGE = "cache1", "edge1"
KEPT, TRUST, SERVED = "/etc/gantry/authority", "/etc/gantry/trust", "/etc/gantry/certificates"
ZONES = ["internal.harbour.example"]
DOMAIN = "erp.internal.harbour.example"
NEW_PAIRS, COPY = "/srv/pairs", "/srv/copy.pem"
CURRENT = f"{SERVED}/erp/current/certificate.pem"
FIRST = {"name": "first", "zones": ZONES}
Keep = Callable[..., PlaybookRun]


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> Iterator[dict[str, Host]]:
    """The host of the authorities and the one that serves, with nothing of another run."""
    found = lab.up([AUTHORITY, EDGE])
    clean(found)
    yield found
    clean(found)


def clean(hosts: dict[str, Host]) -> None:
    """Leave no trace of an authority."""
    for name in (AUTHORITY, EDGE):
        trusted = "/usr/local/share/ca-certificates/gantry-* /etc/ssl/certs/gantry-*"
        paths = f"{KEPT} {TRUST} {SERVED} {NEW_PAIRS} {COPY} {trusted}"
        hosts[name].run(["sh", "-c", f"rm -rf {paths}; update-ca-certificates"])


@pytest.fixture(scope="module")
def keep(hosts: dict[str, Host], run_playbook: Callable[..., PlaybookRun]) -> Keep:
    """`keep(authorities)` keeps them on their host, has both hosts trust them, and requests a certificate."""

    def call(authorities: list[dict[str, Any]], variables: dict[str, Any] | None = None, **options: Any) -> PlaybookRun:
        given = {
            "certificate_internal_authorities": authorities,
            "certificate_internal_host": AUTHORITY,
            "certificate_hosts": [EDGE],
            "certificate_trust_hosts": [AUTHORITY, EDGE],
            "certificate_requests": [{"name": "erp", "domains": [DOMAIN], "issuer": "internal"}],
            **(variables or {}),
        }
        return run_playbook(
            [
                play(AUTHORITY, "authority", given),
                play(f"{AUTHORITY},{EDGE}", "trust", {**given, "certificate_trusted": PUBLISHED}),
                play(EDGE, "main", given),
            ],
            **options,
        )

    return call


PUBLISHED = f"{{{{ hostvars['{AUTHORITY}'].certificate_trusted }}}}"


def play(hosts: str, entry: str, variables: dict[str, Any]) -> dict[str, Any]:
    """A play with an entry point of the role."""
    role = {"name": "gantry.odoo.certificate", "tasks_from": entry}
    tasks = [{"name": f"Run {entry}", "ansible.builtin.include_role": role}]
    return {"name": entry, "hosts": hosts, "gather_facts": False, "vars": variables, "tasks": tasks}


def verify(host: Host, certificate: str = CURRENT) -> str:
    """What OpenSSL says of a certificate, by what the system trusts and the list of what is revoked."""
    command = f"openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt -untrusted {certificate} "
    return host.attempt(["sh", "-c", f"{command} -CRLfile {TRUST}/revoked.pem -crl_check {certificate} 2>&1"])[1]


def state(hosts: dict[str, Host]) -> str:
    """Everything that the role writes, with its content and its modes."""
    paths = f"{KEPT} {TRUST} {SERVED} /usr/local/share/ca-certificates /etc/ssl/certs/ca-certificates.crt"
    found = f"find {paths} -printf '%p %m %T@\\n' | sort; find {paths} -type f -exec sha256sum {{}} +"
    script = f"({found}) 2>/dev/null"
    return "".join(hosts[name].attempt(["sh", "-c", script])[1] for name in (AUTHORITY, EDGE))


def serial(host: Host) -> str:
    return host.run(["openssl", "x509", "-in", CURRENT, "-noout", "-serial"]).strip().partition("=")[2]


def test_a_name_is_signed_within_its_zones_and_trusted_by_every_host(hosts: dict[str, Host], keep: Keep) -> None:
    run = keep([FIRST], arguments=["-vvv"], command_line=True).expect_success()
    authority, edge = hosts[AUTHORITY], hosts[EDGE]
    authority.write("/root/served.pem", edge.read(CURRENT).decode())
    assert [verify(edge), verify(authority, "/root/served.pem")] == [f"{CURRENT}: OK\n", "/root/served.pem: OK\n"]
    keys = [authority.read(f"{KEPT}/first/intermediate.key"), edge.read(f"{SERVED}/erp/current/key.pem")]
    assert [key for key in keys if key.decode().splitlines()[1] in run.stdout + run.stderr] == []
    modes = authority.run(["sh", "-c", f"cd {KEPT}; stat -c '%a %U %n' . first first/*"]).splitlines()
    assert modes[:2] == ["700 root .", "700 root first"]
    assert "600 root first/intermediate.key" in modes
    assert not [line for line in modes if "root.key" in line]

    kept = state(hosts)
    assert keep([FIRST]).expect_success().changed == 0
    assert state(hosts) == kept

    assert "permitted subtree violation" in sign_outside(authority, "first")


def sign_outside(authority: Host, name: str) -> str:
    """What OpenSSL says of a certificate that whoever has the key of an authority has signed outside of its zones."""
    issuer = f"{KEPT}/{name}/intermediate"
    sign = f"openssl x509 -req -in s.csr -CA {issuer}.pem -CAkey {issuer}.key -out s.pem -copy_extensions copy"
    ask = "openssl req -new -nodes -newkey rsa:2048 -keyout /dev/null -subj /CN=s -addext subjectAltName=DNS:"
    authority.run(["sh", "-c", f"cd /root && {ask}erp.example -out s.csr && {sign} && cat {issuer}.pem >> s.pem"])
    return verify(authority, "/root/s.pem")


@pytest.mark.deep
def test_a_root_that_the_system_does_not_come_to_trust_is_told_from_one_that_nobody_can_judge(
    hosts: dict[str, Host], keep: Keep
) -> None:
    keep([FIRST]).expect_success()
    edge, anchor = hosts[EDGE], "/usr/local/share/ca-certificates/gantry-first.crt"
    # as an interrupted run leaves it
    forget = f"mv {anchor} /root; update-ca-certificates --fresh; mv /root/gantry-first.crt {anchor}"
    for program, script, words in (
        ("update-ca-certificates", "exit 0", f"{anchor} is not trusted by the programs of {EDGE}, although"),
        ("openssl", "echo no library >&2; exit 2", f"{anchor} cannot be compared with "),
    ):
        edge.run(["sh", "-c", forget])
        edge.write(f"/usr/local/bin/{program}", f"#!/bin/sh\n{script}\n", mode=0o755)
        try:
            assert words in keep([FIRST]).expect_failure().errors[0]
        finally:
            edge.run(["rm", f"/usr/local/bin/{program}"])
    keep([FIRST]).expect_success()
    assert verify(edge) == f"{CURRENT}: OK\n"
    edge.run(["rm", "/etc/ssl/certs/ca-certificates.crt"])
    keep([FIRST]).expect_success()
    assert verify(edge) == f"{CURRENT}: OK\n"


@pytest.mark.deep
def test_check_mode_says_what_is_made_and_makes_nothing(hosts: dict[str, Host], keep: Keep) -> None:
    clean(hosts)
    before = state(hosts)
    run = keep([FIRST], check=True).expect_success()
    for task in ("Create the directories", "Write the roots", "Create a key and a request"):
        assert run.results(task)[EDGE if task != "Create the directories" else AUTHORITY]["changed"]
    assert state(hosts) == before
    keep([FIRST]).expect_success()
    kept = state(hosts)
    assert keep([FIRST], check=True).expect_success().changed == 0
    assert state(hosts) == kept


@pytest.mark.deep
def test_another_authority_takes_over_once_every_host_trusts_it(hosts: dict[str, Host], keep: Keep) -> None:
    clean(hosts)
    keep([FIRST]).expect_success()
    authority, edge = hosts[AUTHORITY], hosts[EDGE]
    root = issue("Harbour Root", datetime.now(timezone.utc), days=(100, 4000), is_authority=True)
    key = root.key().decode()
    second = {"name": "second", "zones": ZONES, "root_certificate": root.certificate.decode()}
    first = serial(edge)

    refused = keep([second, FIRST]).expect_failure()
    assert (
        "authority second is not made yet, and its root signs the intermediate; give its root_key" in refused.errors[0]
    )
    waiting = {"certificate_trust_hosts": [AUTHORITY, EDGE, "app1"]}
    run = keep([{**second, "root_key": key}, FIRST], waiting, arguments=["-vvv"], command_line=True).expect_success()
    assert key.splitlines()[1] not in run.stdout + run.stderr
    staged = run.results("Create a key and a request")[EDGE]
    assert staged["warnings"][0].startswith("authority second does not sign yet, as app1 does not trust it; first goes")
    assert (serial(edge), verify(edge)) == (first, f"{CURRENT}: OK\n")
    # nor for what is new, with nothing installed, while a program has a file of its own without it
    edge.run(["cp", "/usr/local/share/ca-certificates/gantry-first.crt", COPY])
    alone = {"certificate_dir": NEW_PAIRS, "certificate_trust_copies": [COPY]}
    staged = keep([second, FIRST], alone).expect_success().results("Create a key and a request")[EDGE]
    assert f"does not sign yet, as {EDGE} ({COPY}) does not trust it" in staged["warnings"][0]
    issuer = edge.run(["openssl", "x509", "-in", f"{NEW_PAIRS}/erp/current/certificate.pem", "-noout", "-issuer"])
    assert issuer.strip().endswith("first issuing")
    bundle = edge.run(["sh", "-c", f"grep -c BEGIN {TRUST}/authorities.pem; grep -c BEGIN {TRUST}/revoked.pem"])
    assert bundle.split() == ["2", "2"]
    # its root has no name constraints
    assert "permitted subtree violation" in sign_outside(authority, "second")

    # the authority of what is served stays, whatever is declared
    kept = state(hosts)
    run = keep([second]).expect_failure()
    assert "authority first is no longer declared and has signed erp on edge1" in run.errors[0]
    assert state(hosts) == kept

    edge.run(["sh", "-c", f"cp {CURRENT} /root/before.pem"])
    keep([second, FIRST]).expect_success()
    assert serial(edge) != first
    assert [verify(edge), verify(edge, "/root/before.pem")] == [f"{CURRENT}: OK\n", "/root/before.pem: OK\n"]
    # one that signs needs no proof again
    assert keep([second, FIRST], waiting).expect_success().changed == 0

    keep([second]).expect_success()
    assert authority.run(["ls", KEPT]).split() == ["second"]
    assert verify(edge) == f"{CURRENT}: OK\n"
    assert "/root/before.pem: OK" not in verify(edge, "/root/before.pem")
    assert keep([second]).expect_success().changed == 0


@pytest.mark.deep
def test_a_certificate_whose_key_is_lost_is_replaced_and_then_on_the_list(
    hosts: dict[str, Host], keep: Keep, run_playbook: Callable[..., PlaybookRun]
) -> None:
    clean(hosts)
    keep([FIRST]).expect_success()
    edge = hosts[EDGE]
    edge.run(["sh", "-c", f"cp {CURRENT} /root/lost.pem"])
    lost = serial(edge)
    run = keep([FIRST], {"certificate_revoke": ["erp"]}).expect_success()
    listed = run.results("Install the ordered certificates")[EDGE]["revocations"]
    assert [(one["serial"], one["issuer"], one["authority"]) for one in listed] == [(lost, "internal", "first")]
    assert verify(edge, "/root/lost.pem") == "/root/lost.pem: OK\n"

    variables = {
        "certificate_internal_authorities": [FIRST],
        "certificate_internal_host": AUTHORITY,
        "certificate_requests": [{"name": "erp", "domains": [DOMAIN], "issuer": "internal"}],
        "certificate_revocations": listed,
    }
    run_playbook([play(EDGE, "revoke", variables)]).expect_success()
    keep([FIRST]).expect_success()
    assert "certificate revoked" in verify(edge, "/root/lost.pem")
    assert verify(edge) == f"{CURRENT}: OK\n"
    assert keep([FIRST]).expect_success().changed == 0


@pytest.mark.deep
def test_a_host_of_authorities_that_has_lost_them_signs_nothing_and_makes_none_of_that_name(
    hosts: dict[str, Host], keep: Keep
) -> None:
    clean(hosts)
    keep([FIRST]).expect_success()
    served = hosts[EDGE].read(CURRENT)
    hosts[AUTHORITY].run(["rm", "-rf", KEPT])
    run = keep([FIRST]).expect_failure()
    assert "authority first is to be made and has signed erp on edge1, so that it is lost or elsewhere" in run.errors[0]
    assert hosts[AUTHORITY].attempt(["test", "-e", KEPT])[0] != 0
    assert hosts[EDGE].read(CURRENT) == served


@pytest.mark.deep
def test_a_given_pair_is_judged_installed_and_kept(
    hosts: dict[str, Host], run_playbook: Callable[..., PlaybookRun]
) -> None:
    clean(hosts)
    edge, now = hosts[EDGE], datetime.now(timezone.utc)
    request = [{"name": "erp", "domains": [DOMAIN], "issuer": "given"}]

    def give(one: Any, key: Any = None, **options: Any) -> PlaybookRun:
        pair = {"certificate": one.certificate.decode(), "key": (key or one).key().decode()}
        variables = {"certificate_requests": request, "certificate_given": {"erp": pair}}
        return run_playbook([play(EDGE, "main", variables)], **options)

    pair, other = issue("a", now, names=[DOMAIN]), issue("b", now, names=[f"*.{ZONES[0]}"])
    run = give(pair, arguments=["-vvv"], command_line=True).expect_success()
    assert pair.key().decode().splitlines()[1] not in run.stdout + run.stderr
    assert edge.read(CURRENT) == pair.certificate
    assert give(pair, check=True).expect_success().changed == give(pair).expect_success().changed == 0
    run = give(other, key=pair).expect_failure()
    assert "the pairs of certificate_given did not issue certificate erp" in run.errors[-1]
    assert "has the key of another certificate" in run.errors[-1]
    assert edge.read(CURRENT) == pair.certificate
    give(other).expect_success()
    assert edge.read(CURRENT) == other.certificate
    assert give(other).expect_success().changed == 0


@pytest.mark.deep
def test_the_plays_go_on_without_a_host_that_is_off_and_say_why_authorities_are_not_kept(
    lab: Lab, hosts: dict[str, Host], run_playbook: Callable[..., PlaybookRun]
) -> None:
    clean(hosts)
    off = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
    listed = {name: lab.connection(name) for name in (AUTHORITY, EDGE)}
    variables = {"certificate_internal_authorities": [FIRST], "certificate_internal_host": AUTHORITY}
    inventory = {
        "all": {
            "vars": variables,
            "hosts": {**listed, "app1": off},
            "children": {"edge": {"hosts": {EDGE: {}}}},
        }
    }
    plays = str(ROOT / "playbooks/plays/internal_authorities.yml")
    run = run_playbook(plays, inventory).expect_success()
    assert (run.stats["app1"]["unreachable"], run.stats["app1"]["ignored"]) == (0, 1)
    roots = [hosts[name].run(["cat", f"{TRUST}/authorities.pem"]) for name in (AUTHORITY, EDGE)]
    assert roots[0] == roots[1] == hosts[AUTHORITY].run(["cat", f"{KEPT}/first/root.pem"])
    assert run_playbook(plays, inventory).expect_success().changed == 0
    run = run_playbook(plays, inventory, {"authorities_due": False}).expect_success()
    assert [stats["ok"] for stats in run.stats.values()] == [0, 0, 0]

    variables["certificate_internal_authorities"] = [{"name": "first", "zones": ["other.example"]}]
    run = run_playbook(plays, inventory).expect_success()
    why = run.results("Set the reason as a fact")[AUTHORITY]["ansible_facts"]["certificate_authority_left"]
    assert "authority first was made for internal.harbour.example and is declared for other.example" in why
    assert hosts[EDGE].run(["cat", f"{TRUST}/authorities.pem"]) == roots[0]
