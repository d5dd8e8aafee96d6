#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_image
short_description: Manage an image of a host's Docker Engine
version_added: 0.1.0
description:
  - Loads an image from an archive on the controller, or pulls it by its digest, where the host does not hold it.
  - The archive is sent only when it is needed, and removed from the host when it was loaded.
  - An archive that holds another image is an error.
  - An image that is on the host is left as it is. A tag that moved is no reason to load it again.
  - The Docker Engine and its client have to be on the host. No Python library is needed.
options:
  name:
    description:
      - Name of the image, with its tag, such as V(odoo:19.0-1), or with its digest.
    type: str
    required: true
  archive:
    description:
      - Path on the controller of an archive made by C(docker save). Without it the image is pulled, which takes a name
        with a digest.
    type: path
  timeout:
    description:
      - Seconds that the whole call may take, without the way of the archive to the host. The engine answers when the
        last layer is unpacked, which takes minutes on a busy disk.
    type: int
    default: 900
  staged:
    description:
      - Set by the action plugin from O(archive). Do not set it.
    type: path
extends_documentation_fragment:
  - gantry.odoo.attributes
author:
  - Gantry contributors (@gantry-odoo)
"""

EXAMPLES = r"""
- name: Load the image of Odoo
  gantry.odoo.container_image:
    name: odoo:19.0-1
    archive: /srv/images/odoo-19.0-1.tar
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(load) or V(pull).
      type: str
    target:
      description: The name of the image.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
id:
  description: Id of the image on the host after the run. Empty in check mode where the host does not hold it.
  returned: always
  type: str
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_image import Images
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_image import Load, image_name, plan_image
from ansible_collections.gantry.odoo.plugins.module_utils._service.docker import read_image

OPTIONS = {
    "name": {"type": "str", "required": True},
    "archive": {"type": "path"},
    "timeout": {"type": "int", "default": 900},
    "staged": {"type": "path"},
}


def main() -> None:
    """Entry point of the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Bring the image where the host does not hold it."""
    params = call.params
    deadline = Deadline(params["timeout"])
    name = image_name(params["name"])
    found = read_image(name, deadline)
    steps = plan_image(name, found, bool(params["archive"]))
    after = found
    if not call.check_mode:
        if any(isinstance(step, Load) for step in steps) and not params["staged"]:
            # the action plugin answers with a second call that carries the archive
            return Outcome(facts={"needs_archive": True})
        Images(params["staged"] or "", deadline).apply(steps)
        after = read_image(name, deadline)
    return Outcome(steps, {"image": name if found else ""}, {"image": name}, facts={"id": after})


if __name__ == "__main__":
    main()
