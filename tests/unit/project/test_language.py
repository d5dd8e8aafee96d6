# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads is written in the words of words.yml; a list that only shrinks holds the files still to rewrite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
