# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that does not come to life is taken back, whatever the reason; files enter the directory whole."""

from __future__ import annotations

import errno
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
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import apply_change, apply_directory, plan_document
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_directory import Directory, Former

from .builders import route

NAME = "gantry-routes.yml"


@dataclass
class FakeApi:
    """Answers what it is told to, one after the other, and the last for ever.

    asked: for "one" object or "all" of them, each time.
    """

    answers: list[dict[str, Any] | Exception]
    asked: list[str] = field(default_factory=list)

    def raw(self) -> dict[str, Any]:
        return self._next("all")

    def one(self, section: str, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = (self._next("one").get(section) or {}).get(f"{name}@file")
        return found

    def _next(self, what: str) -> dict[str, Any]:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(what)
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
    assert apply_change.bring_live(where, new, old) == live(new)
    assert where.directory.read(NAME) == new.text
    # all that Traefik has takes it a second where there are a thousand routes
    assert where.api.asked == ["one", "one", "one", "all"]  # type: ignore[attr-defined]


def test_one_object_of_a_change_is_not_all_of_it(tmp_path: Path) -> None:
    old, new = candidate("a.example", "b.example"), candidate("c.example", "d.example")
    half = {section: {**found} for section, found in live(new).items()}
    half["routers"]["gantry.r1.http@file"] = live(old)["routers"]["gantry.r1.http@file"]
    where = site(tmp_path, live(new), half, live(new))
    apply_change.bring_live(where, new, old)
    assert where.api.asked == ["one", "all", "one", "all"]  # type: ignore[attr-defined]


def test_an_object_that_is_not_found_by_its_name_is_looked_for_in_all(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(new))
    where.api.one = lambda _section, _name: None  # type: ignore[method-assign]
    apply_change.bring_live(where, new, old)
    assert where.directory.read(NAME) == new.text


def test_a_document_that_differs_in_no_object_is_proven_by_all(tmp_path: Path) -> None:
    old = candidate("a.example")
    where = site(tmp_path, live(candidate("b.example")), live(old))
    apply_change.bring_live(where, old, old)
    assert where.api.asked == ["all", "all"]  # type: ignore[attr-defined]


def test_what_is_taken_away_is_gone(tmp_path: Path) -> None:
    old, new = candidate("a.example", "b.example"), candidate("a.example")
    where = site(tmp_path, live(old), live(new))
    apply_change.bring_live(where, new, old)
    assert where.api.asked == ["one", "one", "all"]  # type: ignore[attr-defined]


def test_a_document_that_does_not_is_taken_back(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(old))
    where.directory.replace(NAME, old.text)
    with pytest.raises(StateError, match="has other settings; the previous file is back and served; see Traefik's log"):
        apply_change.bring_live(where, new, old)
    assert where.directory.read(NAME) == old.text


def test_a_document_that_answers_wrongly_is_taken_back(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(new), live(new), live(old))
    where.directory.replace(NAME, old.text)
    with pytest.raises(StateError, match="a stranger got in; the previous file is back and served; see Traefik's log"):
        apply_change.bring_live(where, new, old, proof=lambda: ["a stranger got in"])
    assert where.directory.read(NAME) == old.text


class KilledError(BaseException):
    """What is left of a run that was killed: nothing is tidied up."""


def cut(monkeypatch: pytest.MonkeyPatch, method: str, *, before: bool) -> None:
    """Kill the next run at a method of the directory. before: whether that has done nothing yet."""
    usual = getattr(Directory, method)

    def killed(*given: Any) -> None:
        monkeypatch.setattr(Directory, method, usual)
        if not before:
            usual(*given)
        raise KilledError

    monkeypatch.setattr(Directory, method, killed)


@pytest.mark.parametrize("method", ["mark", "replace", "settle"])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("is_right", [True, False])
def test_a_run_that_was_killed_is_proven_or_taken_back_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, before: bool, is_right: bool
) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(new))
    where.directory.replace(NAME, old.text)
    cut(monkeypatch, method, before=before)
    with pytest.raises(KilledError):
        apply_change.bring_live(where, new, old)

    text = where.directory.read(NAME)
    in_place = old if text == old.text else new
    is_open = in_place is new and (method, before) != ("settle", False)
    assert bool(apply_change.outstanding(where, NAME)) == is_open
    asked: list[str] = []

    def proof() -> list[str]:
        asked.append("wire")
        return [] if is_right else ["a stranger got in"]

    if is_right:
        apply_change.bring_live(where, new, in_place, proof=proof)
        assert where.directory.read(NAME) == new.text
    else:
        where.api.answers = [live(new), live(new), live(old)]  # type: ignore[attr-defined]
        where.api.asked.clear()  # type: ignore[attr-defined]
        with pytest.raises(StateError, match="a stranger got in") as failed:
            apply_change.bring_live(where, new, in_place, proof=proof)
        assert ("an interrupted run has left" in str(failed.value)) == is_open
        assert where.directory.read(NAME) == (old.text if is_open or in_place is old else new.text)
    assert asked == ["wire"]
    assert apply_change.outstanding(where, NAME) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dynamic"]


def test_what_was_not_proven_is_not_what_another_change_goes_back_to(tmp_path: Path) -> None:
    proven, killed, new = candidate("a.example"), candidate("b.example"), candidate("c.example")
    where = site(tmp_path, live(killed), live(proven))
    where.directory.replace(NAME, proven.text)
    where.directory.mark(NAME)
    where.directory.replace(NAME, killed.text)
    with pytest.raises(StateError, match="the previous file is back and served") as failed:
        apply_change.bring_live(where, new, killed)
    assert "interrupted" not in str(failed.value)
    assert where.directory.read(NAME) == proven.text


def test_a_file_that_a_killed_run_has_taken_away_comes_back_where_traefik_keeps_it(tmp_path: Path) -> None:
    old, none = candidate("a.example"), apply_change.Candidate(NAME, None, {})
    where = site(tmp_path, live(old))
    where.directory.replace(NAME, old.text)
    (tmp_path / "dynamic" / NAME).chmod(0o640)
    access = where.directory.access(NAME)
    where.directory.mark(NAME)
    where.directory.replace(NAME, None)
    assert [step.action for step in apply_change.outstanding(where, NAME)] == ["prove"]
    with pytest.raises(StateError, match=r"headers-[0-9a-f]{16} is still there; the previous file is back and served"):
        apply_change.bring_live(where, none, none)
    assert where.directory.found(NAME) == Former(old.text, access)


def test_what_was_proven_before_leaves_no_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(old))
    where.directory.replace(NAME, old.text)
    where.directory.keep(NAME)
    where.directory.replace(NAME, new.text)
    cut(monkeypatch, "bring_back", before=False)
    with pytest.raises(KilledError):
        apply_change.bring_live(where, old, new, is_known=True)
    assert where.directory.read(NAME) == old.text
    assert apply_change.outstanding(where, NAME) == []


def test_a_mark_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    where = site(tmp_path, {})
    (tmp_path / f".gantry-{NAME}.proven").write_bytes(b"\xff")
    with pytest.raises(StateError, match=r"proven cannot be read: .*; see that .*routes.yml is right, and"):
        where.directory.unproven(NAME)
    # the files of others go on
    where.directory.tidy()


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("was_there", [False, True])
def test_a_full_disk_does_not_keep_the_refused_file_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool, is_known: bool
) -> None:
    old, new = candidate("a.example") if was_there else apply_change.Candidate(NAME, None, {}), candidate("b.example")
    where = site(tmp_path, live(new), live(new), live(old) if was_there else {})
    where.directory.replace(NAME, new.text)
    where.directory.keep(NAME)
    where.directory.replace(NAME, old.text)

    def proof() -> list[str]:
        monkeypatch.setattr(apply_directory, "replace_file", full)
        return ["a stranger got in"]

    with pytest.raises(StateError, match=r"a stranger got in; the (previous file is back|file is taken away)"):
        apply_change.bring_live(where, new, old, proof=proof, is_known=is_known)
    assert where.directory.read(NAME) == old.text
    if not was_there:
        return
    # what was proven before comes back as well
    where.api.answers = [live(new)]  # type: ignore[attr-defined]
    apply_change.bring_live(where, new, old, is_known=True)
    assert where.directory.read(NAME) == new.text
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".gantry-{NAME}.former", "dynamic"]


def full(*_given: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_at_the_begin_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(old))
    where.directory.replace(NAME, old.text)
    monkeypatch.setattr(apply_directory, "replace_file", full)
    with pytest.raises(StateError, match=r"cannot be replaced: .*No space left"):
        apply_change.bring_live(where, new, old)
    assert where.directory.read(NAME) == old.text
    assert [path.name for path in tmp_path.iterdir()] == ["dynamic"]


def test_a_file_that_cannot_come_back_is_said_with_what_refused_it(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(new))
    where.directory.replace(NAME, old.text)

    def proof() -> list[str]:
        Path(where.directory.way_back(NAME)).unlink()
        return ["a stranger got in"]

    with pytest.raises(StateError) as failed:
        apply_change.bring_live(where, new, old, proof=proof)
    file, mark = where.directory.file(NAME), where.directory.mark_of(NAME)
    assert str(failed.value) == (
        f"a stranger got in; {file} cannot be replaced: {mark} is gone, so that Traefik serves what was refused; "
        f"move {mark} to {file}"
    )


def test_what_killed_runs_have_left_is_removed_but_for_marks_of_what_they_changed(tmp_path: Path) -> None:
    directory = site(tmp_path).directory
    for name in ("open.yml", "stale.yml"):
        directory.replace(name, "proven\n")
        directory.mark(name)
    directory.replace("open.yml", "changed\n")
    for name in (".gantry-a.yml.new", ".gantry-a.yml.aside", ".gantry-a.yml.proven.new", "theirs.new"):
        (tmp_path / name).write_text("half a fi")
    directory.tidy()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gantry-open.yml.proven", "dynamic", "theirs.new"]
    # the owner is removed by hand, and is not brought back
    directory.replace("stale.yml", None)
    assert directory.unproven("stale.yml") is None


def test_a_file_is_kept_where_the_file_system_knows_no_second_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = site(tmp_path).directory
    monkeypatch.setattr(apply_directory, "_linked", lambda *_given: False)
    directory.replace(NAME, "proven\n")
    directory.mark(NAME)
    directory.replace(NAME, "changed\n")
    directory.revert(NAME)
    assert directory.read(NAME) == "proven\n"
    assert directory.is_private(NAME)


def test_a_file_is_kept_from_the_first_change_that_is_not_settled(tmp_path: Path) -> None:
    directory = site(tmp_path).directory
    for text in ("first\n", "second\n", "third\n"):
        directory.keep(NAME, until_settled=True)
        directory.replace(NAME, text)
    assert directory.kept(NAME, until_settled=True) == Former(None, None)
    # a change of one edge alone ends it
    directory.keep(NAME)
    kept = directory.kept(NAME)
    assert kept is not None
    assert kept.text == "third\n"
    assert directory.kept(NAME, until_settled=True) is None
    directory.keep(NAME, until_settled=True)
    directory.forget_unsettled(NAME)
    assert directory.kept(NAME) is None


def test_a_file_is_for_one_account_and_the_old_one_is_read_as_before(tmp_path: Path) -> None:
    old, new = candidate("a.example"), candidate("b.example")
    where = site(tmp_path, live(new), live(new), live(old))
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
    where.directory.replace(NAME, old.text)
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
