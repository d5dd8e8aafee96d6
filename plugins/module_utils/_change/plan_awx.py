# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether AWX has approved a job: who launched its workflow, who approved, and that they are two identities. Pure.

AWX lets the person who launched a workflow approve it (ansible/awx#10610), so what its API says is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import (
    APPROVE,
    AWX_USER,
    Identities,
    Identity,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import Approval
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import (
    identity_of,
    require_may,
    require_other,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    BAD_VALUES,
    RefusedError,
    StateError,
    excerpt,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import fields, items, moment, number, text
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW

RUNNING, SUCCESSFUL = "running", "successful"
_USER, _SCHEDULE = "user", "schedule"
_APPROVAL = re.compile(r"/workflow_approvals/(\d{1,18})/\Z")


@dataclass(frozen=True)
class Launched:
    """A job or a workflow job. kind: of what launched it: `user`, `schedule`, `workflow_job` or another word of AWX.

    launcher: its name, and id. workflow: the id of the workflow job that it is a part of, 0 for none.
    """

    id: int
    status: str
    kind: str
    launcher: str
    launcher_id: int
    workflow: int
    started: datetime | None = None


@dataclass(frozen=True)
class Answered:
    """An approval of a workflow. by: the user who approved or denied it; empty while none has."""

    id: int
    workflow: int
    name: str
    status: str
    by: str
    finished: datetime | None
    timed_out: bool = False


@dataclass(frozen=True)
class Run:
    """What AWX says of a job. requesters: the users who launched the outermost workflow, or wrote its schedule."""

    job: Launched
    requesters: tuple[str, ...]
    approvals: tuple[Answered, ...]
    where: str


def launched_from(body: Mapping[str, Any], where: str) -> Launched:
    """The job or workflow job that an answer of the API holds. Raises StateError where it is none."""
    try:
        launcher = fields(body.get("launched_by") or {})
        source = fields(fields(body["summary_fields"]).get("source_workflow_job") or {})
        return Launched(
            id=number(body["id"], 1),
            status=text(body["status"]),
            kind=text(launcher.get("type", "")),
            launcher=text(launcher.get("name", "")),
            launcher_id=number(launcher.get("id", 0)),
            workflow=number(source.get("id", 0)),
            started=_moment(body.get("started")),
        )
    except BAD_VALUES as error:
        raise _strange(where, error) from error


def approval_from(body: Mapping[str, Any], where: str) -> Answered:
    """The approval that an answer of the API holds. Raises StateError where it is none."""
    try:
        summary = fields(body["summary_fields"])
        by = fields(summary.get("approved_or_denied_by") or {})
        return Answered(
            id=number(body["id"], 1),
            workflow=number(fields(summary["source_workflow_job"])["id"], 1),
            name=text(body["name"]),
            status=text(body["status"]),
            by=text(by.get("username", "")),
            finished=_moment(body.get("finished")),
            timed_out=body.get("timed_out") is True,
        )
    except BAD_VALUES as error:
        raise _strange(where, error) from error


def approvals_in(nodes: Mapping[str, Any], where: str) -> list[int]:
    """The ids of the approvals among the nodes of a workflow job. Raises StateError for a list that goes on."""
    try:
        listed = [fields(fields(one).get("related") or {}) for one in items(nodes["results"])]
        found = [_APPROVAL.search(text(one.get("job") or "")) for one in listed]
        rest = nodes.get("next")
    except BAD_VALUES as error:
        raise _strange(where, error) from error
    if rest:
        raise StateError(f"{where} has more nodes than were asked for; approve the change by a smaller workflow")
    return [int(one[1]) for one in found if one]


def authors_in(schedule: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """The users who made a schedule and who changed it last. Raises StateError where none is known."""
    try:
        summary = fields(schedule["summary_fields"])
        named = [fields(summary.get(word) or {}).get("username") for word in ("created_by", "modified_by")]
        found = tuple(dict.fromkeys(text(one) for one in named if one))
    except BAD_VALUES as error:
        raise _strange(where, error) from error
    if not found:
        raise StateError(f"{where} does not say who wrote the schedule; have a person launch the workflow")
    return found


def is_schedule(launched: Launched) -> bool:
    """Whether a schedule with an author launched it."""
    return launched.kind == _SCHEDULE


def launcher_of(launched: Launched, where: str) -> tuple[str, ...]:
    """The user who launched it. Raises RefusedError where no person did."""
    if launched.kind != _USER or not launched.launcher:
        seen = " ".join(filter(None, (launched.kind, launched.launcher))) or "no user that it names"
        raise RefusedError(
            f"{where} was launched by {seen}, so that it is not known who asks for the change; have a person launch it"
        )
    return (launched.launcher,)


def judge(
    run: Run, identities: Identities, requester: Identity, holds: timedelta, now: datetime
) -> tuple[Approval, ...]:
    """The approvals of the run, one for each person. Raises RefusedError where it is not approved by someone else.

    requester: the identity that asks for the change, which has to be who AWX says. holds: as for a signature.
    """
    job = run.job
    if job.status != RUNNING or job.started is None:
        raise RefusedError(f"{run.where} says that job {job.id} is {job.status}; an approval is for one that runs")
    asking = [identity_of(identities, AWX_USER, name) for name in run.requesters]
    if requester.name not in [one.name for one in asking]:
        names = ", ".join(one.name for one in asking)
        raise RefusedError(f"{run.where} says that {names} asks for job {job.id}, and the change is {requester.name}'s")
    counted: dict[str, Approval] = {}
    waiting: list[str] = []
    for one in run.approvals:
        if one.finished is None or one.finished > job.started:
            waiting.append(f"{_name(one, run)} was not answered before the job began")
            continue
        approver = _approver(one, run, asking, identities)
        _require_young(one, run, one.finished, holds, now)
        proof = {"approval": one.id, "workflow_job": one.workflow, "job": job.id, "user": one.by, "where": run.where}
        counted.setdefault(approver.name, Approval(approver.name, one.finished, "awx", proof))
    if not counted:
        seen = "; ".join(waiting) or f"the workflow of job {job.id} in {run.where} has no approval node"
        raise RefusedError(f"{seen}; put an approval node before the job, and launch the workflow again")
    return tuple(counted.values())


def use_name(run: Run, digest: str) -> str:
    """The name by which the approval of a workflow is used: for each change of it once."""
    return f"awx-{max(one.workflow for one in run.approvals)}-{digest}"


def _approver(one: Answered, run: Run, asking: Sequence[Identity], identities: Identities) -> Identity:
    """The identity that has approved. Raises RefusedError where nobody has who may."""
    if one.status != SUCCESSFUL or one.timed_out or not one.by:
        seen = "has timed out" if one.timed_out else f"was denied by {one.by}" if one.by else f"is {one.status}"
        raise RefusedError(f"{_name(one, run)} {seen}; launch the workflow again, and have it approved")
    approver = identity_of(identities, AWX_USER, one.by)
    require_may(approver, APPROVE)
    for requester in asking:
        require_other(requester, approver)
    return approver


def _require_young(one: Answered, run: Run, finished: datetime, holds: timedelta, now: datetime) -> None:
    age = now - finished
    if age < -CLOCK_SKEW:
        raise RefusedError(f"{_name(one, run)} is of a time that is still to come; correct the clock")
    if age > holds:
        old, most = duration(age.total_seconds()), duration(holds.total_seconds())
        raise RefusedError(f"{_name(one, run)} is {old} old and holds for {most}; launch the workflow again")


def _name(one: Answered, run: Run) -> str:
    return f"approval {one.id} ({excerpt(one.name)}) in {run.where}"


def _moment(given: Any) -> datetime | None:
    return moment(text(given).replace("Z", "+00:00")) if given else None


def _strange(where: str, error: Exception) -> StateError:
    return StateError(f"{where} does not answer as AWX does ({error!r}); see what answers there, and its version")
