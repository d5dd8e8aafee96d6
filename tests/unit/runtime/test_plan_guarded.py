# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that starts a container is known, taken apart, and its container ends with the one who started it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_command import docker_command
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_guarded import WATCH, Guarded, guarded


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("odoo", None),
        ("/usr/bin/env X=docker odoo run", None),
        ("docker exec app odoo", None),
        ("docker run --rm --entrypoint=odoo img:1", Guarded(("docker",), ("--rm",), "odoo", "img:1")),
        (
            "sudo docker --host h container run -it -u 7 -v/a:/a --volume /b:/b --init --entrypoint odoo img db",
            Guarded(
                ("sudo", "docker", "--host", "h"),
                ("-it", "-u", "7", "-v/a:/a", "--volume", "/b:/b", "--init"),
                "odoo",
                "img",
                ("db",),
            ),
        ),
    ],
)
def test_a_container_is_known_by_its_command(command: str, expected: Guarded | None) -> None:
    assert guarded(command.split()) == expected


def test_the_command_of_the_role_is_understood() -> None:
    argv, _user = docker_command(Layout(), "odoo:19.0-1", 8069)
    parts = guarded(argv)
    assert parts is not None
    assert (parts.program, parts.image) == ("/usr/bin/odoo", "odoo:19.0-1")
    watched = parts.watched(["--version"])
    assert watched[:3] == ("/usr/bin/docker", "run", "--interactive")
    assert watched[-7:] == ("--entrypoint=python3", "odoo:19.0-1", "-u", "-c", WATCH, "/usr/bin/odoo", "--version")
    assert "--interactive" not in parts.options


@pytest.mark.parametrize("command", ["docker run", "docker run img odoo", "docker run --entrypoint x"])
def test_a_container_without_image_or_entry_point_is_refused(command: str) -> None:
    with pytest.raises(InputError, match="--entrypoint"):
        guarded(command.split())


def watched(*argv: str) -> subprocess.Popen[str]:
    """The watching program as it runs in a container, with this program below it."""
    command = [sys.executable, "-u", "-c", WATCH, *argv]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_program_gets_its_input_and_gives_its_exit_code() -> None:
    with watched("sh", "-c", "cat; exit 3") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("5\nhello")
        process.stdin.flush()
        assert process.stdout.read() == "hello"
        assert process.wait() == 3


@pytest.mark.parametrize("given", ["0\n", "", "9\nhalf"])
def test_the_program_ends_with_the_one_who_started_it(given: str) -> None:
    with watched("sh", "-c", "echo begun; exec sleep 300") as process:
        out, _err = process.communicate(given, timeout=20)
        assert process.returncode == 137
        assert out in ("", "begun\n")
