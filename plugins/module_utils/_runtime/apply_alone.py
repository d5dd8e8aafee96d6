# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the modules that act on the instances of a host apart, and those of an overtaken change away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.fencing import Fencing
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call

# How long another run on the host may take: as long as the role gives a service.
_WAIT_SECONDS = 900


@contextmanager
def alone(call: Call) -> Iterator[None]:
    """With the number of a change, work on the instances of this host alone, and not where the change was overtaken."""
    number = call.params["fencing_number"]
    fencing = Fencing(os.path.join(call.params["root"], ".fencing"), "Odoo on this host")
    fencing.require(number)
    if not number or call.check_mode:
        yield
        return
    with fencing.held(number, Deadline(_WAIT_SECONDS)):
        yield
