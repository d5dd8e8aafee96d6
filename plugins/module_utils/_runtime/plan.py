# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan what a host's releases and processes need. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import (
    CRON,
    WEB,
    Instance,
    Key,
    Manifest,
    Process,
    Processes,
    ReleaseState,
)


class Place(Step):
    """Bring a release to the host."""


class Repair(Step):
    """Bring changed files of a placed release back."""


class Share(Step):
    """Let every account read a placed release."""


class Activate(Step):
    """Point `current` to a release."""


@dataclass(frozen=True)
class ProcessStep(Step):
    """A step on one process of an instance. key: the instance and the kind of the process."""

    key: Key = ("", "")


class Stop(ProcessStep):
    """End a process in order."""


class Disable(ProcessStep):
    """Keep a process from starting with the host."""


class Enable(ProcessStep):
    """Have a process start with the host."""


class Restart(ProcessStep):
    """Stop a process and start it as it is declared now."""


class Start(ProcessStep):
    """Start a process as it is declared now."""


# What ends comes before what begins, so that ports and connections are free.
ORDER: tuple[type[ProcessStep], ...] = (Stop, Disable, Enable, Restart, Start)


def plan_release(current: ReleaseState, source: Manifest | None, active: bool) -> tuple[Step, ...]:
    """The steps that place a release, and activate it where `active`.

    source: what the controller holds under the release's id, None when it holds nothing.
    Raises RefusedError when the id stands for other content on the host, StateError when content is missing everywhere.
    """
    steps = list(_plan_content(current, source))
    if active and current.active != current.id:
        why = f"{current.active} is active" if current.active else "no release is active"
        steps.append(Activate("activate", current.id, why))
    return tuple(steps)


def _plan_content(current: ReleaseState, source: Manifest | None) -> tuple[Step, ...]:
    recorded = current.recorded
    if recorded is None:
        if source is None:
            raise StateError(
                f"release {current.id} is neither on the host nor in the release source; "
                "give a source directory that holds it"
            )
        return (Place("place", current.id, f"{source.files} files, {source.size} bytes, not on the host yet"),)
    if source is not None and source.digest != recorded.digest:
        raise RefusedError(
            f"release {current.id} is on the host with digest {recorded.digest[:12]}, the source has "
            f"{source.digest[:12]}; a release is immutable, so give the new content a new id"
        )
    if current.found == recorded.digest:
        why = "its modes keep the account of Odoo from reading it"
        return (Share("share", current.id, why),) if current.closed else ()
    if source is None:
        raise StateError(
            f"the files of release {current.id} were changed on the host after it was placed, and the release source "
            "does not hold it; bring back the source, or activate another release"
        )
    return (Repair("repair", current.id, "its files were changed on the host after it was placed"),)


def needs_content(steps: Sequence[Step]) -> bool:
    """Whether the steps need the files of the release."""
    return any(isinstance(step, (Place, Repair)) for step in steps)


def predict_release(current: ReleaseState, steps: Sequence[Step], source: Manifest | None) -> ReleaseState:
    """The release and what is active once the steps are done."""
    content = source if needs_content(steps) else current.recorded
    activated = any(isinstance(step, Activate) for step in steps)
    return ReleaseState(
        id=current.id,
        recorded=content,
        found=content.digest if content else "",
        active=current.id if activated else current.active,
    )


def plan_start(instances: Sequence[Instance], current: Processes, release: str) -> tuple[ProcessStep, ...]:
    """The steps after which exactly the wanted processes run `release` with the configuration that is on disk."""
    return tuple(
        step
        for instance in instances
        for kind in (WEB, CRON)
        for step in _plan_process(current[instance.name, kind], kind in instance.kinds, release)
    )


def plan_disable(instances: Sequence[Instance], current: Processes) -> tuple[ProcessStep, ...]:
    """The steps after which no process runs, and none starts with the host."""
    disabled = tuple(
        Disable("disable", current[instance.name, kind].name, "it is to start no more", (instance.name, kind))
        for kind in (CRON, WEB)
        for instance in instances
        if current[instance.name, kind].enabled
    )
    return (*plan_stop(instances, current), *disabled)


def _plan_process(process: Process, wanted: bool, release: str) -> Iterator[ProcessStep]:
    target, key = process.name, (process.instance, process.kind)
    if not wanted:
        if process.running:
            yield Stop("stop", target, "no database is declared for it", key)
        if process.enabled:
            yield Disable("disable", target, "no database is declared for it", key)
        return
    if not process.enabled:
        yield Enable("enable", target, "it has to start with the host", key)
    if not process.running:
        yield Start("start", target, "it does not run", key)
    elif set(process.releases) != {release}:
        seen = ", ".join(sorted({found or "none" for found in process.releases}))
        yield Restart("restart", target, f"it runs release {seen}, not {release}", key)
    elif process.outdated:
        yield Restart("restart", target, process.outdated, key)


def put_off(
    steps: Sequence[ProcessStep], current: Processes
) -> tuple[tuple[ProcessStep, ...], tuple[ProcessStep, ...]]:
    """The steps that are to be done now, and the restarts that can wait for somebody to take the host from its users.

    A cron process serves nobody, and jobs of a new database must not wait: a new list of databases restarts it.
    """
    waiting = tuple(step for step in steps if isinstance(step, Restart) and not _has_new_list(current[step.key]))
    return tuple(step for step in steps if step not in waiting), waiting


def _has_new_list(process: Process) -> bool:
    return process.started < process.listed


def plan_stop(instances: Sequence[Instance], current: Processes) -> tuple[ProcessStep, ...]:
    """The steps after which no process of the instances runs. Cron goes first, so no job starts on a stopping host."""
    return tuple(
        Stop("stop", current[instance.name, kind].name, "it runs", (instance.name, kind))
        for kind in (CRON, WEB)
        for instance in instances
        if current[instance.name, kind].running
    )


def predicted(current: Processes, steps: Sequence[ProcessStep], release: str) -> Processes:
    """The processes as they are once the steps are done."""
    after = dict(current)
    for step in steps:
        process = after[step.key]
        if isinstance(step, (Enable, Disable)):
            after[step.key] = replace(process, enabled=isinstance(step, Enable))
        elif isinstance(step, Stop):
            after[step.key] = replace(process, running=False, releases=(), pids=())
        else:
            after[step.key] = replace(process, running=True, releases=(release,), written=process.started, differs="")
    return after


def proof_gap(instance: Instance, processes: Processes, release: str) -> str | None:
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
