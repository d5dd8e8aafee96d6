# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of a playbook as a person gives them on a command line. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable


def listed_input(name: str, values: Iterable[str]) -> str:
    """The option of ansible-playbook that sets an input to a list, as a shell takes it."""
    text = json.dumps({name: list(values)}).replace("'", "'\\''")
    return f"-e '{text}'"
