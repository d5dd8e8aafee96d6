# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tag follows the content, and nothing but the content."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.lab.content import digest, tree_parts


@given(st.lists(st.binary(max_size=8)), st.lists(st.binary(max_size=8)))
def test_two_lists_of_parts_share_a_digest_only_if_they_are_equal(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def test_a_tree_changes_with_a_name_a_byte_or_the_executable_bit(tmp_path: Path) -> None:
    file = tmp_path / "inner" / "serve"
    file.parent.mkdir()
    file.write_bytes(b"x")
    seen = [digest(tree_parts(tmp_path))]
    file.chmod(0o755)
    seen.append(digest(tree_parts(tmp_path)))
    file.write_bytes(b"y")
    seen.append(digest(tree_parts(tmp_path)))
    file.rename(tmp_path / "inner" / "run")
    seen.append(digest(tree_parts(tmp_path)))

    assert len(set(seen)) == len(seen)


def test_a_tree_is_the_same_wherever_it_stands(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "Dockerfile").write_text("FROM x", encoding="utf-8")

    assert tree_parts(tmp_path / "a") == tree_parts(tmp_path / "b")
