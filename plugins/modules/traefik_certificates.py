#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the TLS certificates that Traefik serves, and see it serve them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_certificates
short_description: Manage the TLS certificates that Traefik serves
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Copies certificates and their keys to files that only Traefik may read, adds them to its file provider, and waits
    until Traefik has loaded each of them. Any number of certificates in one call.
  - The name of a copy changes with its certificate. So certificate and key change in one step, and Traefik, which does
    not watch certificate files, loads a renewed one. Connections are kept.
  - Both files of a pair are read at the same moment. If the key is not that of the certificate or is encrypted, if the
    chain is in the wrong order, has expired or is not valid yet, or if Traefik refuses the pair, the module fails and
    the previous certificates stay in use. A pair that expires while it is served causes a warning. Copies that are not
    in use any more are removed.
requirements:
  - cryptography 40 or newer, on the host
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
  - gantry.odoo.attributes
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
      description: One of C(copy), C(sweep), C(create), C(update), C(remove), C(reload), C(prove).
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
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, LibraryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_pem import HAS_CRYPTOGRAPHY
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    apply_document,
    options,
    plan_certificates,
    plan_document,
    read_certificates,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_certificates import Copies

FILE = "certificates.yml"
OPTIONS = {
    **options.ARGUMENTS,
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "certificate": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
        },
    },
    "default_certificate": {"type": "str", "default": ""},
    "certificate_dir": {"type": "path", "default": "/etc/traefik/certificates"},
    "group": {"type": "str", "default": "traefik"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Read the pairs, copy them, publish the document that names the copies, remove unused copies."""
    if not HAS_CRYPTOGRAPHY and not call.check_mode:
        raise LibraryError("cryptography", "")
    default, directory = call.params["default_certificate"], call.params["certificate_dir"]
    with options.opened(call) as site:
        pairs = read_certificates.read(call.params["certificates"], default, lenient=call.check_mode)
        copies = Copies(directory, _gid(call))
        lacking = copies.lacking(pairs)
        for one in pairs:
            fault = plan_certificates.untimely(one, datetime.now(timezone.utc))
            if fault and one.path(directory, ".crt") in lacking:
                raise InputError(f"{fault}, so that what is served stays")
            if fault:
                call.warn(f"{fault}, and is served all the same")
        if not call.check_mode:
            copies.place(lacking)
        wanted = apply_document.candidate(
            "traefik_certificates", FILE, plan_certificates.document(pairs, default, directory)
        )
        # Check mode has announced the copies, not made them: there is nothing yet that Traefik could read.
        readable = not (call.check_mode and (lacking or any(one.certificate is None for one in pairs)))
        paths = plan_document.certificate_files(wanted.content)
        fingerprints = read_certificates.fingerprints(paths) if readable else None
        done = apply_document.publish(call, site, wanted, fingerprints)
        unused = copies.unused(pairs)
        if not call.check_mode:
            copies.sweep(unused)
    return Outcome(
        steps=[*plan_certificates.steps(lacking, unused), *done.steps],
        before=done.before,
        after=wanted.content,
        facts={"fingerprints": fingerprints or [], "validated": done.validated},
    )


def _gid(call: Call) -> int:
    try:
        return grp.getgrnam(call.params["group"]).gr_gid
    except KeyError:
        if call.check_mode:
            return -1
        raise InputError(f"group {call.params['group']} is not on this host; run the role first") from None


if __name__ == "__main__":
    main()
