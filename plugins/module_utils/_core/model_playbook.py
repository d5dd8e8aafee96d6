# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration of a playbook's inputs, and the inputs of one launch, converted and checked by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert

# How alike two names are, from 0 to 1, of which one is taken for the other mistyped.
_NEAR = 0.84


@dataclass(frozen=True)
class Declaration:
    """What a playbook does and takes.

    options: as in an argument_spec, with descriptions. renamed: the new name of an input, by its old one.
    """

    playbook: str
    short_description: str
    description: str
    options: Mapping[str, Mapping[str, Any]]
    renamed: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The variables that a launch is looked through for, old names included."""
        return [*self.options, *self.renamed]


def declaration(playbook: str, files: Mapping[str, Mapping[str, Any]]) -> Declaration:
    """The declaration of a playbook. files: content by name, of the playbook and of those that it extends."""
    for name, content in files.items():
        _check(name, content, ("short_description", "description") if name == playbook else ())
    own = files[playbook]
    options = dict(own.get("options") or {})
    for other in own.get("extends") or ():
        options.update(files[other]["options"])
    return Declaration(
        playbook=playbook,
        short_description=own["short_description"],
        description=own["description"],
        options=options,
        renamed=own.get("renamed") or {},
    )


def _check(name: str, content: Mapping[str, Any], wanted: Sequence[str]) -> None:
    """Raise InputError where a file is not a declaration."""
    lacking = [key for key in wanted if not content.get(key)]
    if lacking:
        raise InputError(f"the declaration of inputs {name}.yml has no {', '.join(lacking)}; add what is missing")
    options = content.get("options") or {}
    if not isinstance(options, Mapping) or not all(isinstance(option, Mapping) for option in options.values()):
        raise InputError(f"the declaration of inputs {name}.yml has options that are no mapping of name to option")


def inputs(declared: Declaration, given: Mapping[str, Any], extra: Iterable[str] = ()) -> dict[str, Any]:
    """The inputs of a launch, by name, defaults filled in. Raises InputError with every fault.

    given: variables by name. An empty text counts as not given, as a survey sends it. extra: the names of the extra
    variables; one that is nearly an input is a mistyped one, and its default would act in its place.
    """
    faults = [f"{old} is now called {new}; set {new} instead" for old, new in declared.renamed.items() if old in given]
    for name in sorted(set(extra) - set(declared.names())):
        (near,) = get_close_matches(name, declared.options, 1, _NEAR) or ("",)
        if near:
            faults.append(f"{name} is no input; set {near}, if that is what was meant, or call the variable otherwise")
    made = {
        name: convert(None if given.get(name) == "" else given.get(name), option, name, faults)
        for name, option in declared.options.items()
    }
    if faults:
        raise InputError(f"gantry.odoo.{declared.playbook}: {'; '.join(faults)}")
    return made
