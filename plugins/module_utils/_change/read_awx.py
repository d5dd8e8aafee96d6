# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from the API of AWX who launched a job and who approved its workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_awx import (
    Answered,
    Launched,
    Run,
    approval_from,
    approvals_in,
    authors_in,
    is_schedule,
    launched_from,
    launcher_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_https import Https

# Of one answer. A run is a few of them.
ANSWER_SECONDS = 10
# How deep workflows may lie in workflows, and how many nodes one may have.
_DEEPEST, _MOST_NODES = 5, 200


@dataclass(frozen=True)
class Awx:
    """The API of an AWX. root: the path before its resources, as /api/v2."""

    server: Https
    root: str = "/api/v2"

    def run(self, job: int) -> Run:
        """What AWX says of a job and the workflows around it. Raises UnreachableError, StateError or RefusedError."""
        seen = self._launched("jobs", job)
        outermost, approvals = seen, list[Answered]()
        for _level in range(_DEEPEST):
            if not outermost.workflow:
                return Run(seen, self._requesters(outermost), tuple(approvals), self._where)
            outermost = self._launched("workflow_jobs", outermost.workflow)
            approvals += self._approvals(outermost.id)
        raise StateError(
            f"job {job} in {self._where} is more than {_DEEPEST} workflows deep; approve it by a flatter one"
        )

    def _launched(self, kind: str, number: int) -> Launched:
        path = f"/{kind}/{number}/"
        return launched_from(self._one(path), self._at(path))

    def _approvals(self, workflow: int) -> list[Answered]:
        path = f"/workflow_jobs/{workflow}/workflow_nodes/?page_size={_MOST_NODES}"
        found = []
        for number in approvals_in(self._one(path), self._at(path)):
            where = f"/workflow_approvals/{number}/"
            found.append(approval_from(self._one(where), self._at(where)))
        return found

    def _requesters(self, outermost: Launched) -> tuple[str, ...]:
        if is_schedule(outermost):
            path = f"/schedules/{outermost.launcher_id}/"
            return authors_in(self._one(path), self._at(path))
        return launcher_of(outermost, f"job {outermost.id} in {self._where}")

    def _one(self, path: str) -> dict[str, Any]:
        found = self.server.document(f"{self.root}{path}")
        if found is None:
            raise StateError(f"{self._at(path)} is not there, or the token may not read it; see its rights")
        return found

    def _at(self, path: str) -> str:
        return f"{self._where}{self.root}{path}"

    @property
    def _where(self) -> str:
        return f"{self.server.name} at {self.server.url.rstrip('/')}"
