# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a scratch server is gone behind it, and what went wrong there is what is raised."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_scratch import claimed
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_scratch import Place
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError


def test_a_directory_is_removed_behind_a_drill(tmp_path: Path) -> None:
    place = Place(f"{tmp_path}/above/0123456789ab")
    with claimed(place, 1):
        assert Path(place.path).is_dir()
    assert not Path(place.path).exists()


def lose_directory(place: Place, error: Exception | None = None) -> None:
    """A drill that leaves no directory to remove."""
    with claimed(place, 1):
        shutil.rmtree(place.path)
        if error:
            raise error


def test_what_went_wrong_is_raised_where_the_directory_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="the drill failed"):
        lose_directory(Place(f"{tmp_path}/above/0123456789ab"), StateError("the drill failed"))


def test_a_directory_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lose_directory(Place(f"{tmp_path}/above/0123456789ab"))
