# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requester of a change is the user of AWX in a job of AWX, and else the login."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.plugin_utils import login

AWX = {"awx_user_name": "mara", "awx_job_id": 17}


def test_a_job_of_awx_has_the_user_who_launched_it() -> None:
    assert login.launcher(AWX, {"JOB_ID": "17"}) == login.Launcher("mara", "awx_user", 17)


def test_a_job_of_a_schedule_has_no_user_and_is_a_job() -> None:
    assert login.launcher({"awx_job_id": 17}, {"JOB_ID": "17"}) == login.Launcher(login.login(), "login", 17)


@pytest.mark.parametrize(
    ("extra", "environment"),
    [(AWX, {}), (AWX, {"JOB_ID": "18"}), ({"awx_user_name": "mara"}, {}), ({"awx_user_name": "mara"}, {"JOB_ID": ""})],
)
def test_a_user_of_awx_is_not_named_by_hand(extra: dict[str, object], environment: dict[str, str]) -> None:
    with pytest.raises(InputError, match="this run is no job of AWX"):
        login.launcher(extra, environment)


@pytest.mark.parametrize("text", ["4294967295\n", "", "none", "-1\n"])
def test_the_account_that_runs_ansible_counts_where_none_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "loginuid").write_text(text, encoding="ascii")
    monkeypatch.setattr(login, "_LOGIN_UID", tmp_path / "loginuid")
    own = pwd.getpwuid(os.getuid()).pw_name
    assert login.launcher({}, {}) == login.Launcher(own)
    monkeypatch.setattr(login, "_LOGIN_UID", tmp_path / "no such file")
    assert login.login() == own


def test_sudo_leaves_the_login_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loginuid").write_text("1\n", encoding="ascii")
    monkeypatch.setattr(login, "_LOGIN_UID", tmp_path / "loginuid")
    assert login.login() == pwd.getpwuid(1).pw_name
