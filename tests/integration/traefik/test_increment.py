# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Traefik says the same of the part of a document that is not known to be right as of the whole."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    apply_change,
    model,
    plan_document,
    plan_increment,
    plan_proof,
    read_scratch,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_change import Candidate, Site
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api
from ansible_collections.gantry.odoo.plugins.modules import traefik_route

from .local import server, traefik
from .loopback import PROGRAM

Http = dict[str, Any]
NAME, OTHER = "gantry-routes.yml", "sso.yml"
COUNT = 40
SSO = {"http": {"middlewares": {"sso": {"headers": {"customRequestHeaders": {"X-Sso": "yes"}}}}}}
RIVAL = {"rule": "Host(`rival.example`)", "service": "noop@internal", "entryPoints": ["web"]}


def document() -> dict[str, Any]:
    routes: list[dict[str, Any]] = [
        {
            "name": f"r{number:02}",
            "hosts": [f"r{number:02}.example"],
            "audience": "public",
            "servers": [{"url": f"http://127.0.0.1:{9000 + number}"}],
            "middlewares": ["sso@file"],
        }
        for number in range(COUNT)
    ]
    return plan_document.document("gantry", [model.route(one) for one in routes])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Traefik that has read the routes, and sees nothing of what is changed later."""
    root: Path = tmp_path_factory.mktemp("increment")
    (root / "dynamic").mkdir()
    (root / "dynamic" / NAME).write_text(plan_document.to_text([], document()))
    (root / "dynamic" / OTHER).write_text(json.dumps(SSO))
    with traefik(root, watch=False) as edge:
        Deadline(30).wait(lambda: lacking(edge.api, document()) == set() or None, "The first look at the routes")
        yield Site(Directory(str(edge.folder)), edge.api, (PROGRAM,), 60.0)


def verdict(site: Site, content: dict[str, Any]) -> str:
    """Why a document is refused; empty where it is not."""
    wanted = Candidate(NAME, plan_document.to_text(["a comment"], content), content)
    try:
        apply_change.validate(site, wanted, site.api.entry_points(), plan_proof.Difference.refusal)
    except InputError as error:
        return str(error)
    return ""


def changed(http: Http) -> None:
    http["routers"]["gantry.r39.http"]["priority"] = 7


def new(http: Http) -> None:
    http["routers"]["gantry.new.http"] = {**http["routers"]["gantry.r39.http"], "rule": "Host(`new.example`)"}


def missing_middleware(http: Http) -> None:
    http["routers"]["gantry.r39.http"]["middlewares"] = ["gantry.not-there@file"]


def bad_rule(http: Http) -> None:
    http["routers"]["gantry.r39.http"]["rule"] = "Host(`a.example`"


def bad_option(http: Http) -> None:
    http["middlewares"]["gantry.bad"] = {"ipAllowList": {"sourceRange": ["nonsense"]}}
    http["routers"]["gantry.r39.http"]["middlewares"] = ["gantry.bad@file"]


def bad_option_of_no_router(http: Http) -> None:
    http["middlewares"]["gantry.bad"] = {"ipAllowList": {"sourceRange": ["nonsense"]}}


def bad_type(http: Http) -> None:
    http["routers"]["gantry.r39.http"]["priority"] = "first"


def bad_entry_point(http: Http) -> None:
    http["routers"]["gantry.r39.http"]["entryPoints"] = ["nowhere"]


def gone_service(http: Http) -> None:
    del http["services"][http["routers"]["gantry.r39.http"]["service"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed, ""),
        (missing_middleware, 'middleware "gantry.not-there@file" does not exist'),
        *(
            pytest.param(change, said, marks=pytest.mark.deep)
            for change, said in [
                (new, ""),
                (bad_rule, "router gantry.r39.http"),
                (bad_option, "router gantry.r39.http"),
                (bad_option_of_no_router, "middleware gantry.bad"),
                (bad_type, "would load nothing"),
                (bad_entry_point, "router gantry.r39.http"),
                (gone_service, "router gantry.r39.http"),
            ]
        ),
    ],
)
def test_a_part_gets_the_verdict_of_the_whole(site: Site, change: Callable[[Http], None], said: str) -> None:
    before, after = document(), copy.deepcopy(document())
    change(after["http"])
    found = verdict(site, part(site, before, after))
    assert found == verdict(site, after)
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"a.yml": {"http": {"routers": {"gantry.r07.http": RIVAL}}}}, "router gantry.r07.http, which another file"),
        *(
            pytest.param(others, said, marks=pytest.mark.deep)
            for others, said in [
                ({OTHER: {}}, 'middleware "sso@file" does not exist'),
                ({"z.yml": {"http": {"routers": {"gantry.r39.http": RIVAL}}}}, "which another file"),
                ({"a.yml": {"http": {"routers": {"theirs": RIVAL}}}}, ""),
            ]
        ),
    ],
)
def test_what_others_have_changed_meanwhile_is_seen_in_a_part(site: Site, others: dict[str, Any], said: str) -> None:
    before, after = document(), copy.deepcopy(document())
    changed(after["http"])
    folder = Path(site.directory.path)
    try:
        for name, content in others.items():
            (folder / name).write_text(json.dumps(content))
        found = verdict(site, part(site, before, after))
        assert found == verdict(site, after)
        assert said in found
    finally:
        for name in others:
            (folder / name).unlink()
        (folder / OTHER).write_text(json.dumps(SSO))


def test_the_module_has_the_whole_validated_where_the_file_is_new_or_unproven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def ask(command: Any, files: Mapping[str, bytes], *rest: Any) -> read_scratch.Verdict:
        content = plan_document.read_document(files[NAME].decode()) or {}
        asked.append(len(content["http"]["routers"]))
        return usual(command, files, *rest)

    usual = read_scratch.ask
    monkeypatch.setattr(read_scratch, "ask", ask)
    with server() as odoo, traefik(tmp_path, watch=True) as edge:
        common = {"audience": "public", "tls": False, "servers": [{"url": odoo}]}
        before = [{"name": f"r{number}", "hosts": [f"r{number}.example"], **common} for number in range(COUNT)]
        after = [*before[:-1], {**before[-1], "hosts": ["other.example"]}]
        edge.call(traefik_route, routes=before)
        edge.call(traefik_route, routes=after)
        edge.call_and_kill(traefik_route, routes=before)
        assert edge.call(traefik_route, routes=before)["validated"]
        first, change, interrupted = asked
    assert first == interrupted > 4 * change


def part(site: Site, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is validated of a document, as the module chooses it."""
    others = site.directory.others(NAME).values()
    found = plan_increment.increment(before, after, lacking(site.api, after), others, "gantry")
    assert found is not None
    assert len(plan_proof.objects(found)) < len(plan_proof.objects(after)) / 4
    return found


def lacking(api: Api, content: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one.section, one.name) for one in plan_proof.differences(content, api.raw(), ())}
