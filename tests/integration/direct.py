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
from tests.lab.wait import until

TREE = "/root/direct"
# A process on the host that has imported the module and forks for each call, as imports take longer than most calls.
# argv: this tree, the module. A request: the functions through which the module's steps go (with commas between them),
# the number of steps after which it kills itself, -1 for never, whom it kills before, and the module's arguments.
_SERVE = """
import importlib, json, os, signal, socket, subprocess, sys, tempfile
tree, module = sys.argv[1:]
sys.path.insert(0, tree)
from ansible.module_utils.testing import patch_module_args

below = "ansible_collections.gantry.odoo.plugins."
importlib.import_module(below + "modules." + module)

def work(hook, left, before, arguments):
    first = os.getpid()

    def counted(step):
        def call(*given):
            nonlocal left
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
    with patch_module_args(arguments):
        importlib.import_module(below + "modules." + module).main()

def answer(request):
    # files and not pipes: a guard that outlives the module would keep a pipe open
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            for number, stream in ((0, open(os.devnull)), (1, out), (2, err)):
                os.dup2(stream.fileno(), number)
            code = 1
            try:
                work(**request)
                code = 0
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _pid, status = os.waitpid(child, 0)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
        return [128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), *texts]

listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{tree}/{module}.new")
listener.listen()
os.rename(f"{tree}/{module}.new", f"{tree}/{module}.sock")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    link, _address = listener.accept()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        listener.close()
        with link, link.makefile("rw") as stream:
            stream.write(json.dumps(answer(json.loads(stream.readline()))))
        os._exit(0)
    link.close()
"""
_ASK = """
import socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
with open(sys.argv[2], "rb") as stream:
    link.sendall(stream.read())
while True:
    part = link.recv(65536)
    if not part:
        break
    sys.stdout.buffer.write(part)
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
        packed += [File(f"{TREE}/serve.py", _SERVE.encode()), File(f"{TREE}/ask.py", _ASK.encode())]
        host.container.put_archive("/", pack(packed))
        socket = f"{TREE}/{module}.sock"
        # one that an earlier session left has that session's code
        host.attempt(["pkill", "-f", f"{TREE}/serve.py {TREE} {module}$"])
        host.run(["rm", "-f", socket, f"{TREE}/{module}.new"])
        host.container.exec_run(["python3", f"{TREE}/serve.py", TREE, module], detach=True)
        until(
            lambda: None if host.attempt(["test", "-S", socket])[0] == 0 else "no socket", f"{module} on the host", 30
        )
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
        request = {"hook": self.hook, "left": steps, "before": before, "arguments": arguments}
        self.host.write(f"{TREE}/request.json", json.dumps(request) + "\n", mode=0o600)
        told = self.host.run(["python3", "-SE", f"{TREE}/ask.py", f"{TREE}/{self.module}.sock", f"{TREE}/request.json"])
        code, out, err = json.loads(told)
        return code, out, err
