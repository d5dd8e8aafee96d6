# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of certificates: named by their content, placed whole, swept when nothing serves them."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_certificates, read_certificates
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_certificates import Copies
from tests.unit.core.test_read_pem import NOW, make


@pytest.fixture
def given(tmp_path: Path) -> list[dict[str, Any]]:
    """Two pairs on disk."""
    listed = []
    for name in ("harbour", "north"):
        made = make(name)
        (tmp_path / f"{name}.certificate").write_bytes(made.certificate)
        (tmp_path / f"{name}.key").write_bytes(made.key())
        listed.append({"name": name, **{part: str(tmp_path / f"{name}.{part}") for part in ("certificate", "key")}})
    return listed


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    (tmp_path / "copies").mkdir()
    return Copies(str(tmp_path / "copies"), os.getgid())


def test_what_is_placed_is_not_lacking_any_more(given: list[dict[str, Any]], copies: Copies) -> None:
    found = read_certificates.read(given, "", lenient=False)
    lacking = copies.lacking(found)
    assert len(lacking) == 4
    copies.place(lacking)
    assert copies.lacking(found) == {}
    assert copies.unused(found) == []
    assert {os.stat(path).st_mode & 0o777 for path in lacking} == {0o640}


def test_a_copy_that_others_may_read_is_lacking(given: list[dict[str, Any]], copies: Copies) -> None:
    found = read_certificates.read(given, "", lenient=False)
    copies.place(copies.lacking(found))
    key = found[0].path(copies.directory, ".key")
    os.chmod(key, 0o644)
    assert list(copies.lacking(found)) == [key]


def test_a_renewal_has_new_names_and_leaves_the_old_to_be_swept(given: list[dict[str, Any]], copies: Copies) -> None:
    before = read_certificates.read(given, "", lenient=False)
    copies.place(copies.lacking(before))
    made = make("harbour")
    Path(given[0]["certificate"]).write_bytes(made.certificate)
    Path(given[0]["key"]).write_bytes(made.key())
    after = read_certificates.read(given, "", lenient=False)
    assert len(copies.lacking(after)) == 2
    copies.place(copies.lacking(after))
    unused = copies.unused(after)
    assert unused == sorted(before[0].path(copies.directory, ending) for ending in (".crt", ".key"))
    copies.sweep(unused)
    assert copies.unused(after) == []


def test_the_document_names_the_copies(given: list[dict[str, Any]]) -> None:
    found = read_certificates.read(given, "north", lenient=False)
    content = plan_certificates.document(found, "north", "/etc/traefik/certificates")["tls"]
    assert content["stores"]["default"]["defaultCertificate"] == content["certificates"][1]
    assert content["certificates"][1]["certFile"].startswith("/etc/traefik/certificates/north-")
    assert plan_certificates.document([], "", "/etc/traefik/certificates") == {}
    assert "stores" not in plan_certificates.document(found, "", "/x")["tls"]


def test_what_cannot_be_meant(given: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError, match="default_certificate is south"):
        read_certificates.read(given, "south", lenient=False)
    with pytest.raises(InputError, match="names harbour more than once"):
        read_certificates.read([given[0], given[0]], "", lenient=False)
    with pytest.raises(InputError, match="accepted are"):
        read_certificates.read([{**given[0], "name": "../harbour"}], "", lenient=False)
    os.unlink(given[0]["key"])
    with pytest.raises(InputError, match=r"certificate harbour: .*issue it first"):
        read_certificates.read(given, "", lenient=False)


def test_check_mode_takes_what_is_not_issued_yet_for_that(given: list[dict[str, Any]], copies: Copies) -> None:
    os.unlink(given[0]["certificate"])
    found = read_certificates.read(given, "", lenient=True)
    assert found[0].path("/x", ".crt") == "/x/harbour-not-issued-yet.crt"
    assert len(copies.lacking(found)) == 2


def test_the_key_of_another_certificate_is_never_copied(given: list[dict[str, Any]], copies: Copies) -> None:
    """Nor over the key that is served: the copy of the same certificate has the same name."""
    copies.place(copies.lacking(read_certificates.read(given, "", lenient=False)))
    given[0]["key"] = given[1]["key"]
    for lenient in (False, True):
        with pytest.raises(InputError, match=r"certificate harbour: .* has the key of another certificate"):
            read_certificates.read(given, "", lenient=lenient)


def test_text_before_a_certificate_is_no_part_of_it(given: list[dict[str, Any]]) -> None:
    path = Path(given[0]["certificate"])
    plain = read_certificates.fingerprints([str(path)])
    path.write_bytes("für den Hafen\n".encode() + path.read_bytes())
    assert read_certificates.fingerprints([str(path)]) == plain


def test_a_pair_is_of_its_time(given: list[dict[str, Any]]) -> None:
    pair = read_certificates.read(given, "", lenient=False)[0]
    assert plan_certificates.untimely(pair, NOW) == ""
    assert "valid only from 2026-11-27 12:00 UTC" in plan_certificates.untimely(pair, NOW - timedelta(days=2))
    assert "has expired since 2027-02-26 12:00 UTC" in plan_certificates.untimely(pair, NOW + timedelta(days=91))
