# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed of some tenants of a call, while the others were worked on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Outcome


def with_failures(outcome: Outcome, failures: Mapping[str, str]) -> Outcome:
    """The outcome with the return value `failures`, and with a failure that names each. failures: why, by tenant."""
    listed = [{"tenant": tenant, "error": why} for tenant, why in failures.items()]
    said = "; ".join(f"tenant {tenant}: {why}" for tenant, why in failures.items())
    return replace(outcome, facts={**outcome.facts, "failures": listed}, failure=said)
