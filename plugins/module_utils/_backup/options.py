# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that names a repository of backups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.options import BUCKET, bucket_from


def argument_spec() -> dict[str, dict[str, Any]]:
    """The option of the documentation fragment gantry.odoo.s3."""
    return {"repository": {**BUCKET, "required": True}}


def settings_from(params: Mapping[str, Any]) -> Settings:
    """The repository that a module's parameters describe. Raises InputError for values that cannot be used."""
    return bucket_from("repository", params["repository"])
