# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which internal authority signs, which are made and may go, and what becomes of given pairs."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.gantry.odoo.plugins.filter.certificate_authorities import (
    certificate_authority_changes,
    certificate_authority_conflicts,
    certificate_authority_faults,
    certificate_copies,
    certificate_lacking,
    certificate_list_is_due,
    certificate_trust_files,
    certificate_trusted,
    certificate_untrusted,
)
from ansible_collections.gantry.odoo.plugins.filter.certificate_faults import certificate_faults
from ansible_collections.gantry.odoo.plugins.filter.unissued_certificates import (
    unissued_certificates,
    waiting_certificates,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    GIVEN,
    INTERNAL,
    Certificate,
    Found,
    Issuer,
    Offer,
    Refusal,
    Request,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_authority import authorities, in_zones
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan import (
    Due,
    Policy,
    ended,
    lost,
    plan,
    reason,
    refused_by,
    steps,
    unfit,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan_authority import with_signers
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.report import deferred
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from tests.lab.state import ROOT

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
ZONES = ["internal.harbour.example"]
NEW, OLD = {"name": "new", "zones": ZONES}, {"name": "old", "zones": ZONES}
DOMAIN = "erp.internal.harbour.example"
ASKED = Request("erp", (DOMAIN,), issuer=INTERNAL)
HELD = Certificate(
    0xABC,
    "f0" * 32,
    NOW - timedelta(days=10),
    NOW + timedelta(days=80),
    (DOMAIN,),
    terms=(("issuer", INTERNAL),),
    signed_by="old issuing",
)


def signers(seen: list[str], untrusted: dict[str, list[str]], declared: list[dict] | None = None) -> tuple[str, str]:
    """The authority that signs, and why it is not the first one."""
    (made,), words = with_signers([ASKED], authorities(declared or [NEW, OLD]), seen, untrusted)
    return made.signer, words


def test_the_first_authority_signs_once_every_host_trusts_it() -> None:
    assert signers(["old issuing"], {}) == ("new issuing", "")
    signer, words = signers(["old issuing"], {"new": ["app1", "db1"]})
    assert signer == "old issuing"
    assert words.startswith("authority new does not sign yet, as app1, db1 does not trust it; old goes on")


def test_an_authority_that_has_signed_goes_on_whoever_is_off() -> None:
    assert signers(["old issuing", "new issuing"], {"new": ["app1"], "old": ["app1"]})[0] == "new issuing"


def test_the_first_one_of_all_waits_for_nobody() -> None:
    assert signers([], {"new": ["app1"], "old": ["app1"]}) == ("new issuing", "")
    assert signers([], {"new": ["app1"]}, [NEW]) == ("new issuing", "")


def test_an_authority_signs_in_its_zones_alone() -> None:
    wider = {"name": "new", "zones": [*ZONES, "b.example"]}
    request = Request("b", ("b.example",), issuer=INTERNAL)
    made, words = with_signers([request, ASKED], authorities([wider, OLD]), ["old issuing"], {"new": ["app1"]})
    assert [one.signer for one in made] == ["new issuing", "old issuing"]
    assert "authority new does not sign yet" in words


def test_nothing_is_internal_without_an_authority() -> None:
    assert with_signers([Request("a", ("a.example",))], [], [], {}) == ([Request("a", ("a.example",))], "")
    with pytest.raises(InputError, match="the issuer of erp is internal, and no internal authority is declared"):
        with_signers([ASKED], [], [], {})


def test_a_certificate_of_another_authority_or_issuer_is_due_and_waits_for_its_turn() -> None:
    new = replace(ASKED, signer="new issuing")
    assert reason(replace(ASKED, signer="old issuing"), Found(HELD), Policy(), NOW)[0] == ""
    (due,) = plan([new], {"erp": Found(HELD)}, {}, Policy(), NOW)
    assert due.why == "its authority has changed"
    ordered = replace(HELD, terms=(("preferred_chain", ""), ("profile", "")))
    assert reason(new, Found(ordered), Policy(), NOW)[0] == "its issuer has changed"
    assert reason(Request("erp", (DOMAIN,)), Found(HELD), Policy(), NOW)[0] == "its issuer has changed"
    several = [replace(new, name=name) for name in ("a", "b")]
    due = plan(several, dict.fromkeys("ab", Found(HELD)), {}, Policy(limit=1), NOW)
    assert [one.deferred for one in due] == ["", "1 others are renewed first, the limit of one call"]


def test_an_acme_server_that_is_down_keeps_no_internal_certificate_from_being_signed() -> None:
    due = [Due(replace(ASKED, profile="shortlived"), "there is none yet"), Due(Request("a", ("a.example",)), "x")]
    found = {"erp": Found(), "a": Found()}
    internal, ordered = refused_by(Issuer("is down", profiles=()), due, found, NOW)
    assert internal.refusal is None
    assert ordered.refusal is not None


def test_another_host_takes_what_the_new_authority_has_signed_though_it_is_dated_back() -> None:
    new = replace(ASKED, signer="new issuing")
    offer = Offer("edge1", "erp", (DOMAIN,), HELD.not_before - timedelta(hours=1), HELD.not_after, "new issuing")
    (due,) = plan([new], {"erp": Found(HELD)}, {}, Policy(ordered_by="edge1"), NOW, [offer])
    assert (due.host, due.deferred) == ("edge1", "")
    # and never back
    taken = replace(HELD, signed_by="new issuing", not_before=offer.not_before)
    older = replace(offer, signed_by="old issuing", not_before=NOW)
    assert plan([new], {"erp": Found(taken)}, {}, Policy(ordered_by="edge1"), NOW, [older]) == []


def given(found: Found, fingerprint: str | None = None, **policy: object) -> list[Due]:
    """The plan for a given pair alone."""
    request = Request("erp", (DOMAIN,), issuer=GIVEN)
    known = None if fingerprint is None else {"erp": fingerprint}
    return plan([request], {"erp": found}, {}, Policy(**policy), NOW, (), known)


GOOD = replace(HELD, terms=(("issuer", GIVEN),), key_type="rsa-4096", domains=("*.internal.harbour.example",))


def test_a_given_pair_is_installed_by_each_host() -> None:
    (due,) = given(Found(), "aa" * 32, ordered_by="edge1")
    assert (due.is_given, due.why, due.deferred) == (True, "there is none yet", "")
    assert [step.action for step in steps([due])] == ["install"]
    (due,) = given(Found(GOOD), "aa" * 32)
    assert (due.is_given, due.why) == (True, "another pair is given")
    assert given(Found(GOOD), GOOD.fingerprint_sha256, force=True) == []


def test_a_given_pair_that_is_due_waits_for_another_one_and_fails_when_it_has_expired() -> None:
    old = replace(GOOD, not_after=NOW + timedelta(days=1))
    (due,) = given(Found(old), GOOD.fingerprint_sha256)
    assert due.why == "it has less than 33 % of its lifetime left"
    assert (due.deferred, due.refusal) == ("certificate_given has a newer pair", None)
    (due,) = given(Found(replace(GOOD, not_after=NOW)), GOOD.fingerprint_sha256)
    assert due.refusal is not None
    assert due.refusal.why == "it has expired, and certificate_given has no newer pair"
    assert due.refusal.until == due.refusal.tried
    # a scan does not know what is given
    assert [one.why for one in given(Found(old))] == ["it has less than 33 % of its lifetime left"]
    request = Request("erp", (DOMAIN,), issuer=GIVEN)
    assert isinstance(ended(request, Found(replace(GOOD, not_after=NOW)), "", NOW), Refusal)
    assert ended(request, Found(GOOD), "", NOW) is None


def test_a_given_pair_that_is_due_is_named_once_with_what_is_to_be_done() -> None:
    old = replace(GOOD, not_before=NOW - timedelta(days=70), not_after=NOW + timedelta(days=20))
    listed = deferred(given(Found(old), GOOD.fingerprint_sha256), {"erp": Found(old)})
    ordered = {"name": "a", "why": "", "until": "edge1 orders it", "issuer": "acme", "not_after": ""}
    hosts = {
        "edge2": {"certificate_deferred": listed},
        "edge1": {"certificate_deferred": [*listed, ordered]},
        "db1": {},
    }
    assert waiting_certificates(hosts) == [
        "certificate erp was given, and is due (it has less than 33 % of its lifetime left): put another pair into "
        f"certificate_given before {old.not_after:%Y-%m-%d %H:%M} UTC, and run gantry.odoo.renew_certificates"
    ]
    assert unissued_certificates(hosts) == []


def test_each_playbook_that_names_what_was_refused_names_what_waits_too() -> None:
    closing = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").glob("*.yml")}
    naming = {name for name, text in closing.items() if "gantry.odoo.unissued_certificates" in text}
    assert naming == {name for name, text in closing.items() if "gantry.odoo.waiting_certificates" in text}
    assert naming >= {"site.yml", "recover.yml", "renew_certificates.yml", "resume.yml"}


def test_a_given_pair_keeps_no_order_waiting() -> None:
    requests = [Request("erp", (DOMAIN,), issuer=GIVEN), Request("a", ("a.example",))]
    early = replace(HELD, domains=("a.example",), terms=(), not_after=NOW + timedelta(days=5))
    found = {"erp": Found(replace(GOOD, not_after=NOW + timedelta(days=1))), "a": Found(early)}
    due = plan(requests, found, {}, Policy(0.1, spread=0.3, limit=1), NOW, (), {"erp": GOOD.fingerprint_sha256})
    assert [(one.request.name, bool(one.deferred)) for one in due] == [("erp", True), ("a", False)]


def test_a_pair_that_lacks_a_name_is_not_installed() -> None:
    request = Request("erp", (DOMAIN, "b.harbour.example"), issuer=GIVEN)
    here = Found(staged=replace(GOOD, requested=request.domains), waits=True)
    assert unfit(request, here, NOW) == "the staged pair is without b.harbour.example, which is asked for"
    end = ended(request, here, "", NOW)
    assert isinstance(end, Refusal)
    assert end.until == end.tried
    covered = Request("erp", (DOMAIN,), issuer=GIVEN)
    assert unfit(covered, Found(staged=replace(GOOD, requested=covered.domains), waits=True), NOW) == ""


def test_what_is_revoked_says_who_has_signed_it() -> None:
    revocation = lost(["erp"], "superseded", {"erp": Found(HELD)})["erp"].revocation
    assert revocation is not None
    assert (revocation.issuer, revocation.signed_by) == (INTERNAL, "old issuing")
    with pytest.raises(InputError, match="give a pair with another key in certificate_given"):
        lost(["erp"], "superseded", {"erp": Found(GOOD)})


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ([{"name": "new"}], "takes name and zones of each authority"),
        ([{"name": "New", "zones": ZONES}], "the name 'New' is none"),
        ([{"name": "new", "zones": []}], "new has no zones"),
        ([{"name": "new", "zones": ["*.a.example"]}], "new takes domains as zones, not *.a.example"),
        ([NEW, NEW], "has new twice"),
        ([{**NEW, "days": -1}], "days of new is a number from 1 to 36500, not -1"),
        ([{**NEW, "root_certificate": "/etc/root.pem"}], "root_certificate of new is no certificate in PEM"),
        ([], "certificate_internal_authorities is empty"),
    ],
)
def test_a_fault_of_an_authority_is_a_sentence(declared: list[dict], words: str) -> None:
    (found,) = certificate_authority_faults(declared, "edge1", ["edge1"])
    assert words in found


def test_the_host_of_the_authorities_is_one_of_the_inventory() -> None:
    assert certificate_authority_faults([NEW], "edge1") == []
    assert "is empty" in certificate_authority_faults([NEW], "")[0]
    assert "is ca1, which is no host" in certificate_authority_faults([NEW], "ca1", ["edge1"])[0]


def test_what_could_not_be_issued_is_said_before() -> None:
    asked = [{"name": "erp", "domains": [DOMAIN], "issuer": "internal"}]
    variables = {"certificate_internal_authorities": [NEW], "certificate_internal_host": "edge1"}
    assert certificate_faults(asked, variables) == []
    assert "takes certificate_internal_authorities and" in certificate_faults(asked, {})[0]
    away = [{**asked[0], "domains": ["internal.example"]}]
    assert "internal.example is in no zone of new (internal.harbour.example)" in certificate_faults(away, variables)[0]
    pair = [{**asked[0], "issuer": "given", "domains": ["*.a.example"]}]
    assert "certificate_given has no pair of that name" in certificate_faults(pair, variables)[0]
    assert certificate_faults(pair, {"certificate_given": ["erp"]}) == []


def test_a_zone_covers_itself_and_what_is_below() -> None:
    names = ["Harbour.example.", "a.harbour.example", "*.harbour.example", "notharbour.example", "example"]
    assert [in_zones(name, ["harbour.example"]) for name in names] == [True, True, True, False, False]


def found(*paths: str) -> list[dict]:
    """Files and directories as ansible.builtin.find returns them."""
    return [{"path": f"/ca/{path}", "isdir": not path.endswith(".pem")} for path in paths]


def serving(host: str, issuer: str, days: float = 9.0) -> dict:
    """The answer of a host with one certificate."""
    return {"__certificate_host": host, "certificates": [{"name": "erp", "issuer": issuer, "days_left": days}]}


def test_an_authority_is_made_once_and_goes_when_nothing_is_served_that_it_has_signed() -> None:
    there = found("old", "old/intermediate.pem", "begun")
    changes = certificate_authority_changes([NEW, OLD], there, "/ca")
    assert changes == {"keep": ["old"], "make": ["new"], "remove": ["begun"], "asked": True, "signing": []}
    assert not certificate_authority_changes([OLD], found("old", "old/intermediate.pem"), "/ca")["asked"]
    gone = certificate_authority_changes([NEW], found("new", "new/intermediate.pem", "old"), "/ca")
    assert gone["remove"] == ["old"]
    (words,) = certificate_authority_conflicts(gone, [NEW], {}, [serving("edge1", "old issuing")])
    assert words.startswith("authority old is no longer declared and has signed erp on edge1")
    assert certificate_authority_conflicts(gone, [NEW], {}, [serving("edge1", "new issuing")]) == []
    assert certificate_authority_conflicts(gone, [NEW], {}, [serving("edge1", "old issuing", 0.0)]) == []
    silent = {"__certificate_host": "edge2", "unreachable": True, "msg": "no route"}
    (words,) = certificate_authority_conflicts(gone, [NEW], {}, [silent])
    assert "it is not known whether it has signed what edge2 serves" in words


def test_an_authority_that_is_lost_is_not_made_again_under_its_name() -> None:
    changes = certificate_authority_changes([OLD], [], "/ca")
    (words,) = certificate_authority_conflicts(changes, [OLD], {}, [serving("edge1", "old issuing")])
    assert "authority old is to be made and has signed erp on edge1, so that it is lost or elsewhere" in words


def test_a_root_that_is_given_signs_in_the_run_that_makes_its_authority() -> None:
    given = {**NEW, "root_certificate": "-----BEGIN CERTIFICATE-----"}
    changes = {"keep": [], "make": ["new"], "remove": []}
    assert "give its root_key for this run" in certificate_authority_conflicts(changes, [given], {})[0]
    assert certificate_authority_conflicts(changes, [{**given, "root_key": "key"}], {}) == []
    assert certificate_authority_conflicts({**changes, "keep": ["new"], "make": []}, [given], {}) == []


def test_an_authority_keeps_its_zones() -> None:
    changes = {"keep": ["old"], "make": [], "remove": []}
    made = {"old": {"name_constraints_permitted": [f"DNS:{ZONES[0]}"]}}
    assert certificate_authority_conflicts(changes, [OLD], made) == []
    (words,) = certificate_authority_conflicts(changes, [{**OLD, "zones": ["b.example"]}], made)
    assert words.startswith("authority old was made for internal.harbour.example and is declared for b.example")


@pytest.mark.parametrize(("days", "is_due"), [(9, False), (10, True), (40, True)])
def test_a_list_is_renewed_after_a_third_of_its_time(days: int, is_due: bool) -> None:
    info = {"last_update": "20261122120000Z", "next_update": "20261222120000Z"}
    assert certificate_list_is_due(info, NOW.replace(tzinfo=None) + timedelta(days=days)) is is_due


def test_a_host_trusts_every_root_once() -> None:
    read = [
        {"__certificate_item": [name, what], "content": content}
        for name in ("new", "old")
        for what, content in (("root", "cm9vdAo="), ("revoked", "bGlzdAo="))
    ]
    trusted = certificate_trusted(["new", "old", "to-come"], read)
    files = {one["path"]: one.get("content") for one in certificate_trust_files(trusted[:2], "/t")}
    assert files == {
        "/t": None,
        "/t/authorities.pem": "root\n",
        "/t/revoked.pem": "list\nlist\n",
        "/usr/local/share/ca-certificates/gantry-new.crt": "root\n",
    }
    assert trusted[2] == {"name": "to-come", "root": "# to-come is to be made\n", "revoked": ""}


def pem(content: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n"


def test_a_program_with_a_file_of_its_own_trusts_what_that_has() -> None:
    trusted = [{"name": "new", "root": pem("bmV3")}, {"name": "old", "root": pem("b2xk")}]
    held = f"# of the role\n{pem('b3Ro')}{pem('b2xk')}".encode()
    copies = [{"source": "/etc/odoo/ca.pem", "content": base64.b64encode(held)}]
    lacking = certificate_lacking(trusted, copies)
    assert lacking == {"new": ["/etc/odoo/ca.pem"]}
    assert certificate_lacking(trusted[1:], copies) == certificate_lacking(trusted, []) == {}
    variables = {"app1": {"certificate_accepts": ["old"], "certificate_lacking": lacking}}
    untrusted = certificate_untrusted(["app1"], variables, [NEW, OLD])
    assert untrusted == {"new": ["app1 (/etc/odoo/ca.pem)"]}
    assert "run gantry.odoo.site where a file is named" in signers(["old issuing"], untrusted)[1]


def test_odoo_verifies_a_database_that_an_internal_authority_signs_for_by_a_file() -> None:
    group = {"database_server": "db1"}
    estate = {"group_of": {"app1": "prod"}, "groups": {"prod": group}, "paths": {"database_ca": "/etc/odoo/ca.pem"}}
    servers = [{"host": "db1", "takers": [{"role": "postgresql"}]}]
    internal = {"db1": {"certificate_requests": [{"name": "db1", "issuer": "internal"}]}}
    assert certificate_copies("app1", internal, estate, servers) == ["/etc/odoo/ca.pem"]
    ordered = {"db1": {"certificate_requests": [{"name": "db1"}]}}
    assert certificate_copies("app1", ordered, estate, servers) == []
    assert certificate_copies("db1", internal, estate, servers) == []
    assert certificate_copies("app1", internal, estate, [{"host": "db1", "takers": [{"role": "redis"}]}]) == []
    assert certificate_copies("app1", internal, {}, []) == []


def test_a_host_that_did_not_answer_is_not_known_to_trust() -> None:
    variables = {"app1": {"certificate_accepts": ["new", "old"]}, "app2": {"certificate_accepts": ["old"]}, "db1": {}}
    assert certificate_untrusted(variables, variables, [NEW, OLD]) == {"new": ["app2", "db1"], "old": ["db1"]}
    assert certificate_untrusted([], variables, [NEW]) == {}


def test_a_new_server_is_signed_by_the_authority_that_signs_already_while_another_one_waits_for_a_host() -> None:
    there = [*found("new", "new/intermediate.pem", "old", "old/intermediate.pem", "gone"), {"path": "/ca/old/signs"}]
    signing = certificate_authority_changes([NEW, OLD], [{"isdir": False, **one} for one in there], "/ca")["signing"]
    both = {"certificate_accepts": ["new", "old"]}
    variables = {"ca1": {**both, "certificate_signing": signing}, "db2": both, "app1": {}}
    untrusted = certificate_untrusted(variables, variables, [NEW, OLD], "ca1")
    assert (signing, untrusted) == (["old"], {"new": ["app1"]})
    assert signers([], untrusted)[0] == "old issuing"
    # it is the first one again once that host has the new one, and stays it
    assert signers([], certificate_untrusted(["ca1", "db2"], variables, [NEW, OLD], "ca1"))[0] == "new issuing"
    variables["ca1"]["certificate_signing"] = ["new", "old"]
    assert signers([], certificate_untrusted(variables, variables, [NEW, OLD], "ca1"))[0] == "new issuing"


def test_the_last_screen_names_the_issuer() -> None:
    refused = [{"sentence": "certificate erp (why)", "issuer": "internal"}]
    hosts = {
        "edge1": {"certificate_refused": refused, "certificate_acme_directory": "https://acme"},
        "ca1": {"certificate_authority_left": "the internal authorities on ca1 are not kept"},
    }
    assert unissued_certificates(hosts) == [
        "the internal authority did not issue certificate erp (why), and every installed certificate stays as it is",
        "the internal authorities on ca1 are not kept",
    ]
