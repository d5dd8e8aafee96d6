# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database serves its users, or everything that they would miss is one sentence."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_served import MARK, Served, served_from

GOOD = Served(health=200, page=200, form=True, user="admin", login=True, web=200, files=3, file="ab/abcd")


@pytest.mark.parametrize("served", [GOOD, replace(GOOD, health=0), replace(GOOD, files=0, file="")])
def test_what_serves_is_good(served: Served) -> None:
    served.require("copy")


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"health": 500}, "/web/health answers with status 500"),
        ({"page": 404, "form": False}, "/web/login answers with status 404"),
        ({"form": False}, "/web/login shows no login form"),
        ({"user": "", "login": False, "web": 0}, "it has no active internal user"),
        ({"login": False, "web": 0}, "user admin is not let in with the right password"),
        ({"web": 401}, "a request of user admin is answered with status 401"),
        ({"file": ""}, "none of 3 attachments that were tried can be read with its content"),
        ({"health": 503, "file": ""}, "/web/health answers with status 503; none of 3 attachments"),
    ],
)
def test_what_a_user_would_miss_is_said(seen: dict[str, Any], told: str) -> None:
    with pytest.raises(StateError) as caught:
        replace(GOOD, **seen).require("copy")
    assert str(caught.value).startswith(f"database copy does not serve its users: {told}")
    assert str(caught.value).endswith("; see whether its original does, repair that, and take a new backup")


def test_the_answer_is_found_among_the_lines_of_a_log() -> None:
    said = f"2026-11-27 INFO copy odoo.http: hello\n{MARK}{json.dumps(asdict(GOOD))}\n2026-11-27 INFO bye\n"
    assert served_from(said, "copy") == GOOD
    with pytest.raises(StateError, match="without having tried database copy"):
        served_from("2026-11-27 INFO bye\n", "copy")
