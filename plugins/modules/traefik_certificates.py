#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have Traefik serve certificates, and see it serve them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_certificates
short_description: Have Traefik serve certificates
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Takes copies of certificates and their keys that only Traefik may read, declares them to its file provider, and
    waits until Traefik has loaded each of them. Any number of certificates in one call.
  - A copy's name changes with its certificate, so that a pair is never half old, and that Traefik, which does not watch
    certificate files, notices a renewal. Connections are kept.
  - A pair that Traefik refuses, such as a key of another certificate, is told in its own words, and what was served
    before is served on. Copies that are not served any more are removed.
options:
  certificates:
    description: All certificates that Traefik is to serve; it chooses by the name that a client asks for.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the pair; lower-case letters, digits, hyphens and underscores.
        type: str
        required: true
      certificate:
        description: Path of the certificate with its chain, in PEM, on the host.
        type: path
        required: true
      key:
        description: Path of its key.
        type: path
        required: true
  default_certificate:
    description: Name of the pair for clients that ask for no known name. If not set, Traefik makes one up.
    type: str
    default: ""
  certificate_dir:
    description: Directory of the copies.
    type: path
    default: /etc/traefik/certificates
  group:
    description: Group that Traefik runs as, which may read the copies.
    type: str
    default: traefik
extends_documentation_fragment:
  - gantry.odoo.traefik
seealso:
  - module: gantry.odoo.certificate_files
  - module: gantry.odoo.traefik_dynamic_file
"""

EXAMPLES = r"""
- name: Serve two certificates
  gantry.odoo.traefik_certificates:
    certificates:
      - name: harbour
        certificate: /etc/gantry/certificates/harbour/current/certificate.pem
        key: /etc/gantry/certificates/harbour/current/key.pem
      - name: north
        certificate: /etc/gantry/certificates/north/current/certificate.pem
        key: /etc/gantry/certificates/north/current/key.pem
    default_certificate: harbour
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of C(copy), C(sweep), C(create), C(update), C(remove), C(reload).
      type: str
    target:
      description: Path of the file.
      type: str
    why:
      description: The reason.
      type: str
fingerprints:
  description:
    - SHA-256 of the certificates that are served, in lower-case hexadecimal digits.
    - Empty where check mode has announced copies, and not made them.
  returned: success
  type: list
  elements: str
validated:
  description: Whether a Traefik process has read the document in isolation in this run.
  returned: success
  type: bool
"""

import grp
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import result
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import apply, client, options, pairs, publish
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import document as documents

FILE = "certificates.yml"


def main() -> None:
    """Read, copy, publish, sweep."""
    module = AnsibleModule(
        argument_spec=dict(
            options.ARGUMENTS,
            certificates={
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "certificate": {"type": "path", "required": True},
                    "key": {"type": "path", "required": True, "no_log": False},
                },
            },
            default_certificate={"type": "str", "default": ""},
            certificate_dir={"type": "path", "default": "/etc/traefik/certificates"},
            group={"type": "str", "default": "traefik"},
        ),
        supports_check_mode=True,
    )
    options.run(module, _run)


def _run(module: AnsibleModule, site: apply.Site) -> dict[str, Any]:
    default = module.params["default_certificate"]
    found = pairs.read(module.params["certificates"], default, lenient=module.check_mode)
    copies = pairs.Copies(module.params["certificate_dir"], _gid(module))
    lacking = copies.lacking(found)
    if not module.check_mode:
        copies.place(lacking)
    candidate = publish.candidate(
        "traefik_certificates", FILE, pairs.document(found, default, module.params["certificate_dir"])
    )
    # Check mode has announced the copies, not made them: there is nothing yet that Traefik could read.
    readable = not (module.check_mode and (lacking or any(one.certificate is None for one in found)))
    fingerprints = client.fingerprints(documents.certificate_files(candidate.content)) if readable else None
    done = publish.publish(module, site, candidate, fingerprints)
    unused = copies.unused(found)
    if not module.check_mode:
        copies.sweep(unused)
    steps = [*pairs.steps(lacking, unused), *done.steps]
    return result(steps, done.before, candidate.content, fingerprints=fingerprints or [], validated=done.validated)


def _gid(module: AnsibleModule) -> int:
    try:
        return grp.getgrnam(module.params["group"]).gr_gid
    except KeyError:
        if module.check_mode:
            return -1
        raise InputError(f"group {module.params['group']} is not on this host; run the role first") from None


if __name__ == "__main__":
    main()
