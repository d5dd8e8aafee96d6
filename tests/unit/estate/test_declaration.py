# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of a tenant equals the description by which tenants are converted and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_declaration import TENANT
from ansible_collections.gantry.odoo.plugins.modules.estate_info import DOCUMENTATION


def bare(options: Mapping[str, Any], below: str) -> dict[str, Any]:
    """The options without their descriptions."""
    made = {}
    for name, option in options.items():
        kept = {key: option[key] for key in ("type", "elements", "required", "choices", "default") if key in option}
        made[name] = {**kept, "options": bare(option.get(below, {}), below)}
    return made


def test_documentation_of_tenants_equals_what_is_checked() -> None:
    documented = yaml.safe_load(DOCUMENTATION)["options"]["tenants"]["suboptions"]
    assert bare(documented, "suboptions") == bare(TENANT, "options")
