# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that keeps Ansible imported and runs each ansible-playbook in a fork of itself.

The fork does what the command does from its first line on; only what it imports, and the options that the plugins of
ansible-core document, are read once for all. `python -m
tests.integration.ansible_server SOCKET` serves until its standard input is closed, so that it ends with its parent.
A request is one line of JSON: argv, and the files that take standard output and standard error. The answers are two
lines: the process id, and the exit code.
"""

from __future__ import annotations

import importlib
import importlib.resources
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from typing import Any

# What a run imports by its plugin loader and would otherwise import again each time.
_PLUGINS = (
    "ansible.cli.playbook",
    "ansible.executor.module_common",
    "ansible.executor.playbook_executor",
    "ansible.executor.process.worker",
    "ansible.executor.task_queue_manager",
    "ansible.inventory.manager",
    "ansible.plugins.action.normal",
    "ansible.plugins.become.sudo",
    "ansible.plugins.cache.memory",
    "ansible.plugins.connection.ssh",
    "ansible.plugins.filter.core",
    "ansible.plugins.filter.encryption",
    "ansible.plugins.filter.mathstuff",
    "ansible.plugins.filter.urls",
    "ansible.plugins.filter.urlsplit",
    "ansible.plugins.inventory.yaml",
    "ansible.plugins.shell.sh",
    "ansible.plugins.strategy.linear",
    "ansible.plugins.test.core",
    "ansible.plugins.test.files",
    "ansible.plugins.test.mathstuff",
    "ansible.plugins.test.uri",
)
# The kinds of plugins that every run loads all of, for the options that they document, before it looks at its playbook.
_KINDS = ("become", "callback", "connection", "inventory", "shell", "vars")
# What every process of a run would load again at its first filter or test: a seventh of the work of a playbook.
_JINJA = ("filter", "test")


def serve(path: str) -> None:
    """Answer requests on the socket at `path` until standard input ends; its directory goes too."""
    for name in _PLUGINS:
        importlib.import_module(name)
    loaders = importlib.import_module("ansible.plugins.loader")
    for kind in _KINDS:
        list(getattr(loaders, f"{kind}_loader").all(class_only=True))
    for kind in _JINJA:
        list(getattr(loaders, f"{kind}_loader").all())
    _forget_collections()
    _keep_routing()
    # Nobody waits for the forks: each tells its exit code itself.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            readable, _writable, _broken = select.select([listener, sys.stdin], [], [])
            if sys.stdin in readable:
                shutil.rmtree(os.path.dirname(path))
                return
            connection, _address = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _answer(connection)


def _forget_collections() -> None:
    """Let each run import the package by its own path: ansible-core 2.21 has made one by Python's path."""
    for name in [one for one in sys.modules if one.partition(".")[0] == "ansible_collections"]:
        del sys.modules[name]


def _keep_routing() -> None:
    """Parse the routing of ansible.builtin once: 370 KB of YAML, for which ansible-core lets others keep the result."""
    finder: Any = importlib.import_module("ansible.utils.collection_loader._collection_finder")
    parse = finder._meta_yml_to_dict
    text = importlib.resources.files("ansible").joinpath("config/ansible_builtin_runtime.yml").read_bytes()
    kept = parse(text, "ansible.builtin")
    finder._meta_yml_to_dict = lambda given, content: kept if given == text else parse(given, content)


def _answer(connection: socket.socket) -> None:
    """Run one playbook and leave; the tidying up at exit is the server's, whose directories the forks share."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    code = 250
    try:
        with connection.makefile("r") as stream:
            request = json.loads(stream.readline())
        connection.sendall(b"%d\n" % os.getpid())
        _redirect(request)
        code = _run(request["argv"])
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(b"%d\n" % code)
        os._exit(code)


def _redirect(request: dict[str, str]) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)


def _run(argv: list[str]) -> int:
    from ansible.cli.playbook import PlaybookCLI

    sys.argv = argv
    try:
        PlaybookCLI.cli_executor(argv)
    except SystemExit as ended:
        return int(ended.code or 0)
    raise AssertionError("ansible-playbook did not end with an exit code")


if __name__ == "__main__":
    serve(sys.argv[1])
