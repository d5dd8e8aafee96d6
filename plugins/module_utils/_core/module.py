# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of every module: options in, work, one outcome out; errors end it as one sentence."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, LibraryError, sentence_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import require_text
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step, result

# How many more objects there are before those that nothing refers to are looked for; Python's own number is 700.
MANY_OBJECTS = 50_000


@dataclass(frozen=True)
class Call:
    """One call of a module.

    warn: tells the user something that does not end the run. find_program: the path of a program, None without one.
    """

    params: Mapping[str, Any]
    check_mode: bool = False
    warn: Callable[[str], None] = field(default=lambda text: None, repr=False)
    find_program: Callable[[str], str | None] = field(default=lambda name: None, repr=False)

    def warn_empty(self, option: str) -> None:
        """Tell the user where a list that says what is to be done is empty, which is a success with nothing done."""
        if self.params[option] is not None and not self.params[option]:
            self.warn(
                f"{option}: the list is empty, so nothing is done; fill it, or skip the task where it is to be empty"
            )


@dataclass(frozen=True)
class Outcome:
    """What a call did, or in check mode would do.

    steps: None for a module that only reads. before, after: what the plan compared, without secrets; they become the
    diff. facts: further return values. failure: why some items failed while `steps` were done for others.
    """

    steps: Sequence[Step] | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""

    def values(self) -> dict[str, Any]:
        """The return values."""
        if self.steps is None:
            return {"changed": False, **self.facts}
        return result(self.steps, self.before, self.after, **self.facts)


class _Module(AnsibleModule):
    """AnsibleModule that keeps what is concealed out of its line in the host's log, which the constructor writes."""

    params: Any

    def __init__(self, concealed: Sequence[str], **keywords: Any) -> None:
        self._concealed = concealed
        super().__init__(**keywords)

    @property
    def shown(self) -> dict[str, Any]:
        """The parameters without what is concealed."""
        return without(self.params, self._concealed)

    def _log_invocation(self) -> None:
        params = self.params
        self.params = self.shown
        try:
            super()._log_invocation()
        finally:
            self.params = params


def run(
    options: Mapping[str, Any], work: Callable[[Call], Outcome], concealed: Sequence[str] = (), **rules: Any
) -> None:
    """Read the options, do the work and end the process with its outcome.

    options: as AnsibleModule's argument_spec takes them. concealed: those, suboptions included, whose content may hold
    secrets among other things, so that it stays out of the invocation and the host's log; `no_log` would strike every 1
    and true of it from all that the module says. rules: other keywords of AnsibleModule, such as mutually_exclusive.
    """
    # what a module reads stays until it ends, and is looked at again and again by the default
    gc.set_threshold(MANY_OBJECTS)
    # root's own may close what a service has to read; what is secret is made with its mode
    os.umask(0o022)
    module = _Module(concealed, argument_spec=dict(options), supports_check_mode=True, **rules)

    def warn(text: str) -> None:
        module.warn(printable(text))

    call = Call(module.params, module.check_mode, warn, module.get_bin_path)
    told = {"invocation": {"module_args": printable(module.shown)}}
    try:
        require_text(call.params)
        outcome = work(call)
    except LibraryError as error:
        module.fail_json(msg=missing_required_lib(error.name), exception=error.trace, **told)
    except GantryError as error:
        module.fail_json(msg=printable(str(error)), **told)
    except OSError as error:
        module.fail_json(msg=printable(sentence_of(error)), **told)
    if outcome.failure:
        module.fail_json(msg=printable(outcome.failure), **printable(outcome.values()), **told)
    module.exit_json(**printable(outcome.values()), **told)


def without(params: Any, concealed: Sequence[str]) -> Any:
    """The parameters, with the content of those that are concealed left out at any depth."""
    if isinstance(params, Mapping):
        return {
            name: "NOT SHOWN" if name in concealed and value is not None else without(value, concealed)
            for name, value in params.items()
        }
    if isinstance(params, list):
        return [without(one, concealed) for one in params]
    return params


def printable(value: Any) -> Any:
    """The same value with names of files that are not UTF-8 escaped, which no JSON could hold."""
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:
            # half of a pair that JSON spelled out, and no name of a file
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {printable(key): printable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(one) for one in value]
    return value
