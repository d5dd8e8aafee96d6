# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that starts a container is known, taken apart, and its container ends with the one who started it."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_command import docker_command
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_guarded import WATCH, Guarded, guarded


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("odoo", None),
        ("/usr/bin/env X=docker odoo run", None),
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


def test_a_container_is_given_directories_of_the_host() -> None:
    parts = guarded(["docker", "run", "--rm", "--volume", "/a:/a", "--entrypoint=odoo", "img:1"])
    assert parts is not None
    assert parts.mounting(["/var/lib/s"]).options == ("--rm", "--volume", "/a:/a", "--volume=/var/lib/s:/var/lib/s")
    assert parts.mounting([]) == parts


@pytest.mark.parametrize("command", ["docker run", "docker run img odoo", "docker run --entrypoint x"])
def test_a_container_without_image_or_entry_point_is_refused(command: str) -> None:
    with pytest.raises(InputError, match="--entrypoint"):
        guarded(command.split())


@pytest.mark.parametrize(
    "command",
    [
        "docker exec app odoo",
        "docker -H h compose run app odoo",
        "docker --context run exec app odoo",
        "/usr/bin/podman run --rm --entrypoint odoo img",
        "nerdctl run --rm --entrypoint odoo img",
        "kubectl exec app -- odoo",
        "ssh app odoo",
        "systemd-run --pipe odoo",
        "sudo -u odoo odoo",
        "sudo podman run --entrypoint odoo img",
    ],
)
def test_a_command_that_runs_odoo_where_nothing_ends_it_is_refused(command: str) -> None:
    with pytest.raises(InputError, match=r"would go on without the module .*; give "):
        guarded(command.split())


@pytest.mark.parametrize("options", ["-d", "-itd", "--detach", "--detach=true", "-di -u 7"])
def test_a_container_that_nobody_waits_for_is_refused(options: str) -> None:
    with pytest.raises(InputError, match="leave --detach out"):
        guarded(f"docker run {options} --entrypoint odoo img".split())


@pytest.mark.parametrize("options", ["--detach=false", "-itu 7", "-u d", "-hd"])
def test_values_are_told_from_flags(options: str) -> None:
    parts = guarded(f"docker run {options} --entrypoint odoo img".split())
    assert parts is not None
    assert (parts.options, parts.image) == (tuple(options.split()), "img")


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


# leaves its group, its session and its parent, and says who it is
DETACHED = "setsid sh -c 'sleep 300 & echo $!' & wait"


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_what_the_program_leaves_behind_ends_with_it() -> None:
    with watched("sh", "-c", f"{DETACHED}; exit 4") as process:
        out = first_line(process)
        assert process.wait(20) == 4
    assert gone(int(out))


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line of a program that is given no input and not let go."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("0\n")
    process.stdin.flush()
    return process.stdout.readline()


def test_a_deadline_ends_a_wrapper_with_all_below_it(tmp_path: Path) -> None:
    wrapper = tmp_path / "odoo"
    wrapper.write_text(f"#!/bin/sh\n( {DETACHED} ) > {tmp_path}/pid\nsleep 300\nexit 0\n")
    wrapper.chmod(0o755)
    odoo = Odoo((str(wrapper),), pwd.getpwuid(os.geteuid()).pw_name, "/dev/null")
    with pytest.raises(DeadlineError, match="stopped after 3 s"):
        odoo.load("a", ["base"], Deadline(3))
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_wrapper_gives_its_output_and_its_exit_code(tmp_path: Path) -> None:
    wrapper = tmp_path / "odoo"
    wrapper.write_text('#!/bin/sh\ncat\ntest "$1" = shell || { echo no >&2; exit 3; }\n')
    wrapper.chmod(0o755)
    odoo = Odoo((str(wrapper),), pwd.getpwuid(os.geteuid()).pw_name, "/dev/null")
    assert odoo.shell("a", "print(1)\n" * 100000, Deadline(20), "asking Odoo") == "print(1)\n" * 100000
    with pytest.raises(StateError, match="exit code 3, no"):
        odoo.load("a", ["base"], Deadline(20))
