# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what Python has compiled of modules in zip archives, by their source, where the lab has a directory for it.

Ansible sends each module as an archive of sources, and Python compiles all of them again each time: half of what a call
costs. Every Python of the host imports this file when it starts.
"""

from __future__ import annotations

import os
import zipimport

KEPT = "/var/cache/gantry-lab-compiled"


def keep() -> None:
    """Have zipimport look into the directory before it compiles; root alone may add to it."""
    import hashlib
    import marshal
    import sys

    compiled = zipimport._compile_source  # type: ignore[attr-defined]

    def remembered(path: str, source: bytes) -> object:
        key = hashlib.sha256(source + sys.implementation.cache_tag.encode()).hexdigest()
        place = os.path.join(KEPT, key)
        try:
            with open(place, "rb") as stream:
                return marshal.load(stream)
        except FileNotFoundError:
            return written(place, compiled(path, source))

    def written(place: str, code: object) -> object:
        unfinished = f"{place}.{os.uname().nodename}-{os.getpid()}"
        try:
            with open(unfinished, "wb") as stream:
                marshal.dump(code, stream)  # type: ignore[arg-type]
            os.rename(unfinished, place)
        except PermissionError:
            pass  # a module that runs as another user than root
        return code

    zipimport._compile_source = remembered  # type: ignore[attr-defined]


if os.path.isdir(KEPT):
    keep()
