# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs odoo_database on a host without a playbook around it, and kills it between two of its steps."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible

from tests.lab.archive import File, pack
from tests.lab.hosts import Host
from tests.lab.state import ROOT

TREE = "/root/direct"
# argv: the number of steps after which the process kills itself, -1 for never. The arguments come from a file.
_RUN = """
import json, os, signal, sys
sys.path.insert(0, sys.argv[1])
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import apply
from ansible_collections.gantry.odoo.plugins.modules import odoo_database

left = int(sys.argv[2])
make = apply._hand

def counted(*given):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return make(*given)

apply._hand = counted
with open(sys.argv[3]) as stream:
    arguments = json.load(stream)
with patch_module_args(arguments):
    odoo_database.main()
"""


@dataclass(frozen=True)
class Direct:
    """The module's code on one host."""

    host: Host

    @classmethod
    def on(cls, host: Host) -> Direct:
        """Bring the code of this collection, and what of ansible-core it imports, to a host."""
        core = Path(ansible.__file__).parent
        files = [path for part in ("module_utils", "_vendor") for path in (core / part).rglob("*.py")]
        files += [core / "__init__.py", core / "release.py"]
        packed = [File(f"{TREE}/ansible/{path.relative_to(core)}", path.read_bytes()) for path in files]
        ours = [*(ROOT / "plugins/module_utils").rglob("*.py"), ROOT / "plugins/modules/odoo_database.py"]
        below = f"{TREE}/ansible_collections/gantry/odoo"
        packed += [File(f"{below}/{path.relative_to(ROOT)}", path.read_bytes()) for path in ours]
        host.container.put_archive("/", pack([*packed, File(f"{TREE}/run.py", _RUN.encode())]))
        return cls(host)

    def call(self, **arguments: Any) -> dict[str, Any]:
        """The module's result."""
        _code, out, err = self._run(-1, arguments)
        assert out.strip(), err
        result: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return result

    def killed_after(self, steps: int, **arguments: Any) -> None:
        """A run that is ended by SIGKILL after so many of its steps."""
        code, out, err = self._run(steps, arguments)
        assert code == 128 + signal.SIGKILL, f"{steps} steps were more than there are: {code} {out} {err}"

    def _run(self, steps: int, arguments: dict[str, Any]) -> tuple[int, str, str]:
        self.host.write(f"{TREE}/arguments.json", json.dumps(arguments), mode=0o600)
        return self.host.attempt(["python3", f"{TREE}/run.py", TREE, str(steps), f"{TREE}/arguments.json"])
