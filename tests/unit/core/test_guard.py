# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that finishes what another one began: after an error, a kill and a hang, and only then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.guard import guarded

_CHILD = """
import os, signal, sys, time
from pathlib import Path
from ansible_collections.gantry.odoo.plugins.module_utils._core.guard import guarded
with guarded(lambda: Path(sys.argv[1]).write_text("recovered"), float(sys.argv[3])) as alive:
    alive()
    print("begun", flush=True)
    {"kill": lambda: os.kill(os.getpid(), signal.SIGKILL), "hang": lambda: time.sleep(60)}[sys.argv[2]]()
"""


def appears(path: Path) -> bool:
    ends = time.monotonic() + 10
    while not path.exists() and time.monotonic() < ends:
        time.sleep(0.01)
    return path.exists()


def test_a_block_that_ends_well_is_not_recovered(tmp_path: Path) -> None:
    with guarded((tmp_path / "recovered").touch, 10):
        pass
    assert not (tmp_path / "recovered").exists()


def test_a_block_that_says_that_it_lives_may_take_longer(tmp_path: Path) -> None:
    with guarded((tmp_path / "recovered").touch, 0.3) as alive:
        for _beat in range(10):
            time.sleep(0.05)
            alive()
    assert not (tmp_path / "recovered").exists()


def test_after_an_error_the_guard_has_ended_when_the_error_goes_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), guarded((tmp_path / "recovered").touch, 10):
        raise ValueError("broken")
    assert (tmp_path / "recovered").exists()


@pytest.mark.parametrize(("way", "seconds"), [("kill", "60"), ("hang", "0.3")])
def test_a_process_that_is_killed_or_hangs_is_recovered_outside_its_group(
    tmp_path: Path, way: str, seconds: str
) -> None:
    argv = [sys.executable, "-c", _CHILD, str(tmp_path / "recovered"), way, seconds]
    done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=30, check=False)
    # The pipe was read to its end, so the guard holds none of the streams.
    assert (done.stdout, done.returncode) == (b"begun\n", -signal.SIGKILL)
    assert appears(tmp_path / "recovered")


def test_the_end_of_a_whole_process_group_does_not_end_the_guard(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _CHILD, str(tmp_path / "recovered"), "hang", "60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        # setsid is the guard's first act; a kill before it would be one of the module before anything was begun.
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert appears(tmp_path / "recovered")
