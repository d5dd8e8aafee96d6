# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: hosts come up, are repaired, are reached as VMs are, and only what is the lab's goes away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.errors import LabError
from tests.lab.hosts import COMPILED, Lab
from tests.lab.state import ROOT


def test_a_host_is_reached_over_ssh_with_its_host_key_checked(lab: Lab, ansible_module: Callable[..., Any]) -> None:
    host = lab.host("cache1")

    seen = ansible_module(host, "ansible.builtin.command", {"argv": ["hostname"]})

    assert seen["stdout"] == "cache1"
    assert host.address in lab.state.known_hosts.read_text(encoding="utf-8")


def test_a_failing_module_is_told_apart_from_a_succeeding_one(lab: Lab, ansible_module: Callable[..., Any]) -> None:
    host = lab.host("cache1")

    seen = ansible_module(host, "ansible.builtin.fail", {"msg": "as asked"}, fails=True)

    assert seen["msg"] == "as asked"


def test_a_stopped_host_keeps_its_files_and_is_started(lab: Lab) -> None:
    # a host that no other area installs services on, which may be down after a kill
    host = lab.host("own1", image="vm")
    host.write("/root/mark", "kept")
    host.container.kill()

    again = lab.host("own1", image="vm")

    assert again.read("/root/mark") == b"kept"
    assert again.run(["systemctl", "is-system-running"]).strip() == "running"


def test_a_host_that_was_never_started_is_made_again(lab: Lab) -> None:
    first = lab.host("cache2")
    first.container.remove(force=True)
    lab.client.api.create_container(
        first.container.image.id, name=first.container.name, labels=dict(first.container.labels)
    )

    again = lab.host("cache2")

    assert again.run(["hostname"]).strip() == "cache2"


def test_a_lab_of_another_checkout_is_left_alone(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    container = lab.host("cache1").container.id
    other = Lab(lab.name, lab.subnet, tmp_path)

    for touch in (lambda: other.up(["cache1"]), lambda: other.down(force=True)):
        with pytest.raises(LabError, match=f"lab {lab.name} is in use by a run of {ROOT}; wait for its end, or set"):
            touch()
    monkeypatch.setattr("tests.lab.hosts.is_held", lambda _lab: False)
    for touch in (lambda: other.up(["cache1"]), other.down):
        with pytest.raises(LabError, match=f"lab {lab.name} belongs to {ROOT}; remove it by .* there, or with --force"):
            touch()

    assert lab.host("cache1").container.id == container


def test_hosts_trust_the_labs_authority_and_know_each_other_by_name(lab: Lab) -> None:
    lab.up(["acme", "cache1"])

    said = lab.host("cache1").run(
        ["python3", "-c", "import urllib.request as u; print(u.urlopen('https://acme:14000/dir').status)"]
    )

    assert said.strip() == "200"


def test_what_is_compiled_of_a_module_is_kept_by_its_source(lab: Lab, ansible_module: Callable[..., Any]) -> None:
    host = lab.host("cache1")

    def kept() -> dict[str, str]:
        listed = host.run(["find", COMPILED, "-type", "f", "-printf", "%f %C@\n"])
        return dict(line.split() for line in listed.splitlines())

    ansible_module(host, "ansible.builtin.stat", {"path": "/etc/hosts"})
    once = kept()
    ansible_module(host, "ansible.builtin.stat", {"path": "/etc/hosts"})

    assert once
    assert kept() == once
    assert host.run(["stat", "--format", "%U %a", COMPILED]).split() == ["root", "755"]
