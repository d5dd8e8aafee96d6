# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair that a server is given: what is refused, and the steps until clients are shown it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import apply_certificate
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_certificate import Server
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_certificate import (
    Contents,
    address,
    plan_certificate,
    questions,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_certificate import (
    Given,
    read_given,
    verify_given,
)
from ansible_collections.gantry.odoo.plugins.modules import postgresql_certificate
from tests.lab.issued import authority, issue

NOW = datetime.now(timezone.utc)
ROOT, MIDDLE = authority(NOW)
GOOD = issue("db1", NOW, MIDDLE, names=["db1"])
NONE, FIRST, SECOND = Contents(), Contents("first", "root"), Contents("second", "root")


@pytest.mark.parametrize(
    ("wanted", "found", "reads", "stale", "steps"),
    [
        (FIRST, NONE, False, True, ["write /c/trusted.crt", "write /c/pair.pem"]),
        (FIRST, FIRST, True, False, []),
        (SECOND, FIRST, True, True, ["write /c/pair.pem", "reload PostgreSQL"]),
        # a run that ended between the two
        (SECOND, SECOND, True, True, ["reload PostgreSQL"]),
        # it will read the file when it is started
        (SECOND, FIRST, False, True, ["write /c/pair.pem"]),
        (Contents("", "root"), Contents("", "other"), False, False, ["write /c/trusted.crt"]),
        # the certificate is the same, and the intermediate behind it is not
        (SECOND, FIRST, True, False, ["write /c/pair.pem", "reload PostgreSQL"]),
    ],
)
def test_a_server_gets_what_it_has_not(
    wanted: Contents, found: Contents, reads: bool, stale: bool, steps: list[str]
) -> None:
    planned = plan_certificate("/c", wanted, found, reads, stale)
    assert [f"{step.action} {step.target}" for step in planned] == steps
    assert "second" not in repr(planned)


def test_a_server_is_asked_where_it_listens() -> None:
    listens: list[list[str]] = [["*"], [], ["::"], ["10.0.0.5", "127.0.0.1"]]
    assert [address(one) for one in listens] == ["127.0.0.1", "127.0.0.1", "::1", "10.0.0.5"]


def test_a_certificate_is_verified_for_each_name() -> None:
    assert questions([]) == [["-purpose", "sslserver"]]
    assert [one[2:] for one in questions(["db1", "10.0.0.5"])] == [
        ["-verify_hostname", "db1"],
        ["-verify_ip", "10.0.0.5"],
    ]


def given(path: Path) -> Given:
    """A good pair in files."""
    (path / "server.pem").write_bytes(GOOD.certificate + MIDDLE.certificate)
    (path / "server.key").write_bytes(GOOD.key())
    (path / "root.pem").write_bytes(ROOT.certificate)
    return Given(*(str(path / name) for name in ("server.pem", "server.key", "root.pem")))


def test_key_and_chain_are_one_file(tmp_path: Path) -> None:
    read = read_given(given(tmp_path))
    assert read.pair.encode() == GOOD.key() + GOOD.certificate + MIDDLE.certificate
    assert read.trusted.encode() == ROOT.certificate


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("server.key", ROOT.key(), "are no certificate and its key: has the key of another certificate; put a pair"),
        ("server.key", GOOD.key(b"secret"), "has an encrypted key"),
        ("server.pem", b"", "holds no certificate"),
        ("root.pem", b"nothing", "holds no authority in PEM"),
    ],
)
def test_what_is_no_pair_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    pair = given(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StateError, match=words):
        read_given(pair)


def test_a_pair_is_of_an_authority_that_clients_were_given(tmp_path: Path) -> None:
    pair, config = given(tmp_path), tmp_path / "main"
    config.mkdir()

    def verify(*names: str) -> None:
        verify_given(pair, names, str(config), Deadline(30))

    verify("db1")
    with pytest.raises(StateError, match="hostname mismatch"):
        verify("db1", "db2")
    (config / "ca.crt").write_bytes(authority(NOW)[0].certificate)
    with pytest.raises(StateError, match=r"the clients of this server were given .*/main/ca.crt to trust"):
        verify("db1")
    (config / "trusted.crt").write_bytes(ROOT.certificate)
    verify("db1")
    (config / "trusted.crt").write_bytes(authority(NOW)[0].certificate)
    with pytest.raises(StateError, match=r"against .*/main/trusted.crt"):
        verify("db1")


def test_in_check_mode_a_pair_that_is_to_be_installed_is_not_read(tmp_path: Path) -> None:
    pair, config = given(tmp_path), tmp_path / "main"
    config.mkdir()
    (config / "trusted.crt").write_bytes(ROOT.certificate)
    places = {"socket_dir": "/none", "port": 5432, "listen_addresses": ["*"], "directory": str(config), "group": 0}
    files = {"certificate": pair.certificate, "key": pair.key, "ca": pair.authorities, "awaited": [pair.certificate]}
    asked = {**places, **files, "names": ["db1"], "timeout": 5, "state": "renewed"}
    (tmp_path / "server.pem").unlink()
    (step,) = postgresql_certificate.work(Call(asked, check_mode=True)).steps or ()
    assert (step.action, step.target) == ("write", f"{config}/pair.pem")
    assert postgresql_certificate.work(Call({**asked, "state": "verified"}, check_mode=True)).steps == ()
    for call in (Call(asked), Call({**asked, "awaited": []}, check_mode=True)):
        with pytest.raises(StateError, match="are no certificate and its key"):
            postgresql_certificate.work(call)
    # what clients were given is known without the pair
    (config / "trusted.crt").rename(config / "ca.crt")
    with pytest.raises(StateError, match=r"the clients of this server were given .*/main/ca.crt to trust"):
        postgresql_certificate.work(Call(asked, check_mode=True))


def test_the_former_pair_comes_back_where_clients_are_not_shown_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloads: list[Login] = []
    monkeypatch.setattr(apply_certificate, "_reload", reloads.append)
    monkeypatch.setattr("os.fchown", lambda *_given: None)
    login = Login("/run/postgresql", "postgres")
    server = Server(login, str(tmp_path), "127.0.0.1", 5432, tmp_path.stat().st_gid)
    (tmp_path / "pair.pem").write_text("first")

    def prove() -> None:
        assert (tmp_path / "pair.pem").read_text() == "second"
        raise StateError("it is not shown")

    steps = plan_certificate(str(tmp_path), SECOND, FIRST, reads=True, stale=True)
    with pytest.raises(StateError, match="it is not shown; the former pair is back"):
        apply_certificate.apply_certificate(steps, FIRST, server, prove)
    assert (tmp_path / "pair.pem").read_text() == "first"
    assert reloads == [login, login]
