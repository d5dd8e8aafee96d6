# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair that a real PostgreSQL server is given: what clients of it see before, while and after it is renewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Host, Lab
from tests.lab.issued import Issued, issue

DATABASE, LOGIN, PASSWORD = "db1", "certified", "a password of this test"
NOW = datetime.now(timezone.utc)
ROOT = issue("Harbour Servers", NOW, days=(100, 900), is_authority=True)
GIVEN = "/root/given"
CONFIG = "/etc/postgresql/17/main"
PAIR = {"postgresql_cert_file": f"{GIVEN}/server.pem", "postgresql_key_file": f"{GIVEN}/server.key"}
TRUSTED = {"postgresql_ca_file": f"{GIVEN}/root.pem"}
Role = Callable[..., PlaybookRun]


@pytest.fixture(scope="module")
def server(lab: Lab) -> Iterator[Host]:
    """A host without PostgreSQL, and with an authority for its pairs."""
    host = lab.up([DATABASE])[DATABASE]
    clean(host)
    host.write(f"{GIVEN}/root.pem", ROOT.certificate.decode())
    host.write(f"{GIVEN}/root.key", ROOT.key().decode())
    yield host
    clean(host)


def clean(host: Host) -> None:
    """Leave no cluster."""
    host.attempt(["systemctl", "stop", "postgresql@17-main.service"])
    host.run(["rm", "-rf", "/etc/postgresql/17", "/var/lib/postgresql/17", GIVEN])
    host.run(["mkdir", "-m", "0700", GIVEN])


@pytest.fixture(scope="module")
def role(server: Host, run_playbook: Callable[..., PlaybookRun]) -> Role:
    """`role(entry, **variables)` runs an entry point of the role."""

    def call(entry: str = "main", check: bool = False, **variables: Any) -> PlaybookRun:
        given = {
            "postgresql_tls_names": [DATABASE],
            "postgresql_allowed_networks": [server.address.rsplit(".", 1)[0] + ".0/24"],
            "postgresql_memory_mb": 512,
            "postgresql_roles": [{"name": LOGIN, "password": PASSWORD}],
            **variables,
        }
        include = {"name": "gantry.odoo.postgresql", "tasks_from": entry}
        tasks: list[dict[str, Any]] = [
            {"name": entry, "ansible.builtin.include_role": include},
            {"name": "Published", "ansible.builtin.debug": {"var": "postgresql_tls_certificate"}},
        ]
        return run_playbook([{"hosts": DATABASE, "gather_facts": False, "vars": given, "tasks": tasks}], check=check)

    return call


def give(host: Host, pair: Issued) -> None:
    """Put a pair where the server takes it from."""
    host.write(f"{GIVEN}/server.pem", pair.certificate.decode())
    host.write(f"{GIVEN}/server.key", pair.key().decode())


def pair_of(*names: str) -> Issued:
    return issue(DATABASE, NOW, ROOT, names=names)


def shown(host: Host, name: str = DATABASE, authority: str = f"{GIVEN}/root.pem") -> str:
    """The fingerprint of what a client is shown, once openssl has verified it by the authority and the name alone."""
    verified = f"-verify_return_error -CAfile {authority} -no-CApath -no-CAstore -verify_hostname {name}"
    ask = f"openssl s_client -starttls postgres -connect {host.address}:5432 {verified} </dev/null"
    return host.run(["sh", "-c", f"set -o pipefail; {ask} | openssl x509 -noout -fingerprint -sha256"]).strip()


def file_print(host: Host, path: str = f"{GIVEN}/server.pem") -> str:
    command = ["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256"]
    return host.run(command).strip()


def connected(host: Host, authority: Path, name: str = DATABASE) -> Any:
    """A session over TLS, verified by the authority of a file."""
    connection = psycopg2.connect(
        host=name,
        hostaddr=host.address,
        dbname="postgres",
        user=LOGIN,
        password=PASSWORD,
        sslmode="verify-full",
        sslrootcert=str(authority),
        connect_timeout=30,
    )
    connection.autocommit = True
    return connection


def answer(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def published(run: PlaybookRun) -> str:
    return str(run.results("Published")[DATABASE]["postgresql_tls_certificate"])


def state(host: Host) -> str:
    """Every file of the server's configuration, with its content, its owner and its mode."""
    look = f"find {CONFIG} -type f -printf '%p %m %u %g %T@\\n' | sort; find {CONFIG} -type f -exec sha256sum {{}} +"
    return host.run(["sh", "-c", look])


def test_a_server_takes_a_pair_and_a_renewed_one_and_no_session_ends(server: Host, role: Role, tmp_path: Path) -> None:
    own = published(role().expect_success())
    clients = tmp_path / "authorities.pem"
    clients.write_text(own, encoding="ascii")
    give(server, pair_of(DATABASE))
    with closing(connected(server, clients)) as session:
        backend = answer(session)
        # clients were never given the authority
        before = state(server)
        assert "the clients of this server were given" in role(**PAIR, **TRUSTED).expect_failure().errors[0]
        assert state(server) == before

        both = published(role(**TRUSTED).expect_success())
        assert both == own + ROOT.certificate.decode()
        clients.write_text(both, encoding="ascii")
        assert published(role(**PAIR, **TRUSTED).expect_success()) == both
        assert shown(server) == file_print(server)
        assert server.run(["stat", "-c", "%a %U %G", f"{CONFIG}/pair.pem"]) == "640 root postgres\n"
        assert role(**PAIR, **TRUSTED).expect_success().changed == 0

        former = shown(server)
        give(server, pair_of(DATABASE))
        run = role("certificate", **PAIR, **TRUSTED).expect_success()
        assert (run.changed, published(run)) == (1, both)
        assert shown(server) == file_print(server) != former
        assert server.run(["stat", "-c", "%a %U %G", f"{CONFIG}/pair.pem"]) == "640 root postgres\n"

        assert answer(session) == backend
    with closing(connected(server, clients)) as another:
        assert answer(another) != backend


@pytest.mark.deep
def test_check_mode_says_what_is_renewed_and_a_second_run_changes_nothing(server: Host, role: Role) -> None:
    former, before = shown(server), state(server)
    give(server, pair_of(DATABASE))
    assert role("certificate", check=True, **PAIR, **TRUSTED).expect_success().changed == 1
    assert role(check=True, **PAIR, **TRUSTED).expect_success().changed > 0
    assert (shown(server), state(server)) == (former, before)
    role(**PAIR, **TRUSTED).expect_success()
    assert shown(server) == file_print(server) != former
    assert role("certificate", **PAIR, **TRUSTED).expect_success().changed == 0


@pytest.mark.deep
def test_a_pair_that_the_server_refuses_leaves_it_with_the_former_one(server: Host, role: Role) -> None:
    former, before = shown(server), state(server)
    kept = {name: server.read(f"{GIVEN}/{name}").decode() for name in ("server.pem", "server.key")}
    give(server, pair_of("db9"))
    assert "hostname mismatch" in role("certificate", **PAIR, **TRUSTED).expect_failure().errors[0]
    server.write(f"{GIVEN}/server.key", pair_of(DATABASE).key().decode())
    assert "has the key of another certificate" in role(**PAIR, **TRUSTED).expect_failure().errors[0]
    assert (shown(server), state(server)) == (former, before)

    # its own OpenSSL takes no key as short as that, and the program that verifies does
    ask = f"openssl req -new -nodes -newkey rsa:1024 -keyout server.key -subj /CN={DATABASE} "
    sign = "openssl x509 -req -in weak.csr -CA root.pem -CAkey root.key -copy_extensions copy -out server.pem"
    script = f"cd {GIVEN} && {ask} -addext subjectAltName=DNS:{DATABASE} -out weak.csr && {sign}"
    server.run(["sh", "-c", script])
    (words,) = role("certificate", **PAIR, **TRUSTED).expect_failure().errors
    assert "does not show the certificate of" in words
    assert words.endswith("the former pair is back")
    assert shown(server) == former
    assert server.read(f"{CONFIG}/pair.pem").decode() == kept["server.key"] + kept["server.pem"]
    server.run(["systemctl", "restart", "postgresql@17-main.service"])
    for name, text in kept.items():
        server.write(f"{GIVEN}/{name}", text)
    assert role("certificate", **PAIR, **TRUSTED).expect_success().changed == 0


@pytest.mark.deep
def test_an_internal_authority_takes_over_and_renews(
    server: Host, role: Role, run_playbook: Callable[..., PlaybookRun], tmp_path: Path
) -> None:
    zone = "internal.harbour.example"
    name, root, pair = f"db1.{zone}", f"{GIVEN}/authority/servers/root.pem", f"{GIVEN}/certificates/db1/current"
    declared = {
        "certificate_internal_authorities": [{"name": "servers", "zones": [zone]}],
        "certificate_internal_host": DATABASE,
        "certificate_internal_dir": f"{GIVEN}/authority",
        "certificate_dir": f"{GIVEN}/certificates",
        "certificate_requests": [{"name": "db1", "domains": [name], "issuer": "internal"}],
    }

    def sign(force: bool = False) -> None:
        plays = [
            {
                "hosts": DATABASE,
                "gather_facts": False,
                "vars": {**declared, "certificate_force": force},
                "tasks": [
                    {"name": e, "ansible.builtin.include_role": {"name": "gantry.odoo.certificate", "tasks_from": e}}
                    for e in ("authority", "main")
                ],
            }
        ]
        run_playbook(plays).expect_success()

    give(server, pair_of(DATABASE))
    role(**PAIR, **TRUSTED).expect_success()
    sign()
    # both authorities first, so that no client is shown what it does not trust
    server.run(["sh", "-c", f"cat {GIVEN}/root.pem {root} > {GIVEN}/both.pem"])
    both = {"postgresql_ca_file": f"{GIVEN}/both.pem"}
    clients = tmp_path / "authorities.pem"
    clients.write_text(published(role(**PAIR, **both).expect_success()), encoding="ascii")
    given = {
        "postgresql_cert_file": f"{pair}/certificate.pem",
        "postgresql_key_file": f"{pair}/key.pem",
        "postgresql_tls_names": [name],
        **both,
    }
    role(**given).expect_success()
    with closing(connected(server, clients, name)) as session:
        backend, former = answer(session), shown(server, name, root)
        sign(force=True)
        assert shown(server, name, root) == former
        role("certificate", **given).expect_success()
        assert shown(server, name, root) == file_print(server, f"{pair}/certificate.pem") != former
        assert answer(session) == backend
