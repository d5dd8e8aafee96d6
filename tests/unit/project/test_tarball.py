# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as a user gets it: built from a tree that was worked in, installed, and used as the README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.quality.sanity import tree
from tests.unit.project.tree import MODULES, PLAYBOOKS, ROLES, ROOT

# What a user needs, at the top of the tarball.
WANTED = {
    "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md",
    "SECURITY.md", "bindep.txt", "changelogs", "docs", "extensions", "inventories", "meta", "playbooks", "plugins",
    "requirements.txt", "roles",
}  # fmt: skip
# What work leaves in a tree, beyond the patterns of .gitignore.
LITTER = (
    ".ansible/cache/facts",
    ".env",
    ".idea/workspace.xml",
    "README.md~",
    "gantry-odoo-0.0.9.tar.gz",
    "playbooks/site.retry",
    "plugins/modules/.odoo_database.py.swp",
    "roles/redis/.DS_Store",
)


def galaxy(*arguments: str) -> None:
    """Run ansible-galaxy, away from the user's settings."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-galaxy")), "collection", *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def ignored() -> list[str]:
    """A file for each pattern of .gitignore: at the top, and below plugins where the pattern holds there too."""
    files = []
    for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split():
        name = line.strip("/").replace("*", "left") + ("/left" if line.endswith("/") else "")
        files += [name] if "/" in line.rstrip("/") else [name, f"plugins/{name}"]
    return files


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, built in a dirty copy of the tree and installed into an empty directory."""
    work = tmp_path_factory.mktemp("tree")
    for name in tree():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, work / name)
    for name in [*LITTER, *ignored()]:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("left", encoding="utf-8")
    built = tmp_path_factory.mktemp("built")
    galaxy("build", str(work), "--output-path", str(built))
    target = tmp_path_factory.mktemp("collections")
    (tarball,) = built.iterdir()
    # Forced, since .venv finds the work tree as this collection already.
    galaxy("install", str(tarball), "--no-deps", "--offline", "--force", "-p", str(target))
    return target / "ansible_collections/gantry/odoo"


def test_the_tarball_holds_what_a_user_needs(installed: Path) -> None:
    assert {path.name for path in installed.iterdir()} - {"extensions"} == WANTED - {"extensions"}
    files = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert {f"plugins/modules/{name}.py" for name in MODULES} <= files
    assert {f"playbooks/{name}.yml" for name in PLAYBOOKS} <= files
    assert {f"roles/{name}/tasks/main.yml" for name in ROLES} <= files
    assert {"changelogs/changelog.yaml", "docs/docsite/links.yml", "inventories/example/hosts.yml"} <= files


def test_the_tarball_holds_nothing_else(installed: Path) -> None:
    known = {*tree(), "FILES.json", "MANIFEST.json"}
    files = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    strangers = {name for name in files if name not in known or name.split("/")[-1].startswith(".")}
    strangers |= {name for name in files if name.startswith(("tests/", "extensions/molecule/", "inventories/lab/"))}
    assert not strangers


def test_the_steps_of_the_readme_work_in_their_order(installed: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    collection = text.index("ansible-galaxy collection install gantry.odoo")
    libraries = re.search(r"pip install -r (\S+)", text)
    assert libraries, "the README no longer says how to install the libraries"
    assert collection < libraries.start(), "the file is there only once the collection is"
    path = Path(libraries[1].replace("~/.ansible/collections", str(installed.parents[2])))
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    assert {Requirement(line).name for line in lines if line} >= {"boto3", "psycopg2-binary", "redis"}


def test_an_execution_environment_finds_its_lists(installed: Path) -> None:
    declared = yaml.safe_load((installed / "meta/execution-environment.yml").read_text(encoding="utf-8"))
    for name in declared["dependencies"].values():
        assert (installed / name).is_file(), f"meta/execution-environment.yml names {name}"


def test_every_library_says_what_it_is_for() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if not re.search(r"# (\d+\.\d+\.\d+|reserved): \S", line) and line[0] != "#"]
    assert not bare, f"without a use and since when: {bare}"


def test_system_packages_have_the_form_of_bindep() -> None:
    for line in (ROOT / "bindep.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[a-z0-9][a-z0-9+.-]+ \[platform:(dpkg|rpm)\]", line), line
