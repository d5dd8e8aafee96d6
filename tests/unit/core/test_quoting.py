# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers and programs say is quoted on one line, in bounds, and without what a terminal would obey."""

from __future__ import annotations

import tempfile

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import said_in, tail
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import LONGEST, excerpt


def test_an_excerpt_is_one_printable_line() -> None:
    assert excerpt("relation\n  nowhere\x1b[31m does\x00 not\u202e exist\r\n") == "relation nowhere [31m does not exist"
    assert excerpt("é \U0001f600") == "é \U0001f600"
    assert excerpt("") == ""


def test_an_excerpt_says_that_it_was_cut() -> None:
    assert excerpt("a" * LONGEST) == "a" * LONGEST
    cut = excerpt("a" * (LONGEST + 1))
    assert cut == "a" * LONGEST + " ..."


def test_the_end_of_an_output_is_told_in_bounds() -> None:
    assert tail("one\ntwo\n\nthree\x07\n", lines=3) == "two | three"
    assert len(tail("\n".join(["a" * 100_000] * 9))) < 6 * (LONGEST + 10)
    with tempfile.TemporaryFile() as output:
        output.write(b"x" * 10_000_000 + b"\nthe \x1b[1mlast\n" + b"\xff\n")
        assert said_in(output).endswith("| the [1mlast | \ufffd")
        assert len(said_in(output)) < 2 * (LONGEST + 10)
