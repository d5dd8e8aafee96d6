# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of temporary directories while the documentation is verified."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.quality.docs import plain_names


def test_no_temporary_name_ends_like_a_reference(tmp_path: Path) -> None:
    plain_names()
    assert not any("_" in tempfile.mkdtemp(prefix="x", dir=tmp_path)[len(str(tmp_path)) :] for _name in range(500))
