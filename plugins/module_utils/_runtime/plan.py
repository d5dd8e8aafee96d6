# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to a host's releases and processes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import (
    CRON,
    WEB,
    Instance,
    Manifest,
    Process,
    ReleaseState,
)


def plan_release(current: ReleaseState, source: Manifest | None, active: bool) -> tuple[Step, ...]:
    """The steps that place a release, and activate it where `active`.

    source: what the controller holds under the release's id, None when it holds nothing.
    Raises RefusedError when the id stands for other content on the host, StateError when content is missing everywhere.
    """
    steps = list(_plan_content(current, source))
    if active and current.active != current.id:
        why = f"{current.active} is active" if current.active else "no release is active"
        steps.append(Step("activate", current.id, why))
    return tuple(steps)


def _plan_content(current: ReleaseState, source: Manifest | None) -> tuple[Step, ...]:
    recorded = current.recorded
    if recorded is None:
        if source is None:
            raise StateError(
                f"release {current.id} is neither on the host nor in the release source; "
                "give a source directory that holds it"
            )
        return (Step("place", current.id, f"{source.files} files, {source.size} bytes, not on the host yet"),)
    if source is not None and source.digest != recorded.digest:
        raise RefusedError(
            f"release {current.id} is on the host with digest {recorded.digest[:12]}, the source has "
            f"{source.digest[:12]}; a release is immutable, so give the new content a new id"
        )
    if current.found == recorded.digest:
        return ()
    if source is None:
        raise StateError(
            f"the files of release {current.id} were changed on the host after it was placed, and the release source "
            "does not hold it; bring back the source, or activate another release"
        )
    return (Step("repair", current.id, "its files were changed on the host after it was placed"),)


def plan_start(
    instances: Sequence[Instance], current: Mapping[tuple[str, str], Process], release: str
) -> tuple[Step, ...]:
    """The steps after which exactly the wanted processes run `release` with the configuration that is on disk."""
    steps: list[Step] = []
    for instance in instances:
        for kind in (WEB, CRON):
            process = current[instance.name, kind]
            steps.extend(_plan_process(process, kind in instance.kinds, release))
    return tuple(steps)


def _plan_process(process: Process, wanted: bool, release: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    if not wanted:
        if process.running:
            steps.append(Step("stop", process.name, "no database is declared for it"))
        if process.enabled:
            steps.append(Step("disable", process.name, "no database is declared for it"))
        return tuple(steps)
    if not process.enabled:
        steps.append(Step("enable", process.name, "it has to start with the host"))
    if not process.running:
        steps.append(Step("start", process.name, "it does not run"))
    elif set(process.releases) != {release}:
        seen = ", ".join(sorted({found or "none" for found in process.releases}))
        steps.append(Step("restart", process.name, f"it runs release {seen}, not {release}"))
    elif process.started < process.written:
        steps.append(Step("restart", process.name, "its configuration was written after its start"))
    return tuple(steps)


def plan_stop(instances: Sequence[Instance], current: Mapping[tuple[str, str], Process]) -> tuple[Step, ...]:
    """The steps after which no process of the instances runs. Cron goes first, so no job starts on a stopping host."""
    return tuple(
        Step("stop", current[instance.name, kind].name, "it runs")
        for kind in (CRON, WEB)
        for instance in instances
        if current[instance.name, kind].running
    )


def predicted(
    current: Mapping[tuple[str, str], Process], steps: Sequence[Step], release: str
) -> Mapping[tuple[str, str], Process]:
    """The processes as they are once the steps are done."""
    after = {process.name: process for process in current.values()}
    for step in steps:
        process = after[step.target]
        if step.action in ("enable", "disable"):
            after[step.target] = replace(process, enabled=step.action == "enable")
        elif step.action == "stop":
            after[step.target] = replace(process, running=False, releases=(), pids=())
        else:
            after[step.target] = replace(process, running=True, releases=(release,), written=process.started)
    return {key: after[process.name] for key, process in current.items()}


def proof_gap(instance: Instance, processes: Mapping[tuple[str, str], Process], release: str) -> str | None:
    """What keeps the processes of an instance from proving `release`, None when they prove it."""
    for kind in (WEB, CRON):
        process = processes[instance.name, kind]
        if kind not in instance.kinds:
            if process.running:
                return f"a {process.name} runs although it has no database"
            continue
        if not process.running:
            return f"the {process.name} does not run"
        strangers = sorted({found or "none" for found in process.releases if found != release})
        if strangers:
            return f"the {process.name} runs release {', '.join(strangers)}, not {release}"
    return None
