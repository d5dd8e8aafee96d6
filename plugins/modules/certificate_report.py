#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_report
short_description: Gather the certificates of an estate into a table, a file of JSON and metrics
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Takes the result of M(gantry.odoo.certificate_info), which was registered on each host, and shows all certificates
    in a table, with what is wrong, due and not known below it.
  - Writes them as JSON and as metrics for Prometheus, where asked. There are alerts for the metrics in
    C(extensions/prometheus/gantry_certificate_rules.yml).
  - Runs on the controller. Fails, after all is shown and written, where a host or an endpoint did not answer.
options:
  hosts:
    description: Names of the hosts that have certificates. A host without an answer is not known.
    type: list
    elements: str
    required: true
  variable:
    description: Name of the variable that holds the result of M(gantry.odoo.certificate_info) on each host.
    type: str
    default: certificates_found
  json_path:
    description:
      - Path of a file for all that was found. Its directory has to exist. The file is replaced in one step.
      - It has a list C(hosts). Each host has its name C(host), C(answered), C(why) where it did not, and C(time),
        C(clock), C(certificates), C(lists) and C(unknown) as M(gantry.odoo.certificate_info) returns them.
    type: path
  metrics_path:
    description:
      - Path of a file for the metrics, such as V(/var/lib/prometheus/node-exporter/gantry_certificates.prom). Its
        directory has to exist. The file is replaced in one step.
    type: path
  enforce:
    description: Whether the module fails where a certificate is wrong too. A certificate that is due is not.
    type: bool
    default: true
extends_documentation_fragment:
  - gantry.odoo.attributes.controller
notes:
  - A file that is renewed is no change, since each run observes anew. In check mode none is written.
seealso:
  - module: gantry.odoo.certificate_info
"""

EXAMPLES = r"""
- name: Show the certificates, and write metrics
  gantry.odoo.certificate_report:
    hosts: [edge1, edge2]
    metrics_path: /var/lib/prometheus/node-exporter/gantry_certificates.prom
"""

RETURN = r"""
screen:
  description: The lines of the table and of what is below it.
  returned: always
  type: list
  elements: str
"""
