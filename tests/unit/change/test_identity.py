# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name, a login, a user of AWX and a key belong to one identity, or the change is refused."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import (
    ACTIONS,
    APPROVE,
    AWX_USER,
    LOGIN,
    NAME,
    Identities,
    Identity,
    folded,
    identities_from,
    key_from,
    ssh_strings,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import (
    holder_of,
    identity_of,
    may,
    named,
    require_may,
    require_other,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, RefusedError
from tests.unit.change.people import People

MARA = {"name": "mara", "logins": ["mara"], "awx_users": ["Mara.Keller"], "may": ["request"]}
TOM = {"name": "tom", "logins": ["tom", "tom-adm"], "awx_users": ["tom"], "may": ["approve"]}
KNOWN = identities_from([MARA, TOM])


def test_each_name_leads_to_its_identity() -> None:
    assert identity_of(KNOWN, LOGIN, "tom-adm").name == "tom"
    assert identity_of(KNOWN, AWX_USER, "Mara.Keller").name == "mara"
    assert identity_of(KNOWN, NAME, "mara").name == "mara"


@pytest.mark.parametrize("name", ["Mara", "mara ", " mara", "MARA", "m\u200bara", "ｍara", "mara\n"])
def test_a_name_that_only_looks_like_one_is_refused_by_that_name(name: str) -> None:
    with pytest.raises(RefusedError, match="compared exactly: one of mara looks like it"):
        identity_of(KNOWN, LOGIN, name)


@pytest.mark.parametrize("name", ["nobody", "", "mar", "root"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="belongs to no identity; declare it in logins"):
        identity_of(KNOWN, LOGIN, name)


def test_one_spelling_of_a_letter_is_the_other() -> None:
    known = identities_from([{"name": "jose", "logins": ["jos\u00e9"]}])
    assert identity_of(known, LOGIN, "jose\u0301").name == "jose"


def test_without_identities_everybody_is_unknown() -> None:
    with pytest.raises(RefusedError, match="belongs to no identity"):
        identity_of(Identities(), LOGIN, "mara")


def test_names_of_one_system_are_none_of_another() -> None:
    with pytest.raises(RefusedError, match="the AWX user 'tom-adm'"):
        identity_of(KNOWN, AWX_USER, "tom-adm")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_identity_may_what_it_is_given_and_nothing_else(action: str) -> None:
    for given_ in ACTIONS:
        identity = Identity("mara", may=frozenset([given_]))
        assert may(identity, action) is (given_ == action)
    with pytest.raises(RefusedError, match=f"mara may not .*add {action} to may of mara"):
        require_may(Identity("mara"), action)


def test_the_requester_is_no_approver() -> None:
    mara, tom = KNOWN.listed
    require_other(mara, tom)
    with pytest.raises(RefusedError, match="mara cannot approve an own change"):
        require_other(mara, identity_of(KNOWN, AWX_USER, "Mara.Keller"))


def test_a_former_record_names_a_login() -> None:
    assert named(KNOWN, "tom-adm").name == "tom"
    with pytest.raises(RefusedError, match="the name 'eve' belongs to no identity"):
        named(KNOWN, "eve")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "Tom"}, r"identities\[1\].name: 'Tom' is no name of an identity"),
        ({"name": "tom,mara"}, "is no name"),
        ({"name": "*"}, "is no name"),
        ({"name": "mara"}, "the name 'mara' of mara cannot be told from 'mara' of mara"),
        ({"logins": ["Mara"]}, "the login 'Mara' of tom cannot be told from 'mara' of mara"),
        ({"logins": ["tom "]}, "has a space at an end"),
        ({"logins": ["to\u200bm"]}, "a character that cannot be seen"),
        ({"logins": [""]}, "is empty"),
        ({"awx_users": ["mara.keller"]}, "the AWX user 'mara.keller' of tom cannot be told from 'Mara.Keller' of mara"),
        ({"may": ["approve", "all"]}, "'all' is no action"),
        ({"keys": [{"key": "ssh-dss AAAA"}]}, "is no public key that may approve"),
        ({"keys": [{"key": "ssh-ed25519 AAAA"}]}, "cut off or damaged"),
        ({"keys": [{"key": "ssh-ed25519 !!"}]}, "cut off or damaged"),
        ({"keys": [{"key": "-----BEGIN OPENSSH PRIVATE KEY-----"}]}, "is no public key"),
        ({"keys": [{"key": 'cert-authority ssh-ed25519 AAAA"'}]}, "is no public key"),
    ],
)
def test_what_could_be_taken_for_something_else_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        identities_from([MARA, {**TOM, **changed}])


def test_a_key_belongs_to_one_identity(people: People) -> None:
    mara, tom, *_others = people.declared()
    with pytest.raises(InputError, match=r"the key 'SHA256:.*' of tom cannot be told from"):
        identities_from([mara, {**tom, "keys": mara["keys"]}])
    holder, key = holder_of(people.identities(), key_from(people.public("ines"), "x").fingerprint)
    assert (holder.name, key.kind) == ("ines", "ecdsa-sha2-nistp384")
    with pytest.raises(RefusedError, match="belongs to no identity"):
        holder_of(people.identities(), key_from(people.public("eve"), "x").fingerprint)
    with pytest.raises(RefusedError, match="among change_revoked_keys"):
        holder_of(people.identities(revoked=("tom",)), key_from(people.public("tom"), "x").fingerprint)


def test_a_key_says_its_own_kind(people: People) -> None:
    blob = people.public("tom").split()[1]
    with pytest.raises(InputError, match="is not of the kind that it says"):
        key_from(f"ecdsa-sha2-nistp256 {blob}", "key")


def test_a_short_key_of_rsa_is_refused() -> None:
    def string(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    blob = string(b"ssh-rsa") + string(b"\1\0\1") + string(b"\1" * 128)
    with pytest.raises(InputError, match="fewer than 2048 bits"):
        key_from(f"ssh-rsa {base64.b64encode(blob).decode()}", "key")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"valid_after": "tomorrow"}, "is no moment"),
        ({"valid_after": "2027-01-31T00:00:00"}, "is no moment"),
        ({"valid_after": "2027-01-31T00:00:00Z", "valid_before": "2027-01-31T00:00:00Z"}, "is not after valid_after"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(people: People, bounds: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        people.identities(tom=bounds)


@settings(max_examples=40)
@given(st.text())
def test_a_folded_name_is_folded(name: str) -> None:
    assert folded(folded(name)) == folded(name)


@settings(max_examples=40)
@given(st.text(), st.sampled_from([LOGIN, AWX_USER, NAME]))
def test_no_name_but_a_declared_one_is_known(name: str, source: str) -> None:
    try:
        found = identity_of(KNOWN, source, name)
    except RefusedError:
        return
    assert name in found.names(source)


@settings(max_examples=40)
@given(st.binary(max_size=64))
def test_any_key_is_read_or_refused(blob: bytes) -> None:
    for kind in ("ssh-ed25519", "ssh-rsa"):
        with contextlib.suppress(GantryError):
            key_from(f"{kind} {base64.b64encode(blob).decode()}", "key")
    with pytest.raises(ValueError, match="ends too early"):
        list(ssh_strings(b"\0\0\0\5abc", 1))


def test_a_key_may_have_a_comment(people: People) -> None:
    assert key_from(people.public("tom"), "key").line == " ".join(people.public("tom").split()[:2])
    assert APPROVE in people.identities().listed[1].may
