# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker of Prometheus for rules and metrics, as Debian has it, in a container."""

from __future__ import annotations

import subprocess

from tests.lab import images
from tests.lab.hosts import Lab
from tests.lab.state import ROOT


def promtool(lab: Lab, *arguments: str, given: str = "") -> str:
    """What promtool says on these arguments and this input; any exit code but 0 fails."""
    tag = images.ensure(lab.client, ["promtool"])["promtool"]
    command = ["docker", "run", "--rm", "--interactive", "--network=none", f"--volume={ROOT}:{ROOT}:ro"]
    command += [f"--workdir={ROOT}/tests/integration", tag, "promtool", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
