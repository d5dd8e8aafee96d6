# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter on trial where runs are interrupted, meet or lose what they need. nftables and systemd are fakes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._filter import apply_filter, apply_trial
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Lookup
from ansible_collections.gantry.odoo.plugins.modules import port_filter

# Each is in the directory bin of the host.
HOST = '#!/bin/sh\nhost="${FAKE_HOST:-${0%/bin/*}}"\n'
# Keeps one table. Rules with the word unloadable are none.
NFT = r"""live="$host/live"
case "$*" in
"list tables") [ ! -e "$live" ] || echo "table inet gantry_odoo" ;;
"--stateless list table "*) cat "$live" ;;
"--check --file -") ! grep unloadable >&2 ;;
"--file "*)
    rules=$(cat "$2") || exit
    case "$rules" in *unloadable*) echo "syntax error" >&2; exit 1 ;; esac
    rm -f "$live"
    body=$(echo "$rules" | sed -e '/^#/d' -e '/^table inet gantry_odoo$/d' -e '/^delete /d')
    [ -z "$body" ] || echo "$body" > "$live" ;;
*) exit 9 ;;
esac
"""
PROGRAMS = {
    "nft": NFT,
    "unshare": 'shift\nrm -rf "$host/network"\nmkdir "$host/network"\nFAKE_HOST="$host/network" exec "$@"\n',
    "systemd-run": '[ ! -e "$host/timer" ] || exit 1\nprintf "%s\\n" "$@" > "$host/timer"\n',
    "systemctl": '[ "$1" = stop ] && rm "$host/timer" || exit 5\n',
}
FIRST, WRONG, OTHER = ("192.0.2.1",), ("192.0.2.99",), ("192.0.2.50",)


@dataclass
class Node:
    """A host. warnings: what the module has told the user."""

    directory: Path
    warnings: list[str] = field(default_factory=list)

    def call(self, sources: Iterable[str] = FIRST, *, check: bool = False, **given: Any) -> dict[str, Any]:
        """The return values of the module."""
        usual = {name: option.get("default") for name, option in port_filter.OPTIONS.items()}
        params = {**usual, "name": "odoo", "ports": [8069], "path": str(self.file), "sources": list(sources), **given}
        return port_filter.work(Call(params, check, self.warnings.append, shutil.which)).values()

    def actions(self, *sources: Any, **given: Any) -> list[str]:
        """What the module does, or would do."""
        return [step["action"] for step in self.call(*sources, **given)["steps"]]

    @property
    def file(self) -> Path:
        """The rules that are loaded when the host starts."""
        return self.directory / "etc/port-filter.nft"

    @property
    def timer(self) -> Path:
        """There while systemd has a timer."""
        return self.directory / "timer"

    @property
    def former(self) -> Path:
        """The filter before the one on trial."""
        return self.directory / "gantry-port-filter-odoo-put-back.nft"

    def loaded(self) -> str:
        """The addresses that may connect; empty without a filter."""
        live = self.directory / "live"
        return addresses(live.read_text(encoding="utf-8")) if live.exists() else ""

    def written(self) -> str:
        """The addresses that may connect after the next start of the host."""
        return addresses(self.file.read_text(encoding="utf-8")) if self.file.exists() else ""

    def fire(self) -> None:
        """Let the time of the timer be over."""
        argv = self.timer.read_text(encoding="utf-8").splitlines()
        self.timer.unlink()
        subprocess.run(argv[argv.index("sh") :], check=False)


def addresses(rules: str) -> str:
    (line,) = [line for line in rules.splitlines() if "set sources {" in line]
    return line.partition("elements = { ")[2].partition(" }")[0].replace("/32", "")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A host whose filter lets FIRST in."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(HOST + text, encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(apply_trial, "_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(port_filter, "read_peers", lambda _ports: set())
    host = Node(tmp_path)
    host.call()
    assert (host.loaded(), host.written()) == ("192.0.2.1", "192.0.2.1")
    return host


@pytest.mark.parametrize("timer", [True, False])
def test_the_next_run_begins_at_the_former_filter(node: Node, timer: bool) -> None:
    assert node.call(WRONG, proof="pending")["on_trial"]
    assert node.loaded() == "192.0.2.99"
    if not timer:
        node.timer.unlink()
    assert node.actions(WRONG, proof="failed", check=True) == ["put_back_filter"]
    assert node.actions(WRONG, proof="pending", check=True) == ["put_back_filter", "load_filter"]
    assert node.loaded() == "192.0.2.99"
    assert node.actions(WRONG, proof="failed") == ["put_back_filter"]
    assert (node.loaded(), node.timer.exists(), node.former.exists()) == ("192.0.2.1", False, False)
    assert node.actions(WRONG, proof="failed") == []


def test_a_filter_whose_timer_is_lost_is_not_proven(node: Node) -> None:
    node.call(WRONG, proof="pending")
    node.timer.unlink()
    assert node.actions(WRONG, proof="pending") == ["put_back_filter", "load_filter"]
    assert (node.written(), node.timer.exists()) == ("192.0.2.1", True)
    node.fire()
    assert node.loaded() == "192.0.2.1"
    # the declaration was put right
    node.call(WRONG, proof="pending")
    assert node.actions(FIRST, proof="pending") == ["put_back_filter"]
    assert (node.loaded(), node.timer.exists(), node.former.exists()) == ("192.0.2.1", False, False)


def test_a_former_filter_that_could_not_be_put_back_is_there_for_the_next_run(node: Node) -> None:
    node.call(WRONG, proof="pending")
    right = node.former.read_text(encoding="utf-8")
    node.former.write_text("unloadable", encoding="utf-8")
    node.fire()
    assert node.loaded() == "192.0.2.99"
    node.former.write_text(right, encoding="utf-8")
    assert node.actions(FIRST, proof="pending") == ["put_back_filter"]
    assert node.loaded() == "192.0.2.1"


def test_a_filter_that_cannot_be_put_back_is_not_tried_away(node: Node) -> None:
    (node.directory / "live").write_text("unloadable", encoding="utf-8")
    with pytest.raises(StateError, match="verifying that the filter gantry_odoo that is loaded can be put back"):
        node.call(WRONG, proof="pending")
    assert (node.timer.exists(), node.former.exists()) == (False, False)


def test_what_was_tried_is_written_whatever_names_are_looked_up_as_since(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["192.0.2.2", "192.0.2.3", "192.0.2.3"])
    monkeypatch.setattr(port_filter, "look_up", lambda _name: Lookup((ip_network(next(answers)),)))
    trial = node.call(["lb.example.com"], proof="pending")["trial"]
    assert node.actions(["lb.example.com"], proof="passed", trial=trial) == ["write_file"]
    assert (node.loaded(), node.written(), node.timer.exists()) == ("192.0.2.2", "192.0.2.2", False)
    # the next answer is tried as well
    assert node.call(["lb.example.com"], proof="pending")["on_trial"]


def test_one_that_was_changed_by_hand_is_still_on_trial(node: Node) -> None:
    trial = node.call(WRONG, proof="pending")["trial"]
    live = node.directory / "live"
    live.write_text(live.read_text(encoding="utf-8").replace("192.0.2.99", "192.0.2.98"), encoding="utf-8")
    with pytest.raises(StateError, match="is not loaded any more, as somebody has changed it"):
        node.call(WRONG, proof="passed", trial=trial)
    assert (node.written(), node.timer.exists()) == ("192.0.2.1", True)
    assert node.actions(WRONG, proof="failed", trial=trial) == ["put_back_filter"]
    assert node.loaded() == "192.0.2.1"


def test_the_former_filter_comes_back_where_the_proven_one_cannot_be_written(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    trial = node.call(OTHER, proof="pending")["trial"]
    with monkeypatch.context() as disk:
        disk.setattr(apply_filter, "replace_file", full)
        with pytest.raises(OSError, match="No space"):
            node.call(OTHER, proof="passed", trial=trial)
    assert node.timer.exists()
    assert node.actions(OTHER, proof="failed", trial=trial) == ["put_back_filter"]
    assert (node.loaded(), node.written()) == ("192.0.2.1", "192.0.2.1")


def test_a_run_leaves_the_trial_of_another_one_alone(node: Node) -> None:
    mine = node.call(WRONG, proof="pending")["trial"]
    theirs = node.call(OTHER, proof="pending")["trial"]
    assert mine != theirs
    with pytest.raises(StateError, match=r"has ended: .* or another run has begun since"):
        node.call(WRONG, proof="passed", trial=mine)
    assert node.actions(WRONG, proof="failed", trial=mine) == []
    assert (node.loaded(), node.written(), node.timer.exists()) == ("192.0.2.50", "192.0.2.1", True)
    assert node.actions(OTHER, proof="passed", trial=theirs) == ["write_file"]
    assert (node.loaded(), node.written(), node.timer.exists()) == ("192.0.2.50", "192.0.2.50", False)


def test_the_host_ends_a_trial_and_that_is_said(node: Node) -> None:
    trial = node.call(WRONG, proof="pending")["trial"]
    node.fire()
    assert (node.loaded(), node.former.exists()) == ("192.0.2.1", False)
    with pytest.raises(StateError, match="has ended: the host has put the former one back"):
        node.call(WRONG, proof="passed", trial=trial)
    assert node.actions(WRONG, proof="failed", trial=trial) == []


def test_a_timer_that_ends_during_a_call_waits_and_finds_the_filter_proven(node: Node) -> None:
    trial = node.call(OTHER, proof="pending")["trial"]
    argv = node.timer.read_text(encoding="utf-8").splitlines()
    with apply_trial.Trial("odoo", "nft", Deadline(5)).alone():
        waiting = subprocess.Popen(argv[argv.index("sh") :])
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.2)
        # a call that ends the trial
        node.former.unlink()
    assert waiting.wait(5) == 0
    assert (trial != "", node.loaded()) == (True, "192.0.2.50")


def test_two_calls_do_not_meet(node: Node) -> None:
    other = apply_trial.Trial("odoo", "nft", Deadline(5))
    with other.alone(), pytest.raises(DeadlineError, match="the end of another run on the filter gantry_odoo"):
        node.call(OTHER, timeout=0)
    assert node.loaded() == "192.0.2.1"


def test_a_timer_that_a_killed_run_has_left_is_not_in_the_way(node: Node) -> None:
    node.call(WRONG, proof="pending")
    # killed in the end, once the file was written
    node.former.unlink()
    assert node.call(OTHER, proof="pending")["on_trial"]
    assert node.actions(OTHER, proof="failed") == ["put_back_filter"]
    assert (node.loaded(), node.timer.exists()) == ("192.0.2.99", False)


def test_who_was_cut_off_before_a_trial_is_not_in_its_way(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.call(WRONG, proof="pending")
    # shown as connected until it gives up
    monkeypatch.setattr(port_filter, "read_peers", lambda ports: {ip_address("192.0.2.77")} if ports else set())
    assert node.actions(OTHER, proof="pending") == ["put_back_filter", "load_filter"]


def test_a_plan_makes_no_file(node: Node) -> None:
    lock = node.directory / "gantry-port-filter-odoo-put-back.lock"
    lock.unlink()
    assert node.actions(OTHER, proof="pending", check=True) == ["load_filter"]
    assert not lock.exists()


def test_no_filter_comes_back_once_it_is_to_be_absent(node: Node) -> None:
    node.call(OTHER, proof="pending")
    (node.directory / "live").unlink()
    node.file.unlink()
    assert node.actions(state="absent", check=True) == ["unload_filter"]
    assert node.actions(state="absent") == ["unload_filter"]
    assert (node.loaded(), node.timer.exists(), node.former.exists()) == ("", False, False)
    assert node.actions(state="absent") == []


def test_a_filter_for_good_ends_the_trial_once_it_is_loaded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.call(OTHER, proof="pending")
    with monkeypatch.context() as kernel:
        kernel.setattr(port_filter.Nft, "load", lambda *_: pytest.fail("not loaded"))
        with pytest.raises(pytest.fail.Exception):
            node.call(OTHER)
    assert node.timer.exists()
    assert node.former.exists()
    assert node.actions(OTHER) == ["load_filter", "write_file"]
    assert (node.loaded(), node.timer.exists(), node.former.exists()) == ("192.0.2.50", False, False)


def test_a_proof_says_of_what_it_is(node: Node) -> None:
    trial = node.call(OTHER, proof="pending")["trial"]
    with pytest.raises(InputError, match="trial: it is empty"):
        node.call(OTHER, proof="passed")
    # nothing was tried in check mode; with a trial, it says what would be written
    assert node.actions(FIRST, proof="passed", check=True) == []
    assert node.actions(FIRST, proof="passed", trial=trial, check=True) == ["write_file"]
    assert (node.written(), node.timer.exists()) == ("192.0.2.1", True)


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_trial_takes_time(node: Node, seconds: int) -> None:
    with pytest.raises(InputError, match=f"undo_after: {seconds} is no time"):
        node.call(OTHER, proof="pending", undo_after=seconds)
    assert node.loaded() == "192.0.2.1"
