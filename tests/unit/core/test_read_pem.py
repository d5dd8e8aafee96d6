# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of certificate and key: read at one moment, and refused with one sentence where no server could load them."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509

from ansible_collections.gantry.odoo.plugins.module_utils._core import read_pem
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_pem import first_certificate, parse_pair, read_pair
from tests.lab.issued import Issued, issue

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


def make(name: str, issuer: Issued | None = None, days: int = 90) -> Issued:
    """A certificate of NOW that is valid for so many days."""
    return issue(name, NOW, issuer, days=(1, days))


ROOT = make("root", days=0)
MIDDLE = make("middle", ROOT, days=30)
LEAF = make("erp.harbour.example", MIDDLE)
OTHER = make("other.example", MIDDLE)
CHAIN = LEAF.certificate + MIDDLE.certificate


@pytest.mark.parametrize(
    "content",
    [LEAF.certificate, CHAIN, CHAIN + ROOT.certificate, "Ausgestellt für den Hafen\n".encode() + CHAIN],
    ids=["alone", "chain", "with its root", "text before it"],
)
def test_a_pair_is_read(content: bytes) -> None:
    assert parse_pair(content, b"EC\xc3\xa4\n" + LEAF.key()).chain[0] == x509.load_pem_x509_certificate(content)
    assert first_certificate(content) == first_certificate(LEAF.certificate)


def test_a_chain_ends_with_its_first_intermediate_and_a_root_never() -> None:
    pair = parse_pair(CHAIN + ROOT.certificate, LEAF.key())
    assert (pair.not_after - NOW).days == 30
    assert pair.first_to_end.subject == MIDDLE.name
    assert pair.not_before == NOW - timedelta(days=1)


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        (CHAIN, OTHER.key(), "has the key of another certificate"),
        (CHAIN, LEAF.key(b"secret"), "has an encrypted key"),
        (CHAIN, CHAIN, "has no key"),
        (CHAIN, LEAF.key().replace(b"M", b"?", 5), "has a key that cannot be read"),
        (b"nothing", LEAF.key(), "holds no certificate"),
        (LEAF.certificate.replace(b"M", b"?", 5), LEAF.key(), "has a certificate that cannot be read"),
        (
            MIDDLE.certificate + LEAF.certificate,
            LEAF.key(),
            "is in the wrong order; put the certificate of the key first",
        ),
        (
            LEAF.certificate + ROOT.certificate + MIDDLE.certificate,
            LEAF.key(),
            "is in the wrong order at CN=root; put each issuer",
        ),
        (LEAF.certificate + OTHER.certificate, LEAF.key(), "holds two certificates, as CN=other.example"),
    ],
)
def test_a_pair_that_no_server_could_load(certificate: bytes, key: bytes, sentence: str) -> None:
    with pytest.raises(StateError) as caught:
        parse_pair(certificate, key)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_pair_that_is_being_replaced_is_read_until_it_fits(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(CHAIN)
    key.write_bytes(OTHER.key())
    writer = threading.Timer(0.2, key.write_bytes, [LEAF.key()])
    writer.start()
    try:
        assert read_pair(str(certificate), str(key)).key == LEAF.key()
    finally:
        writer.join()


def test_a_pair_that_does_not_fit_is_refused_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_pem, "SETTLES_S", 0.1)
    (tmp_path / "certificate.pem").write_bytes(CHAIN)
    (tmp_path / "key.pem").write_bytes(OTHER.key())
    with pytest.raises(StateError, match="key of another"):
        read_pair(str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem"))


def test_a_file_without_a_certificate_has_no_first_one() -> None:
    with pytest.raises(ValueError, match="no certificate in PEM"):
        first_certificate(b"nothing")


def test_what_is_no_file_of_a_server_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_pem, "SETTLES_S", 0.0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, sentence in ((str(pipe), "has no key"), ("/dev/zero", "is larger than 1024 KiB")):
        with pytest.raises(StateError, match=sentence):
            read_pair(path, str(pipe))
    # each beginning was read to the end of the file, which took minutes
    with pytest.raises(StateError, match="holds no certificate"):
        parse_pair(b"-----BEGIN CERTIFICATE-----\n" * 36_000, LEAF.key())
    with pytest.raises(StateError, match="holds more than 20 certificates"):
        parse_pair(LEAF.certificate * 21, LEAF.key())
