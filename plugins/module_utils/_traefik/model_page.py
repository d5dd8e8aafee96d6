# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a route under maintenance: the text that it says, and how Traefik asks for it."""

from __future__ import annotations

import base64
import re

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# Where the role traefik runs the process that makes a page of a text.
PAGES = "http://127.0.0.1:8403"
_LONGEST = 2000
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def page_text(value: str) -> str:
    """The text, checked. Raises InputError, to be read after the name of a route."""
    text = value.strip()
    if len(text) > _LONGEST:
        raise InputError(f"maintenance_page has {len(text)} characters; accepted are {_LONGEST}")
    if _CONTROL.search(text):
        raise InputError("maintenance_page has control characters; accepted are lines of plain text")
    return text


def page_path(text: str) -> str:
    """The path of the page that says the text. It holds the text, so that the process has nothing to remember."""
    return "/" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
