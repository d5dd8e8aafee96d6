# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed before they have proven a file, on a real Traefik on loopback, and the runs after them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import read_scratch
from ansible_collections.gantry.odoo.plugins.modules import traefik_dynamic_file, traefik_route

from .local import Answers, traefik
from .loopback import PROGRAM

NAME = "erp.harbour.example"
ROUTES, GUARDS = "gantry-routes.yml", "guards.yml"
DOCUMENT = {"http": {"middlewares": {"guard": {"headers": {"customRequestHeaders": {"X-Guard": "yes"}}}}}}


class _Odoo(Answers):
    """Lets nobody in where it is told so."""

    denies = False

    def do_GET(self) -> None:
        if self.denies:
            self.send_error(403)
        else:
            super().do_GET()


@pytest.fixture
def odoo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Odoo) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()


@contextmanager
def denying() -> Iterator[None]:
    _Odoo.denies = True
    try:
        yield
    finally:
        _Odoo.denies = False


def route(odoo: str, **changes: Any) -> dict[str, Any]:
    one = {"name": "harbour", "hosts": [NAME], "audience": "public", "tls": False, "servers": [{"url": odoo}]}
    return {**one, **changes}


def is_proof(done: dict[str, Any]) -> bool:
    """Whether a run proves, or would; Traefik may not have read the file yet, which is a step, too."""
    return done["changed"] and [one["action"] for one in done["steps"] if one["action"] != "reload"] == ["prove"]


def test_routes_of_a_killed_run_are_proven_or_put_back(tmp_path: Path, odoo: str) -> None:
    before, after = route(odoo), route(odoo, audience="internal", allow=["127.0.0.1/32"])
    with traefik(tmp_path, watch=True) as edge:
        edge.call(traefik_route, routes=[before])
        proven = (edge.folder / ROUTES).read_text()
        edge.call_and_kill(traefik_route, routes=[after])
        placed = (edge.folder / ROUTES).read_text()
        assert placed != proven

        # who may come is not let in, as nobody has asked yet
        planned = edge.call(traefik_route, routes=[after], check=True)
        assert is_proof(planned)
        with (
            denying(),
            pytest.raises(StateError, match=r"an interrupted run has left .*routes\.yml unproven, and route"),
        ):
            edge.call(traefik_route, routes=[after])
        assert (edge.folder / ROUTES).read_text() == proven
        assert edge.get(NAME)[0] == 200
        assert not edge.call(traefik_route, routes=[before])["changed"]

        edge.call_and_kill(traefik_route, routes=[after])
        assert is_proof(edge.call(traefik_route, routes=[after]))
        assert (edge.folder / ROUTES).read_text() == placed
        assert not edge.call(traefik_route, routes=[after])["changed"]

        # what another edge did not take is put back as well
        edge.call_and_kill(traefik_route, routes=[before])
        assert edge.call(traefik_route, put_back=True)["changed"]
        assert (edge.folder / ROUTES).read_text() == placed
        assert not edge.call(traefik_route, routes=[after])["changed"]


def test_routes_that_not_every_edge_has_yet_go_back_to_those_of_before_the_first_change(
    tmp_path: Path, odoo: str
) -> None:
    first, second, third = (route(odoo, hosts=[f"{name}.example"]) for name in ("first", "second", "third"))
    with traefik(tmp_path, watch=True) as edge:
        edge.call(traefik_route, routes=[first])
        before = (edge.folder / ROUTES).read_text()
        for one in (second, second, third):
            assert edge.call(traefik_route, routes=[one], settle="later")["unsettled"]
        assert edge.call(traefik_route, settle="now", check=True)["unsettled"]
        assert edge.call(traefik_route, put_back=True, settle="later")["changed"]
        assert (edge.folder / ROUTES).read_text() == before
        assert edge.get("first.example")[0] == 200
        assert not edge.call(traefik_route, put_back=True, settle="later")["changed"]

        # what is settled, or changed by other means, is not put back
        edge.call(traefik_route, routes=[second], settle="later")
        settled = edge.call(traefik_route, settle="now")
        assert (settled["changed"], settled["unsettled"]) == (False, False)
        assert not edge.call(traefik_route, put_back=True, settle="later")["changed"]
        edge.call(traefik_route, routes=[third], settle="later")
        assert not edge.call(traefik_route, routes=[third])["unsettled"]
        edge.call(traefik_route, routes=[first])
        assert not edge.call(traefik_route, put_back=True, settle="later")["changed"]
        assert edge.call(traefik_route, put_back=True)["changed"]
        assert edge.get("third.example")[0] == 200
        with pytest.raises(InputError, match="settle=now changes no routes"):
            edge.call(traefik_route, routes=[first], settle="now")


def test_a_document_of_a_killed_run_is_proven(tmp_path: Path) -> None:
    with traefik(tmp_path, watch=True) as edge:
        edge.call_and_kill(traefik_dynamic_file, name="guards", document=DOCUMENT)
        for check in (True, False):
            assert is_proof(edge.call(traefik_dynamic_file, name="guards", document=DOCUMENT, check=check))
        assert not edge.call(traefik_dynamic_file, name="guards", document=DOCUMENT)["changed"]
        edge.call_and_kill(traefik_dynamic_file, name="guards", state="absent")
        assert is_proof(edge.call(traefik_dynamic_file, name="guards", state="absent"))
        assert not edge.call(traefik_dynamic_file, name="guards", state="absent")["changed"]


@pytest.mark.deep
def test_a_document_of_a_killed_run_that_traefik_does_not_read_is_taken_away(tmp_path: Path) -> None:
    with traefik(tmp_path, watch=False) as edge:
        edge.call_and_kill(traefik_dynamic_file, name="guards", document=DOCUMENT)
        assert (edge.folder / GUARDS).exists()
        with pytest.raises(
            StateError, match=r"an interrupted run has left .* guard is missing; the file is taken away"
        ):
            edge.call(traefik_dynamic_file, name="guards", document=DOCUMENT, timeout=2)
        assert not (edge.folder / GUARDS).exists()
        assert not edge.call(traefik_dynamic_file, name="guards", state="absent")["changed"]


def test_a_run_that_is_killed_while_it_validates_leaves_no_traefik_and_the_next_one_no_documents(
    tmp_path: Path, odoo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    theirs = tmp_path / "gantry-traefik-theirs"
    theirs.symlink_to(tmp_path)
    with traefik(tmp_path, watch=True) as edge:
        edge.call_and_kill(traefik_route, during="_watch", routes=[route(odoo)])
        (left,) = (one for one in tmp_path.glob("gantry-traefik-*") if one != theirs)
        assert (left / "dynamic" / ROUTES).exists()
        Deadline(5).wait(lambda: not started_in(left) or None, "The end of the second Traefik")
        # one that did not end with its run, as where the kernel forgets that at the start of a program with rights
        started = [PROGRAM, f"--configFile={left / 'traefik.yml'}"]
        with subprocess.Popen(started, stdout=subprocess.DEVNULL) as orphan:
            try:
                edge.call(traefik_route, routes=[route(odoo)])
                assert orphan.wait(5) == -signal.SIGKILL
            finally:
                orphan.kill()
        assert list(tmp_path.glob("gantry-traefik-*")) == [theirs]


def test_the_documents_of_a_run_that_goes_on_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with read_scratch.own_folder() as first, read_scratch.own_folder() as second:
        assert sorted(map(str, tmp_path.iterdir())) == sorted([first, second])
    assert list(tmp_path.iterdir()) == []


def started_in(folder: Path) -> list[str]:
    """The processes that were started on a folder."""
    return [
        one.name
        for one in Path("/proc").glob("[0-9]*")
        if f"--configFile={folder}/traefik.yml".encode() in _words(one / "cmdline")
    ]


def _words(path: Path) -> list[bytes]:
    with contextlib.suppress(OSError):
        return path.read_bytes().split(b"\0")
    return []
