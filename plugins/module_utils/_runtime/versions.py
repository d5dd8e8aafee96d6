# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version of Odoo says of itself, and what it takes on its command line. Pure."""

from __future__ import annotations

import re

_RELEASE = re.compile(r"^version_info = \(([^,]+),([^,]+),", re.MULTILINE)


def demo_arguments(demo: bool, version: str) -> list[str]:
    """The arguments that load demo data or do not; `version` is what `odoo --version` says, for demo only."""
    if not demo:
        # 19 reads a boolean, older ones any word but nothing
        return ["--without-demo=True"]
    series = version.strip().rsplit(" ", 1)[-1].replace("saas~", "").split(".", 1)[0]
    return ["--with-demo"] if series.isdecimal() and int(series) >= 19 else []


def series_of_release(text: str) -> str:
    """The series of Odoo's code, by the text of its release.py; empty where it tells none."""
    match = _RELEASE.search(text)
    return ".".join(part.strip().strip("'\"") for part in match.groups()) if match else ""


def series_of(base_version: str) -> str:
    """The series of Odoo that a database was made or last upgraded by: `19.0.1.3` of base is 19.0."""
    parts = base_version.split(".")
    return ".".join(parts[:2]) if len(parts) >= 2 else base_version
