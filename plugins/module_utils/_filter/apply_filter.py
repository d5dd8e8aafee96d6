# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the steps of a plan for a packet filter."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file, sync_directory
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._filter import plan_filter
from ansible_collections.gantry.odoo.plugins.module_utils._filter.apply_trial import Trial
from ansible_collections.gantry.odoo.plugins.module_utils._filter.read_filter import Nft


@dataclass(frozen=True)
class Tools:
    """What a filter is loaded with. undo_after: seconds of a trial. name: of the trial that begins."""

    nft: Nft
    trial: Trial
    undo_after: int
    name: str


def apply_filter(steps: Sequence[Step], tools: Tools, rules: str) -> None:
    """Carry out the steps in their order. rules: of the filter, empty where it is taken away."""

    def load(step: Step) -> None:
        tools.nft.load(step.target, rules)
        tools.trial.end()

    def write(step: Step) -> None:
        os.makedirs(os.path.dirname(step.target), mode=0o755, exist_ok=True)
        replace_file(step.target, rules, 0o644)

    def remove(step: Step) -> None:
        os.unlink(step.target)
        sync_directory(os.path.dirname(step.target))

    def unload(step: Step) -> None:
        tools.nft.unload(step.target)
        tools.trial.end()

    hands: Hands = {
        plan_filter.Load: load,
        plan_filter.Try: lambda step: tools.trial.begin(tools.nft, tools.name, rules, tools.undo_after),
        plan_filter.PutBack: lambda step: tools.trial.fail(),
        plan_filter.Write: write,
        plan_filter.Unload: unload,
        plan_filter.Remove: remove,
    }
    for step in steps:
        carry_out(step, hands)
