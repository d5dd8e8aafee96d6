# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of rules agrees with the Traefik of the tests, rule by rule; no host is needed to ask it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_scratch
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import parse
from tests.unit.traefik.rules import REFUSED, TAKEN


def routers(rules: list[str]) -> list[dict[str, Any]]:
    """What Traefik makes of a router for each rule."""
    made = {f"r{number}": {"rule": rule, "service": "noop@internal"} for number, rule in enumerate(rules)}
    files = {"rules.yml": json.dumps({"http": {"routers": made}}).encode()}
    command = [str(Path(sys.executable).with_name("traefik"))]
    raw = read_scratch.ask(command, files, {"web": {}}, Deadline(60)).raw["routers"]
    return [raw[f"{name}@file"] for name in made]


def test_traefik_takes_what_the_grammar_takes() -> None:
    assert [one.get("error") for one in routers(TAKEN)] == [None] * len(TAKEN)


def test_traefik_takes_what_the_grammar_writes() -> None:
    assert [one.get("error") for one in routers([str(parse(rule)) for rule in TAKEN])] == [None] * len(TAKEN)


def test_traefik_refuses_what_the_grammar_refuses() -> None:
    taken = [one["rule"] for one in routers([rule for rule, _said in REFUSED]) if not one.get("error")]
    assert taken == []
