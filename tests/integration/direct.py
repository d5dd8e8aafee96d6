# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module on a host without a playbook around it, and kills it between two of its steps."""

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
# argv: this tree, the module, the functions through which its steps go (with commas between them), the number of steps
# after which the process kills itself, -1 for never, whom it kills before, and the file with the arguments.
_RUN = """
import importlib, json, os, signal, subprocess, sys
tree, module, hook, left, before, arguments = sys.argv[1:]
sys.path.insert(0, tree)
from ansible.module_utils.testing import patch_module_args

below = "ansible_collections.gantry.odoo.plugins."
left, first = int(left), os.getpid()

def counted(step):
    def call(*given):
        global left
        if left == 0 and os.getpid() == first:
            if before == "children":
                subprocess.run(["pkill", "-KILL", "-P", str(first)], check=True)
            os.kill(first, signal.SIGKILL)
        left -= 1
        return step(*given)
    return call

for one in hook.split(","):
    holder, _dot, name = (below + "module_utils." + one).rpartition(".")
    holder = importlib.import_module(holder)
    setattr(holder, name, counted(getattr(holder, name)))
with open(arguments) as stream:
    found = json.load(stream)
with patch_module_args(found):
    importlib.import_module(below + "modules." + module).main()
"""


@dataclass(frozen=True)
class Direct:
    """A module's code on one host. hook: the functions of module_utils through which its steps go."""

    host: Host
    module: str
    hook: str

    @classmethod
    def on(cls, host: Host, module: str, hook: str) -> Direct:
        """Bring the code of this collection, and what of ansible-core it imports, to a host."""
        core = Path(ansible.__file__).parent
        files = [path for part in ("module_utils", "_vendor") for path in (core / part).rglob("*.py")]
        files += [core / "__init__.py", core / "release.py"]
        packed = [File(f"{TREE}/ansible/{path.relative_to(core)}", path.read_bytes()) for path in files]
        ours = [*(ROOT / "plugins/module_utils").rglob("*.py"), ROOT / f"plugins/modules/{module}.py"]
        below = f"{TREE}/ansible_collections/gantry/odoo"
        packed += [File(f"{below}/{path.relative_to(ROOT)}", path.read_bytes()) for path in ours]
        host.container.put_archive("/", pack([*packed, File(f"{TREE}/run.py", _RUN.encode())]))
        return cls(host, module, hook)

    def call(self, **arguments: Any) -> dict[str, Any]:
        """The module's result."""
        _code, out, err = self._run(-1, arguments)
        assert out.strip(), err
        result: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return result

    def killed_after(self, steps: int, *, before: str = "nobody", **arguments: Any) -> None:
        """A run that is ended by SIGKILL after so many of its steps. before: `children`, when they are killed first."""
        code, out, err = self._run(steps, arguments, before)
        assert code == 128 + signal.SIGKILL, f"{steps} steps were more than there are: {code} {out} {err}"

    def _run(self, steps: int, arguments: dict[str, Any], before: str = "nobody") -> tuple[int, str, str]:
        self.host.write(f"{TREE}/arguments.json", json.dumps(arguments), mode=0o600)
        what = [TREE, self.module, self.hook, str(steps), before, f"{TREE}/arguments.json"]
        # over SSH, only a shell tells by which signal a process ended
        return self.host.attempt(["sh", "-c", 'python3 "$@"; exit $?', "sh", f"{TREE}/run.py", *what])
