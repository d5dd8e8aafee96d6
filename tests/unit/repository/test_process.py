# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A holder counts as gone only where its process can be looked for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository import read_process
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import make_repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey


def gone_process() -> Holder:
    """A process of this namespace that has ended."""
    code = (
        "from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_process import this_process\n"
        "print(this_process('backup').who)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Holder("backup", done.stdout.strip(), "app1")


def test_a_process_is_gone_when_it_ended_and_not_before() -> None:
    assert not read_process.is_gone(read_process.this_process("backup"))
    gone = gone_process()
    assert read_process.is_gone(gone)
    pid = gone.who.split()[1]
    reused = read_process.this_process("backup").who.split()[1]
    assert read_process.is_gone(replace(gone, who=gone.who.replace(pid, reused, 1)))


def test_a_process_of_another_namespace_or_boot_cannot_be_looked_for() -> None:
    gone = gone_process()
    assert not read_process.is_gone(replace(gone, who=gone.who.replace("pid:[", "pid:[9")))
    assert not read_process.is_gone(replace(gone, who=gone.who.replace("boot ", "boot 0")))
    assert not read_process.is_gone(replace(gone, who="mara"))


def test_the_lease_of_a_process_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    store = Directory(str(tmp_path))
    repository = make_repository(Stores(store, store), "harbour", [MasterKey("estate", b"k" * 32)])
    left = repository.leases.take(["write"], gone_process(), Deadline(5))
    with writing(repository, "backup", 5) as turn:
        assert turn.number > left.fencing_number
