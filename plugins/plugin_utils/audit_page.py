# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the page of an audit from its rows. Everything is escaped; the template takes no decision."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_page import Page

_TEMPLATES = Path(__file__).parent / "templates"
_PAGE, _STYLE = "audit.html.j2", "audit.css"


def rendered(page: Page) -> Iterator[str]:
    """The page in pieces. Its policy of content allows this one style sheet and nothing else."""
    # the templates are of the collection; what they are given is not
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = environment.get_template(_STYLE).render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    stream = environment.get_template(_PAGE).stream(page=page, style_hash=f"sha256-{digest}")
    stream.enable_buffering(200)
    return iter(stream)
