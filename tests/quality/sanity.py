# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity on a copy of the work tree that holds what Git knows, or would add, and nothing else.

ansible-test wants the collection below ansible_collections/<namespace>/<name> and looks at every file there, so the
copy keeps out virtual environments and caches. It is brought up to date in place: ansible-test's own environments,
which cost minutes to build, lie beside it and stay.
"""

from __future__ import annotations

import filecmp
import re
import shutil
import subprocess
import sys
from pathlib import Path

COPY = Path(".build/sanity/ansible_collections/gantry/odoo")
_RAN = re.compile(r'^Running sanity test "([^"]+)"')
_SKIPPED = re.compile(r'Skipping sanity test "([^"]+)"')
_FAILED = re.compile(r'The test "?ansible-test sanity --test ([\w-]+)')
_OWN_OUTPUT = "tests/output/"  # ansible-test writes here, below the collection


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
    wanted = set(names)
    for path in COPY.rglob("*"):
        name = path.relative_to(COPY).as_posix()
        if (path.is_file() or path.is_symlink()) and name not in wanted and not name.startswith(_OWN_OUTPUT):
            path.unlink()


def sanity(arguments: list[str]) -> int:
    """Run every sanity test; one that ansible-test leaves out counts as failed."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    ran, failed = set(), set()
    command = ["ansible-test", "sanity", "--color", "no", "--venv", "--python", version, *arguments]
    with subprocess.Popen(
        command, cwd=COPY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
