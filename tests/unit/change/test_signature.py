# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ssh-keygen signs is verified by ssh-keygen, and what is forged, old, for something else or broken is refused."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._change import read_signature
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_signature import public_key, sign
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import NAMESPACE, Sealed
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import identities_from
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_signature import claimed
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_signature import Verifier
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    RefusedError,
    StateError,
)
from tests.unit.change.people import NOW, People, approved


def signature(people: People, by: str, text: str, namespace: str = NAMESPACE) -> str:
    """A signature by ssh-keygen itself."""
    argv = ["ssh-keygen", "-Y", "sign", "-f", people.key(by), "-n", namespace]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["tom", "ines", pytest.param("otto", marks=pytest.mark.deep)])
def test_a_statement_is_signed_and_verified(people: People, name: str) -> None:
    known = identities_from(people.declared(with_rsa=name == "otto"))
    sealed = people.sealed(approved(name))
    seen = Verifier(known, NOW).verified(sealed, "x")
    assert (seen.signer, seen.statement) == (name, approved(name))
    assert seen.fingerprint == public_key(people.key(name)).fingerprint


def test_openssh_agrees_by_its_own_files(people: People, tmp_path: Path) -> None:
    text = approved().as_text()
    (tmp_path / "signers").write_text(f"tom {people.public('tom')}\n", encoding="utf-8")
    (tmp_path / "sig").write_text(sign(text, people.key("tom")), encoding="utf-8")
    argv = ["ssh-keygen", "-Y", "find-principals", "-s", str(tmp_path / "sig"), "-f", str(tmp_path / "signers")]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "tom\n"
    known = people.identities()
    assert Verifier(known, NOW).verified(Sealed(text, signature(people, "tom", text)), "x").signer == "tom"


def _lines(sealed: Sealed, change: Callable[[list[str]], list[str]]) -> Sealed:
    return replace(sealed, signature="\n".join(change(sealed.signature.split("\n"))))


def _flipped(sealed: Sealed, place: int) -> Sealed:
    lines = sealed.signature.strip().split("\n")
    blob = bytearray(base64.b64decode("".join(lines[1:-1])))
    blob[place] ^= 1
    return replace(sealed, signature="\n".join([lines[0], base64.b64encode(bytes(blob)).decode(), lines[-1]]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p, s: replace(s, text=approved(request=2).as_text()), "is not one of tom over this text"),
        (lambda p, s: _flipped(s, -1), "is not one of tom over this text"),
        (lambda p, s: replace(s, signature=signature(p, "tom", s.text, "file")), "was made for 'file'"),
        (lambda p, s: replace(s, signature=signature(p, "eve", s.text)), "belongs to no identity"),
        (lambda p, s: replace(s, signature=s.signature[:150]), "is cut off, or is none of ssh-keygen"),
        (lambda p, s: _lines(s, lambda lines: lines[:2] + lines[-2:]), "is damaged"),
        (lambda p, s: _lines(s, lambda lines: [*lines[:1], "ü", *lines[1:]]), "is damaged"),
        (lambda p, s: _flipped(s, 0), "it is of another version"),
        (lambda p, s: _flipped(s, 9), "it is of another version"),
        (lambda p, s: replace(s, signature=""), "is cut off"),
        (lambda p, s: replace(s, signature=s.signature + "x" * 20_000), "has more than 16384 characters"),
        (lambda p, s: replace(s, signature=s.signature * 2), "is damaged"),
        (lambda p, s: replace(s, signature=f"-oProxyCommand=x\n{s.signature}"), "is cut off, or is none"),
        (lambda p, s: replace(s, signature=Path(f"{p.key('tom')}.pub").read_text(encoding="utf-8")), "is none of"),
    ],
)
def test_another_signature_is_refused(people: People, change: Callable[[People, Sealed], Sealed], words: str) -> None:
    with pytest.raises(RefusedError, match=r"^x does not count: ") as refused:
        Verifier(people.identities(), NOW).verified(change(people, people.sealed(approved())), "x")
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["", "approved", '{"says":"approved"}', "\x00", "ü"])
def test_a_signature_over_something_else_is_no_approval(people: People, text: str) -> None:
    with pytest.raises(StateError, match=r"^x "):
        Verifier(people.identities(), NOW).verified(Sealed(text, signature(people, "tom", text)), "x")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"valid_after": "2026-11-30T12:00:01Z"}, "is valid from 2026-11-30T12:00:01+00:00 on"),
        ({"valid_before": "2026-11-30T12:00:00Z"}, "was valid until 2026-11-30T12:00:00+00:00"),
        ({"valid_before": "2026-11-30T13:30:00+02:00"}, "was valid until"),
    ],
)
def test_a_key_that_is_not_valid_now_is_refused(people: People, bounds: dict[str, str], words: str) -> None:
    with pytest.raises(RefusedError, match=r"^x does not count: the key SHA256:") as refused:
        Verifier(people.identities(tom=bounds), NOW).verified(people.sealed(approved()), "x")
    assert words in str(refused.value)


def test_ssh_keygen_itself_holds_a_key_to_its_times(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its times are those of UTC, wherever the controller is."""
    monkeypatch.setattr(read_signature, "require_valid", lambda *_given: None)
    monkeypatch.setenv("TZ", "America/St_Johns")
    sealed = people.sealed(approved())
    for seconds, counts in ((-1, False), (0, True), (1, True)):
        known = people.identities(tom={"valid_after": "2026-11-30T12:00:00Z"})
        verifier = Verifier(known, NOW + timedelta(seconds=seconds))
        if counts:
            assert verifier.verified(sealed, "x").signer == "tom"
        else:
            with pytest.raises(RefusedError, match="key is not yet valid"):
                verifier.verified(sealed, "x")


def test_a_revoked_key_is_refused_by_us_and_by_ssh_keygen(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    known, sealed = people.identities(revoked=("tom",)), people.sealed(approved())
    with pytest.raises(RefusedError, match="is among change_revoked_keys"):
        Verifier(known, NOW).verified(sealed, "x")
    holder = people.identities().listed[1]
    monkeypatch.setattr(read_signature, "holder_of", lambda *_given: (holder, holder.keys[0]))
    with pytest.raises(RefusedError, match="is not one of tom over this text"):
        Verifier(known, NOW).verified(sealed, "x")
    assert Verifier(people.identities(revoked=("ines",)), NOW).verified(sealed, "x").signer == "tom"


def test_an_entry_of_the_ledger_is_verified_by_its_own_time(people: People) -> None:
    sealed = people.sealed(approved())
    body = {"event": "approved", "facts": {"by": "otto", "signed": sealed.text, "signature": sealed.signature}}
    assert Verifier(people.identities(), NOW).entry(body, "entry 4").signer == "tom"
    for damaged in ({}, {"facts": None}, {"facts": {"signed": sealed.text, "signature": 4}}):
        with pytest.raises(StateError, match="entry 4 has no signature"):
            Verifier(people.identities(), NOW).entry(damaged, "entry 4")


def replace_program(place: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Have a line of shell run in the place of ssh-keygen."""
    program = place / "ssh-keygen"
    program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")


def test_a_program_that_hangs_ends_at_its_deadline(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = people.sealed(approved())
    replace_program(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(read_signature, "VERIFY_SECONDS", 0.5)
    with pytest.raises(DeadlineError, match=r"ssh-keygen was stopped after 0\.5 s"):
        Verifier(people.identities(), NOW).verified(sealed, "x")


def test_without_the_program_no_approval_counts(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = people.sealed(approved())
    monkeypatch.setattr(read_signature, "PROGRAM", "no-such-program")
    with pytest.raises(RefusedError, match="no-such-program could not be started"):
        Verifier(people.identities(), NOW).verified(sealed, "x")


def test_what_another_program_says_of_another_key_does_not_count(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = people.sealed(approved())
    replace_program(tmp_path, monkeypatch, "echo 'Good signature with ED25519 key SHA256:other'")
    with pytest.raises(RefusedError, match="ssh-keygen names another key than SHA256:"):
        Verifier(people.identities(), NOW).verified(sealed, "x")


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An agent of SSH without a key."""
    socket = str(tmp_path / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as process:
        try:
            for _turn in range(200):
                if os.path.exists(socket):
                    break
                subprocess.run(["sleep", "0.05"], check=True)
            monkeypatch.setenv("SSH_AUTH_SOCK", socket)
            yield socket
        finally:
            process.terminate()


def test_a_key_with_a_passphrase_signs_by_an_agent_alone(people: People, agent: str, tmp_path: Path) -> None:
    key = tmp_path / "closed"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(argv, check=True)
    subprocess.run(["ssh-add", "-q", str(key)], check=True)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "a-passphrase", "-f", str(key)], check=True, capture_output=True)
    known = identities_from([{"name": "tom", "keys": [{"key": public_key(str(key)).line}]}])
    text = approved().as_text()
    for path in (str(key), f"{key}.pub"):
        assert Verifier(known, NOW).verified(Sealed(text, sign(text, path)), "x").signer == "tom"
    subprocess.run(["ssh-add", "-qD"], check=True)
    for path in (str(key), f"{key}.pub"):
        with pytest.raises(StateError, match=r"did not sign the approval: .*ssh-add"):
            sign(text, path)


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"the public key {tmp_path}/none.pub cannot be read: No such file"):
        public_key(str(tmp_path / "none"))
    os.mkfifo(tmp_path / "pipe.pub")
    with pytest.raises(InputError, match="is no public key"):
        public_key(str(tmp_path / "pipe"))


@settings(max_examples=40)
@given(st.binary(max_size=80))
def test_any_signature_is_read_or_refused(blob: bytes) -> None:
    body = base64.b64encode(b"SSHSIG\0\0\0\1" + blob).decode()
    try:
        claimed(f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n")
    except RefusedError:
        return
    assert len(blob) >= 8


def test_a_time_before_1970_is_no_way_around() -> None:
    with pytest.raises(InputError, match="is no moment"):
        identities_from([{"name": "tom", "keys": [{"key": "x", "valid_after": "1960-01-01T00:00:00Z"}]}])
