# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records that answer challenges in DNS: which are written, when all name servers have them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.filter.certificate_faults import certificate_faults, certificate_records
from ansible_collections.gantry.odoo.plugins.filter.unissued_certificates import unissued_certificates
from ansible_collections.gantry.odoo.plugins.module_utils._certificate import apply_dns
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_dns import (
    NameServer,
    Place,
    Record,
    lacking,
    records,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import records_in
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

ONE = Record("harbour", "_acme-challenge.harbour.example", "abc-_1")
PLACE = Place(
    f"{ONE.name}.",
    "harbour.example.",
    (NameServer("ns1.", ("192.0.2.1", "2001:db8::1")), NameServer("ns2.", ("192.0.2.2",))),
)
HAS, LACKS = frozenset({"other", ONE.value}), frozenset({"other"})


def late(*answers: frozenset[str] | str) -> str:
    """What is lacking, by the answers of the three addresses."""
    addresses = [address for server in PLACE.servers for address in server.addresses]
    return lacking(ONE, PLACE, {(address, PLACE.target): one for address, one in zip(addresses, answers, strict=True)})


def test_each_name_server_has_to_answer_the_record() -> None:
    assert late(HAS, HAS, HAS) == ""
    assert late(HAS, "unreachable", HAS) == ""
    assert late(HAS, LACKS, HAS) == "ns1. answers _acme-challenge.harbour.example. without the record of this order"
    assert (
        late(HAS, HAS, frozenset()) == "ns2. answers _acme-challenge.harbour.example. without the record of this order"
    )
    assert late(HAS, HAS, "SERVFAIL") == (
        "ns2. did not answer for _acme-challenge.harbour.example. (192.0.2.2: SERVFAIL)"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("harbour.example", "a"),
        ("_acme-challenge", "a"),
        ("_acme-challenge.a b", "a"),
        (ONE.name, 'a" "b'),
        (ONE.name, ""),
    ],
)
def test_no_other_record_is_written_or_removed(name: str, value: str) -> None:
    with pytest.raises(InputError, match="answers no challenge"):
        records([{"certificate": "harbour", "name": name, "value": value}])


def test_records_of_a_call_are_taken_once() -> None:
    given = {"certificate": "harbour", "name": f"{ONE.name.upper()}.", "value": ONE.value}
    assert records([given, given]) == [ONE]


def test_records_that_are_in_dns_are_kept_until_they_are_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "records.json")
    apply_dns.keep(path, [ONE])
    assert records_in(path) == [ONE]
    apply_dns.keep(path, [])
    apply_dns.keep(path, [])
    assert (records_in(path), list(tmp_path.iterdir())) == ([], [])


def test_the_records_of_orders_are_those_of_certificates_that_are_validated_by_them() -> None:
    def order(name: str, challenge: str) -> dict[str, Any]:
        answer = {"record": ONE.name, "resource_value": ONE.value}
        return {
            "__certificate_item": {"name": name, "challenge": challenge},
            "challenge_data": [{"challenges": {"dns-01": answer, "http-01": {}}}] * 2,
        }

    refused = {"__certificate_item": {"name": "refused", "challenge": "dns-01"}, "failed": True}
    found = certificate_records([order("harbour", "dns-01"), order("north", "http-01"), refused])
    assert found == [{"certificate": "harbour", "name": ONE.name, "value": ONE.value}]


PRIMARY = {"server": "ns1.example", "tsig_name": "acme", "tsig_secret": "c2VjcmV0"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "wild: the challenge dns-01 needs a server"),
        ({"certificate_dns": {**PRIMARY, "tsig_name": ""}}, "a TSIG key has a name and a secret"),
        ({"certificate_dns": {**PRIMARY, "tsig_secret": "not secret!"}}, "tsig_secret is not base64"),
        ({"certificate_dns": {**PRIMARY, "resolvers": ["ns1.example"]}}, "resolvers takes addresses, not ns1.example"),
        ({"certificate_dns_hook": "hook.yml"}, "takes the absolute path"),
        ({"certificate_dns": PRIMARY, "certificate_dns_hook": "/srv/hook.yml"}, "set one of them"),
    ],
)
def test_a_declaration_that_cannot_be_ordered_is_refused(variables: dict[str, Any], words: str) -> None:
    wild = {"name": "wild", "domains": ["*.harbour.example"], "challenge": "dns-01"}
    (sentence,) = certificate_faults([wild], variables)
    assert words in sentence
    assert "not secret!" not in sentence


def test_what_can_be_ordered_has_no_fault() -> None:
    wild = {"name": "wild", "domains": ["*.harbour.example"], "challenge": "dns-01"}
    assert certificate_faults([wild], {"certificate_dns": PRIMARY}) == []
    assert certificate_faults([wild], {"certificate_dns_hook": "/srv/hook.yml"}) == []
    assert certificate_faults([{"name": "a", "domains": ["a.example"]}], {}) == []
    (sentence,) = certificate_faults([{"name": "a", "domains": ["*.a.example"]}], {})
    assert "dns-01 alone" in sentence


def test_records_that_stay_end_a_run() -> None:
    hosts = {"edge1": {"certificate_dns_left": "records stay"}, "edge2": {"certificate_dns_left": ""}}
    assert unissued_certificates(hosts) == ["records stay"]


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        ({"kid": "one"}, "set both"),
        ({"kid": "one", "key": "no key!"}, "is not base64url"),
        ({"kid": "one", "key": "a2V5", "alg": "RS256"}, "alg is one of HS256, HS384, HS512, not RS256"),
    ],
)
def test_a_binding_of_an_account_that_no_server_could_take_is_refused(binding: dict[str, str], words: str) -> None:
    (sentence,) = certificate_faults([{"name": "a", "domains": ["a.example"]}], {"certificate_eab": binding})
    assert words in sentence
    assert "no key!" not in sentence
    good = {"kid": "one", "key": "a2V5_-8="}
    assert certificate_faults([{"name": "a", "domains": ["a.example"]}], {"certificate_eab": good}) == []
