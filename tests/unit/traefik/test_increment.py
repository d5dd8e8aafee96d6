# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a document that is validated has all that changed, all that this may break, and all it refers to."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, model_limits
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_document import (
    document,
    read_document,
    routes_text,
    with_document,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_increment import increment
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_proof import objects

from .builders import item

Key = tuple[str, str]
COUNT = 40
OTHERWISE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "routers": lambda one: {**one, "priority": 7},
    "middlewares": lambda _one: {"retry": {"attempts": 7}},
    "services": lambda _one: {"loadBalancer": {"servers": []}},
}


def many(**last: Any) -> dict[str, Any]:
    """A document of many routes, of which the last one has changes."""
    routes = [
        item(name=f"r{number:02}", hosts=[f"r{number:02}.example"], servers=[{"url": f"http://app{number}:8069"}])
        for number in range(COUNT)
    ]
    routes[-1] |= last
    return document("gantry", [model.route(one) for one in routes])


def part_of(
    before: dict[str, Any], after: dict[str, Any], lacking: Iterable[Key] = (), others: Iterable[bytes] = ()
) -> dict[str, Any] | None:
    return increment(before, after, set(lacking), others, "gantry")


def names(part: dict[str, Any] | None) -> set[str]:
    assert part is not None
    return {name for _section, name in objects(part)}


def references(settings: Any) -> set[str]:
    """All words that may be names, found without any knowledge of what refers to what."""
    if isinstance(settings, dict):
        return {word for one in settings.values() for word in references(one)}
    if isinstance(settings, list):
        return {word for one in settings for word in references(one)}
    return {str(settings).removesuffix("@file")}


def is_closed(part: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether a part has all that its objects refer to."""
    all_names = {name for _section, name in objects(whole)}
    return all(
        (references(settings) - {name}) & all_names <= names(part)
        for (_section, name), settings in objects(part).items()
    )


def test_one_changed_route_is_validated_without_the_others() -> None:
    part = part_of(many(), many(hsts_seconds=1))
    assert {name for name in names(part) if name.startswith("gantry.r")} - {
        # the one that tells of the service noop@internal
        "gantry.r00.redirect"
    } == {f"gantry.r39.{kind}" for kind in ("http", "websocket", "redirect")} & names(part)
    assert "gantry.r39.http" in names(part)
    assert part is not None
    assert is_closed(part, many(hsts_seconds=1))


@pytest.mark.parametrize("seed", range(20))
def test_a_part_is_closed_under_what_it_refers_to_and_has_all_that_a_change_may_break(seed: int) -> None:
    chosen = random.Random(seed)
    before = many()
    after, lacking = copy.deepcopy(before), set()
    for _number in range(chosen.randint(1, 3)):
        section, name = chosen.choice(list(objects(after)))
        found = after["http"][section]
        kind = chosen.choice(("change", "remove", "lack"))
        if kind == "change":
            found[name] = OTHERWISE[section](found[name])
        elif kind == "remove":
            del found[name]
        else:
            lacking.add((section, name))
    part = part_of(before, after, lacking)
    if part is None:
        return
    assert is_closed(part, after)
    had, wanted = objects(before), objects(after)
    suspect = {key[1] for key, settings in wanted.items() if had.get(key) != settings or key in lacking}
    suspect |= {name for _section, name in had.keys() - wanted.keys()}
    for _round in range(4):
        suspect |= {name for (_section, name), settings in wanted.items() if references(settings) & suspect}
    assert suspect & {name for _section, name in wanted} <= names(part)
    assert all(settings == wanted[key] for key, settings in objects(part).items())
    order = list(wanted)
    assert list(objects(part)) == sorted(objects(part), key=order.index)


def test_who_uses_a_middleware_that_is_another_now_is_validated() -> None:
    limited = {"rate_limit": {"average": 10}}
    before, after = many(**limited), many(rate_limit={"average": 20})
    assert {"gantry.r39.http", "gantry.r39.limit"} <= names(part_of(before, after))


def test_what_other_files_bring_is_validated_by_the_first_route_that_refers_to_it() -> None:
    routes = [
        item(name=f"r{number:02}", hosts=[f"r{number:02}.example"], middlewares=["sso@file"]) for number in range(COUNT)
    ]
    before, after = (
        document("gantry", [model.route(one) for one in (*routes[:-1], {**routes[-1], "hsts_seconds": hsts})])
        for hsts in (1, 2)
    )
    assert {"gantry.r00.http", "gantry.r39.http"} <= names(part_of(before, after))
    assert "gantry.r01.http" not in names(part_of(before, after))


def test_what_another_file_names_is_validated() -> None:
    before, after = many(), many(hsts_seconds=1)
    for text in (
        b'{"http": {"routers": {"gantry.r07.http": {}}}}',
        b"http:\n  routers:\n    gantry.r07.http:\n      rule: x",
    ):
        assert "gantry.r07.http" in names(part_of(before, after, others=[text]))
    assert "gantry.r07.http" not in names(part_of(before, after, others=[b"gantry.r07.https"]))


@pytest.mark.parametrize(
    "other", [b"{{ range }}", b'"\\u0067antry.r07.http": {}', b'"gan\\\n  try.r07.http"', "gantry".encode("utf-16")]
)
def test_where_another_file_may_hide_names_the_whole_is_validated(other: bytes) -> None:
    assert part_of(many(), many(hsts_seconds=1), others=[other]) is None


def test_a_middleware_of_no_router_is_validated_as_traefik_builds_it_for_none() -> None:
    before, after = many(), many(hsts_seconds=1)
    for one in (before, after):
        one["http"]["middlewares"]["gantry.unused"] = {"headers": {}}
    assert "gantry.unused" in names(part_of(before, after))


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("routers", {"rule": "x", "service": "y", "tls": {"options": "z@file"}}),
        ("routers", {"rule": "x", "service": "y", "parentRefs": ["z"]}),
        ("routers", {"rule": "x"}),
        ("middlewares", {"chain": {"middlewares": ["z"]}}),
        ("middlewares", {"headers": {}, "retry": {}}),
        ("middlewares", {"errors": {"service": "theirs@file"}}),
        ("services", {"loadBalancer": {"serversTransport": "z"}}),
        ("services", {"weighted": {"services": [{"name": "z"}]}}),
        ("services", {"failover": {"service": "theirs@file", "fallback": "z"}}),
    ],
)
def test_what_may_refer_to_more_than_is_known_has_the_whole_validated(section: str, settings: dict[str, Any]) -> None:
    before, after = many(), many(hsts_seconds=1)
    for one in (before, after):
        one["http"][section]["gantry.odd"] = settings
    assert part_of(before, after) is None


def test_the_whole_is_validated_where_most_of_it_is_new_or_other_sections_are_there() -> None:
    after = many(hsts_seconds=1)
    assert part_of({}, after) is None
    assert part_of(many(), after, lacking=objects(after)) is None
    assert part_of(many(), {**after, "tls": {"options": {"default": {}}}}) is None
    assert part_of({**many(), "tcp": {}}, after) is None
    assert part_of({"http": {}}, after) is None


def test_every_option_of_a_route_is_known() -> None:
    options: list[dict[str, Any]] = [
        {"max_body_mb": 100, "sticky": {"cookie": "s", "same_site": "lax"}, "rate_limit": {"average": 10}},
        {"mode": "maintenance", "maintenance_page": "Back at noon."},
        {"canary": {"servers": ["http://app1:8069"], "header": {"name": "X-Canary", "value": "yes"}}},
        {"tls": False},
        {
            "sticky": {"cookie": "s"},
            "servers": [{"url": "http://app1:8069", "drained": True}, {"url": "http://app2:8069"}],
        },
        {"allow": ["10.0.0.0/8"], "audience": "internal"},
    ]
    routes = [item(name=f"r{number:02}", hosts=[f"r{number:02}.example"]) for number in range(COUNT)]
    for one, some in zip(routes, options):
        one.update(some)
    store = model_limits.LimitStore("redis.example:6379")
    before, after = (
        document("gantry", [model.route(one) for one in (*routes[:-1], {**routes[-1], "hsts_seconds": hsts})], store)
        for hsts in (1, 2)
    )
    kinds = {kind for one in after["http"]["middlewares"].values() for kind in one}
    assert kinds == {
        "buffering",
        "errors",
        "headers",
        "inFlightReq",
        "ipAllowList",
        "rateLimit",
        "redirectScheme",
        "retry",
    }
    assert {kind for one in after["http"]["services"].values() for kind in one} == {"failover", "loadBalancer"}
    assert part_of(before, after) is not None


def test_a_part_is_a_file_with_the_comments_of_the_whole() -> None:
    route = model.route(item(rule="Path(`/{{ x }}`)"))
    text, part = routes_text("gantry", [route]), {"http": {"middlewares": {"gantry.x": {"headers": {}}}}}
    made = with_document(text, part)
    assert read_document(made) == part
    assert [one for one in made.split("\n") if one.startswith("#")] == [
        one for one in text.split("\n") if one.startswith("#")
    ]
    assert with_document(text, json.loads(json.dumps(document("gantry", [route])))) == text
