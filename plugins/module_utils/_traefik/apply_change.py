# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate a document in isolation, put it in place, see it live, or put the old one back."""

from __future__ import annotations

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
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_scratch
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import (
    Difference,
    differences,
    faults,
    objects,
    probes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

Objects = set[tuple[str, str]]


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
) -> None:
    """Put the candidate in place and wait until Traefik has it; otherwise put the previous document back.

    fingerprints: SHA-256 of the certificates that Traefik must have loaded, None where they do not matter.
    Raises StateError when the candidate did not come to life.
    """
    access = site.directory.access(previous.name)
    site.directory.replace(candidate.name, candidate.text)
    try:
        _wait_live(site, candidate, _gone(previous, candidate), fingerprints)
    except DeadlineError as error:
        site.directory.replace(previous.name, previous.text, access)
        back = _wait_back(site, candidate, previous)
        raise StateError(f"{error}; {back}; see Traefik's log") from error


def missing(
    site: Site,
    candidate: Candidate,
    gone: Objects,
    fingerprints: Sequence[str] | None = None,
) -> list[str]:
    """What the live Traefik lacks of the candidate, in words."""
    found = [one.sentence() for one in differences(candidate.content, site.api.raw(), gone, candidate.judged)]
    if fingerprints is not None:
        loaded = {str(one.get("certFingerprint", "")).lower() for one in site.api.certificates()}
        found += [f"certificate {one} is not loaded" for one in fingerprints if one.lower() not in loaded]
    return found


def _gone(previous: Candidate, candidate: Candidate) -> Objects:
    return set(objects(previous.content)) - set(objects(candidate.content))


def _wait_live(
    site: Site,
    candidate: Candidate,
    gone: Objects,
    fingerprints: Sequence[str] | None,
) -> None:
    last: list[str] = []

    def live() -> bool | None:
        try:
            last[:] = missing(site, candidate, gone, fingerprints)
        except UnreachableError as error:
            # Busy or restarting: it has the rest of the time to answer.
            last[:] = [str(error)]
        return None if last else True

    try:
        Deadline(site.seconds).wait(live, f"Traefik's change to {site.directory.file(candidate.name)}", interval=0.1)
    except DeadlineError as error:
        raise DeadlineError(f"{error}: {last[0]}") from error


def _wait_back(site: Site, candidate: Candidate, previous: Candidate) -> str:
    try:
        _wait_live(site, previous, _gone(previous=candidate, candidate=previous), None)
    except DeadlineError:
        return "the previous file is back, and Traefik has not confirmed it"
    return "the file is taken away again" if previous.text is None else "the previous file is back and served"
