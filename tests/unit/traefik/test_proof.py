# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every section of a document is proven, compared as Traefik spells it, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_proof


def sentences(wanted: dict[str, Any], raw: dict[str, Any], judged: dict[str, Any] | None = None) -> list[str]:
    return [one.sentence() for one in plan_proof.differences(wanted, raw, (), judged)]


@pytest.mark.parametrize(
    ("part", "section", "live", "word"),
    [(*key, *value) for key, value in plan_proof.SECTIONS.items()],
)
def test_each_section_is_proven(part: str, section: str, live: str, word: str) -> None:
    wanted = {part: {section: {"x": {"a": 1}}}}
    assert sentences(wanted, {}) == [f"{word} x is missing"]
    disabled = {live: {"x@file": {"a": 1, "status": "disabled", "error": ["no entry point"]}}}
    assert sentences(wanted, disabled) == [f"{word} x is disabled: no entry point"]
    assert next(one.refusal() for one in plan_proof.faults(wanted, disabled)) == (
        f"Traefik refuses {word} x, which is disabled: no entry point; nothing was written"
    )
    assert sentences(wanted, {live: {"x@file": {"a": 1, "b": 2, "status": "enabled"}}}) == []


@pytest.mark.parametrize(
    "content",
    [
        {"http": {"models": {"x": {}}}},
        {"tls": {"stores": {"default": {"defaultGeneratedCert": {"resolver": "x"}}}}},
        {"grpc": {"routers": {}}},
        {"http": {"Routers": {}}},
        {"http": ["routers"]},
        {"http": {"routers": ["x"]}},
        {"tls": {"certificates": {"certFile": "/x"}}},
        {"tls": {"options": {"default": {"minVersion": "TLS13"}}}},
        {"http": {"middlewares": {"x": None}}},
        {"tls": {"stores": {"default": None}}},
        {"tls": {"stores": {"default": {"defaultCertificate": "/x"}}}},
        {"tls": {"certificates": ["/x"]}},
        {"tls": {"certificates": [{"keyFile": "/x"}]}},
    ],
)
def test_what_could_not_be_proven_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^document"):
        plan_proof.require_known(content)


@pytest.mark.parametrize(
    ("part", "section"), [("tls", "options"), ("http", "serversTransports"), ("tcp", "serversTransports")]
)
def test_a_section_that_traefik_does_not_show_gets_a_marker_that_it_does(part: str, section: str) -> None:
    first, second = ({part: {section: {"x": {"a": value}}}} for value in (1, 2))
    plan_proof.require_known(first)
    ((live, name),) = plan_proof.objects(plan_proof.marked("file", first))
    assert (live, name.rpartition("-")[0]) == ("middlewares", "gantry-marker-file")
    assert plan_proof.objects(plan_proof.marked("file", second)) != plan_proof.objects(plan_proof.marked("file", first))
    assert plan_proof.marked("file", {"http": {"routers": {"x": {}}}}) == {"http": {"routers": {"x": {}}}}


def test_what_only_a_router_has_traefik_build_is_probed() -> None:
    content = {
        "http": {
            "middlewares": {"auth": {"basicAuth": {}}, "own": {"plugin": {}}, "used": {"compress": {}}},
            "routers": {"x": {"middlewares": ["used@file"]}},
        },
        "tls": {"options": {"default": {}, "old": {}}},
    }
    routers = plan_proof.probes(content)
    assert [what for what, _router in routers.values()] == [
        "middleware auth", "TLS options default", "TLS options old"
    ]  # fmt: skip
    raw = {
        "middlewares": {"auth@file": {}, "own@file": {}, "used@file": {}},
        "routers": {f"{name}@file": {"status": "enabled"} for name in ("x", *routers)},
    }
    assert plan_proof.faults(content, raw) == []
    raw["routers"][f"{list(routers)[2]}@file"] = {"status": "disabled", "error": ["invalid CipherSuite: nope"]}
    assert [one.refusal() for one in plan_proof.faults(content, raw)] == [
        "Traefik refuses TLS options old, which is disabled: invalid CipherSuite: nope; nothing was written"
    ]


def test_an_object_that_another_file_has_too_is_refused() -> None:
    content = {"http": {"routers": {"x": {}}}}
    raw = {"routers": {"x@file": {"status": "enabled"}}}
    assert plan_proof.faults(content, raw, {("HTTP service", "x"), ("TCP router", "x")}) == []
    (found,) = plan_proof.faults(content, raw, {("HTTP router", "x")})
    assert found.sentence() == "HTTP router x another file of the directory has too"


@pytest.mark.parametrize(
    ("settings", "spelled"),
    [
        ({"redirectScheme": {"scheme": "https", "permanent": False}}, {"redirectScheme": {"scheme": "https"}}),
        ({"rateLimit": {"average": "5", "period": "1m"}}, {"rateLimit": {"average": 5, "period": "1m0s", "burst": 1}}),
        ({"ratelimit": {"average": 5}}, {"rateLimit": {"average": 5, "burst": 1}}),
        ({"compress": True}, {"compress": {"encodings": ["gzip"]}}),
        ({"buffering": {"retryExpression": ""}}, {"buffering": {}}),
    ],
)
def test_settings_are_compared_as_traefik_spells_them(settings: dict[str, Any], spelled: dict[str, Any]) -> None:
    wanted, raw = {"http": {"middlewares": {"x": settings}}}, {"middlewares": {"x@file": spelled}}
    assert sentences(wanted, raw, raw) == []
    # what the live one's static configuration adds does not count
    assert sentences(wanted, {"middlewares": {"x@file": {**spelled, "more": 1}}}, raw) == []
    other = {"middlewares": {"x@file": {key: {"other": 1} for key in spelled}}}
    assert sentences(wanted, other, raw) == (
        ["middleware x has other settings"] if spelled != {"buffering": {}} else []
    )


@pytest.mark.parametrize("name", ["gantry.harbour.http", "others.https", "gantry-sentinel", "gantry-probe-0"])
def test_names_of_the_collection_and_of_owners_are_reserved(name: str) -> None:
    content = {"http": {"routers": {name: {}}}}
    with pytest.raises(
        InputError, match=rf"document has http\.routers\.{name}, a name that the collection uses itself"
    ):
        plan_proof.require_foreign("x.yml", content, ["others"])


def test_the_route_of_challenges_belongs_to_its_file() -> None:
    content = {"http": {"routers": {"gantry-acme-challenge": {}}}}
    plan_proof.require_foreign("acme-challenge.yml", content, [])
    with pytest.raises(InputError, match="gantry-acme-challenge"):
        plan_proof.require_foreign("x.yml", content, [])
    with pytest.raises(InputError, match=r"acme-challenge\.yml belongs to the role gantry\.odoo\.traefik"):
        plan_proof.require_foreign("acme-challenge.yml", {"http": {"routers": {"x": {}}}}, [])


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, None),
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1, "b": 1}, {"a": 1, "b": 2}, "b"),
        ({"a": 1}, {"a": 1, "c": 1}, "c"),
        ({"a": 1, "b": 1}, {"a": 1}, "b"),
        # no answer of the API is about it
        ({}, {"a/b": 1}, None),
        ({"a/b": 1}, {"c": 1}, "c"),
    ],
)
def test_one_object_says_whether_a_document_has_been_read(
    before: dict[str, int], after: dict[str, int], found: str | None
) -> None:
    documents = [{"http": {"routers": {name: {"priority": p} for name, p in one.items()}}} for one in (before, after)]
    seen = plan_proof.changed(*documents)
    assert seen == (("routers", found) if found else None)
    if found:
        live = {"routers": {f"{name}@file": {"priority": p, "x": 1} for name, p in before.items()}}["routers"]
        assert not plan_proof.is_as(documents[1], "routers", found, live.get(f"{found}@file"))
        assert plan_proof.is_as(documents[0], "routers", found, live.get(f"{found}@file"))
