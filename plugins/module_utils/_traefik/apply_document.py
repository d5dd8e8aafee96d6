# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare one document with Traefik, validate it in isolation, put it in place and wait until it is live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    apply_change,
    model,
    plan_document,
    plan_middlewares,
    plan_ownership,
    plan_proof,
    read_scratch,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_change import Candidate, Site
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import Difference


@dataclass(frozen=True)
class Published:
    """What became of the document. validated: whether a Traefik process has read it in isolation."""

    steps: list[Step]
    before: Mapping[str, Any]
    validated: bool


def candidate(module_name: str, name: str, content: dict[str, Any]) -> Candidate:
    """The document as a file; an empty one takes the file away."""
    if not content:
        return Candidate(name, None, {})
    plan_proof.require_known(content)
    content = plan_proof.marked(name.rpartition(".")[0], content)
    header = [f"Written by gantry.odoo.{module_name}; change the document there, not here."]
    return Candidate(name, plan_document.to_text(header, content), content)


def publish(call: Call, site: Site, wanted: Candidate, fingerprints: Sequence[str] | None) -> Published:
    """Publish the document, or in check mode return what that would do.

    fingerprints: SHA-256 of the document's certificates; None when check mode cannot know them.
    Raises GantryError when Traefik refuses it or does not take it; the previous document is back then.
    """
    path, text = site.directory.file(wanted.name), site.directory.read(wanted.name)
    private = site.directory.is_private(wanted.name)
    raw = live(call, site)
    previous = Candidate(wanted.name, text, plan_document.read_document(text or "") or {}, raw)
    lacking = (
        [] if raw is None or fingerprints is None else apply_change.missing(site, wanted, raw, set(), fingerprints)
    )
    outstanding = apply_change.outstanding(site, wanted.name)
    steps = _steps(path, text, wanted, lacking, private) + outstanding
    if raw and steps:
        plan_middlewares.require_unused(path, previous.content, wanted.content, raw)
    verdict: read_scratch.Verdict | None = None
    if steps and wanted.text is not None and fingerprints is not None:
        verdict = validate(call, site, wanted, lambda refused: f"{path}: {refused.refusal()}", fingerprints)
    if verdict and raw:
        wanted = replace(wanted, judged=verdict.raw)
        if text != wanted.text:
            _refuse_rivals(wanted, verdict.raw, raw)
    if verdict and raw and lacking:
        # Traefik may only spell it in another way.
        lacking = apply_change.missing(site, wanted, raw, set(), fingerprints)
        steps = _steps(path, text, wanted, lacking, private) + outstanding
    if steps and not call.check_mode:
        apply_change.bring_live(site, wanted, previous, fingerprints)
    return Published(steps, previous.content, verdict is not None)


def _refuse_rivals(wanted: Candidate, judged: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    mine = {(section, f"{name}@file") for section, name in plan_proof.objects(wanted.content)}
    ours = plan_ownership.claims_in(judged, lambda *router: router in mine)
    others = plan_ownership.claims_in(raw, lambda *router: router not in mine)
    found = plan_ownership.rivals(ours, others)
    if found:
        raise InputError("; ".join(one.sentence for one in found))


def live(call: Call, site: Site) -> dict[str, Any] | None:
    """Traefik's own view; None in check mode when Traefik is not there yet."""
    try:
        return site.api.raw()
    except UnreachableError as error:
        if not call.check_mode:
            raise
        call.warn(f"{error}; the plan compares with the file only")
        return None


def validate(
    call: Call,
    site: Site,
    wanted: Candidate,
    explain: Callable[[Difference], str],
    fingerprints: Sequence[str] = (),
) -> read_scratch.Verdict | None:
    """What a Traefik process makes of the document in isolation; None in check mode where none is installed yet.

    Raises InputError with Traefik's own words where it refuses the document.
    """
    if not read_scratch.available(site.command):
        seen = f"the Traefik program {' '.join(site.command)} is not there to validate with"
        if not call.check_mode:
            raise StateError(f"{seen}; install it, or correct validate_command")
        call.warn(f"{seen}; the plan is not validated")
        return None
    return apply_change.validate(site, wanted, entry_points(call, site), explain, fingerprints)


def entry_points(call: Call, site: Site) -> Mapping[str, Mapping[str, Any]]:
    """Settings of the live Traefik's entry points by name; in check mode those of the role when it is not there yet."""
    try:
        return site.api.entry_points()
    except UnreachableError:
        if not call.check_mode:
            raise
        return {name: {} for name in model.ENTRY_POINTS}


def _steps(path: str, text: str | None, wanted: Candidate, lacking: list[str], private: bool) -> list[Step]:
    if wanted.text is None:
        return [] if text is None else [Step("remove", path, "not wanted any more")]
    if text is None:
        return [Step("create", path, "not there yet")]
    if text != wanted.text:
        return [Step("update", path, "says something else")]
    if not private:
        return [Step("update", path, "other accounts can read it, or Traefik cannot")]
    return [Step("reload", path, f"Traefik does not have it: {lacking[0]}")] if lacking else []
