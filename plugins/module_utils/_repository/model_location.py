# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the repositories of an estate are, as an inventory says it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey


@dataclass(frozen=True)
class Location:
    """A bucket or a directory, and the keys. prefix: of every key in it.

    bucket: None for a directory. records_bucket: for what has to be created exactly once, empty for the same one.
    option: the option that says so, as an error sentence names it.
    """

    keys: tuple[MasterKey, ...]
    prefix: str = ""
    bucket: Settings | None = None
    records_bucket: str = ""
    directory: str = ""
    option: str = "repository"
