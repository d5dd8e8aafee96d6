#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_audit
short_description: Verify the ledger of changes and write a report for an auditor
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.change_identities
  - gantry.odoo.change_store
  - gantry.odoo.attributes.controller
description:
  - Verifies each entry of the ledger and the chain between them, and compares it with its witness where
    O(store.witness) names one. Every entry that was altered, removed, replaced or written by hand is named.
  - Then writes C(report.html) and C(report.json) into O(directory), each in one step. The page is one file, without
    scripts and other files.
  - Fails, after both are written, where the ledger does not verify or its witness does not answer. The report begins
    with that, and shows what can still be told.
  - The report says where an entry does not hold something, as older versions recorded less.
  - Verifies the signature of each approval and review by O(identities), with keys that counted when it was signed. One
    that does not verify is a fault, and settles no emergency. Without O(identities), signatures are shown as recorded.
  - Runs on the controller, and writes nothing into the change store. An account that may only read it suffices.
options:
  directory:
    description:
      - Absolute path of the directory for the report. It is made with the mode V(0700) where it is missing.
      - A directory that another account may read or write is refused, as a report names tenants, people and reasons.
    type: path
    required: true
  tenant:
    description:
      - The only tenant that the report is about. A change that names no tenant may have touched each, and is shown.
      - Other tenants are left out of lists. Reasons and errors are shown as they were recorded.
    type: str
    default: ""
  since:
    description:
      - Beginning of the report, a date such as V(2026-11-01) in UTC, or a time with its zone.
      - Empty for the first entry.
      - The whole ledger is verified in any case.
    type: str
    default: ""
  before:
    description: End of the report, as O(since). It shows what was known then, and ages count up to it. Empty for now.
    type: str
    default: ""
  tenants:
    description:
      - The tenants as C(odoo_tenants) declares them. C(name), C(tier) and C(runtime.group) are read.
      - The tier says how old a backup and a restore drill may be, where O(compliance) does not.
    type: list
    elements: dict
    default: []
  calendars:
    description:
      - The calendars of windows and freezes. Each has C(name), C(kind), which is V(window) or V(freeze), C(concerns),
        which is V(estate), V(group:NAME) or V(tenant:NAME), C(source), the path of an iCal file, and C(zone).
      - One that cannot be read is named in the report.
    type: list
    elements: dict
    default: []
  compliance:
    description: The compliance that M(gantry.odoo.backup_compliance) has returned.
    type: list
    elements: dict
  compliance_unknown:
    description: The reason why O(compliance) is not known, which the report shows.
    type: str
    default: ""
  certificates_path:
    description: Path of the file that M(gantry.odoo.certificate_report) has written as C(json_path).
    type: path
"""

EXAMPLES = r"""
- name: Verify the ledger and write a report
  gantry.odoo.change_audit:
    store:
      directory: /tmp/gantry-store
      witness: {directory: /mnt/audit/gantry-witness}
    directory: /tmp/gantry-audit

- name: Write a report about one tenant and one quarter
  gantry.odoo.change_audit:
    store: {directory: /tmp/gantry-store}
    directory: /tmp/gantry-audit-harbour
    tenant: harbour
    since: "2026-07-01"
    before: "2026-10-01"
"""

RETURN = r"""
verified:
  description: Whether the ledger verifies. The module fails otherwise.
  returned: when the change store answered
  type: bool
findings:
  description: A sentence for each fault of the ledger, up to 200 of them.
  returned: when the change store answered
  type: list
  elements: str
sequence:
  description: Number of the last entry.
  returned: when the change store answered
  type: int
hash:
  description: Hash of the last entry, by which all before it are fixed; empty without one.
  returned: when the change store answered
  type: str
report:
  description: The files of the report; empty in check mode.
  returned: when the change store answered
  type: dict
  contains:
    html:
      description: Path of the page.
      type: str
    json:
      description: Path of the same as JSON, with all changes.
      type: str
    html_sha256:
      description: SHA-256 of the page.
      type: str
    json_sha256:
      description: SHA-256 of the file of JSON, which the page shows as well.
      type: str
screen:
  description: The verdict and the numbers, for the last screen of a run.
  returned: when the change store answered
  type: list
  elements: str
"""
