# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration of a playbook's inputs, and the inputs of one launch, converted and checked by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert

# How alike two names are, from 0 to 1, of which one is taken for the other mistyped.
_NEAR = 0.84

# What a change is judged by, and the tiers of tenants, come from the inventory. The papers of a change are inputs.
_POLICY, _POLICIES = "change_", ("odoo_tenants",)
_PAPERS = ("change_class", "change_reason", "change_approver", "change_downtime_minutes")

_POLICY_FAULTS = {
    "change_requester": (
        "change_requester is the login of the controller or the user of AWX, and no variable; take it away"
    )
}

# What sets the variables that stand below it, or the one that it names.
_SETTING = ("vars", "ansible.builtin.set_fact", "register", "loop_var")


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


@dataclass(frozen=True)
class Variables:
    """What the files of a playbook say of variables. own: those that they set. named: all words of theirs."""

    own: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()


def variables_of(contents: Iterable[Any], keys: Sequence[str] = _SETTING) -> frozenset[str]:
    """The variables that plays and tasks set. keys: the keywords and modules that are looked at."""
    return frozenset(name for content in contents for name in _set_in(content, keys))


def _set_in(content: Any, keys: Sequence[str]) -> Iterator[str]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            if key in keys:
                yield from map(str, value) if isinstance(value, Mapping) else [str(value)]
            yield from _set_in(value, keys)
    elif isinstance(content, list):
        for item in content:
            yield from _set_in(item, keys)


def inputs(
    declared: Declaration, given: Mapping[str, Any], undeclared: Iterable[str] = (), variables: Variables | None = None
) -> dict[str, Any]:
    """The inputs of a launch, by name, defaults filled in. Raises InputError with every fault.

    given: variables by name. An empty text counts as not given, as a survey sends it. undeclared: the names of
    the extra variables, which win over all others, that are not declared. variables: of the playbook's own files.
    """
    faults = [f"{old} is now called {new}; set {new} instead" for old, new in declared.renamed.items() if old in given]
    faults += filter(None, (_fault_of(name, declared, variables or Variables()) for name in sorted(undeclared)))
    made = {
        name: convert(None if given.get(name) == "" else given.get(name), option, name, faults)
        for name, option in declared.options.items()
    }
    if faults:
        raise InputError(f"gantry.odoo.{declared.playbook}: {'; '.join(faults)}")
    return made


def _is_policy(name: str) -> bool:
    return name in _POLICIES or (name.startswith(_POLICY) and name not in _PAPERS)


def _fault_of(name: str, declared: Declaration, variables: Variables) -> str:
    """Why an extra variable that is no input is refused: it would act in place of a value, or its absence would."""
    # by this name Ansible keeps a text of -e that it cannot read
    if name == "_raw_params":
        return "a text that was given with -e sets nothing; write it as name=value or as JSON"
    (near,) = get_close_matches(name, declared.options, 1, _NEAR) or ("",)
    if _is_policy(name) and (name in variables.named or not near):
        return _POLICY_FAULTS.get(name) or (
            f"{name} is no input, and what a change is judged by comes from the inventory alone; set it there, or take "
            "it away from the extra variables"
        )
    if name in variables.own or name.startswith("__"):
        return f"{name} is set by the playbook itself, and an extra variable would act in its place; take it away"
    if name in variables.named:
        return ""
    if near:
        return f"{name} is no input; set {near}, if that is what was meant, or call the variable otherwise"
    alike = sorted(one for one in declared.options if "_" in one and one.split("_")[0] == name.split("_")[0])
    if alike:
        return f"{name} is no input; there are {', '.join(alike)}; set one of them, or call the variable otherwise"
    return ""
