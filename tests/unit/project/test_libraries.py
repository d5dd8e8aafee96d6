# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host without a Python library gets one sentence about it, which only a module that could be imported can say."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.unit.project.tree import ROOT

_LIBRARIES = "boto3 botocore cryptography dateutil docker icalendar psycopg2 redis requests yaml"
# every file that runs on a managed host, where nothing but Python and Ansible's own part is installed
_IMPORTS = """
import importlib, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split():
            raise ImportError(f"no library {name}")
sys.meta_path.insert(0, Missing())
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{name}: {error}")
"""


def test_every_module_can_be_imported_without_the_libraries_that_it_asks_for() -> None:
    files = [*(ROOT / "plugins/modules").glob("*.py"), *(ROOT / "plugins/module_utils").rglob("*.py")]
    names = sorted(
        "ansible_collections.gantry.odoo." + ".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files
    )
    assert len(names) > 100
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS, _LIBRARIES, *names], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout == ""
