#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep keys, requests and certificates of a host in pairs that are replaced as one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_files
short_description: Manage key and certificate pairs on a host
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Determines which of many certificates are due, and creates a key and a request for each. Another module, such as
    M(community.crypto.acme_certificate_order_create), orders the certificate with the request and writes it beside the
    key. A second call with O(state=installed) installs every complete pair.
  - Until then the installed pairs are not touched. Certificate and key change together, by one rename, and the previous
    pair is kept.
  - Each certificate stands alone. One that was refused is not ordered for an hour, then for twice as long each time, at
    most for a day, or for as long as the issuer asks for. A success ends that, and so do other domains and
    O(force=true).
  - An interrupted run leaves a staged pair. The next call uses it when it is complete, and creates a new one otherwise.
    One that was killed while it changed a pair is finished or undone by the next call, and the previous pair stays.
  - The issuer of a certificate is an ACME server, an authority of your own, or you, who give the pair. It is judged,
    staged, installed and put back in the same way.
  - Where a server does not come to serve the new pairs, O(state=reverted) puts the previous ones back. The pairs that
    they have replaced are staged then, so that the next call installs them without another order.
requirements:
  - cryptography 40 or newer, on the host
options:
  path:
    description: Directory with one directory for each certificate.
    type: path
    required: true
  certificates:
    description: The certificates. Those that are not listed are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the certificate and of its directory, in lower-case letters, digits and hyphens.
        type: str
        required: true
      domains:
        description:
          - DNS names in the certificate, at least one. Upper case, a dot at the end, repetition and letters beyond
            ASCII make no other request.
          - A wildcard, such as V(*.harbour.example), needs O(certificates[].challenge=dns-01). It covers one label.
          - They are compared with the request that is kept beside the pair, as an issuer may add names or leave some
            out.
        type: list
        elements: str
        required: true
      challenge:
        description: The challenge by which the issuer validates the domains. Another one is no reason to renew.
        type: str
        choices: [http-01, dns-01]
        default: http-01
      hosts:
        description:
          - Names that clients ask for, each covered by one of O(certificates[].domains).
          - If not set, those are the domains, with a made-up name below each wildcard.
        type: list
        elements: str
        default: []
      profile:
        description:
          - Profile of the issuer, such as V(shortlived). If empty, the issuer chooses. A certificate is refused where
            the issuer does not list it.
        type: str
        default: ""
      preferred_chain:
        description:
          - Common name of the root that the chain is to lead to, where the issuer has several. If it has no such chain,
            its default is installed, with a warning.
        type: str
        default: ""
      key_type:
        description: Type of the key. Another one is a reason to renew.
        type: str
        choices: [ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096]
        default: ecdsa-p256
      reuse_key:
        description:
          - Whether a renewal keeps the installed key, for clients that pin it. A key of another type, or of a
            certificate in O(revoke), is replaced all the same.
        type: bool
        default: false
      issuer:
        description:
          - The issuer. Another one is a reason to renew.
          - A certificate of V(internal) is for TLS servers alone, and is due, too, when another one of O(authorities)
            signs. One of V(given) is what O(given_certificates) has, and never ordered.
        type: str
        choices: [acme, internal, given]
        default: acme
  state:
    description: The state to reach.
    type: str
    default: staged
    choices:
      staged: Each due certificate has a key and a request.
      revoked: The certificates of O(revoke) were revoked. What is kept of them is removed.
      installed:
        Each ordered certificate that can be served is installed. Then the module fails if one was refused, or is
        neither ordered nor installed. See O(due).
      reverted: Each certificate of O(serials) has the pair with that serial number again.
  due:
    description:
      - Names of the certificates that O(state=installed) installs, as RV(due) has them. A pair that another run has
        left, and that is not among them, waits.
      - If not set, each complete pair is installed.
    type: list
    elements: str
  serials:
    description:
      - The serial numbers to put back with O(state=reverted), by name, as RV(certificates[].serial_before) has them;
        empty for a certificate that was not there. What is put back has to be the previous pair, and valid. Otherwise
        the module fails, and puts none back.
    type: dict
    default: {}
  revoke:
    description:
      - Names of certificates whose key is lost. Each is ordered with a new key, also one that was refused, and is
        listed in RV(revocations) once the new one is installed. That lasts until O(state=revoked), also where a run
        was interrupted. One that is under way is not begun anew.
      - A host that does not order takes no note of it.
    type: list
    elements: str
    default: []
  revoke_reason:
    description: The reason, as an issuer takes it.
    type: str
    choices: [unspecified, key_compromise, affiliation_changed, superseded, cessation_of_operation]
    default: key_compromise
  force:
    description: Whether every certificate counts as due, also one that was refused.
    type: bool
    default: false
  forced_by:
    description:
      - Name of the change, or of what else asks for O(force). A pair that O(state=installed) installs for it, here or
        on a host of O(offers), is not due by force for the same again, so that a run that was killed is resumed without
        a second order.
      - If empty, each call asks anew.
    type: str
    default: ""
  renew_share:
    description: Share of its lifetime, from 0 to 1, below which a certificate is due.
    type: float
    default: 0.33
  renew_spread:
    description:
      - Share of its lifetime, from 0 to 1, by which a certificate is renewed earlier than at O(renew_share), at most
        half of what that leaves. Each name has a part of it that stays the same, so that certificates of one night are
        not renewed in one night.
    type: float
    default: 0.1
  renew_limit:
    description:
      - Number of renewals in one call; the next call renews the next ones. Certificates that are missing, have expired
        or have other domains are ordered all the same, and so is each one with O(force=true).
    type: int
    default: 10
  canary:
    description:
      - Name of the certificate that is renewed first. While it is due, no other is renewed before its O(renew_share).
      - If not set, it is the first of O(certificates).
    type: str
    default: ""
  advice:
    description:
      - When the issuer advises to renew certificates that are there, by serial number, as
        M(community.crypto.acme_ari_info) returns it (RFC 9773). Each is renewed at another moment of its window, the
        canary at the first one.
      - It is recorded beside the certificate, and counts in later calls as well.
    type: dict
    default: {}
  issuer:
    description:
      - The answer of the issuer's directory, as M(ansible.builtin.uri) returns it. If its status is not 200, every due
        certificate is refused, without an order, and so is one with a profile that the directory does not list.
      - If its C(date) is more than 5 minutes away from the clock of this host, the module fails, since each certificate
        would be judged by a wrong clock.
    type: dict
    default: {}
  offers:
    description:
      - What other hosts have that serve the same certificates, by host, as RV(certificates) is returned there. A valid
        pair that is newer than the installed one, or that replaces one of no use, is taken from there and not ordered.
      - A host that orders takes none with O(force=true).
    type: dict
    default: {}
  offered_certificates:
    description:
      - The certificates that were read on other hosts, in base64, by name, as M(ansible.builtin.slurp) returns them. In
        check mode, what O(offers) names counts as read.
    type: dict
    default: {}
  offered_keys:
    description: The keys of O(offered_certificates), in base64, by name.
    type: dict
    default: {}
  authorities:
    description:
      - The internal authorities, of which the first is to sign what has O(certificates[].issuer=internal).
      - One that has signed nothing that is installed here does not sign while O(untrusted) names hosts. Then the next
        one goes on.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the authority.
        type: str
        required: true
      zones:
        description: Domains for which it may sign.
        type: list
        elements: str
        required: true
      days:
        description: Days until it expires. It does not matter here.
        type: int
        default: 3650
  untrusted:
    description: Names of hosts that do not trust an authority yet, by its name.
    type: dict
    default: {}
  given_certificates:
    description:
      - Certificates with their chains, in base64, by name, of those with O(certificates[].issuer=given). One that is
        not the installed one is installed. When the installed one is due, it waits for another one to be given.
    type: dict
    default: {}
  given_keys:
    description: The keys of O(given_certificates), in base64, by name.
    type: dict
    default: {}
  shown:
    description:
      - SHA-256 fingerprints of what the servers of this host show before the call, in lower-case hexadecimal digits, as
        M(gantry.odoo.certificate_info) returns them.
    type: list
    elements: str
    default: []
  ordered_by:
    description:
      - Name of the host that orders for this one. What it does not have yet is not ordered here. This host if empty.
    type: str
    default: ""
  refusals:
    description: Why orders have failed, by name of the certificate, in the words of the issuer, for O(state=installed).
    type: dict
    default: {}
  group:
    description: Name or number of the group that may read the directories, certificates and keys.
    type: str
    default: root
extends_documentation_fragment:
  - gantry.odoo.attributes
"""

EXAMPLES = r"""
- name: Make a key and a request for what is due
  gantry.odoo.certificate_files:
    path: /etc/gantry/certificates
    certificates:
      - name: harbour
        domains: [erp.harbour.example]
  register: staged

- name: Have each certificate issued by an authority of your own
  community.crypto.x509_certificate:
    path: "{{ item.certificate }}"
    csr_content: "{{ item.csr }}"
    provider: ownca
    ownca_path: /etc/gantry/ca.pem
    ownca_privatekey_path: /etc/gantry/ca.key
  loop: "{{ staged.due | rejectattr('staged') }}"

- name: Put the pairs in their place
  gantry.odoo.certificate_files:
    path: /etc/gantry/certificates
    certificates:
      - name: harbour
        domains: [erp.harbour.example]
    state: installed
    due: "{{ staged.due | map(attribute='name') }}"
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: C(mend), C(order), C(install), C(put back) or C(revoke).
      type: str
    target:
      description: The certificate.
      type: str
    why:
      description: The reason.
      type: str
due:
  description: What is due, in the order of the call.
  returned: O(state=staged)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the certificate.
      type: str
    domains:
      description: Its DNS names.
      type: list
      elements: str
    issuer:
      description: Its issuer, as in O(certificates[].issuer).
      type: str
    authority:
      description: Name of the internal authority that is to sign it; empty for other issuers.
      type: str
    challenge:
      description: The challenge by which its domains are validated.
      type: str
    profile:
      description: The profile to order it with; empty where none was declared.
      type: str
    preferred_chain:
      description: The common name of the root that its chain is to lead to; empty where none was declared.
      type: str
    why:
      description: Why it is due.
      type: str
    staged:
      description: Whether an earlier run has fetched it already, so that it need not be ordered.
      type: bool
    host:
      description: The host that has a newer pair, which is taken from there; empty where it is to be ordered.
      type: str
    replaces:
      description: The id of the certificate that the order replaces (RFC 9773); empty where none is to be named.
      type: str
    csr:
      description: The request as PEM. Empty in check mode, and where nothing is to be ordered.
      type: str
    certificate:
      description: Path that the issued certificate, with its chain, is to be written to.
      type: str
deferred:
  description: What is due and renewed by a later call, in the order of the call.
  returned: O(state=staged)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the certificate.
      type: str
    why:
      description: Why it is due.
      type: str
    until:
      description: What is renewed before it, or what is missing.
      type: str
    issuer:
      description: Its issuer, as in O(certificates[].issuer).
      type: str
    not_after:
      description: End of validity of the installed one in ISO 8601; empty where there is none.
      type: str
revocations:
  description:
    - Certificates to revoke, since others are installed in their place. Revoke them once the new ones are served.
  returned: success, and failure with O(state=installed)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the certificate.
      type: str
    serial:
      description: Serial number of the one to revoke, in upper-case hexadecimal digits.
      type: str
    certificate:
      description: Path of the one to revoke, with its chain.
      type: str
    reason:
      description: The number of the reason (RFC 5280).
      type: int
    reason_name:
      description: The reason, as in O(revoke_reason).
      type: str
    issuer:
      description: The issuer of the one to revoke, as in O(certificates[].issuer).
      type: str
    authority:
      description: Name of the internal authority that has signed it; empty for other issuers.
      type: str
advised:
  description:
    - The advice that is recorded of certificates, by serial number, as O(advice) takes it on another host with the same
      ones.
  returned: O(state=staged)
  type: dict
dns_records:
  description:
    - Records of challenges that an interrupted run has left in DNS, as M(gantry.odoo.certificate_dns) takes them.
  returned: O(state=staged)
  type: list
  elements: dict
refused:
  description: Certificates that are due and were not issued, in the order of the call. What is installed stays.
  returned: success, and failure with O(state=installed)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the certificate.
      type: str
    domains:
      description: Its DNS names.
      type: list
      elements: str
    why:
      description: The reason, in the words of the issuer.
      type: str
    tries:
      description: How often it was refused in a row.
      type: int
    tried:
      description: When it was refused, in ISO 8601.
      type: str
    until:
      description: When it is ordered again, in ISO 8601.
      type: str
    sentence:
      description: All of that as one sentence.
      type: str
    issuer:
      description: The issuer that was asked for, as in O(certificates[].issuer).
      type: str
certificates:
  description: Every certificate of the call, in its order, without those that were refused and were never issued.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the certificate.
      type: str
    domains:
      description: The DNS names of the request that the certificate has; all of them where it is not issued yet.
      type: list
      elements: str
    hosts:
      description: The names that clients ask for and the certificate covers, by which it can be proven.
      type: list
      elements: str
    requested:
      description: The DNS names that it was ordered for.
      type: list
      elements: str
    certificate:
      description: Path of the certificate with its chain.
      type: str
    key:
      description: Path of its key.
      type: str
    serial_before:
      description:
        - Serial number before the call, in upper-case hexadecimal digits; empty where there was none.
        - After a call that was killed, it is that of before it, while one of O(offers) or O(shown) still has it.
      type: str
    serial_after:
      description: Serial number after the call.
      type: str
    fingerprint_sha256:
      description: SHA-256 of the certificate after the call, in lower-case hexadecimal digits.
      type: str
    not_before:
      description: Begin of validity after the call, in ISO 8601.
      type: str
    not_after:
      description: End of validity after the call, in ISO 8601.
      type: str
    issuer:
      description: The issuer that the pair is recorded with, as in O(certificates[].issuer).
      type: str
    signed_by:
      description: Common name of its issuer; empty where there is no pair.
      type: str
    renewed:
      description: Whether the call has replaced RV(certificates[].serial_before), or one that was killed has.
      type: bool
    forced_by:
      description: The O(forced_by) that the pair was installed for; empty for one that was due.
      type: str
"""

import base64
import grp
import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import (
    apply,
    model,
    model_authority,
    plan,
    plan_authority,
    report,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import CERTIFICATE, KEY, Store, records_in
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, LibraryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_pem import HAS_CRYPTOGRAPHY, first_certificate
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

OPTIONS = {
    "path": {"type": "path", "required": True},
    "certificates": {**model.OPTION, "required": True},
    "authorities": model_authority.OPTION,
    "untrusted": {"type": "dict", "default": {}},
    "given_certificates": {"type": "dict", "default": {}},
    "given_keys": {"type": "dict", "default": {}, "no_log": True},
    "state": {"type": "str", "choices": ["staged", "installed", "reverted", "revoked"], "default": "staged"},
    "due": {"type": "list", "elements": "str"},
    "serials": {"type": "dict", "default": {}},
    "revoke": {"type": "list", "elements": "str", "default": []},
    "revoke_reason": {"type": "str", "choices": list(model.REASONS), "default": "key_compromise"},
    "force": {"type": "bool", "default": False},
    "forced_by": {"type": "str", "default": ""},
    "renew_share": {"type": "float", "default": 0.33},
    "renew_spread": {"type": "float", "default": 0.1},
    "renew_limit": {"type": "int", "default": 10},
    "canary": {"type": "str", "default": ""},
    "advice": {"type": "dict", "default": {}},
    "issuer": {"type": "dict", "default": {}},
    "offers": {"type": "dict", "default": {}},
    "offered_certificates": {"type": "dict", "default": {}},
    "offered_keys": {"type": "dict", "default": {}, "no_log": True},
    "shown": {"type": "list", "elements": "str", "default": []},
    "ordered_by": {"type": "str", "default": ""},
    "refusals": {"type": "dict", "default": {}},
    "group": {"type": "str", "default": "root"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Stage what is due, install what is complete, or put back what was replaced."""
    # A first check of a bare host comes before its packages, and finds nothing that would have to be read.
    if not HAS_CRYPTOGRAPHY and (not call.check_mode or os.path.exists(call.params["path"])):
        raise LibraryError("cryptography", "")
    requests = model.requests(call.params["certificates"])
    store = Store(call.params["path"], _gid(call))
    mended = _mend(call, store, requests)
    act = {"staged": _stage, "installed": _install, "reverted": _revert, "revoked": _revoked}[call.params["state"]]
    done = act(call, store, requests)
    return replace(done, steps=[*mended, *(done.steps or ())])


def _mend(call: Call, store: Store, requests: list[model.Request]) -> list[Step]:
    """Finish or undo what a killed run has begun. In check mode it is read as if that was done."""
    names = [one.name for one in requests if store.is_cut_off(one.name)]
    if not call.check_mode:
        for name in names:
            apply.mend(store, name)
    return [Step("mend", f"certificate {name}", "a run was killed while it changed its pair") for name in names]


def _stage(call: Call, store: Store, requests: list[model.Request]) -> Outcome:
    now = datetime.now(timezone.utc)
    found = {one.name: store.read(one.name) for one in requests}
    params = call.params
    policy = plan.Policy(
        params["renew_share"],
        params["force"],
        params["renew_spread"],
        params["renew_limit"],
        params["canary"],
        params["ordered_by"],
        params["forced_by"],
    )
    issuer = model.issuer(call.params["issuer"], now)
    plan.check_clock(issuer, now)
    read = {*params["offered_certificates"]} & {*params["offered_keys"]}
    offered = model.offers(params["offers"])
    offers = [one for one in offered if call.check_mode or one.name in read]
    requests = _with_signers(call, requests, found, offers)
    given = {name: _fingerprint(name, text) for name, text in params["given_certificates"].items()}
    if params["revoke"] and not params["ordered_by"]:
        found = _lost(call, store, found)
    advice = model.advices(params["advice"])
    due = plan.plan(requests, found, advice, policy, now, offers, given)
    due = plan.refused_by(issuer, due, found, now)
    for name, here in found.items():
        said = advice.get(f"{here.current.serial:X}") if here.current else None
        if said and said != here.advice and not call.check_mode:
            apply.advise(store, name, said)
    refused = {one.request.name: one.refusal for one in due if one.refusal}
    for name, refusal in refused.items():
        if refusal != found[name].refusal and refusal.until > refusal.tried and not call.check_mode:
            apply.record(store, name, refusal)
    current = {name: here.current for name, here in found.items()}
    before = _before(call, store, current, now)
    _warn_of_left_out(call, requests, current)
    wanted = [one for one in due if not (one.refusal or one.deferred)]
    return Outcome(
        steps=[*plan.steps(wanted), *_to_be_revoked(found)],
        before=_serials(current),
        after={**_serials(current), **{one.request.name: one.why for one in wanted}},
        facts={
            "due": [_due(call, store, one, found[one.request.name]) for one in wanted],
            "deferred": report.deferred(due, found),
            "revocations": _revocations(store, found, now),
            "advised": report.advised(here.advice for here in found.values()),
            "dns_records": [asdict(one) for one in records_in(store.records)],
            "refused": report.refused(requests, refused),
            "certificates": _certificates(store, requests, refused, before, current),
        },
    )


def _before(
    call: Call, store: Store, current: Mapping[str, model.Certificate | None], now: datetime
) -> dict[str, model.Certificate | None]:
    """By name, what stood before this call and before one that was killed while others still had another pair."""
    seen = {one.fingerprint_sha256 for one in model.offers(call.params["offers"])} | {*call.params["shown"]}
    return {name: plan.stood(one, store.previous(name), seen, now) if seen else one for name, one in current.items()}


def _with_signers(
    call: Call, requests: list[model.Request], found: Mapping[str, model.Found], offers: list[model.Offer]
) -> list[model.Request]:
    """The requests, each with the authority that signs now where it is for an internal one."""
    declared = model_authority.authorities(call.params["authorities"])
    seen = [one.current.signed_by for one in found.values() if one.current] + [one.signed_by for one in offers]
    made, words = plan_authority.with_signers(requests, declared, seen, call.params["untrusted"])
    if words:
        call.warn(words)
    return made


def _lost(call: Call, store: Store, found: dict[str, model.Found]) -> dict[str, model.Found]:
    """What is found where keys are lost; that is kept before anything is ordered."""
    made = plan.lost(call.params["revoke"], call.params["revoke_reason"], found)
    for name, here in made.items():
        if here.revocation and here.revocation != found[name].revocation and not call.check_mode:
            apply.lose(store, name, here.revocation)
    return made


def _to_be_revoked(found: Mapping[str, model.Found]) -> list[Step]:
    """In check mode and otherwise, what follows when new certificates are served."""
    return [
        Step("revoke", f"certificate {name}", f"serial {one.revocation.serial:X}, once another one is served")
        for name, one in found.items()
        if one.revocation and one.is_lost
    ]


def _revocations(store: Store, found: Mapping[str, model.Found], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "serial": f"{one.serial:X}",
            "certificate": store.revoked_certificate(name),
            "reason": model.REASONS[one.reason],
            "reason_name": one.reason,
            "issuer": one.issuer,
            "authority": model_authority.name_of(one.signed_by) if one.issuer == model.INTERNAL else "",
        }
        for name, one in plan.to_revoke(found, now).items()
    ]


def _revoked(call: Call, store: Store, requests: list[model.Request]) -> Outcome:
    found = {one.name: store.read(one.name) for one in requests}
    done = plan.to_revoke(found, datetime.now(timezone.utc))
    names = [name for name in call.params["revoke"] if name in done]
    if not call.check_mode:
        for name in names:
            apply.forget(store, name)
    current = {name: here.current for name, here in found.items()}
    return Outcome(
        steps=[Step("revoke", f"certificate {name}", f"serial {done[name].serial:X}") for name in names],
        facts={"revocations": [], "certificates": _certificates(store, requests, {}, current, current)},
    )


def _due(call: Call, store: Store, one: plan.Due, found: model.Found) -> dict[str, Any]:
    csr = ""
    source = "given" if one.is_given else "offered"
    if (one.host or one.is_given) and not call.check_mode:
        read = (call.params[f"{source}_{what}"].get(one.request.name, "") for what in ("certificates", "keys"))
        certificate, key = (_decoded(one.request.name, content) for content in read)
        apply.take(store, one.request, certificate, key)
    elif not (one.is_there or call.check_mode):
        csr = apply.stage(store, one.request, may_reuse=not found.is_lost)
    return {
        "name": one.request.name,
        "domains": list(one.request.domains),
        "issuer": one.request.issuer,
        "authority": model_authority.name_of(one.request.signer),
        "challenge": one.request.challenge,
        "profile": one.request.profile,
        "preferred_chain": one.request.preferred_chain,
        "why": one.why,
        "staged": one.is_there,
        "host": one.host,
        "replaces": one.replaces,
        "csr": csr,
        "certificate": store.staged_certificate(one.request.name),
    }


def _decoded(name: str, content: Any) -> bytes:
    try:
        return base64.b64decode(str(content), validate=True)
    except ValueError:
        raise InputError(f"certificate {name}: what was read of it is not base64") from None


def _fingerprint(name: str, content: Any) -> str:
    """The SHA-256 of a given certificate; one that cannot be read has none that is installed, and is refused later."""
    try:
        return hashlib.sha256(first_certificate(_decoded(name, content))).hexdigest()
    except ValueError:
        return "none"


def _install(call: Call, store: Store, requests: list[model.Request]) -> Outcome:
    now = datetime.now(timezone.utc)
    params = call.params
    words = {name: model.said(str(text)) for name, text in params["refusals"].items()}
    found = {one.name: store.read(one.name) for one in requests}
    due = [one.name for one in requests] if params["due"] is None else params["due"]
    ends = {
        one.name: plan.ended(
            one, found[one.name], words.get(one.name, ""), now, params["ordered_by"], is_due=one.name in due
        )
        for one in requests
    }
    issued = {name: one for name, one in ends.items() if isinstance(one, model.Certificate)}
    # what check mode has only announced was not ordered
    refused = {
        name: one
        for name, one in ends.items()
        if isinstance(one, model.Refusal) and not (call.check_mode and one.until == one.tried)
    }
    if not call.check_mode:
        for name, refusal in refused.items():
            if refusal != found[name].refusal and refusal.until > refusal.tried:
                apply.record(store, name, refusal)
        # what the host that orders was refused is not forced by taking what it had
        forced_by = params["forced_by"] if params["force"] and not params["ordered_by"] else ""
        for name, certificate in issued.items():
            apply.install(store, name, certificate.serial, forced_by)
    current = {name: here.current for name, here in found.items()}
    after = {**current, **issued}
    before = _before(call, store, current, now)
    before.update({name: current[name] for name in issued})
    _warn_of_left_out(call, requests, after)
    for one in requests:
        new = issued.get(one.name)
        if new and (odd := plan.untrue(one, new)):
            call.warn(f"certificate {one.name}: {odd}, as the issuer has offered no other one")
    listed = report.refused(requests, refused)
    return Outcome(
        steps=[Step("install", f"certificate {name}", "its pair is complete") for name in issued],
        before=_serials(current),
        after=_serials(after),
        facts={
            "refused": listed,
            "revocations": _revocations(
                store, {name: replace(one, current=after[name]) for name, one in found.items()}, now
            ),
            "certificates": _certificates(store, requests, refused, before, after),
        },
        failure="not issued: " + "; ".join(one["sentence"] for one in listed) if listed else "",
    )


def _revert(call: Call, store: Store, requests: list[model.Request]) -> Outcome:
    before = {one.name: store.read(one.name).current for one in requests}
    wanted = {name: str(serial) for name, serial in call.params["serials"].items()}
    strange = sorted({*wanted} - {*before})
    if strange:
        raise InputError(f"serials names {', '.join(strange)}, which certificates does not list")
    previous = {name: store.previous(name) for name in wanted}
    names = plan.to_put_back(wanted, before, previous, datetime.now(timezone.utc))
    after = {**before, **{name: previous[name] for name in names}}
    if not call.check_mode:
        for name in names:
            apply.put_back(store, name)
    return Outcome(
        steps=[Step("put back", f"certificate {name}", "the newer pair is not to be served") for name in names],
        before=_serials(before),
        after=_serials(after),
        facts={"certificates": _certificates(store, [one for one in requests if after[one.name]], {}, before, after)},
    )


def _certificates(
    store: Store,
    requests: list[model.Request],
    refused: Mapping[str, model.Refusal],
    before: Mapping[str, model.Certificate | None],
    after: Mapping[str, model.Certificate | None],
) -> list[dict[str, Any]]:
    listed = []
    for one in requests:
        old, new = before[one.name], after[one.name]
        hosts = model.asked(one.domains, one.hosts)
        if new is None and one.name in refused:
            continue
        listed.append(
            {
                "name": one.name,
                "domains": new.named(one) if new else list(one.domains),
                "hosts": [host for host in hosts if new is None or model.covers(new.domains, host)],
                "requested": list((new.requested or new.domains) if new else one.domains),
                "certificate": store.current(one.name, CERTIFICATE),
                "key": store.current(one.name, KEY),
                "serial_before": plan.serial_of(old),
                "serial_after": plan.serial_of(new),
                "fingerprint_sha256": new.fingerprint_sha256 if new else "",
                "not_before": new.not_before.isoformat() if new else "",
                "not_after": new.not_after.isoformat() if new else "",
                "issuer": new.issuer if new else one.issuer,
                "signed_by": new.signed_by if new else "",
                "renewed": new != old,
                "forced_by": store.forced_by(one.name),
            }
        )
    return listed


def _warn_of_left_out(
    call: Call, requests: list[model.Request], installed: Mapping[str, model.Certificate | None]
) -> None:
    for one in requests:
        certificate = installed[one.name]
        if certificate and certificate.answers(one) and (left_out := {*one.domains} - {*certificate.named(one)}):
            call.warn(f"certificate {one.name}: its issuer has left out {', '.join(sorted(left_out))}")


def _serials(certificates: Mapping[str, model.Certificate | None]) -> dict[str, str]:
    return {name: f"serial {plan.serial_of(one)}" for name, one in certificates.items() if one}


def _gid(call: Call) -> int:
    group = call.params["group"]
    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if call.check_mode:
            return 0
        raise InputError(f"group {group} is not on this host; make it first, or name another") from None


if __name__ == "__main__":
    main()
