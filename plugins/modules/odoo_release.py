#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_release
short_description: Place and activate a release of Odoo addons on a host
version_added: 0.1.0
description:
  - Places a directory of the controller as an immutable release under C(<root>/releases/<id>) and, where asked,
    points C(<root>/current) to it by one atomic change of a symbolic link.
  - The content is compared by a digest over every path, mode and byte. It is sent, as one archive, only when the host
    does not hold it. An id that stands for other content on the host is refused.
  - Files of a placed release that were changed on the host are brought back.
  - Running processes are not touched. Use M(gantry.odoo.odoo_service) to have them run the active release.
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
  - action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
author:
  - Gantry contributors (@gantry-odoo)
"""

EXAMPLES = r"""
- name: Bring a release to the host without running it
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
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(place), V(repair) or V(activate).
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

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step, result
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Manifest, ReleaseState, release_id
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import plan_release
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.releases import ReleaseStore


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "id": {"type": "str", "required": True},
            "source": {"type": "path"},
            "root": {"type": "path", "default": "/opt/odoo"},
            "state": {"type": "str", "choices": ["placed", "active"], "default": "placed"},
            "manifest": {"type": "dict"},
            "archive": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**_run(module.params, module.check_mode))
    except GantryError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"release {module.params['id']} could not be written: {error}")


def _run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    identity = release_id(params["id"])
    source = _manifest(identity, params["manifest"])
    store = ReleaseStore(params["root"])
    current = store.read(identity)
    steps = plan_release(current, source, params["state"] == "active")
    if not check_mode:
        if _needs_content(steps) and params["archive"] is None:
            # the action plugin answers with a second call that carries the content
            return {"changed": False, "needs_content": True}
        _apply(store, steps, source, params["archive"])
    after = _predicted(current, steps, source)
    recorded = after.recorded
    return result(
        steps,
        _shown(current),
        _shown(after),
        release=recorded.as_dict() if recorded else {},
        active=after.active or "",
    )


def _manifest(identity: str, given: dict[str, t.Any] | None) -> Manifest | None:
    if given is None:
        return None
    try:
        return Manifest(identity, str(given["digest"]), int(given["files"]), int(given["size"]))
    except (KeyError, ValueError) as error:
        raise InputError("manifest: is set by the action plugin, give source instead") from error


def _needs_content(steps: t.Iterable[Step]) -> bool:
    return any(step.action in ("place", "repair") for step in steps)


def _apply(store: ReleaseStore, steps: t.Iterable[Step], source: Manifest | None, archive: str | None) -> None:
    for step in steps:
        if step.action == "activate":
            store.activate(step.target)
        elif source is not None and archive is not None and os.path.isfile(archive):
            (store.place if step.action == "place" else store.repair)(source, archive)
        else:
            raise InputError(f"archive: {archive} is not there, run the module through its action plugin")


def _predicted(current: ReleaseState, steps: t.Iterable[Step], source: Manifest | None) -> ReleaseState:
    actions = {step.action for step in steps}
    content = source if actions & {"place", "repair"} else current.recorded
    return ReleaseState(
        id=current.id,
        recorded=content,
        found=content.digest if content else "",
        active=current.id if "activate" in actions else current.active,
    )


def _shown(state: ReleaseState) -> dict[str, t.Any]:
    return {"release": state.id, "digest": state.found, "active": state.active or ""}


if __name__ == "__main__":
    main()
