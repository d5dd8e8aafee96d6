#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_release
short_description: Manage the releases of Odoo addons on a host
version_added: 0.1.0
description:
  - Places a directory of the controller as an immutable release under C(<root>/releases/<id>) and, where asked,
    points C(<root>/current) to it by one atomic change of a symbolic link.
  - The content is compared by a digest over every path, mode and byte. It is sent, as one archive, only when the host
    does not hold it. An id that stands for other content on the host is refused.
  - Files of a placed release that were changed on the host are brought back. Where modes keep other accounts from
    reading it, they are set.
  - Running processes are not touched. Use M(gantry.odoo.odoo_service) to restart them on the active release.
options:
  id:
    description:
      - Id of the release, such as V(2026.11.1). It names the directory.
    type: str
    required: true
  source:
    description:
      - Directory of the controller that holds releases as C(<id>/addons/...).
      - Where it is not given, or does not hold the release, the release must be on the host already.
    type: path
  root:
    description:
      - Directory of the host that holds C(releases) and C(current).
    type: path
    default: /opt/odoo
  state:
    description:
      - V(placed) brings the content to the host.
      - V(active) also activates it.
    type: str
    choices: [placed, active]
    default: placed
  manifest:
    description:
      - Set by the action plugin from O(source). Do not set it.
    type: dict
  archive:
    description:
      - Set by the action plugin where the content has to be sent. Do not set it.
    type: path
extends_documentation_fragment:
  - gantry.odoo.attributes
  - gantry.odoo.odoo_instances.fencing
author:
  - Gantry contributors (@gantry-odoo)
"""

EXAMPLES = r"""
- name: Place a release on the host without running it
  gantry.odoo.odoo_release:
    id: 2026.11.2
    source: "{{ playbook_dir }}/releases"

- name: Activate it
  gantry.odoo.odoo_release:
    id: 2026.11.2
    state: active
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(place), V(repair), V(share) or V(activate).
      type: str
    target:
      description: The id of the release.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
release:
  description: The release on the host after the run. Empty in check mode where it is not on the host.
  returned: always
  type: dict
  contains:
    id:
      description: Its id.
      type: str
    digest:
      description: SHA-256 over every path, mode and byte of the release.
      type: str
    files:
      description: Number of its files.
      type: int
    size:
      description: Bytes of its files.
      type: int
active:
  description: Id of the release that C(current) points to after the run. Empty where there is none.
  returned: always
  type: str
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_alone import alone
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_release import ReleaseStore, apply_steps
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Manifest, release_id
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.options import FENCING_NUMBER
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import (
    needs_content,
    plan_release,
    predict_release,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.report import report_release

OPTIONS = {
    "id": {"type": "str", "required": True},
    "source": {"type": "path"},
    "root": {"type": "path", "default": "/opt/odoo"},
    "state": {"type": "str", "choices": ["placed", "active"], "default": "placed"},
    "manifest": {"type": "dict"},
    "archive": {"type": "path"},
    "fencing_number": FENCING_NUMBER,
}


def main() -> None:
    """Entry point of the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Place the release, and activate it where asked."""
    with alone(call):
        return _bring(call)


def _bring(call: Call) -> Outcome:
    params = call.params
    source = Manifest.from_option(release_id(params["id"]), params["manifest"]) if params["manifest"] else None
    store = ReleaseStore(params["root"])
    current = store.read(release_id(params["id"]))
    steps = plan_release(current, source, params["state"] == "active")
    if not call.check_mode:
        if needs_content(steps) and params["archive"] is None:
            # the action plugin answers with a second call that carries the content
            return Outcome(facts={"needs_content": True})
        apply_steps(store, steps, source, params["archive"])
    after = predict_release(current, steps, source)
    return Outcome(
        steps,
        report_release(current),
        report_release(after),
        facts={"release": after.recorded.as_dict() if after.recorded else {}, "active": after.active or ""},
    )


if __name__ == "__main__":
    main()
