# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where versions of Odoo differ, and nowhere else."""

from __future__ import annotations

from typing import Any

# What workers remember of parameters and users lies in these caches; before 17.0 there is one for everything.
_CACHES = ("default", "stable")
# 18.1 and newer count by inserting, older ones by a sequence
_TABLES = tuple(f"orm_signaling_{cache}" for cache in _CACHES)
_SEQUENCES = (*(f"base_cache_signaling_{cache}" for cache in _CACHES), "base_cache_signaling")


def signal_caches(cursor: Any) -> int:
    """Tell the running processes to forget what they cached; the number of signals given.

    A database that no process has served yet has nothing to signal with, and nobody to tell.
    """
    cursor.execute(
        "SELECT relname, relkind FROM pg_class WHERE relnamespace = current_schema::regnamespace AND relname = ANY(%s)",
        ([*_TABLES, *_SEQUENCES],),
    )
    kinds = dict(cursor.fetchall())
    tables = [name for name in _TABLES if kinds.get(name) == "r"]
    sequences = [name for name in _SEQUENCES if kinds.get(name) == "S"]
    for name in tables:
        cursor.execute(f'INSERT INTO "{name}" DEFAULT VALUES')
    for name in [] if tables else sequences:
        cursor.execute("SELECT nextval(%s)", (name,))
    return len(tables or sequences)


def demo_arguments(demo: bool, version: str) -> list[str]:
    """The arguments that load demo data or do not; `version` is what `odoo --version` says, for demo only."""
    if not demo:
        # 19 reads a boolean, older ones any word but nothing
        return ["--without-demo=True"]
    series = version.strip().rsplit(" ", 1)[-1].replace("saas~", "").split(".", 1)[0]
    return ["--with-demo"] if series.isdigit() and int(series) >= 19 else []


def series_of(base_version: str) -> str:
    """The series of Odoo that a database was made or last upgraded by: `19.0.1.3` of base is 19.0."""
    parts = base_version.split(".")
    return ".".join(parts[:2]) if len(parts) >= 2 else base_version
