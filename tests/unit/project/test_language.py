# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads is written in the words of words.yml; a list that only shrinks holds the files still to rewrite."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.unit.project import language
from tests.unit.project.conftest import load
from tests.unit.project.language import files, findings, words

OLD = Path(__file__).with_name("not_yet_rewritten.txt").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("kind", ["words", "names"])
def test_the_patterns_do_what_their_review_said(kind: str) -> None:
    for word in words(kind):
        assert [text for text in word.bad if not word.found(text)] == [], word.pattern
        assert [text for text in word.good if word.found(text)] == [], word.pattern


def test_what_a_user_reads_is_in_plain_words() -> None:
    found = [finding for name in files() if name not in OLD for finding in findings(name)]
    assert not found, "\n" + "\n".join(found)


def test_the_list_of_old_files_shrinks() -> None:
    assert sorted(OLD) == OLD, "sort not_yet_rewritten.txt"
    known = set(files())
    done = [name for name in OLD if name not in known or not findings(name)]
    assert not done, f"rewritten, or gone: remove from tests/unit/project/not_yet_rewritten.txt: {done}"


def test_short_descriptions_begin_with_a_verb(modules: dict[str, Any]) -> None:
    verbs = tuple(load(Path(__file__).with_name("words.yml"))["verbs"])
    wrong = [
        f"{name}: {text}"
        for name, module in modules.items()
        for text in [module["doc"]["short_description"]]
        if not text.startswith(tuple(f"{verb} " for verb in verbs))
        and f"plugins/modules/{name.rsplit('.', 1)[1]}.py" not in OLD
    ]
    assert not wrong, f"begin with one of {', '.join(verbs)}: {wrong}"


def test_every_kind_of_file_that_a_user_reads_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "ROOT", tmp_path)
    written = {
        "Makefile": "# Hand it over.\nall:\n",
        "roles/x/templates/x.conf.j2": "# Nobody may log in.\nx = 1\n",
        "roles/x/tasks/main.yml": "- ansible.builtin.assert:\n    fail_msg: Redis is not whole.\n",
        "playbooks/x.yml": "- ansible.builtin.fail: {msg: the new master}\n",
        "plugins/action/x.py": 'raise InputError(f"{name} cannot be meant")\n',
        "plugins/module_utils/_x/plan.py": 'why = "slots " "that nobody serves"\n',
    }
    for name, text in written.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        assert len(findings(name)) == 1, name
        assert any(fnmatch(name, pattern) for pattern in language.READ), name
    (tmp_path / "plugins/action/x.py").write_text('"""Nobody else."""\nif "No such master" in answer: send("MASTER")\n')
    assert findings("plugins/action/x.py") == []
