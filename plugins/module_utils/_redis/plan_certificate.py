# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan what the processes of a host need to show the certificate that their files hold. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import NODE, Tls


def plan_certificate(due: bool, stale: bool) -> tuple[Step, ...]:
    """The steps for Redis. due: whether it has to read its files. stale: whether it shows another certificate."""
    if not due:
        return ()
    return (Step("read", NODE, "it shows another certificate" if stale else "asked for"),)


def refuse_stale(stale: Sequence[str], tls: Tls) -> None:
    """Raise StateError for processes that still show another certificate than the file holds."""
    if stale:
        raise StateError(
            f"{', '.join(stale)} still shows another certificate than {tls.certificate} holds; see its log"
        )
