#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put one document into Traefik's file provider, and see it live."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_dynamic_file
short_description: Manage a document of Traefik's file provider
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Manages one file of the directory that Traefik's file provider watches.
  - A new document is first read by a second Traefik process in isolation, then replaced in one step. The module waits
    until the live Traefik has every object and every certificate of the document. If it has not by the deadline, the
    module restores the previous file and fails. Where a run was ended before that, the next one proves the file, or
    restores the one that was proven last.
  - Settings are compared as Traefik spells them. Sections that its API does not show, such as TLS options, are proven
    by a middleware beside them that does nothing. Sections that could not be proven are refused.
  - A router that would take requests of another one, such as those of a route, is refused; see
    M(gantry.odoo.traefik_route).
  - What may be a secret is in no diff and no message. Those are strings and numbers of middlewares, transports and
    headers, and keys that the document holds itself.
  - Traefik does not watch certificate files. Give a renewed certificate a new file name, or run this module again after
    the old file was replaced; the module then reloads the document.
  - Routes to Odoo belong to M(gantry.odoo.traefik_route).
options:
  name:
    description:
      - Name of the file without its ending; lower-case letters, digits, hyphens and underscores.
      - V(certificates) belongs to M(gantry.odoo.traefik_certificates), and names that end in C(-routes) belong to
        M(gantry.odoo.traefik_route). Both are refused, and so is V(gantry-sentinel).
    type: str
    required: true
  document:
    description: The document, as Traefik's file provider knows it. Required for O(state=present).
    type: dict
  state:
    description: Whether the file is there.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - gantry.odoo.traefik
  - gantry.odoo.attributes
seealso:
  - module: gantry.odoo.traefik_route
"""

EXAMPLES = r"""
- name: Require TLS 1.3 of clients
  gantry.odoo.traefik_dynamic_file:
    name: tls-options
    document:
      tls:
        options:
          default:
            minVersion: VersionTLS13
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of C(create), C(update), C(remove), C(reload), C(prove).
      type: str
    target:
      description: Path of the file.
      type: str
    why:
      description: The reason.
      type: str
file:
  description: Path of the file.
  returned: success
  type: str
fingerprints:
  description:
    - SHA-256 of the document's certificates, in lower-case hexadecimal digits.
    - Empty where check mode does not find the files.
  returned: success
  type: list
  elements: str
validated:
  description: Whether a Traefik process has read the document in isolation in this run.
  returned: success
  type: bool
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    apply_document,
    options,
    plan_document,
    plan_proof,
    read_certificates,
    report_document,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_change import Candidate
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import file_name
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import SENTINEL

OPTIONS = {
    **options.ARGUMENTS,
    "name": {"type": "str", "required": True},
    "document": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work, concealed=["document"], required_if=[("state", "present", ("document",))])


def work(call: Call) -> Outcome:
    """Publish the document, or take its file away."""
    wanted = _candidate(call)
    try:
        with options.opened(call) as site:
            plan_proof.require_foreign(wanted.name, wanted.content, site.directory.owners())
            fingerprints = _fingerprints(call, wanted)
            done = apply_document.publish(call, site, wanted, fingerprints)
    except GantryError as error:
        # Traefik quotes what it refuses.
        raise type(error)(report_document.without_secrets(str(error), wanted.content)) from None
    return Outcome(
        steps=done.steps,
        before=report_document.shown(done.before),
        after=report_document.shown(wanted.content, done.before),
        facts={
            "file": site.directory.file(wanted.name),
            "fingerprints": fingerprints or [],
            "validated": done.validated,
        },
    )


def _candidate(call: Call) -> Candidate:
    name = f"{_own_name(call.params['name'])}.yml"
    content = call.params["document"] if call.params["state"] == "present" else {}
    if call.params["state"] == "present" and not content:
        raise InputError(f"document of {name} is empty, which Traefik would skip; use state absent")
    return apply_document.candidate("traefik_dynamic_file", name, content)


def _own_name(name: str) -> str:
    for module, taken in (
        ("traefik_certificates", name == "certificates"),
        ("traefik_route", name.endswith("-routes")),
    ):
        if taken:
            raise InputError(
                f"name is {name}, a file that gantry.odoo.{module} writes; use that module, or another name"
            )
    if name == SENTINEL:
        raise InputError(f"name is {name}, which the collection uses itself; choose another")
    return file_name("name", name)


def _fingerprints(call: Call, wanted: Candidate) -> list[str] | None:
    """Of the document's certificates; None when check mode cannot know them because they are not there yet."""
    try:
        return read_certificates.fingerprints(plan_document.certificate_files(wanted.content))
    except InputError as error:
        if not call.check_mode:
            raise
        call.warn(f"{error}; the plan is not validated")
        return None


if __name__ == "__main__":
    main()
