# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project for AWX under ansible-runner, as AWX runs it: an inventory that is no file, a new home, no terminal."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from tests.integration.playbooks.test_bad_input import estate
from tests.lab.state import ROOT


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """`job("precheck", limit=...)` runs a job template; its status, what its failed tasks said, and its output."""
    shutil.copytree(ROOT / "extensions/awx/project", tmp_path / "project")
    (tmp_path / "home").mkdir()

    declared = estate()
    declared["all"]["vars"]["change_store"] = {"directory": str(tmp_path / "store"), "outbox": str(tmp_path / "outbox")}

    def run(name: str, **options: Any) -> tuple[str, list[str], str]:
        done = ansible_runner.run(
            private_data_dir=str(tmp_path),
            playbook=f"{name}.yml",
            inventory=declared,
            envvars={
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
                "HOME": str(tmp_path / "home"),
            },
            quiet=True,
            **options,
        )
        failed = [event["event_data"]["res"] for event in done.events if event["event"] == "runner_on_failed"]
        return done.status, [str(result.get("msg", "")) for result in failed], done.stdout.read()

    return run


def test_a_job_resolves_modules_roles_and_inputs(job: Any) -> None:
    status, failed, output = job("patch")
    assert status == "failed"
    # the last screen, which the configuration of the project asks for
    assert (
        output.replace("\r", "")
        .rstrip()
        .endswith(f"\nNothing was changed\n\nWhat failed\n  edge1  Verify the inputs of the playbook: {failed[0]}")
    )
    assert failed == ["gantry.odoo.patch: patch_release is required; set it"]


def test_a_limit_that_hides_a_host_is_refused(job: Any) -> None:
    status, failed, _output = job("precheck", limit="app")
    assert status == "failed"
    assert len(failed) == 1
    assert "the limit of this run hides cache1, db1, edge1 of the estate" in failed[0]
