# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redis in which edges count together: read without a word of its password, and tried before it stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.filter.entry_points import limit_store_faults
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    plan_answers,
    plan_document,
    plan_routes,
    read_limits,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_limits import LimitStore, limit_store

from .builders import route

LIMITED: dict[str, Any] = {"rate_limit": {"average": 5}}
STORE = LimitStore("redis1:6379", "traefik", "secret-word")


@pytest.mark.parametrize("text", ["", "{}"])
def test_without_a_store_each_edge_counts_for_itself(text: str) -> None:
    assert limit_store(text, "x") is None
    limit = plan_document.document("gantry", [route(**LIMITED)])["http"]["middlewares"]["gantry.harbour.limit"]
    assert "redis" not in limit["rateLimit"]


def test_all_limits_are_counted_in_the_store() -> None:
    content = plan_document.document("gantry", [route(**LIMITED), route(name="b", hosts=["b.example"])], STORE)
    assert plan_document.limit_settings(content) == STORE.settings()
    settings = content["http"]["middlewares"]["gantry.harbour.limit"]["rateLimit"]["redis"]
    assert settings["endpoints"] == ["redis1:6379"]
    assert (settings["username"], settings["password"]) == ("traefik", "secret-word")
    assert not {"tls", "db"} & set(settings)
    trusted = limit_store('{"endpoint": "r:1", "ca": "/ca", "certificate": "/c", "key": "/k"}', "x")
    assert trusted
    assert trusted.settings()["tls"] == {"ca": "/ca", "cert": "/c", "key": "/k"}


def test_another_store_is_a_change_that_no_record_and_no_step_tells_the_secret_of() -> None:
    one = route(**LIMITED)
    text = plan_document.routes_text("gantry", [one], STORE)
    assert "secret-word" not in "".join(line for line in text.splitlines() if line.startswith("#"))
    found = plan_document.read_routes(text, "x")
    assert (
        plan_routes.plan("gantry", found, [one], served=True, content=plan_document.document("gantry", [one], STORE))
        == []
    )
    (step,) = plan_routes.plan("gantry", found, [one], served=True)
    assert step.action == "repair"
    assert "secret-word" not in repr((STORE, step))


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"password": "secret-word"}, "endpoint is None; accepted are a host and a port"),
        ({"endpoint": ":6379"}, "endpoint is ':6379'"),
        ({"endpoint": "redis1"}, "endpoint is 'redis1'"),
        ({"endpoint": "r:1", "passwd": "secret-word"}, "has passwd; accepted are endpoint, username, password"),
        ({"endpoint": "r:1", "database": "x"}, "database is 'x'"),
        ({"endpoint": "r:1", "certificate": "/c", "key": "/k"}, "certificate, key and ca belong together"),
        ({"endpoint": "r:1", "key": "/k", "ca": "/ca"}, "certificate, key and ca belong together"),
        (["secret-word"], "is no mapping"),
    ],
)
def test_a_store_that_cannot_be_is_refused_before_anything_is_written(declared: Any, said: str) -> None:
    (fault,) = limit_store_faults(declared)
    assert fault.startswith("traefik_rate_limit_store")
    assert said in fault
    assert "secret-word" not in fault
    assert limit_store_faults({}) == []


def test_the_file_is_read_as_the_role_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    assert read_limits.store(str(path)) is None
    path.write_text(json.dumps({"endpoint": "redis1:6379", "username": "traefik", "password": "secret-word"}))
    assert read_limits.store(str(path)) == STORE
    path.write_text('{"password": "secret-word"')
    with pytest.raises(InputError, match=r"store\.json is not JSON; run the role") as error:
        read_limits.store(str(path))
    assert "secret-word" not in str(error.value)


def test_a_limited_route_is_asked_when_the_store_or_the_limit_is_another_one() -> None:
    limited, settings = route(**LIMITED), STORE.settings()
    had = {"harbour": limited}
    plain = route(name="b", hosts=["b.example"])
    assert plan_answers.to_prove(had, [limited, plain], None, settings) == [limited]
    assert plan_answers.to_prove(had, [limited], settings, settings) == []
    assert plan_answers.to_prove(had, [route(rate_limit={"average": 6})], settings, settings)
    assert plan_answers.to_prove({}, [limited], None, None) == []
    live = {"websecure": {"address": ":443"}}
    (asked,) = plan_answers.questions([limited], [limited], live, lambda _network: "", counted=True)
    assert (asked.source, asked.inside) == ("127.0.0.1", True)
    assert "answers 500 to /web/health" in plan_answers.fault(asked, 500, "")
