# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the collection on newer versions of ansible-core, each in a container of its own, side by side.

    python -m tests.quality.cores validate-modules    one test of ansible-test sanity
    python -m tests.quality.cores                     all of them, the unit tests, and the playbooks on a world of files

These versions need a newer Python than this machine may have; the lab's image `sanity` has the one of Debian stable.
Environments are kept in .build/cores/<version>, so only the first run installs something.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import ansible_collections
import docker

from tests.lab import images
from tests.quality.sanity import copy, named, provide_pip, tree, verdict

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("2.20", "2.21")
PYTHON = "3.13"
DEADLINE_S = 1800
# The tests of the rig itself need the lab's libraries and the pinned ansible-core.
NOT_UNITS = ("_", "bench", "lab", "project", "quality")
UNIT_TOOLS = ("hypothesis", "pytest", "pytest-timeout", "pytest-xdist", "PyYAML")
_COUNT = re.compile(r"(\d+) (passed|failed|error)")


@dataclass(frozen=True)
class Core:
    """One version of ansible-core with its place on disk, the same inside the container and outside."""

    version: str
    image: str
    place: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", ROOT / ".build/cores" / self.version)

    @property
    def collection(self) -> Path:
        """The copy of the work tree that ansible-test looks at."""
        return self.place / "ansible_collections/gantry/odoo"

    @property
    def home(self) -> Path:
        """The home directory of the container's user."""
        return self.place / "home"

    @property
    def site(self) -> Path:
        """Where the Python packages of its environment are."""
        return self.place / f"venv/lib/python{PYTHON}/site-packages"

    def run(self, directory: Path, command: Sequence[str]) -> tuple[int, str]:
        """Run `command` in a container; return its exit code and what it printed."""
        log = self.place / "log"
        settings = [name for name in os.environ if name.startswith("PIP_")]
        full = [
            "docker",
            "run",
            "--rm",
            "--init",
            "--user",
            f"{os.getuid()}:{os.getgid()}",
            "--workdir",
            str(directory),
        ]
        full += [f"--volume={ROOT}:{ROOT}:ro", f"--volume={self.place}:{self.place}"]
        full += [f"--volume={path}:{path}:ro" for path in (Path("/etc/pip.conf"),) if path.is_file()]
        full += [f"--env={name}" for name in settings]
        full += [f"--env=HOME={self.home}", f"--env=PATH={self.place}/venv/bin:/usr/bin:/bin"]
        full += ["--env=PYTHONDONTWRITEBYTECODE=1", self.image]
        # By way of a file: an attached client may lose the end of what is printed.
        full += ["sh", "-c", f'exec >"{log}" 2>&1; exec "$@"', "sh", *command]
        done = subprocess.run(full, stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False)
        return done.returncode, log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def prepare(core: Core) -> None:
    """Make the environment of `core`, unless the one that is there was made from the same versions."""
    constraints = "".join(
        line
        for line in (ROOT / "tests/constraints.txt").read_text(encoding="utf-8").splitlines(keepends=True)
        if not line.startswith("ansible")
    )
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    key = hashlib.sha256("\0".join([core.image, constraints, requirements, *UNIT_TOOLS]).encode()).hexdigest()[:16]
    stamp = core.place / f"complete-{key}"
    if not stamp.exists():
        build(core, constraints)
        stamp.touch()
    (core.site / "gantry-odoo.pth").write_text(
        f"{ROOT}/.build/collections\n{core.place}/collections\n", encoding="utf-8"
    )


def build(core: Core, constraints: str) -> None:
    """Make the environment of `core` anew. constraints: as pip takes them."""
    shutil.rmtree(core.place, ignore_errors=True)
    core.home.mkdir(parents=True)
    for name in (".config/pip", ".pip"):
        if (Path.home() / name).is_dir():
            shutil.copytree(Path.home() / name, core.home / name)
    pins = core.place / "constraints.txt"
    pins.write_text(constraints, encoding="utf-8")
    venv = core.place / "venv"
    install = [str(venv / "bin/pip"), "install", "--no-compile", "--constraint", str(pins)]
    install += [f"ansible-core=={core.version}.*", "--requirement", str(ROOT / "requirements.txt"), *UNIT_TOOLS]
    for command in (["python3", "-m", "venv", str(venv)], install):
        code, printed = core.run(core.place, command)
        if code:
            raise SystemExit(f"cores: the environment of ansible-core {core.version} failed:\n{printed}")
    provide_pip(core.home, core.site / "ansible_test")


def sanity(core: Core, only: Sequence[str]) -> tuple[int, int, str]:
    """The sanity tests of `core` that passed and failed, and what was printed."""
    copy(tree(), core.collection)
    command = ["ansible-test", "sanity", "--color", "no", *(word for name in only for word in ("--test", name))]
    _code, listed = core.run(core.collection, [*command, "--list-tests"])
    code, printed = core.run(core.collection, [*command, "-v", "--venv", "--python", PYTHON])
    passed, failed = verdict(printed.splitlines(), code, named(listed))
    findings = "".join(f"FAILED sanity test {name} of ansible-core {core.version}\n" for name in sorted(failed))
    return len(passed), len(failed), printed + findings


def units(core: Core) -> tuple[int, int, str]:
    """The unit tests that passed and failed on `core`, and what was printed."""
    areas = sorted(
        path for path in (ROOT / "tests/unit").iterdir() if path.is_dir() and not path.name.startswith(NOT_UNITS)
    )
    return tested(core, [str(area) for area in areas])


def playbooks(core: Core) -> tuple[int, int, str]:
    """The tests of the playbooks, on a world of files, that passed and failed on `core`, and what was printed.

    What a lost host and a failed one do to a play is ansible-core's, so that each version has to show it.
    """
    # the callback that the tests read
    posix = Path(ansible_collections.__path__[0]) / "ansible/posix"
    copied = core.place / "collections/ansible_collections/ansible/posix"
    if not copied.exists():
        shutil.copytree(posix, copied)
    return tested(core, ["tests/integration/orchestration", "-m", "not deep"])


def tested(core: Core, words: Sequence[str]) -> tuple[int, int, str]:
    """The tests that passed and failed in a run of pytest on `core`, and what was printed."""
    code, printed = core.run(ROOT, ["python", "-m", "pytest", "-q", "-o", "cache_dir=/tmp/pytest", *words])
    counts = {"passed": 0, "failed": 0, "error": 0}
    for number, word in _COUNT.findall(printed[-300:]):
        counts[word] += int(number)
    failed = counts["failed"] + counts["error"]
    return counts["passed"], max(failed, 1) if code else failed, printed


def check(core: Core, only: Sequence[str]) -> tuple[int, int]:
    """Check `core`, print what was seen in one piece, and return the counts."""
    began = time.monotonic()
    prepare(core)
    results = [sanity(core, only)] + ([] if only else [units(core), playbooks(core)])
    passed, failed = sum(result[0] for result in results), sum(result[1] for result in results)
    took = time.monotonic() - began
    print("".join(result[2] for result in results), end="")
    print(f"ansible-core {core.version}: {passed} checks good, {failed} bad, in {took:.0f} s", flush=True)
    return passed, failed


def main(only: Sequence[str]) -> int:
    """Check all versions."""
    image = images.ensure(docker.from_env(), ["sanity"])["sanity"]
    cores = [Core(version, image) for version in VERSIONS]
    with ThreadPoolExecutor(len(cores)) as pool:
        counts = list(pool.map(lambda core: check(core, only), cores))
    passed, failed = sum(count[0] for count in counts), sum(count[1] for count in counts)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
