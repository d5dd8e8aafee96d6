# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from a machine's apt configuration, in both of its forms."""

from __future__ import annotations

import pytest

from tests.lab.machine import Mirrors, Source, carried_options, choose_mirrors, parse_deb822, parse_one_line


def test_one_line_sources_leave_out_comments_options_and_source_packages() -> None:
    text = """
    # deb http://old.test/debian trixie main
    deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.test/debian trixie main contrib  # ours
    deb-src http://mirror.test/debian trixie main
    """

    assert parse_one_line(text) == [Source("http://mirror.test/debian", ("trixie",))]


def test_deb822_sources_are_read_with_several_addresses_suites_and_continued_lines() -> None:
    text = """\
Types: deb deb-src
# a comment inside
URIs: http://one.test/debian
 http://two.test/debian
Suites: trixie trixie-updates
Components: main

Types: deb
URIs: http://off.test/debian
Suites: trixie
Enabled: no

Types: deb-src
URIs: http://src.test/debian
Suites: trixie
"""

    suites = ("trixie", "trixie-updates")
    assert parse_deb822(text) == [Source("http://one.test/debian", suites), Source("http://two.test/debian", suites)]


@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        (
            ["http://m.test/debian", "http://m.test/debian-security/"],
            ("http://m.test/debian", "http://m.test/debian-security"),
        ),
        (["https://vendor.test/apt", "http://m.test/debian/"], ("http://m.test/debian", None)),
        (["http://archive.test/ubuntu", "http://security.test/ubuntu"], (None, None)),
        ([], (None, None)),
    ],
)
def test_only_debians_own_archives_become_mirrors(uris: list[str], expected: tuple[str | None, str | None]) -> None:
    assert choose_mirrors(Source(uri, ("bookworm",)) for uri in uris) == Mirrors(*expected)


def test_only_what_decides_a_download_is_carried_from_the_machines_options() -> None:
    dump = """\
Acquire "";
Acquire::Check-Valid-Until "false";
Acquire::IndexTargets::deb::DEP-11 "";
Acquire::http::Proxy "http://proxy.test:3128";
Acquire::https::Proxy::mirror.test "DIRECT";
Acquire::Languages "none";
"""

    assert carried_options(dump) == [
        'Acquire::Check-Valid-Until "false";',
        'Acquire::http::Proxy "http://proxy.test:3128";',
        'Acquire::https::Proxy::mirror.test "DIRECT";',
    ]
