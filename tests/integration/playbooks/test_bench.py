# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of an estate follows the precheck: a task that asks a server would end it."""

from __future__ import annotations

from pathlib import Path

from tests.bench import estate


def test_the_benchmark_of_an_estate_renders_the_part_of_each_host(tmp_path: Path) -> None:
    estate.contender(estate.precheck(tmp_path), 4, 10).run()
