# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs on disk: staged, installed by one rename, and what a kill between two steps leaves."""

from __future__ import annotations

import grp
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import apply, read
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    KEY_TYPES,
    Advice,
    Found,
    Refusal,
    Request,
    Revocation,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan import ended, refuse, serial_of
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import Store
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.modules import certificate_files

NOW = datetime.now(timezone.utc)
HARBOUR = Request("harbour", ("erp.harbour.example",))
DEFAULTS = {name: spec.get("default") for name, spec in certificate_files.OPTIONS.items()}
AUTHORITY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path), os.getgid())


def issue(store: Store, csr: str, *, days: int = 90) -> int:
    """Write the certificate of a request beside its key, and return the serial number."""
    asked = x509.load_pem_x509_csr(csr.encode())
    names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    signed = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")]))
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(names, critical=True)
        .sign(AUTHORITY, hashes.SHA256())
    )
    Path(store.staged_certificate("harbour")).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return signed.serial_number


def renew(store: Store) -> int:
    """Stage, issue and install."""
    serial = issue(store, apply.stage(store, HARBOUR))
    assert ended(HARBOUR, store.read("harbour"), "", NOW) == store.read("harbour").staged
    apply.install(store, "harbour", serial)
    return serial


def refusal(store: Store, now: datetime = NOW) -> Refusal:
    """Why the staged pair is not installed."""
    end = ended(HARBOUR, store.read("harbour"), "", now)
    assert isinstance(end, Refusal)
    return end


def link(store: Store, name: str) -> str:
    return os.readlink(os.path.join(store.directory("harbour"), name))


def test_nothing_is_found_where_nothing_is(store: Store) -> None:
    assert store.read("harbour") == Found()


def test_the_way_of_a_pair(store: Store) -> None:
    csr = apply.stage(store, HARBOUR)
    assert store.read("harbour") == Found(interrupted=True)
    serial = issue(store, csr)
    staged = store.read("harbour").staged
    assert staged is not None
    assert (staged.serial, staged.domains) == (serial, HARBOUR.domains)
    assert staged.requested == HARBOUR.domains
    apply.install(store, "harbour", serial)
    assert store.read("harbour") == Found(current=staged)
    assert link(store, "current") == f"versions/{serial:x}"
    for file in ("certificate.pem", "key.pem"):
        assert os.stat(store.current("harbour", file)).st_mode & 0o777 == 0o640


def test_an_internal_certificate_is_for_tls_servers_alone(store: Store) -> None:
    asked = {
        issuer: x509.load_pem_x509_csr(apply.stage(store, replace(HARBOUR, issuer=issuer)).encode()).extensions
        for issuer in ("acme", "internal")
    }
    (purpose,) = asked["internal"].get_extension_for_class(x509.ExtendedKeyUsage).value
    assert purpose == x509.oid.ExtendedKeyUsageOID.SERVER_AUTH
    assert not asked["internal"].get_extension_for_class(x509.BasicConstraints).value.ca
    assert [one.oid for one in asked["acme"]] == [x509.SubjectAlternativeName.oid]


def test_a_pair_is_recorded_with_its_issuer(store: Store) -> None:
    internal = replace(HARBOUR, issuer="internal")
    serial = issue(store, apply.stage(store, internal))
    apply.install(store, "harbour", serial)
    current = store.read("harbour").current
    assert current is not None
    assert (current.issuer, current.signed_by, current.terms) == ("internal", "test", (("issuer", "internal"),))
    apply.lose(store, "harbour", Revocation(serial, "superseded", current.not_after, "internal", "test"))
    kept = store.read("harbour").revocation
    assert kept is not None
    assert (kept.issuer, kept.signed_by) == ("internal", "test")


def test_one_pair_before_is_kept_and_no_more(store: Store) -> None:
    serials = [renew(store) for _turn in range(3)]
    assert [link(store, "previous"), link(store, "current")] == [f"versions/{serial:x}" for serial in serials[1:]]
    assert len(os.listdir(os.path.join(store.directory("harbour"), "versions"))) == 2
    assert sorted(os.listdir(store.directory("harbour"))) == ["current", "previous", "versions"]


def test_a_pair_that_is_put_back_leaves_the_newer_one_to_be_installed(store: Store) -> None:
    first, second = renew(store), renew(store)
    apply.put_back(store, "harbour")
    found = store.read("harbour")
    assert (serial_of(found.current), serial_of(found.staged)) == (f"{first:X}", f"{second:X}")
    assert store.previous("harbour") is None
    assert found.staged is not None
    apply.install(store, "harbour", found.staged.serial)
    assert (link(store, "current"), link(store, "previous")) == (f"versions/{second:x}", f"versions/{first:x}")


def test_the_first_pair_is_put_back_to_none(store: Store) -> None:
    serial = renew(store)
    apply.put_back(store, "harbour")
    assert (store.read("harbour").current, serial_of(store.read("harbour").staged)) == (None, f"{serial:X}")


class KilledError(BaseException):
    """What is left of a run that was killed: nothing is tidied up."""


# by which files come into being, move and go; what opens a file writes it beside its place
STEPS = ((os, "unlink"), (os, "rename"), (os, "replace"), (os, "symlink"), (os, "rmdir"), (os, "chmod"), (os, "mkdir"))


def killed(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> bool:
    """Whether an act was killed before its step of this number."""
    left = number

    def counted(usual: Callable[..., None]) -> Callable[..., None]:
        def step(*given: object, **named: object) -> None:
            nonlocal left
            if not left:
                raise KilledError
            left -= 1
            usual(*given, **named)

        return step

    with monkeypatch.context() as patched:
        for place, step in STEPS:
            patched.setattr(place, step, counted(getattr(place, step)))
        try:
            act()
        except KilledError:
            return True
    return False


def is_settled(store: Store) -> bool:
    """Whether nothing is left of a killed run."""
    shown = sorted(os.listdir(store.directory("harbour")))
    links = {link(store, name).removeprefix("versions/") for name in ("current", "previous") if name in shown}
    return not store.is_cut_off("harbour") and {*os.listdir(store.version("harbour", ""))} == links


def pairs(store: Store) -> tuple[str, str, str]:
    """The serial numbers of the pairs: current, previous, staged."""
    found = store.read("harbour")
    return serial_of(found.current), serial_of(store.previous("harbour")), serial_of(found.staged)


def kills(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Store], None]
) -> Iterator[Store]:
    """What a run leaves that is killed before each of its steps, in a copy, and at last what one leaves that ended."""
    for number in range(100):
        copy = Store(str(tmp_path / f"killed-{number}"), store.gid)
        shutil.copytree(store.path, copy.path, symlinks=True)
        was_killed = killed(monkeypatch, number, lambda copy=copy: act(copy))  # type: ignore[misc]
        yield copy
        if not was_killed:
            return


@pytest.mark.parametrize(
    ("before", "twice"), [(0, False), (1, False), (2, False), pytest.param(2, True, marks=pytest.mark.deep)]
)
def test_a_pair_whose_installation_is_killed_is_served_or_waits_and_the_way_back_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, twice: bool
) -> None:
    store = Store(str(tmp_path / "store"), os.getgid())
    had = ["", "", *(f"{renew(store):X}" for _turn in range(before))]
    apply.record(store, "harbour", refuse(HARBOUR, None, "no such name", NOW))
    new = issue(store, apply.stage(store, HARBOUR))
    done, undone = (f"{new:X}", had[-1], ""), (had[-1], had[-2], f"{new:X}")
    ends = []
    for left in kills(store, tmp_path, monkeypatch, lambda one: apply.install(one, "harbour", new)):
        said = pairs(left)
        assert said in (done, undone)
        # whoever reads sees what the next run makes of it, which may be killed as well
        mended = kills(left, Path(left.path), monkeypatch, lambda one: apply.mend(one, "harbour"))
        assert not twice or {pairs(again) for again in mended} == {said}
        apply.mend(left, "harbour")
        assert pairs(left) == said
        if said == undone:
            apply.install(left, "harbour", new)
        assert (pairs(left), is_settled(left), left.read("harbour").refusal) == (done, True, None)
        ends.append(said)
    assert (ends[0], ends[-1]) == (undone, done)


@pytest.mark.parametrize("before", [1, 2])
@pytest.mark.parametrize("is_old", [False, True], ids=["recorded", "of a former release"])
def test_a_way_back_that_is_killed_is_finished_or_can_be_gone_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, is_old: bool
) -> None:
    store = Store(str(tmp_path / "store"), os.getgid())
    had = ["", *(f"{renew(store):X}" for _turn in range(before))]
    if is_old:
        for version in os.listdir(store.version("harbour", "")):
            os.unlink(os.path.join(store.version("harbour", version), read.BEFORE))
    undone, done = (had[-1], had[-2], ""), (had[-2], "", had[-1])
    ends = []
    for left in kills(store, tmp_path, monkeypatch, lambda one: apply.put_back(one, "harbour")):
        said = pairs(left)
        assert said in (done, undone)
        apply.mend(left, "harbour")
        assert pairs(left) == said
        if said == undone:
            apply.put_back(left, "harbour")
        assert (pairs(left), is_settled(left)) == (done, True)
        ends.append(said)
    assert (ends[0], ends[-1]) == (undone, done)


def test_the_module_mends_what_was_killed_and_check_mode_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = renew(store)
    new = issue(store, apply.stage(store, HARBOUR))

    def to_be_served() -> bool:
        return os.path.exists(store.version("harbour", f"{new:x}"))

    # killed where the pair has left its place and is not served
    number = next(number for number in range(100) if _leaves(store, monkeypatch, number, new, to_be_served))
    assert number
    asked = {
        "path": store.path,
        "group": grp.getgrgid(os.getgid()).gr_name,
        "certificates": [{"name": "harbour", "domains": list(HARBOUR.domains)}],
    }
    for check_mode in (True, False):
        done = certificate_files.work(Call({**DEFAULTS, **asked, "force": True}, check_mode))
        assert [(one.action, one.target) for one in done.steps or ()] == [
            ("mend", "certificate harbour"),
            ("install", "certificate harbour"),
        ]
    done = certificate_files.work(Call({**DEFAULTS, **asked, "state": "installed"}))
    assert (link(store, "current"), link(store, "previous")) == (f"versions/{new:x}", f"versions/{first:x}")
    assert not certificate_files.work(Call({**DEFAULTS, **asked})).steps


def module(store: Store, *names: str, **given: object) -> Outcome:
    """What the module does for certificates of one domain each."""
    certificates = [{"name": name, "domains": [f"erp.{name}.example"]} for name in names]
    group = grp.getgrgid(os.getgid()).gr_name
    return certificate_files.work(
        Call({**DEFAULTS, "path": store.path, "group": group, "certificates": certificates, **given})
    )


def test_a_forced_pair_whose_run_was_killed_is_not_ordered_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    renew(store)
    once = {"force": True, "forced_by": "renewal 1"}
    (asked,) = module(store, "harbour", **once).facts["due"]
    new = issue(store, asked["csr"])
    for number in range(100):
        install = partial(module, store, "harbour", state="installed", due=["harbour"], **once)
        ended_by_itself = not killed(monkeypatch, number, install)
        left = module(store, "harbour", **once)
        # what is complete is installed, and what is installed is done
        assert [(one["staged"], one["csr"]) for one in left.facts["due"]] in ([], [(True, "")])
        if ended_by_itself:
            break
    assert (serial_of(store.read("harbour").current), left.facts["due"]) == (f"{new:X}", [])
    assert left.facts["certificates"][0]["forced_by"] == "renewal 1"
    assert module(store, "harbour", force=True, forced_by="renewal 2").facts["due"][0]["csr"]


def test_a_pair_that_waits_is_not_installed_with_others(store: Store) -> None:
    first, second = renew(store), renew(store)
    apply.put_back(store, "harbour")
    done = module(store, "harbour", "north")
    assert [one["name"] for one in done.facts["due"]] == ["north"]
    certificates = module(store, "harbour", state="installed", due=["north"]).facts["certificates"]
    assert [one["serial_after"] for one in certificates] == [f"{first:X}"]
    assert pairs(store) == (f"{first:X}", "", f"{second:X}")
    # without names, each complete pair is meant
    assert module(store, "harbour", state="installed").facts["certificates"][0]["serial_after"] == f"{second:X}"


@pytest.mark.parametrize("state", ["staged", "installed"])
def test_what_a_killed_run_has_installed_is_put_back_to_what_others_have_or_show(store: Store, state: str) -> None:
    first = renew(store)
    asked = {**DEFAULTS, "path": store.path, "group": str(os.getgid())}
    asked["certificates"] = [{"name": "harbour", "domains": list(HARBOUR.domains)}]
    (others,) = certificate_files.work(Call(asked)).facts["certificates"]
    second = renew(store)

    def seen(*shown: str, **offers: object) -> tuple[str, str, bool]:
        call = Call({**asked, "state": state, "offers": offers, "shown": shown})
        (one,) = certificate_files.work(call).facts["certificates"]
        return one["serial_before"], one["serial_after"], one["renewed"]

    assert seen(edge2=[others]) == (f"{first:X}", f"{second:X}", True)
    assert seen(others["fingerprint_sha256"]) == (f"{first:X}", f"{second:X}", True)
    assert seen() == seen("another") == (f"{second:X}", f"{second:X}", False)
    certificate_files.work(Call({**asked, "state": "reverted", "serials": {"harbour": f"{first:X}"}}))
    assert pairs(store) == (f"{first:X}", "", f"{second:X}")
    assert seen(edge2=[others])[0] == f"{first:X}"


def _leaves(store: Store, monkeypatch: pytest.MonkeyPatch, number: int, new: int, wanted: Callable[[], bool]) -> bool:
    assert killed(monkeypatch, number, lambda: apply.install(store, "harbour", new))
    if wanted():
        return True
    apply.mend(store, "harbour")
    return False


def test_a_pair_with_the_serial_number_of_a_kept_one_is_installed(store: Store) -> None:
    first = renew(store)
    old = {name: Path(store.current("harbour", name)).read_bytes() for name in ("certificate.pem", "key.pem")}
    second = renew(store)
    # the operator gives the pair of before again
    apply.take(store, HARBOUR, old["certificate.pem"], old["key.pem"])
    apply.install(store, "harbour", first)
    assert pairs(store) == (f"{first:X}", f"{second:X}", "")
    # and once more, since its key was damaged
    Path(store.current("harbour", "key.pem")).write_text("damaged")
    apply.take(store, HARBOUR, old["certificate.pem"], old["key.pem"])
    apply.install(store, "harbour", first)
    assert (pairs(store), is_settled(store)) == ((f"{first:X}", "", ""), True)


def test_a_pair_that_does_not_fit_is_refused_and_nothing_moves(store: Store) -> None:
    first = renew(store)
    csr = apply.stage(store, HARBOUR)
    apply.stage(store, HARBOUR)
    issue(store, csr)
    assert refusal(store).why == "the staged pair has the key of another certificate"
    issue(store, apply.stage(store, HARBOUR), days=0)
    assert "expired since" in refusal(store, NOW + timedelta(days=1)).why
    issue(store, apply.stage(store, Request("harbour", ("north.example",))))
    assert "is for north.example and not for erp.harbour.example" in refusal(store).why
    Path(store.staged_certificate("harbour")).write_text("half a certifi")
    assert refusal(store).why == "the staged pair holds no certificate"
    assert link(store, "current") == f"versions/{first:x}"


def test_a_kill_between_the_two_renames_is_seen_and_mended(store: Store) -> None:
    first = renew(store)
    lost = issue(store, apply.stage(store, HARBOUR))
    versions = os.path.join(store.directory("harbour"), "versions")
    shutil.move(os.path.join(store.directory("harbour"), "staging"), os.path.join(versions, f"{lost:x}"))
    found = store.read("harbour")
    assert found.interrupted
    assert found.current is not None
    assert found.current.serial == first
    renew(store)
    assert not store.read("harbour").interrupted
    assert f"{lost:x}" not in os.listdir(versions)


def test_a_bare_host_without_the_library_holds_no_pair(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(read, "x509")
    assert store.read("harbour") == Found(None, None, interrupted=False)


def test_a_refusal_is_kept_until_a_certificate_is_installed(store: Store) -> None:
    refused = refuse(HARBOUR, None, "no such name", NOW)
    apply.record(store, "harbour", refused)
    assert store.read("harbour").refusal == refused
    renew(store)
    assert store.read("harbour").refusal is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"domains": 1}', "\udcff"])
def test_a_damaged_record_holds_no_order_back(store: Store, text: str) -> None:
    os.makedirs(store.directory("harbour"))
    Path(store.refusal("harbour")).write_bytes(text.encode(errors="surrogateescape"))
    assert store.read("harbour").refusal is None


def test_a_pair_of_a_former_release_has_no_record_of_its_request(store: Store) -> None:
    issue(store, apply.stage(store, HARBOUR))
    os.unlink(os.path.join(store.staging("harbour"), read.REQUEST))
    staged = store.read("harbour").staged
    assert staged is not None
    assert (staged.requested, staged.answers(HARBOUR)) == ((), True)


def test_advice_is_kept_and_ends_with_its_certificate(store: Store) -> None:
    said = Advice(renew(store), NOW.replace(microsecond=0), NOW + timedelta(days=2), "https://acme.example/why")
    apply.advise(store, "harbour", said)
    assert store.read("harbour").advice == said
    renew(store)
    assert store.read("harbour").advice is None
    Path(store.advice("harbour")).write_text("{}")
    assert store.read("harbour").advice is None


def test_a_revocation_is_kept_with_its_certificate_until_it_is_done(store: Store) -> None:
    old = renew(store)
    before = Path(store.current("harbour", "certificate.pem")).read_bytes()
    revocation = Revocation(old, "key_compromise", NOW + timedelta(days=90))
    apply.lose(store, "harbour", revocation)
    assert store.read("harbour").is_lost
    new = renew(store)
    found = store.read("harbour")
    assert (found.revocation, found.is_lost) == (revocation, False)
    assert Path(store.revoked_certificate("harbour")).read_bytes() == before
    apply.forget(store, "harbour")
    assert store.read("harbour").revocation is None
    # and no one puts back what is revoked
    assert sorted(os.listdir(store.directory("harbour"))) == ["current", "versions"]
    assert os.listdir(os.path.join(store.directory("harbour"), "versions")) == [f"{new:x}"]


def test_a_revocation_whose_record_is_damaged_is_not_forgotten(store: Store) -> None:
    renew(store)
    Path(store.revocation("harbour")).write_text("{}")
    with pytest.raises(StateError, match="revoke the certificate beside it by hand"):
        store.read("harbour")


# the larger ones of RSA take seconds to make
@pytest.mark.parametrize("key_type", KEY_TYPES[:3])
def test_a_key_has_the_type_that_is_asked_for(store: Store, key_type: str) -> None:
    one = replace(HARBOUR, key_type=key_type)
    issue(store, apply.stage(store, one))
    staged = store.read("harbour").staged
    assert staged is not None
    assert (staged.key_type, staged.changed(one)) == (key_type, [])
    other = replace(one, key_type=next(name for name in KEY_TYPES if name != key_type))
    assert staged.changed(other) == ["key_type"]


def test_a_key_is_used_again_where_that_is_declared_and_it_is_neither_lost_nor_of_another_type(store: Store) -> None:
    renew(store)
    key = Path(store.current("harbour", "key.pem")).read_bytes()
    pinned = replace(HARBOUR, reuse_key=True)

    def staged(request: Request, *, may_reuse: bool = True) -> bytes:
        apply.stage(store, request, may_reuse=may_reuse)
        return Path(os.path.join(store.staging("harbour"), "key.pem")).read_bytes()

    assert staged(pinned) == key
    others = [staged(HARBOUR), staged(pinned, may_reuse=False), staged(replace(pinned, key_type="ecdsa-p384"))]
    assert key not in others
    assert len(set(others)) == 3
    Path(store.current("harbour", "key.pem")).write_text("damaged")
    assert staged(pinned) not in (key, b"damaged")
