# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the host's Docker Engine."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_image import Load, Pull
from ansible_collections.gantry.odoo.plugins.module_utils._service.docker import read_image

_LOADED = re.compile(r"^Loaded image(?: ID)?: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Images:
    """Brings images. archive: the path on the host of what the action plugin has sent; removed when it was loaded."""

    archive: str
    deadline: Deadline

    def apply(self, steps: Sequence[Step]) -> None:
        """Carry out the steps."""
        hands: Hands = {Load: self._load, Pull: self._pull}
        for step in steps:
            carry_out(step, hands)

    def _load(self, step: Load) -> None:
        if not os.path.isfile(self.archive):
            raise InputError(f"staged: {self.archive} is not there; run the module through its action plugin")
        try:
            argv = ["docker", "load", "--input", self.archive]
            answer = run(argv, self.deadline, what=f"docker load of the archive of {step.target}")
        finally:
            os.unlink(self.archive)
        if not read_image(step.target, self.deadline):
            held = ", ".join(_LOADED.findall(answer)) or "no image"
            raise StateError(f"the archive holds {held}, not {step.target}; make name and archive agree")

    def _pull(self, step: Pull) -> None:
        run(["docker", "pull", "--quiet", step.target], self.deadline, what=f"docker pull of {step.target}")
        if not read_image(step.target, self.deadline):
            raise StateError(f"the engine pulled {step.target} and does not list it; look at docker image ls")
