#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put one document into Traefik's file provider, and see it live."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_dynamic_file
short_description: Put one document into Traefik's file provider and see it live
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Keeps one file of the directory that Traefik's file provider watches.
  - A new document is read by a second Traefik process in isolation first, then replaced in one step; the live
    Traefik is asked until it has every object and every certificate of the document. When it has not by the deadline,
    the previous file is put back and the module fails.
  - Traefik does not watch certificate files. Give a renewed certificate a new file name, or run this module again after
    the old file was replaced; it sees that Traefik serves something else, and has the document loaded again.
  - Routes to Odoo belong to M(gantry.odoo.traefik_route).
options:
  name:
    description: Name of the file without its ending; lower-case letters, digits, hyphens and underscores.
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
seealso:
  - module: gantry.odoo.traefik_route
"""

EXAMPLES = r"""
- name: Serve a certificate
  gantry.odoo.traefik_dynamic_file:
    name: certificates
    document:
      tls:
        certificates:
          - certFile: /etc/traefik/certificates/harbour.crt
            keyFile: /etc/traefik/certificates/harbour.key
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of C(create), C(update), C(remove), C(reload).
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

import contextlib
from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step, result
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import apply, client, options, plan
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import document as documents


def main() -> None:
    """Read, plan, validate, apply, prove."""
    module = AnsibleModule(
        argument_spec=dict(
            options.ARGUMENTS,
            name={"type": "str", "required": True},
            document={"type": "dict"},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        ),
        required_if=[("state", "present", ("document",))],
        supports_check_mode=True,
    )
    try:
        site = options.site(module)
        with site.directory.lock(Deadline(site.seconds)) if not module.check_mode else contextlib.nullcontext():
            outcome = _run(module, site)
    except GantryError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**outcome)


def _run(module: AnsibleModule, site: apply.Site) -> Dict[str, Any]:
    name = f"{options.file_name('name', module.params['name'])}.yml"
    path = site.directory.file(name)
    candidate = _candidate(module, name)
    text = site.directory.read(name)
    previous = apply.Candidate(name, text, documents.read_document(text or "") or {})
    fingerprints = _fingerprints(module, candidate)

    raw = options.live(module, site)
    lacking = [] if raw is None or fingerprints is None else _lacking(site, candidate, fingerprints)
    steps = _steps(path, text, candidate, lacking)
    validated = False
    if steps and candidate.text is not None and fingerprints is not None:
        validated = (
            options.validate(module, site, candidate, lambda refused: _explain(path, refused), fingerprints) is not None
        )
    if steps and not module.check_mode:
        apply.bring_live(site, candidate, previous, fingerprints)
    return result(
        steps,
        previous.content,
        candidate.content,
        file=path,
        fingerprints=fingerprints or [],
        validated=validated,
    )


def _candidate(module: AnsibleModule, name: str) -> apply.Candidate:
    if module.params["state"] == "absent":
        return apply.Candidate(name, None, {})
    content = module.params["document"]
    if not content:
        raise InputError(f"document of {name} is empty, which Traefik would skip; use state absent")
    header = ["Written by gantry.odoo.traefik_dynamic_file; change the document there, not here."]
    return apply.Candidate(name, documents.to_text(header, content), content)


def _fingerprints(module: AnsibleModule, candidate: apply.Candidate) -> Optional[List[str]]:
    """Of the document's certificates; None when check mode cannot know them because they are not there yet."""
    try:
        return client.fingerprints(documents.certificate_files(candidate.content))
    except InputError as error:
        if not module.check_mode:
            raise
        module.warn(f"{error}; the plan is not validated")
        return None


def _lacking(site: apply.Site, candidate: apply.Candidate, fingerprints: List[str]) -> List[str]:
    return apply.missing(site, candidate, set(), fingerprints)


def _steps(path: str, text: Optional[str], candidate: apply.Candidate, lacking: List[str]) -> List[Step]:
    if candidate.text is None:
        return [] if text is None else [Step("remove", path, "not wanted any more")]
    if text is None:
        return [Step("create", path, "not there yet")]
    if text != candidate.text:
        return [Step("update", path, "says something else")]
    return [Step("reload", path, f"Traefik does not have it: {lacking[0]}")] if lacking else []


def _explain(path: str, refused: plan.Difference) -> str:
    return f"{path}: {refused.refusal()}"


if __name__ == "__main__":
    main()
