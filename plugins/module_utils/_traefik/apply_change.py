# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate a document in isolation, put it in place, see it live, or put the old one back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_scratch
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import read_document
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import (
    Difference,
    changed,
    differences,
    faults,
    is_as,
    objects,
    probes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

Objects = set[tuple[str, str]]
_INTERVAL_S = 0.1
# Traefik is asked for all that it has when it has one object of the change, and in any case this often.
_ALL_EACH_S = 5.0
# Of a thousand routes, the answer takes Traefik's time for the change: so many times as long, it is left alone.
_REST = 3


@dataclass(frozen=True)
class Site:
    """Where a document lives and who reads it. seconds: the time each wait may take."""

    directory: Directory
    api: Api
    command: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Candidate:
    """A document on its way: the file's name and text, and the same as data. A text of None takes the file away.

    judged: the view of a Traefik that has loaded it, see `plan_proof.differences`; None where there is none.
    """

    name: str
    text: str | None
    content: Mapping[str, Any]
    judged: Mapping[str, Any] | None = None


def validate(
    site: Site,
    candidate: Candidate,
    entry_points: Mapping[str, Mapping[str, Any]],
    explain: Callable[[Difference], str],
    fingerprints: Sequence[str] = (),
) -> read_scratch.Verdict:
    """What Traefik makes of the directory with the candidate in it. Raises InputError with Traefik's own words.

    fingerprints: SHA-256 of the certificates that the candidate brings.
    """
    files = site.directory.others(candidate.name)
    if candidate.text is not None:
        files[candidate.name] = candidate.text.encode()
    probing = {name: router for name, (_what, router) in probes(candidate.content).items()}
    verdict = read_scratch.ask(site.command, files, entry_points, Deadline(site.seconds), probing)
    if verdict.refusal:
        raise InputError(
            f"Traefik would load nothing from {site.directory.path} any more: {verdict.refusal}; mend that file first"
        )
    refused = faults(candidate.content, verdict.raw, verdict.twice)
    if refused:
        raise InputError(explain(refused[0]))
    loaded = {one.get("certFingerprint") for one in verdict.certificates}
    if not loaded.issuperset(fingerprints):
        words = verdict.errors[0] if verdict.errors else "it has not loaded the certificate, and gives no reason"
        raise InputError(f"Traefik refuses {candidate.name}: {words}; nothing was written")
    return verdict


def bring_live(
    site: Site,
    candidate: Candidate,
    previous: Candidate,
    fingerprints: Sequence[str] | None = None,
    proof: Callable[[], Sequence[str]] = tuple,
    *,
    is_known: bool = False,
) -> dict[str, Any]:
    """Put the candidate in place and wait until Traefik has it; otherwise put back the document that was proven last.

    previous: the document in place, proven unless an interrupted run has put it there.
    fingerprints: SHA-256 of the certificates that Traefik must have loaded, None where they do not matter.
    proof: what is wrong on the wire, in words, asked for once Traefik has the candidate. is_known: whether the
    candidate is what the directory has kept, proven before, so that a run that is interrupted leaves nothing to prove.
    Returns Traefik's own view with the candidate. Raises StateError when the candidate did not come to life.
    """
    directory, name = site.directory, candidate.name
    unproven, proven = directory.unproven(name), previous
    if unproven:
        proven = Candidate(name, unproven.text, read_document(unproven.text or "") or {})
    elif is_known:
        directory.set_aside(name)
    else:
        directory.mark(name)
    _enter(site, candidate, is_known=is_known)
    try:
        raw = _wait_live(site, candidate, (previous, proven), fingerprints)
        wrong = proof()
        if wrong:
            raise StateError("; ".join(wrong))
    except (DeadlineError, StateError) as error:
        is_theirs = unproven and previous.text == candidate.text
        whose = f"an interrupted run has left {directory.file(name)} unproven, and " if is_theirs else ""
        _revert(site, proven, f"{whose}{error}", error)
        back = _wait_back(site, proven, (candidate, previous))
        directory.settle(name)
        raise StateError(f"{whose}{error}; {back}; see Traefik's log") from error
    directory.settle(name)
    return raw


def _enter(site: Site, candidate: Candidate, *, is_known: bool) -> None:
    directory, name = site.directory, candidate.name
    try:
        if is_known:
            directory.bring_back(name)
        else:
            directory.replace(name, candidate.text)
    except StateError:
        if directory.unproven(name) is None:
            directory.settle(name)
        raise


def _revert(site: Site, proven: Candidate, said: str, reason: Exception) -> None:
    """Put the proven document back. Raises StateError that says what is live where that fails. said: what was wrong."""
    directory, name = site.directory, proven.name
    path = directory.file(name)
    remedy = f"remove {path}" if proven.text is None else f"move {directory.way_back(name)} to {path}"
    try:
        directory.revert(name)
    except StateError as error:
        raise StateError(f"{said}; {error}, so that Traefik serves what was refused; {remedy}") from reason


def outstanding(site: Site, name: str) -> list[Step]:
    """The step for a file that an interrupted run has put in place, or taken away, and not proven."""
    if site.directory.unproven(name) is None:
        return []
    return [Step("prove", site.directory.file(name), "an interrupted run has changed it, and has not proven it")]


def missing(
    site: Site,
    candidate: Candidate,
    raw: Mapping[str, Any],
    gone: Objects,
    fingerprints: Sequence[str] | None = None,
) -> list[str]:
    """What the live Traefik lacks of the candidate, in words. raw: its own view."""
    found = [one.sentence() for one in differences(candidate.content, raw, gone, candidate.judged)]
    if fingerprints is not None:
        loaded = {str(one.get("certFingerprint", "")).lower() for one in site.api.certificates()}
        found += [f"certificate {one} is not loaded" for one in fingerprints if one.lower() not in loaded]
    return found


def _wait_live(
    site: Site, candidate: Candidate, previous: Sequence[Candidate], fingerprints: Sequence[str] | None
) -> dict[str, Any]:
    """Traefik's own view once it has the candidate in the place of the previous documents, the latest of them first."""
    gone = {key for one in previous for key in objects(one.content)} - set(objects(candidate.content))
    first, deadline = changed(previous[0].content, candidate.content), Deadline(site.seconds)
    while True:
        if first is not None:
            _wait_read(site, candidate, first, deadline)
        begun = deadline.elapsed
        try:
            raw = site.api.raw()
            lacking = missing(site, candidate, raw, gone, fingerprints)
            if not lacking:
                return raw
        except UnreachableError as error:
            # Busy or restarting: it has the rest of the time to answer.
            lacking = [str(error)]
        if not deadline.remaining:
            what = f"Traefik's change to {site.directory.file(candidate.name)}"
            raise DeadlineError(f"{what} did not happen within {site.seconds:g} s: {lacking[0]}")
        time.sleep(min(max(_INTERVAL_S, _REST * (deadline.elapsed - begun)), deadline.remaining))


def _wait_read(site: Site, candidate: Candidate, first: tuple[str, str], deadline: Deadline) -> None:
    """Wait until Traefik has one object of the change, or for a while. first: section and name of the object."""

    def read() -> bool | None:
        try:
            return is_as(candidate.content, *first, site.api.one(*first), candidate.judged) or None
        except UnreachableError:
            return None

    with contextlib.suppress(DeadlineError):
        Deadline(min(_ALL_EACH_S, deadline.remaining)).wait(read, "The first object", interval=_INTERVAL_S)


def _wait_back(site: Site, proven: Candidate, others: Sequence[Candidate]) -> str:
    try:
        _wait_live(site, proven, others, None)
    except DeadlineError:
        return "the previous file is back, and Traefik has not confirmed it"
    return "the file is taken away again" if proven.text is None else "the previous file is back and served"
