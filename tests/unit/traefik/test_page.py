# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route under maintenance says the words of its tenant, and nothing that a browser would run."""

from __future__ import annotations

import http.client
import importlib.util
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model_page, plan_document
from tests.unit.project.tree import ROOT

from .builders import route, service_of, unshared

WORDS = "Wartung & Umzug\nWir sind um <b>12 Uhr</b> zurück — {{ danke }}."


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("maintenance_page", ROOT / "roles/traefik/files/maintenance_page.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def http_of(**changes: Any) -> dict[str, Any]:
    return unshared(plan_document.document("gantry", [route(**changes)])["http"])


def test_traefik_asks_for_the_page_in_the_place_of_its_503() -> None:
    made = http_of(mode="maintenance", maintenance_page=WORDS, allow=["10.0.0.0/8"], audience="internal")
    errors = made["middlewares"]["gantry.harbour.page"]["errors"]
    assert (errors["status"], errors["query"]) == (["503"], model_page.page_path(WORDS))
    assert made["services"][errors["service"]]["loadBalancer"]["servers"] == [{"url": "http://127.0.0.1:8403"}]
    assert "servers" not in service_of(made, "harbour.http")["loadBalancer"]
    own = [f"gantry.harbour.{kind}@file" for kind in ("allow", "headers", "page")]
    assert made["routers"]["gantry.harbour.http"]["middlewares"] == own


@pytest.mark.parametrize("changes", [{"mode": "maintenance"}, {"maintenance_page": WORDS}])
def test_there_is_no_page_without_words_or_maintenance(changes: dict[str, Any]) -> None:
    made = http_of(**changes)
    assert "gantry.harbour.page" not in made["middlewares"]
    assert "127.0.0.1" not in str(made["services"])


def test_the_words_come_back_and_nothing_of_them_is_run(program: ModuleType) -> None:
    path = model_page.page_path(WORDS)
    assert program.text_of(path) == WORDS
    assert "{" not in path
    made = program.page(WORDS)
    assert "<title>Wartung &amp; Umzug</title>" in made
    assert "<p>Wir sind um &lt;b&gt;12 Uhr&lt;/b&gt; zurück — {{ danke }}.</p>" in made
    assert "<script" not in program.page("x\n<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("text", "words"),
    [("x" * 2001, "maintenance_page has 2001 characters; accepted are 2000"), ("a\x1bb", "has control characters")],
)
def test_words_that_are_no_page(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"route harbour: .*{words}"):
        route(maintenance_page=text)


@pytest.fixture
def asked(program: ModuleType) -> Iterator[http.client.HTTPConnection]:
    with ThreadingHTTPServer(("127.0.0.1", 0), program.PageHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        yield connection
        connection.close()
        server.shutdown()


def test_the_program_answers_with_a_page_that_is_not_kept(asked: http.client.HTTPConnection) -> None:
    asked.request("GET", model_page.page_path("x" * 2000))
    answer = asked.getresponse()
    assert b"x" * 2000 in answer.read()
    assert answer.status == 503
    assert answer.getheader("Cache-Control") == "no-store"
    assert answer.getheader("Content-Security-Policy") == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize("path", ["/", "/%2e", "/$$$", "/_w", "/IA"])
def test_a_path_without_words_is_no_page(asked: http.client.HTTPConnection, path: str) -> None:
    asked.request("GET", path)
    answer = asked.getresponse()
    answer.read()
    assert answer.status == 404
