# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that does not come to life is taken back, whatever the reason; files enter the directory whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    RefusedError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import apply_change, plan_document
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import Directory

from .builders import route

NAME = "gantry-routes.yml"


@dataclass
class FakeApi:
    """Answers what it is told to, one after the other, and the last for ever."""

    answers: list[dict[str, Any] | Exception]
    asked: int = field(default=0)

    def raw(self) -> dict[str, Any]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def site(folder: Path, *answers: dict[str, Any] | Exception) -> apply_change.Site:
    watched = folder / "dynamic"
    watched.mkdir()
    return apply_change.Site(Directory(str(watched)), FakeApi(list(answers)), ("traefik",), 0.3)  # type: ignore[arg-type]


def candidate(*hosts: str) -> apply_change.Candidate:
    routes = [route(name=f"r{number}", hosts=[host]) for number, host in enumerate(hosts)]
    return apply_change.Candidate(
        NAME, plan_document.routes_text("gantry", routes), plan_document.document("gantry", routes)
    )


def live(wanted: apply_change.Candidate) -> dict[str, Any]:
    return {
        section: {f"{name}@file": {**settings, "status": "enabled"} for name, settings in found.items()}
        for section, found in wanted.content["http"].items()
    }


def test_a_document_that_comes_to_life_stays(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(old), UnreachableError("busy"), live(new))
    apply_change.bring_live(where, new, old)
    assert where.directory.read(NAME) == new.text


def test_a_document_that_does_not_is_taken_back(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(old))
    with pytest.raises(StateError, match="has other settings; the previous file is back and served; see Traefik's log"):
        apply_change.bring_live(where, new, old)
    assert where.directory.read(NAME) == old.text


def test_a_file_is_for_one_account_and_the_old_one_is_read_as_before(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(new), live(old))
    path = tmp_path / "dynamic" / NAME
    path.write_text(old.text or "")
    path.chmod(0o644)
    assert not where.directory.is_private(NAME)
    apply_change.bring_live(where, new, old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert where.directory.is_private(NAME)
    path.chmod(0o644)
    # a Traefik of another account could not read it
    with pytest.raises(StateError, match="the previous file is back and served"):
        apply_change.bring_live(where, candidate("c.example"), old)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_traefik_that_stops_answering_gets_the_old_document_back(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, UnreachableError("the API did not answer"))
    with pytest.raises(StateError, match="did not answer; the previous file is back, and Traefik has not confirmed it"):
        apply_change.bring_live(where, new, old)
    assert where.directory.read(NAME) == old.text


def test_a_first_document_is_taken_away_again(tmp_path: Path) -> None:
    where = site(tmp_path, {})
    with pytest.raises(StateError, match="the file is taken away again"):
        apply_change.bring_live(where, candidate("a.example"), apply_change.Candidate(NAME, None, {}))
    assert list((tmp_path / "dynamic").iterdir()) == []


def test_what_a_killed_run_left_beside_the_directory_is_overwritten(tmp_path: Path) -> None:
    where = site(tmp_path, {})
    (tmp_path / f".gantry-{NAME}.new").write_text("half a fi")
    where.directory.replace(NAME, "whole\n")
    assert where.directory.read(NAME) == "whole\n"
    assert [path.name for path in tmp_path.iterdir()] == ["dynamic"]


def test_two_runs_do_not_meet(tmp_path: Path) -> None:
    where = site(tmp_path, {})
    other = where.directory.lock(Deadline(0.1))
    with where.directory.lock(Deadline(1)), pytest.raises(DeadlineError, match="the end of another run on"):
        other.__enter__()
    with where.directory.lock(Deadline(0.1)):
        pass


def test_traefik_reads_every_file_but_ours(tmp_path: Path) -> None:
    where = site(tmp_path, {})
    for name in (NAME, "theirs.toml", "notes.txt"):
        (tmp_path / "dynamic" / name).write_text(name)
    (tmp_path / "dynamic" / "below").mkdir()
    (tmp_path / "dynamic" / "below" / "more.yaml").write_text("more")
    assert where.directory.others(NAME) == {"theirs.toml": b"theirs.toml", "below/more.yaml": b"more"}


def test_a_change_that_was_overtaken_writes_no_routes(tmp_path: Path) -> None:
    directory = site(tmp_path).directory
    directory.fencing("gantry").keep(17)
    # another estate on the same edge has numbers of its own
    directory.fencing("other").require(1)
    with pytest.raises(
        RefusedError, match="dynamic for gantry was changed under the fencing number 17, and this change has 16"
    ):
        directory.fencing("gantry").require(16)
    assert not list((tmp_path / "dynamic").iterdir())
