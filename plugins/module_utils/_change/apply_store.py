# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the change store that the inventory declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

# How long a task waits for its turn to write into the store.
WRITE_SECONDS = 30


def open_store(declared: Mapping[str, Any]) -> Objects:
    """The store that the option `store` describes. Only the library of the one in use is imported."""
    if declared.get("directory"):
        from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory

        return Directory(declared["directory"])
    if declared.get("postgresql"):
        from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_table import Table
        from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login

        return Table(Login(**{name: value for name, value in declared["postgresql"].items() if value is not None}))
    from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import open_bucket
    from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.options import bucket_from

    return open_bucket(bucket_from("store.s3", declared["s3"]))
