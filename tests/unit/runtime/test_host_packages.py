# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host lacks, by the answer of its package manager."""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.gantry.odoo.plugins.action.host_packages import apt_options, installed, query, strange

OPTIONS = {"names": ["redis-server"], "default_release": None, "start_services": True, "timeout": 120}


def test_only_what_is_installed_counts() -> None:
    answer = "python3-apt installed\nredis-server config-files\nredis-tools installed\nlibfoo not-installed\n\n"
    assert installed(answer) == {"python3-apt", "redis-tools"}


def test_query_is_one_command_that_the_shell_leaves_alone() -> None:
    words = shlex.split(query(["redis-server"]))
    assert words[:3] == ["dpkg-query", "--show", "--showformat"]
    assert words[3] == r"${Package} ${db:Status-Status}\n"
    assert words[-1] == "redis-server"


def test_services_of_packages_may_be_kept_off() -> None:
    assert "policy_rc_d" not in apt_options(["redis-server"], OPTIONS)
    assert apt_options(["redis-server"], {**OPTIONS, "start_services": False})["policy_rc_d"] == 101
    assert apt_options(["odoo-19"], {**OPTIONS, "default_release": "unstable"})["default_release"] == "unstable"


@pytest.mark.parametrize("name", ["", "--all", "redis=7", "redis; true", "Redis"])
def test_names_that_are_no_packages(name: str) -> None:
    assert repr(name) in strange(["redis-server", name])


def test_names_of_packages() -> None:
    assert strange(["odoo-19", "libstdc++6", "python3.11"]) == ""
