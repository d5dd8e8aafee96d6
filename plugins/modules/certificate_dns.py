#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the TXT records that answer the challenges of an ACME server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_dns
short_description: Manage the DNS records that answer challenges of an ACME server
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Adds and removes TXT records C(_acme-challenge) by updates of their zone (RFC 2136), signed by a TSIG key, and waits
    until every name server of the zone answers them. Any number of records in one call.
  - Other records of the same name stay, such as those of another certificate or of another client. A name that is an
    alias (CNAME) is followed, so that challenges may be answered in a zone of their own.
  - Each certificate stands alone. One whose records cannot be written, or are not answered in time, is listed in
    RV(refused).
  - The records that are in DNS are kept in a file of O(path), so that the next run removes those of an interrupted run.
requirements:
  - dnspython 2.3 or newer, on the host
options:
  path:
    description: Directory of M(gantry.odoo.certificate_files), which has to exist.
    type: path
    required: true
  records:
    description: The records.
    type: list
    elements: dict
    required: true
    suboptions:
      certificate:
        description: Name of the certificate.
        type: str
        required: true
      name:
        description: Full name of the record, which begins with C(_acme-challenge).
        type: str
        required: true
      value:
        description: Its text.
        type: str
        required: true
  state:
    description: The state to reach.
    type: str
    required: true
    choices:
      present: The zone has each record. Without O(server), the records are only kept, and something else writes them.
      answered: Every name server of the zone answers each record.
      absent: The zone has none of the records. Without O(server), something else has removed them.
  server:
    description: Name or address of the name server that takes updates. If empty, none is sent.
    type: str
    default: ""
  port:
    description: Its TCP port.
    type: int
    default: 53
  ttl:
    description: Seconds for which others may keep a record.
    type: int
    default: 60
  tsig_name:
    description: Name of the TSIG key. If empty, updates are not signed.
    type: str
    default: ""
  tsig_secret:
    description: Its secret in base64.
    type: str
    default: ""
  tsig_algorithm:
    description: Its algorithm.
    type: str
    choices: [hmac-sha256, hmac-sha384, hmac-sha512]
    default: hmac-sha256
  resolvers:
    description:
      - Addresses of the servers by which zones and their name servers are looked up. If empty, those of the host.
    type: list
    elements: str
    default: []
  authoritative:
    description: Addresses of the name servers to wait for. If empty, those of the NS records of the zone.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds until every name server has to answer.
    type: int
    default: 300
extends_documentation_fragment:
  - gantry.odoo.attributes
seealso:
  - module: gantry.odoo.certificate_files
  - module: community.crypto.acme_certificate_order_create
"""

EXAMPLES = r"""
- name: Add the record that answers a challenge
  gantry.odoo.certificate_dns:
    path: /etc/gantry/certificates
    state: present
    server: ns1.harbour.example
    tsig_name: acme
    tsig_secret: "{{ vault_dns_tsig_secret }}"
    records:
      - certificate: harbour
        name: _acme-challenge.harbour.example
        value: gfj9Xq-Rg85nM
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: C(add) or C(remove).
      type: str
    target:
      description: The record.
      type: str
    why:
      description: The certificate that it is for.
      type: str
refused:
  description: Why certificates cannot be validated, by their name. Empty with O(state=absent).
  returned: success
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import apply_dns, model_dns, read_dns
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_dns import Place, Primary, Record
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import Store, records_in
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, LibraryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

OPTIONS = {
    "path": {"type": "path", "required": True},
    "records": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "certificate": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "value": {"type": "str", "required": True},
        },
    },
    "state": {"type": "str", "choices": ["present", "answered", "absent"], "required": True},
    "server": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 53},
    "ttl": {"type": "int", "default": 60},
    "tsig_name": {"type": "str", "default": ""},
    "tsig_secret": {"type": "str", "default": "", "no_log": True},
    "tsig_algorithm": {"type": "str", "choices": list(model_dns.ALGORITHMS), "default": model_dns.ALGORITHMS[0]},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "authoritative": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 300},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Add, wait for, or remove the records."""
    params = call.params
    if found := model_dns.primary_faults(params):
        raise InputError("; ".join(found))
    records = model_dns.records(params["records"])
    is_update = bool(params["server"]) and not call.check_mode
    if not read_dns.HAS_DNSPYTHON and (is_update or params["state"] == "answered"):
        raise LibraryError("dnspython", "")
    names = read_dns.Names(params["resolvers"], params["authoritative"])
    if params["state"] == "answered":
        return _answered(call, names, records)
    kept, path = records_in(Store(params["path"]).records), Store(params["path"]).records
    if params["state"] == "present":
        if not call.check_mode:
            # before anything is written, so that nothing is in DNS that the next run does not know
            apply_dns.keep(path, dict.fromkeys([*kept, *records]))
        refused = _each(names, _primary(params), records, apply_dns.add) if is_update else {}
        return Outcome(steps=_steps("add", records), facts={"refused": refused})
    left = _each(names, _primary(params), records, apply_dns.remove) if is_update else {}
    if not call.check_mode:
        gone = {one for one in records if one.certificate not in left}
        apply_dns.keep(path, [one for one in kept if one not in gone])
    return Outcome(
        steps=_steps("remove", records),
        facts={"refused": {}},
        failure=f"records stay in DNS, and the next run removes them: {'; '.join(dict.fromkeys(left.values()))}"
        if left
        else "",
    )


def _primary(params: Mapping[str, Any]) -> Primary:
    return Primary(
        params["server"],
        params["port"],
        params["ttl"],
        params["tsig_name"],
        params["tsig_secret"],
        params["tsig_algorithm"],
    )


def _each(
    names: read_dns.Names,
    primary: Primary,
    records: Sequence[Record],
    act: Callable[[Primary, Place, Sequence[Record]], None],
) -> dict[str, str]:
    """Update the zones of each certificate. Returns why it failed, by name of the certificate."""
    failed: dict[str, str] = {}
    ordered = sorted(records, key=lambda one: (one.certificate, one.name))
    for (certificate, name), those in groupby(ordered, key=lambda one: (one.certificate, one.name)):
        try:
            act(primary, names.place(name), list(those))
        except GantryError as error:
            failed[certificate] = str(error)
    return failed


def _answered(call: Call, names: read_dns.Names, records: Sequence[Record]) -> Outcome:
    deadline, places, refused = Deadline(call.params["timeout"]), {}, {}
    for one in records:
        try:
            places[one] = names.place(one.name, with_servers=True)
        except GantryError as error:
            refused[one.certificate] = str(error)
    late = read_dns.wait(places, places, deadline)
    return Outcome(steps=[], facts={"refused": {**{one.certificate: why for one, why in late.items()}, **refused}})


def _steps(action: str, records: Sequence[Record]) -> list[Step]:
    return [Step(action, f"{one.name} TXT", f"certificate {one.certificate}") for one in records]


if __name__ == "__main__":
    main()
