# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the project as a whole: what is promised about every file, role and module, held against the tree."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE = "gantry.odoo"
ROLES = sorted(path.parent.parent.name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
_FENCED = re.compile(r"^( *)```ya?ml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def yaml_blocks(path: str) -> list[str]:
    """The blocks of YAML in a page of the project."""
    return [block for _indent, block in _FENCED.findall((ROOT / path).read_text(encoding="utf-8"))]


def example_plays(role: str) -> list[str]:
    """The examples in the README of a role that are whole playbooks, as text."""
    blocks = yaml_blocks(f"roles/{role}/README.md")
    return [block for block in blocks if "hosts" in str((yaml.safe_load(block) or [None])[:1])]
