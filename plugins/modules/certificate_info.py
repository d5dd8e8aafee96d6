#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the certificates of a host, in files and served, and judge them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_info
short_description: Gather the certificates of a host, what is due and what is wrong
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads certificates in files and directories and those that endpoints serve, any number in one call, and judges each
    of them by the policy of M(gantry.odoo.certificate_files).
  - Verifies that the key fits, that the chain is in order and leads to a trusted authority which does not expire before
    it, that it is valid by now, that each endpoint serves what its file holds, and the clock of the host.
  - An endpoint that does not answer is listed in RV(unknown), and nothing is concluded from it. The issuer is not
    asked; its advice on renewals (ARI) counts as M(gantry.odoo.certificate_files) has recorded it.
  - Judges the lists of revoked certificates by their time. Whether a certificate is on one is not looked up.
  - Only reads.
requirements:
  - cryptography 40 or newer, on the host
  - Python 3.13 or newer, on the host, for the chains that endpoints serve. With an older one, their first certificate
    alone is read.
options:
  path:
    description: Directory of M(gantry.odoo.certificate_files). If not set, there is none.
    type: path
  certificates:
    description:
      - The certificates that are requested from O(path), as M(gantry.odoo.certificate_files) takes them. Others there
        are no longer requested, and never due.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the certificate.
        type: str
        required: true
      domains:
        description: DNS names in the certificate.
        type: list
        elements: str
        required: true
      challenge:
        description: As in M(gantry.odoo.certificate_files).
        type: str
        choices: [http-01, dns-01]
        default: http-01
      hosts:
        description: As in M(gantry.odoo.certificate_files).
        type: list
        elements: str
        default: []
      profile:
        description: As in M(gantry.odoo.certificate_files).
        type: str
        default: ""
      preferred_chain:
        description: As in M(gantry.odoo.certificate_files).
        type: str
        default: ""
      key_type:
        description: As in M(gantry.odoo.certificate_files).
        type: str
        choices: [ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096]
        default: ecdsa-p256
      reuse_key:
        description: As in M(gantry.odoo.certificate_files).
        type: bool
        default: false
      issuer:
        description: As in M(gantry.odoo.certificate_files).
        type: str
        choices: [acme, internal, given]
        default: acme
  internal_authorities:
    description:
      - The authorities of M(gantry.odoo.certificate_files), of which the first is to sign. A certificate of another one
        is due, also while the first does not sign yet.
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
  renew_share:
    description: Share of its lifetime, from 0 to 1, below which a certificate is due.
    type: float
    default: 0.33
  renew_spread:
    description: As in M(gantry.odoo.certificate_files), for what is requested.
    type: float
    default: 0.1
  renew_limit:
    description: As in M(gantry.odoo.certificate_files).
    type: int
    default: 10
  canary:
    description: As in M(gantry.odoo.certificate_files).
    type: str
    default: ""
  files:
    description: Further certificates.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - PEM file with a certificate and its chain, or a directory of such files with the endings C(.pem), C(.crt) or
            C(.cer), or of pairs C(<name>/current/certificate.pem) with C(key.pem).
        type: path
        required: true
      key:
        description:
          - File of its key. In a directory, the key of a certificate has its name and the ending C(.key). If there is
            none, it is not known whether a key fits.
        type: path
      name:
        description: Name of the certificate for people. If not set, that of the file, or of the pair.
        type: str
      authorities:
        description: As O(authorities), for this file.
        type: path
      renew_share:
        description: As O(renew_share), for this file.
        type: float
  endpoints:
    description: Places that serve a certificate by TLS.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name or address, as this host reaches it.
        type: str
        required: true
      port:
        description: Port.
        type: int
        required: true
      server_name:
        description: Name to ask for (SNI), which the certificate has to cover. If not set, none is asked for.
        type: str
      protocol:
        description: V(postgresql) asks PostgreSQL for TLS first.
        type: str
        choices: [tls, postgresql]
        default: tls
      file:
        description: Path of the certificate that it is to serve, among those of this call.
        type: path
      authorities:
        description: As O(authorities), for this endpoint.
        type: path
  lists:
    description: Files of lists of revoked certificates (CRLs).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: PEM file with any number of lists.
        type: path
        required: true
      authorities:
        description: Names of the internal authorities of M(gantry.odoo.certificate_files) whose lists it is to hold.
        type: list
        elements: str
        required: true
  authorities:
    description: PEM file of the authorities to trust. If empty, it is not known whether a chain leads to one.
    type: path
    default: /etc/ssl/certs/ca-certificates.crt
  time:
    description:
      - The time in ISO 8601, such as V(2026-11-28T21:00:00+00:00), by a clock that is right. The certificates are
        judged by it, and the clock of the host is compared with it.
      - If not set, the clock of the host counts, and is not compared.
    type: str
  timeout:
    description: Seconds that all endpoints may take. Each may take 5 of them.
    type: int
    default: 30
extends_documentation_fragment:
  - gantry.odoo.attributes.info
seealso:
  - module: gantry.odoo.certificate_files
  - module: gantry.odoo.certificate_report
"""

EXAMPLES = r"""
- name: Gather the certificates of an edge
  gantry.odoo.certificate_info:
    path: /etc/gantry/certificates
    certificates:
      - name: harbour
        domains: [erp.harbour.example]
    endpoints:
      - host: 127.0.0.1
        port: 443
        server_name: erp.harbour.example
        file: /etc/gantry/certificates/harbour/current/certificate.pem

- name: Gather the certificate of PostgreSQL
  gantry.odoo.certificate_info:
    files:
      - path: /etc/postgresql/17/main/server.crt
        key: /etc/postgresql/17/main/server.key
        authorities: /etc/postgresql/17/main/ca.crt
    endpoints:
      - host: 127.0.0.1
        port: 5432
        protocol: postgresql
        file: /etc/postgresql/17/main/server.crt
        authorities: /etc/postgresql/17/main/ca.crt
"""

RETURN = r"""
certificates:
  description: Each certificate once, those of files in their order, then those that are served and in no file.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name for people., type: str}
    requested: {description: Whether it is one of O(certificates)., type: bool}
    wanted: {description: Whether it is in use. Not so for what is no longer requested and not served., type: bool}
    names: {description: "Its DNS names and addresses, at most 100.", type: list, elements: str}
    subject: {description: Common name of its subject; all of it without one., type: str}
    issuer: {description: Common name of its issuer., type: str}
    serial: {description: Serial number in upper-case hexadecimal digits; empty where it cannot be read., type: str}
    fingerprint_sha256: {description: SHA-256 in lower-case hexadecimal digits., type: str}
    key_id: {description: SHA-1 of its public key (RFC 5280)., type: str}
    not_before: {description: Begin of validity in ISO 8601; empty where it cannot be read., type: str}
    not_after: {description: End of validity in ISO 8601., type: str}
    days_left: {description: Days until then; null where it cannot be read., type: float}
    share_left: {description: "Share of its lifetime that is left, below 0 where it has expired.", type: float}
    renew_share: {description: Share below which it is due., type: float}
    chain: {description: "V(trusted), V(untrusted), or V(unknown) where no authority was named.", type: str}
    authority: {description: The authority that its chain leads to., type: str}
    authority_not_after: {description: End of validity of that authority in ISO 8601., type: str}
    key_fits: {description: Whether the key is that of the certificate; null where it is not known., type: bool}
    files: {description: Paths of the files that hold it., type: list, elements: str}
    served: {description: Endpoints that serve it., type: list, elements: str}
    due: {description: Why it is due; empty where it is not., type: str}
    findings:
      description: The faults that were found.
      type: list
      elements: dict
      contains:
        kind:
          description:
            - V(file) that no server could load, V(served) otherwise than the file, V(name) that it does not cover,
              V(early), V(expired), V(authority) that expires before it or has expired, V(chain) that is not trusted, or
              an order that was V(refused).
          type: str
        severity: {description: V(critical) or V(warning)., type: str}
        sentence: {description: The observation., type: str}
lists:
  description: The list of each authority of O(lists).
  returned: success
  type: list
  elements: dict
  contains:
    authority: {description: Name of the authority., type: str}
    path: {description: The file., type: str}
    last_update: {description: Begin of validity in ISO 8601; empty where there is no list., type: str}
    next_update: {description: End of validity in ISO 8601; empty where it is not known., type: str}
    days_left: {description: Days until then; null where it is not known., type: float}
    share_left: {description: "Share of its lifetime that is left, below 0 where it has expired.", type: float}
    due: {description: "Why it is due, as a third of its lifetime has passed; empty where it is not.", type: str}
    findings:
      description: The faults that were found, as in RV(certificates[].findings). Their kind is V(list).
      type: list
      elements: dict
unknown:
  description: Endpoints that served no certificate.
  returned: success
  type: list
  elements: dict
  contains:
    place: {description: The endpoint., type: str}
    why: {description: The reason., type: str}
time:
  description: The time in ISO 8601 by which the certificates are judged.
  returned: success
  type: str
clock:
  description: The fault of the clock of the host; empty where it will do, or was not compared.
  returned: success
  type: str
clock_ahead_s:
  description: Seconds by which the clock of the host is ahead; null where it was not compared.
  returned: success
  type: float
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import (
    model,
    model_authority,
    plan,
    plan_authority,
    plan_scan,
    report_scan,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_scan import Endpoint, Held, ListRow
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import (
    CERTIFICATE,
    KEY,
    Store,
    advice_in,
    refusal_in,
    requested_for,
    terms_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read_scan import Reader, lists_in, pairs_in
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, LibraryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_pem import HAS_CRYPTOGRAPHY, SETTLES_S

_PATIENCE_S = 5
OPTIONS = {
    "path": {"type": "path"},
    "certificates": {**model.OPTION, "default": []},
    "internal_authorities": model_authority.OPTION,
    "renew_share": {"type": "float", "default": 0.33},
    "renew_spread": {"type": "float", "default": 0.1},
    "renew_limit": {"type": "int", "default": 10},
    "canary": {"type": "str", "default": ""},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "key": {"type": "path", "no_log": False},
            "name": {"type": "str"},
            "authorities": {"type": "path"},
            "renew_share": {"type": "float"},
        },
    },
    "endpoints": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "server_name": {"type": "str"},
            "protocol": {"type": "str", "choices": ["tls", "postgresql"], "default": "tls"},
            "file": {"type": "path"},
            "authorities": {"type": "path"},
        },
    },
    "lists": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "authorities": {"type": "list", "elements": "str", "required": True},
        },
    },
    "authorities": {"type": "path", "default": "/etc/ssl/certs/ca-certificates.crt"},
    "time": {"type": "str"},
    "timeout": {"type": "int", "default": 30},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Read, judge, report."""
    params, here = call.params, datetime.now(timezone.utc)
    requests = model.requests(params["certificates"])
    policy = plan.Policy(
        params["renew_share"], spread=params["renew_spread"], limit=params["renew_limit"], canary=params["canary"]
    )
    now = _time(params["time"]) if params["time"] else here
    endpoints = [_endpoint(one, params["authorities"]) for one in params["endpoints"]]
    if requests and not params["path"]:
        raise InputError("certificates needs path, the directory that they are in; give both or none")
    if not HAS_CRYPTOGRAPHY:
        raise LibraryError("cryptography", "")
    reader = Reader(Deadline(SETTLES_S))
    held = [*_requested(reader, params, requests, policy), *_further(reader, params, policy)]
    answers = reader.served(endpoints, Deadline(params["timeout"]), _PATIENCE_S)
    authorities = model_authority.authorities(params["internal_authorities"])
    requests, _words = plan_authority.with_signers(requests, authorities, (), {})
    due = plan.plan(requests, _found(held), {}, policy, now)
    rows = plan_scan.judge(held, answers, due, policy, now)
    ahead = here - now
    return Outcome(
        facts={
            "certificates": [report_scan.entry(row, now) for row in rows],
            "lists": [report_scan.list_entry(row, now) for row in _lists(params["lists"], now)],
            "unknown": [{"place": one.endpoint.place, "why": one.why} for one in answers if one.seen is None],
            "time": now.isoformat(),
            "clock": plan_scan.clock_fault(ahead),
            "clock_ahead_s": ahead.total_seconds() if params["time"] else None,
        }
    )


def _time(given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise InputError(f"time: {given} is no time in ISO 8601 with its zone; give one as 2026-11-28T21:00:00+00:00")
    return found


def _endpoint(one: Mapping[str, Any], authorities: str) -> Endpoint:
    if not 0 < one["port"] < 1 << 16:
        raise InputError(f"endpoints: port {one['port']} of {one['host']} is none; give a number from 1 to 65535")
    trusted = authorities if one["authorities"] is None else one["authorities"]
    return Endpoint(one["host"], one["port"], one["server_name"] or "", one["protocol"], one["file"] or "", trusted)


def _requested(
    reader: Reader, params: Mapping[str, Any], requests: list[model.Request], policy: plan.Policy
) -> Iterator[Held]:
    """What is requested from the directory, and then what else is there."""
    if not params["path"]:
        return
    store, names = Store(params["path"]), {one.name for one in requests}
    for one in requests:
        name = one.name
        certificate, key = store.current(name, CERTIFICATE), store.current(name, KEY)
        facts: dict[str, Any] = {"request": name, "renew_share": policy.renew_share}
        refusal = refusal_in(store.refusal(name))
        if os.path.lexists(certificate):
            yield reader.held(name, certificate, key, params["authorities"], refusal=refusal, **facts)
        else:
            yield Held(name, certificate, fault="is not there, as none was issued yet", refusal=refusal, **facts)
    if not os.path.isdir(params["path"]):
        return
    for name, certificate, key in pairs_in(params["path"]):
        if name not in names:
            yield reader.held(name, certificate, key, params["authorities"], wanted=False)


def _further(reader: Reader, params: Mapping[str, Any], policy: plan.Policy) -> Iterator[Held]:
    for one in params["files"]:
        path, trusted = one["path"], params["authorities"] if one["authorities"] is None else one["authorities"]
        share = plan.Policy(policy.renew_share if one["renew_share"] is None else one["renew_share"]).renew_share
        if os.path.isdir(path):
            for name, certificate, key in pairs_in(path):
                yield reader.held(name, certificate, key, trusted, renew_share=share)
        else:
            label = one["name"] or os.path.splitext(os.path.basename(path))[0]
            yield reader.held(label, path, one["key"] or "", trusted, renew_share=share)


def _lists(given: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[ListRow]:
    for one in given:
        yield from plan_scan.judge_lists(one["path"], one["authorities"], lists_in(one["path"]), now)


def _found(held: list[Held]) -> dict[str, model.Found]:
    """What is requested, as orders are planned by it."""
    found: dict[str, model.Found] = {}
    for one in held:
        if one.request and one.seen is not None and not one.fault:
            directory = os.path.dirname(one.path)
            own = replace(one.seen.own, requested=requested_for(directory), terms=terms_of(directory))
            advice = advice_in(Store(os.path.dirname(os.path.dirname(directory))).advice(one.request), own)
            found[one.request] = model.Found(own, refusal=one.refusal, advice=advice)
        elif one.request:
            found[one.request] = model.Found(broken=one.fault if one.seen else "", refusal=one.refusal)
    return found


if __name__ == "__main__":
    main()
