# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write playbooks/README.md from the declarations of the playbooks' inputs: python -m tests.quality.playbooks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._core.model_playbook import Declaration, declaration

ROOT = Path(__file__).resolve().parents[2]
DECLARATIONS = ROOT / "playbooks/inputs"
README = ROOT / "playbooks/README.md"
HEAD = """# The playbooks

Each playbook verifies its inputs before anything else. Set them with `-e`, in a survey, or in the inventory. This page
is written from `inputs/` by `python -m tests.quality.playbooks`.
"""


def declarations() -> dict[str, Declaration]:
    """The declaration of each playbook, by its name."""
    files = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in DECLARATIONS.glob("*.yml")}
    return {name: declaration(name, files) for name in sorted(files) if "short_description" in files[name]}


def page() -> str:
    """The text of playbooks/README.md."""
    return "\n".join([HEAD, *(_section(one) for one in declarations().values())])


def _section(one: Declaration) -> str:
    lines = [f"## gantry.odoo.{one.playbook}", "", f"{one.short_description}. {one.description}", ""]
    if one.options:
        lines += ["| Input | Type | Default | Meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {_type(option)} | {_default(option)} | {option['description']} |"
            for name, option in one.options.items()
        ]
        lines.append("")
    return "\n".join(lines)


def _type(option: Mapping[str, Any]) -> str:
    return ", ".join(f"`{choice}`" for choice in option["choices"]) if "choices" in option else option["type"]


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "required"
    value = option.get("default")
    return "" if value in (None, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    README.write_text(page(), encoding="utf-8")
