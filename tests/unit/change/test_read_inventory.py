# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commit of an inventory, and all that Ansible reads and no commit has."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change import read_inventory as subject
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import Inventory
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_inventory import read_inventory
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError


def git(where: Path, *words: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgSign=false"]
    return subprocess.run(
        ["git", "-C", str(where), *identity, *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def write(path: Path, text: str = "x: 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """An inventory that is committed, in a directory of a repository with others."""
    write(tmp_path / "README.md")
    write(tmp_path / "estate/.gitignore", "*.local.yml\n")
    write(tmp_path / "estate/group_vars/all/main.yml")
    hosts = write(tmp_path / "estate/hosts.yml", "all: {}\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return hosts


def test_a_clean_inventory_is_its_commit(hosts: Path) -> None:
    commit = git(hosts.parent, "rev-parse", "HEAD")
    assert read_inventory([str(hosts)]) == Inventory(commit, False, "")
    # the same from wherever it is named
    assert read_inventory([os.path.relpath(hosts)]) == Inventory(commit, False, "")
    write(hosts.parents[1] / "README.md", "other\n")
    write(hosts.parent / "notes.txt")
    assert read_inventory([str(hosts)]) == Inventory(commit, False, "")
    assert read_inventory([str(hosts.parent)]).dirty


@pytest.mark.parametrize(
    "name",
    ["hosts.yml", "group_vars/all/main.yml", "group_vars/all/new.yml", "host_vars/a b\n.yml", "group_vars/x.local.yml"],
)
def test_what_no_commit_has_is_in_the_digest(hosts: Path, name: str) -> None:
    clean = read_inventory([str(hosts)])
    write(hosts.parent / name, "x: 2\n")
    changed = read_inventory([str(hosts)])
    assert changed.dirty
    assert changed.commit == clean.commit
    write(hosts.parent / name, "x: 3\n")
    again = read_inventory([str(hosts)])
    assert len({"", changed.content, again.content}) == 3
    git(hosts.parent, "add", "-A")
    assert read_inventory([str(hosts)]).content == again.content


def test_a_file_that_was_removed_is_a_change(hosts: Path) -> None:
    (hosts.parent / "group_vars/all/main.yml").unlink()
    assert read_inventory([str(hosts)]).dirty


def test_without_git_all_files_count(tmp_path: Path) -> None:
    hosts = write(tmp_path / "estate/hosts.yml")
    first = read_inventory([str(hosts)])
    assert (first.commit, first.dirty, len(first.content)) == ("", False, 64)
    write(tmp_path / "estate/host_vars/app1.yml")
    assert read_inventory([str(hosts)]).content != first.content
    assert read_inventory(["app1,"]) == Inventory()


def test_without_the_program_all_files_count(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_GIT", ("no-such-git",))
    assert read_inventory([str(hosts)]).commit == ""
    assert read_inventory([str(hosts)]).content


def test_two_repositories_have_two_commits(hosts: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other/hosts.yml")
    git(other.parent, "init", "-q")
    git(other.parent, "add", "-A")
    git(other.parent, "commit", "-qm", "other")
    assert len(read_inventory([str(hosts), str(other)]).commit.split()) == 2


def test_a_repository_runs_no_program(hosts: Path, tmp_path: Path) -> None:
    program = write(tmp_path / "spy", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    git(hosts.parent, "config", "core.fsmonitor", str(program))
    assert not read_inventory([str(hosts)]).dirty
    assert not (tmp_path / "ran").exists()


def test_more_than_an_inventory_has_is_refused(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(hosts.parent / "host_vars/a.yml")
    write(hosts.parent / "host_vars/b.yml")
    monkeypatch.setattr(subject, "_MOST_BYTES", 7)
    with pytest.raises(StateError, match="more than 7 bytes"):
        read_inventory([str(hosts)])
    monkeypatch.setattr(subject, "_MOST_FILES", 1)
    with pytest.raises(StateError, match="more than 1 files"):
        read_inventory([str(hosts)])
