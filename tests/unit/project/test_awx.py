# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project for AWX has every playbook, and no word of its own."""

from __future__ import annotations

import yaml

from tests.unit.project.tree import NAMESPACE, PLAYBOOKS, ROOT

PROJECT = ROOT / "extensions/awx/project"


def test_the_project_imports_every_playbook() -> None:
    found = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in PROJECT.glob("*.yml")}
    assert sorted(found) == PLAYBOOKS
    for name, plays in found.items():
        described = yaml.safe_load((ROOT / f"playbooks/inputs/{name}.yml").read_text(encoding="utf-8"))
        imported = {
            "name": described["short_description"],
            "ansible.builtin.import_playbook": f"{NAMESPACE}.{name}",
        }
        assert plays == [imported]


def test_the_project_requires_the_collection() -> None:
    wanted = yaml.safe_load((PROJECT / "collections/requirements.yml").read_text(encoding="utf-8"))
    assert wanted == {"collections": [{"name": NAMESPACE}]}
