# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity on a copy of the work tree that holds what Git knows, or would add, and nothing else.

ansible-test wants the collection below ansible_collections/<namespace>/<name> and looks at every file there, so the
copy keeps out virtual environments and caches. It is brought up to date in place: ansible-test's own environments,
which take minutes to build, lie inside it and stay.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.quality.tree import listed

BUILD = Path(".build/sanity")
COPY = BUILD / "ansible_collections/gantry/odoo"
HOME = BUILD / "home"
_KEPT = (".git/", "tests/output/")  # the copy's own repository, and where ansible-test writes
_NAME = r"""["']([\w-]+)["']"""
_RAN = re.compile(rf"^Running sanity test {_NAME}")
_SKIPPED = re.compile(rf"Skipping sanity test {_NAME}")
_FAILED = re.compile(r"^ERROR: Found \d+ ([\w-]+) issue")
_LISTED = re.compile(r"^[a-z][a-z0-9-]+$", re.MULTILINE)
# What ansible-test says, when asked to be talkative, after a test that it began and that had nothing to look at.
_CHATTER = ("Run command", "Checking ")
_IDLE = "No tests applicable."
# Their files are not in this collection: PowerShell, and *.sh.
NOTHING_TO_CHECK = {"pslint", "shellcheck"}


def tree() -> list[str]:
    """The files of the work tree that Git tracks or would add."""
    return [name for name in listed(Path()) if Path(name).exists()]


def copy(names: list[str], target: Path) -> None:
    """Make `target` hold exactly `names` of the work tree, touching only the files that differ."""
    for name in names:
        source, copied = Path(name), target / name
        if not (copied.exists() and filecmp.cmp(source, copied, shallow=False)):
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copied)
    if not (target / ".git").exists():
        # Without a repository of its own ansible-test asks the one around it, which ignores .build.
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(target)], check=True)
    wanted = set(names)
    for path in target.rglob("*"):
        name = path.relative_to(target).as_posix()
        if path.is_file() and name not in wanted and not name.startswith(_KEPT):
            path.unlink()


def provide_pip(home: Path, ansible_test: Path) -> None:
    """Put the stand-in for the pip script where the package at `ansible_test` looks for it below `home`."""
    text = (ansible_test / "_internal/python_requirements.py").read_text(encoding="utf-8")
    found = re.search(r"pip='([\d.]+)'", text)
    if found is None:
        sys.exit("sanity: this ansible-test no longer says which pip it wants; see tests/quality/sanity.py")
    cache = home / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("get_pip.py"), cache / f"get_pip_{found[1].replace('.', '_')}.py")


def verdict(lines: Iterable[str], exit_code: int, wanted: Iterable[str]) -> tuple[set[str], set[str]]:
    """The sanity tests that passed and those that failed, from what ansible-test prints with -v.

    wanted: the tests that are to run; one that was left out, or that looked at nothing, counts as failed.
    """
    ran: set[str] = set()
    failed: set[str] = set()
    last = ""
    for line in lines:
        begun = _RAN.findall(line)
        last = begun[0] if begun else last
        ran.update(begun)
        failed.update(_FAILED.findall(line))
        failed.update(_SKIPPED.findall(line))
        if line.strip() == _IDLE and last not in NOTHING_TO_CHECK:
            failed.add(last or "ansible-test")
    failed.update(set(wanted) - ran)
    if (exit_code and not failed) or not ran:
        failed.add("ansible-test")
    return ran - failed, failed


def named(printed: str) -> list[str]:
    """The tests that `ansible-test sanity --list-tests` names."""
    return _LISTED.findall(printed)


def _home() -> Path:
    """A home directory for ansible-test that holds the stand-in for its pip script and the user's settings for pip."""
    import ansible_test

    provide_pip(HOME, Path(ansible_test.__file__).parent)
    for name in (".config", ".pip", ".cache"):
        own, link = Path.home() / name, HOME / name
        if own.exists() and not link.is_symlink():
            link.symlink_to(own)
    return HOME.resolve()


def _sanity(arguments: list[str]) -> int:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    env = {**os.environ, "HOME": str(_home())}
    asked = ["ansible-test", "sanity", "--color", "no", "--list-tests", *arguments]
    wanted = named(subprocess.run(asked, cwd=COPY, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout)
    lines = []
    with subprocess.Popen(
        ["ansible-test", "sanity", "-v", "--color", "no", "--venv", "--python", version, *arguments],
        cwd=COPY,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith(_CHATTER):
                sys.stdout.write(line)
                sys.stdout.flush()
            lines.append(line)
    passed, failed = verdict(lines, process.returncode, wanted)
    for name in sorted(failed):
        print(f"FAILED sanity test {name}")
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    copy(tree(), COPY)
    sys.exit(_sanity(sys.argv[1:]))
