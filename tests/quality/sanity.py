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
from pathlib import Path

BUILD = Path(".build/sanity")
COPY = BUILD / "ansible_collections/gantry/odoo"
HOME = BUILD / "home"
_KEPT = (".git/", "tests/output/")  # the copy's own repository, and where ansible-test writes
_RAN = re.compile(r'^Running sanity test "([^"]+)"')
_SKIPPED = re.compile(r'Skipping sanity test "([^"]+)"')
_FAILED = re.compile(r"^ERROR: Found \d+ ([\w-]+) issue")


def tree() -> list[str]:
    """The files of the work tree that Git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return sorted(name for name in set(listed.split("\0")) if name and Path(name).exists())


def copy(names: list[str]) -> None:
    """Make the copy hold exactly `names`, touching only the files that differ."""
    for name in names:
        source, target = Path(name), COPY / name
        if not (target.exists() and filecmp.cmp(source, target, shallow=False)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    if not (COPY / ".git").exists():
        # Without a repository of its own ansible-test asks the one around it, which ignores .build.
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(COPY)], check=True)
    wanted = set(names)
    for path in COPY.rglob("*"):
        name = path.relative_to(COPY).as_posix()
        if path.is_file() and name not in wanted and not name.startswith(_KEPT):
            path.unlink()


def home() -> Path:
    """A home directory for ansible-test that holds the stand-in for its pip script and the user's settings for pip."""
    cache = HOME / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("get_pip.py"), cache / f"get_pip_{_pip_version().replace('.', '_')}.py")
    for name in (".config", ".pip", ".cache"):
        own, link = Path.home() / name, HOME / name
        if own.exists() and not link.is_symlink():
            link.symlink_to(own)
    return HOME.resolve()


def _pip_version() -> str:
    import ansible_test._internal as ansible_test

    text = (Path(ansible_test.__file__).parent / "python_requirements.py").read_text(encoding="utf-8")
    found = re.search(r"pip='([\d.]+)'", text)
    if found is None:
        sys.exit("sanity: this ansible-test no longer says which pip it wants; see tests/quality/sanity.py")
    return found[1]


def sanity(arguments: list[str]) -> int:
    """Run every sanity test; one that ansible-test leaves out counts as failed."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    ran: set[str] = set()
    failed: set[str] = set()
    with subprocess.Popen(
        ["ansible-test", "sanity", "--color", "no", "--venv", "--python", version, *arguments],
        cwd=COPY,
        env={**os.environ, "HOME": str(home())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            ran.update(_RAN.findall(line))
            failed.update(_FAILED.findall(line))
            failed.update(_SKIPPED.findall(line))
    if process.returncode and not failed:
        failed.add("ansible-test")
    for name in sorted(failed):
        print(f"FAILED sanity test {name}")
    print(f"{len(ran - failed)} passed, {len(failed)} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    copy(tree())
    sys.exit(sanity(sys.argv[1:]))
