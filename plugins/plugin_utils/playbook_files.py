# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a playbook, and the roles beside it, say of variables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ansible.parsing.dataloader import DataLoader

from ansible_collections.gantry.odoo.plugins.module_utils._core.model_playbook import Variables, variables_of

# The role whose options are for the playbooks, and for no inventory.
_OURS = "estate"
_WORD = re.compile(r"\w+")
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
# A file that another one names as a value.
_FILE = re.compile(r":\s*[\"']?((?:\{\{.*?\}\}|[^\s\"'])+\.yml)")


def read_variables(loader: DataLoader, directory: Path, playbook: str) -> Variables:
    """The variables that the playbook sets, and all words of its files and of the roles' options.

    What any playbook or role of the collection sets counts as set by this one too, but for options of roles, which an
    inventory may set where the playbook does not. directory: of the playbooks.
    """
    files = _closure(directory, f"{playbook}.yml")
    specs = list((directory.parent / "roles").glob("*/meta/argument_specs.yml"))
    others = [one for one in directory.rglob("*.yml") if one not in files and one.parent.name != "inputs"]
    tasks = list((directory.parent / "roles").glob("*/tasks/**/*.yml"))
    elsewhere = variables_of(map(loader.load_from_file, map(str, others)))
    elsewhere |= variables_of(map(loader.load_from_file, map(str, tasks)), ("ansible.builtin.set_fact",))
    own = variables_of(map(loader.load_from_file, map(str, files)))
    named = _WORD.findall("\n".join(path.read_text(encoding="utf-8") for path in (*files, *specs)))
    return Variables(own | (elsewhere - _options(loader, specs)), frozenset(named))


def _closure(directory: Path, first: str) -> list[Path]:
    """A playbook and the files that it and they name; a template in a name stands for any text."""
    found: list[Path] = []
    ahead = [directory / first]
    while ahead:
        path = ahead.pop().resolve()
        if path in found or not path.is_file():
            continue
        found.append(path)
        for name in _FILE.findall(path.read_text(encoding="utf-8")):
            for place in dict.fromkeys((directory, path.parent)):
                ahead += place.glob(_TEMPLATE.sub("*", name).lstrip("/"))
    return found


def _options(loader: DataLoader, specs: Iterable[Path]) -> frozenset[str]:
    return frozenset(
        name
        for path in specs
        if path.parents[1].name != _OURS
        for entry in loader.load_from_file(str(path))["argument_specs"].values()
        for name in entry.get("options") or ()
    )
