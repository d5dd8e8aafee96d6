# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Browsers are told how careful to be by the audience of a route."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_document

from .builders import route, unshared

INSIDE = {"allow": ["10.0.0.0/8"]}
POPUPS = {"Cross-Origin-Opener-Policy": "same-origin-allow-popups"}
SITE = {"X-Frame-Options": "SAMEORIGIN"}
PUBLIC = {"Server": "", "Referrer-Policy": "strict-origin-when-cross-origin"}


def told(**changes: Any) -> dict[str, str]:
    http = unshared(plan_document.document("gantry", [route(**changes)])["http"])
    made = http["middlewares"]["gantry.harbour.headers"]
    assert made["headers"]["contentTypeNosniff"] is True
    found: dict[str, str] = made["headers"]["customResponseHeaders"]
    return found


@pytest.mark.parametrize(
    ("changes", "headers"),
    [
        ({}, PUBLIC),
        ({"audience": "partner", **INSIDE}, {**PUBLIC, **SITE, **POPUPS}),
        ({"audience": "internal", **INSIDE}, {**PUBLIC, **SITE, **POPUPS, "Referrer-Policy": "same-origin"}),
        ({"security_headers": "minimal"}, {"Server": ""}),
        ({"audience": "internal", **INSIDE, "security_headers": "public"}, PUBLIC),
        ({"mode": "maintenance"}, {**PUBLIC, "Retry-After": "120", "Cache-Control": "no-store"}),
    ],
)
def test_each_audience_has_its_own(changes: dict[str, Any], headers: dict[str, str]) -> None:
    assert told(**changes) == headers


def test_a_preset_that_is_not_there() -> None:
    with pytest.raises(InputError, match="security_headers is 'strict'; accepted are public, partner, internal, minim"):
        route(security_headers="strict")
