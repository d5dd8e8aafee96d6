# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a server, the networks that may reach it, and the names of its certificate."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.filter.postgresql_conf import (
    postgresql_conf,
    postgresql_networks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_config import alternative_names

FIXED = {"port": 5432, "ssl": True}


def lines(settings: dict[str, Any], memory_mb: int = 4096, processors: int = 4) -> list[str]:
    return postgresql_conf(settings, memory_mb, processors, FIXED).splitlines()


def test_settings_are_tuned_by_memory_and_processors() -> None:
    found = lines({})
    assert {"shared_buffers = '1024MB'", "work_mem = '16MB'", "max_parallel_workers_per_gather = '2'"} < set(found)
    assert {"port = '5432'", "ssl = 'on'", "jit = 'off'"} < set(found)
    assert found == sorted(found)


def test_what_is_given_wins_and_is_quoted() -> None:
    found = lines({"work_mem": "8MB", "log_line_prefix": "it's "})
    assert {"work_mem = '8MB'", "log_line_prefix = 'it''s '"} < set(found)
    assert len([line for line in found if line.startswith("work_mem")]) == 1


@given(memory_mb=st.integers(0, 1 << 22), processors=st.integers(1, 512))
def test_no_memory_is_too_small_or_too_large(memory_mb: int, processors: int) -> None:
    found = dict(line.split(" = ") for line in lines({}, memory_mb, processors))
    assert 4 <= int(found["work_mem"].strip("'MB")) <= 64
    assert int(found["shared_buffers"].strip("'MB")) >= 128
    assert 1 <= int(found["max_parallel_workers_per_gather"].strip("'")) <= 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": 1}, "may not hold port: the role sets that"),
        ({"work mem": 1}, "takes names such as work_mem with a value of one line each, not work mem"),
        ({"work_mem": "1\nssl = off"}, "not work_mem"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        lines(settings)


def test_networks() -> None:
    good = ["10.20.0.0/16", "10.20.0.1/16", "fd00::/8"]
    assert postgresql_networks(good) == good
    for odd in ("10.20.0.0", "10.20.0.0/33", "10.20.0.0/255.255.0.0", "all", ""):
        with pytest.raises(AnsibleFilterError, match="in CIDR notation"):
            postgresql_networks([odd])


def test_names_of_a_certificate() -> None:
    found = alternative_names(["db1.example", "10.20.0.31", "localhost", "fd00::1"])
    assert found == ["DNS:db1.example", "DNS:localhost", "IP:10.20.0.31", "IP:fd00::1"]
