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
          - DNS names in the certificate, at least one, without wildcards. Upper case, a dot at the end, repetition and
            letters beyond ASCII make no other request.
          - They are compared with the request that is kept beside the pair, as an issuer may add names or leave some
            out.
        type: list
        elements: str
        required: true
  state:
    description: The state to reach.
    type: str
    default: staged
    choices:
      staged: Each due certificate has a key and a request.
      installed:
        Each ordered certificate that can be served is installed. Then the module fails if one was refused, or is
        neither ordered nor installed.
  force:
    description: Whether every certificate counts as due, also one that was refused.
    type: bool
    default: false
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
      - What the issuer says of certificates that are there, by name of the certificate, as
        M(community.crypto.acme_certificate_renewal_info) returns it.
    type: dict
    default: {}
  issuer:
    description:
      - The answer of the issuer's directory, as M(ansible.builtin.uri) returns it. If its status is not 200, every due
        certificate is refused, without an order.
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
    description: Group that may read the directories, certificates and keys.
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
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: C(order) or C(install).
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
      description: What is renewed before it.
      type: str
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
      description: Serial number before the call, in upper-case hexadecimal digits; empty where there was none.
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
    renewed:
      description: Whether the call has replaced it.
      type: bool
"""

import base64
import grp
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import apply, model, plan, report
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import CERTIFICATE, KEY, Store
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, LibraryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_pem import HAS_CRYPTOGRAPHY
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

OPTIONS = {
    "path": {"type": "path", "required": True},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "domains": {"type": "list", "elements": "str", "required": True},
        },
    },
    "state": {"type": "str", "choices": ["staged", "installed"], "default": "staged"},
    "force": {"type": "bool", "default": False},
    "renew_share": {"type": "float", "default": 0.33},
    "renew_spread": {"type": "float", "default": 0.1},
    "renew_limit": {"type": "int", "default": 10},
    "canary": {"type": "str", "default": ""},
    "advice": {"type": "dict", "default": {}},
    "issuer": {"type": "dict", "default": {}},
    "offers": {"type": "dict", "default": {}},
    "offered_certificates": {"type": "dict", "default": {}},
    "offered_keys": {"type": "dict", "default": {}, "no_log": True},
    "ordered_by": {"type": "str", "default": ""},
    "refusals": {"type": "dict", "default": {}},
    "group": {"type": "str", "default": "root"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Stage what is due, or install what is complete."""
    # A first check of a bare host comes before its packages, and finds nothing that would have to be read.
    if not HAS_CRYPTOGRAPHY and (not call.check_mode or os.path.exists(call.params["path"])):
        raise LibraryError("cryptography", "")
    requests = model.requests(call.params["certificates"])
    store = Store(call.params["path"], _gid(call))
    return _stage(call, store, requests) if call.params["state"] == "staged" else _install(call, store, requests)


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
    )
    issuer = model.issuer(call.params["issuer"], now)
    plan.check_clock(issuer, now)
    read = {*params["offered_certificates"]} & {*params["offered_keys"]}
    offers = [one for one in model.offers(params["offers"]) if call.check_mode or one.name in read]
    due = plan.plan(requests, found, model.advices(params["advice"]), policy, now, offers)
    if issuer.fault:
        due = plan.refused_by(issuer, due, found, now)
    refused = {one.request.name: one.refusal for one in due if one.refusal}
    for name, refusal in refused.items():
        if refusal != found[name].refusal and not call.check_mode:
            apply.record(store, name, refusal)
    current = {name: here.current for name, here in found.items()}
    _warn_of_left_out(call, requests, current)
    wanted = [one for one in due if not (one.refusal or one.deferred)]
    return Outcome(
        steps=plan.steps(wanted),
        before=_serials(current),
        after={**_serials(current), **{one.request.name: one.why for one in wanted}},
        facts={
            "due": [_due(call, store, one) for one in wanted],
            "deferred": [
                {"name": one.request.name, "why": one.why, "until": one.deferred} for one in due if one.deferred
            ],
            "refused": report.refused(requests, refused),
            "certificates": _certificates(store, requests, refused, current, current),
        },
    )


def _due(call: Call, store: Store, one: plan.Due) -> dict[str, Any]:
    csr = ""
    if one.host and not call.check_mode:
        read = (call.params[option][one.request.name] for option in ("offered_certificates", "offered_keys"))
        certificate, key = (_decoded(one, content) for content in read)
        apply.take(store, one.request, certificate, key)
    elif not (one.staged or call.check_mode):
        csr = apply.stage(store, one.request)
    return {
        "name": one.request.name,
        "domains": list(one.request.domains),
        "why": one.why,
        "staged": one.staged or bool(one.host),
        "host": one.host,
        "replaces": one.replaces,
        "csr": csr,
        "certificate": store.staged_certificate(one.request.name),
    }


def _decoded(one: plan.Due, content: Any) -> bytes:
    try:
        return base64.b64decode(str(content), validate=True)
    except ValueError:
        raise InputError(f"certificate {one.request.name}: what was read on {one.host} is not base64") from None


def _install(call: Call, store: Store, requests: list[model.Request]) -> Outcome:
    now = datetime.now(timezone.utc)
    words = {name: model.said(str(text)) for name, text in call.params["refusals"].items()}
    found = {one.name: store.read(one.name) for one in requests}
    ends = {
        one.name: plan.ended(one, found[one.name], words.get(one.name, ""), now, call.params["ordered_by"])
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
        for name, certificate in issued.items():
            apply.install(store, name, certificate.serial)
    before = {name: here.current for name, here in found.items()}
    after = {**before, **issued}
    _warn_of_left_out(call, requests, after)
    listed = report.refused(requests, refused)
    return Outcome(
        steps=[Step("install", f"certificate {name}", "its pair is complete") for name in issued],
        before=_serials(before),
        after=_serials(after),
        facts={"refused": listed, "certificates": _certificates(store, requests, refused, before, after)},
        failure="not issued: " + "; ".join(one["sentence"] for one in listed) if listed else "",
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
        if new is None and one.name in refused:
            continue
        listed.append(
            {
                "name": one.name,
                "domains": new.named(one) if new else list(one.domains),
                "requested": list((new.requested or new.domains) if new else one.domains),
                "certificate": store.current(one.name, CERTIFICATE),
                "key": store.current(one.name, KEY),
                "serial_before": f"{old.serial:X}" if old else "",
                "serial_after": f"{new.serial:X}" if new else "",
                "fingerprint_sha256": new.fingerprint_sha256 if new else "",
                "not_before": new.not_before.isoformat() if new else "",
                "not_after": new.not_after.isoformat() if new else "",
                "renewed": new != old,
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
    return {name: f"serial {one.serial:X}" for name, one in certificates.items() if one}


def _gid(call: Call) -> int:
    group = call.params["group"]
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if call.check_mode:
            return 0
        raise InputError(f"group {group} is not on this host; make it first, or name another") from None


if __name__ == "__main__":
    main()
