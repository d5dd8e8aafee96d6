# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One document's way into Traefik's file provider: compared, validated in isolation, put in place, seen live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import apply, options
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import document as documents


@dataclass(frozen=True)
class Published:
    """What became of the document. validated: whether a Traefik process has read it in isolation."""

    steps: list[Step]
    before: Mapping[str, Any]
    validated: bool


def publish(
    module: AnsibleModule, site: apply.Site, candidate: apply.Candidate, fingerprints: Sequence[str] | None
) -> Published:
    """Publish the candidate, or in check mode tell what that would be.

    fingerprints: SHA-256 of the document's certificates; None when check mode cannot know them.
    Raises GantryError when Traefik refuses it or does not take it; the previous document is back then.
    """
    path, text = site.directory.file(candidate.name), site.directory.read(candidate.name)
    previous = apply.Candidate(candidate.name, text, documents.read_document(text or "") or {})
    raw = options.live(module, site)
    lacking = [] if raw is None or fingerprints is None else apply.missing(site, candidate, set(), fingerprints)
    steps = _steps(path, text, candidate, lacking)
    validated = False
    if steps and candidate.text is not None and fingerprints is not None:
        verdict = options.validate(
            module, site, candidate, lambda refused: f"{path}: {refused.refusal()}", fingerprints
        )
        validated = verdict is not None
    if steps and not module.check_mode:
        apply.bring_live(site, candidate, previous, fingerprints)
    return Published(steps, previous.content, validated)


def _steps(path: str, text: str | None, candidate: apply.Candidate, lacking: list[str]) -> list[Step]:
    if candidate.text is None:
        return [] if text is None else [Step("remove", path, "not wanted any more")]
    if text is None:
        return [Step("create", path, "not there yet")]
    if text != candidate.text:
        return [Step("update", path, "says something else")]
    return [Step("reload", path, f"Traefik does not have it: {lacking[0]}")] if lacking else []


def candidate(module_name: str, name: str, content: dict[str, Any]) -> apply.Candidate:
    """The document as a file; an empty one takes the file away."""
    if not content:
        return apply.Candidate(name, None, {})
    header = [f"Written by gantry.odoo.{module_name}; change the document there, not here."]
    return apply.Candidate(name, documents.to_text(header, content), content)
