# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files belong to the project."""

from __future__ import annotations

import subprocess
from pathlib import Path


def listed(root: Path, *patterns: str) -> list[str]:
    """The files below `root` that Git tracks or would add, also those that were deleted since, by name.

    patterns: Git's own, all files without one. Raises CalledProcessError outside of a repository.
    """
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
    return sorted({name for name in names if name})
