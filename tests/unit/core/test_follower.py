# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of progress: it shows lines beside a module, and never harms it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.gantry.odoo.plugins.module_utils._core import model_progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import (
    DUMPING,
    Part,
    Snapshot,
    path_of,
    text_of,
)
from ansible_collections.gantry.odoo.plugins.plugin_utils import progress
from ansible_collections.gantry.odoo.plugins.plugin_utils.progress import (
    ProgressAction,
    beside,
    followed,
    interval_of,
)
from tests.lab.wait import until

ID = "0123456789abcdef" * 2
SEEN = Snapshot(5, "harbour", 1, 1, (Part(DUMPING, 5, 0, 5 * 1024**2),))
LINE = "progress: [db1] => harbour, 5 s: dump 5.0 MiB, 1.0 MiB/s"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that were shown, at -v."""
    lines: list[str] = []
    seen = mock.Mock(verbosity=1, display=lambda text, stderr: lines.append(text))
    monkeypatch.setattr(progress, "display", seen)
    monkeypatch.setattr(progress, "ENDING_S", 0.2)
    monkeypatch.setattr(progress, "PATIENCE_S", 0)
    monkeypatch.setattr(progress, "ATTEMPTS", 0.1)
    return lines


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of calls are."""
    monkeypatch.setattr(model_progress, "DIRECTORY", str(tmp_path))
    return tmp_path


def action_on(connection: Any, task: Any = None) -> ProgressAction:
    """An action with a connection, and with nothing else of a run."""
    templar = mock.Mock()
    templar.template.side_effect = lambda value, **_rest: value
    context = PlayContext()
    task = task or mock.Mock(args={}, async_val=0, environment=[])
    return ProgressAction(task, connection, context, DataLoader(), templar, mock.Mock())


def local(become: bool = False) -> Any:
    """Ansible's own connection to this machine."""
    connection = connection_loader.get("local", PlayContext())
    if become:
        connection.set_become_plugin(become_loader.get("sudo"))
    return connection


def follow(action: ProgressAction, work: Callable[[], None]) -> float:
    """Follow the work as an action does, a hundred times as fast; the seconds that it took."""
    began = time.monotonic()
    with mock.patch.object(progress.threading.Event, "wait", _hundredfold), followed(action, ID, "db1", 1):
        work()
    return time.monotonic() - began


_WAIT = threading.Event.wait


def _hundredfold(event: threading.Event, seconds: float | None = None) -> bool:
    return _WAIT(event, seconds / 100 if seconds else seconds)


def shows(lines: list[str], count: int) -> None:
    """Wait until so many lines were shown."""
    until(lambda: None if len(lines) >= count else str(lines), f"{count} lines", 10)


def test_lines_are_shown_while_the_module_runs(directory: Path, shown: list[str]) -> None:
    Path(path_of(ID)).write_text(text_of(SEEN), encoding="utf-8")
    follow(action_on(local()), lambda: shows(shown, 3))
    assert set(shown) == {LINE}


def test_short_work_is_not_read(shown: list[str]) -> None:
    connection = mock.Mock()
    began = time.monotonic()
    with followed(action_on(connection), ID, "db1", 5):
        pass
    assert time.monotonic() - began < 1
    assert connection.mock_calls == []
    assert shown == []


def test_an_interval_of_zero_starts_no_thread(shown: list[str]) -> None:
    before = threading.active_count()
    with followed(action_on(mock.Mock()), ID, "db1", 0):
        assert threading.active_count() == before


def test_what_cannot_be_read_is_given_up_and_said(directory: Path, shown: list[str]) -> None:
    follow(action_on(local()), lambda: shows(shown, 1))
    assert len(shown) == 1
    assert shown[0].startswith("progress: [db1] => is not shown, as it could not be read: ")
    assert "No such file or directory" in shown[0]


@pytest.mark.parametrize("error", [AnsibleConnectionFailure("cut"), OSError(11, "cut"), RuntimeError("cut")])
def test_a_connection_that_fails_does_not_harm_the_work(shown: list[str], error: Exception) -> None:
    connection = local()
    with mock.patch.object(type(connection), "exec_command", side_effect=error):
        follow(action_on(connection), lambda: shows(shown, 1))
    assert "could not be read: " in shown[0]
    assert "cut" in shown[0]


def test_a_reading_that_hangs_does_not_hold_up_the_end_and_shows_nothing_after_it(
    directory: Path, shown: list[str]
) -> None:
    Path(path_of(ID)).write_text(text_of(SEEN), encoding="utf-8")
    reading, cut = threading.Event(), threading.Event()
    action = action_on(local())

    def hang(other: Any, command: str) -> dict[str, Any]:
        reading.set()
        cut.wait()
        return {"rc": 0, "stdout": text_of(SEEN)}

    with mock.patch.object(ProgressAction, "_low_level_execute_command", hang):
        assert follow(action, lambda: reading.wait() and None) < 5
        (thread,) = [one for one in threading.enumerate() if one.name.endswith("(run)")]
        cut.set()
        thread.join(10)
    assert not thread.is_alive()
    assert shown == []


def test_an_error_of_the_work_is_the_works(directory: Path, shown: list[str]) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="mine"), followed(action_on(local()), ID, "db1", 5):
        raise AnsibleConnectionFailure("mine")


def test_the_state_of_a_command_is_not_shared() -> None:
    connection = local(become=True)
    execute = beside(action_on(connection))
    other = execute.__self__._connection  # type: ignore[attr-defined]
    assert other is not connection
    assert other.become is not connection.become
    other.become.build_become_command("true", connection._shell)
    assert connection.become.success == ""


@pytest.mark.parametrize(
    ("given", "interval"), [({}, 5), ({"progress_interval": "30"}, 30), ({"progress_interval": "x"}, 0)]
)
def test_the_interval(given: dict[str, Any], interval: int) -> None:
    assert interval_of(given) == interval


def run(task: Any, **result: Any) -> tuple[dict[str, Any], mock.Mock]:
    """The result of an action whose module returns `result`, and the call of the module."""
    action = action_on(mock.MagicMock(become=None), task)
    with mock.patch.object(action, "_execute_module", return_value=result) as execute:
        return action.run(None, {"inventory_hostname": "db1"}), execute


def test_the_module_is_called_once_with_an_identity_of_this_call(shown: list[str]) -> None:
    task = mock.Mock(args={"databases": []}, async_val=0, environment=[], delegate_to=None)
    first, second = run(task, changed=True), run(task, changed=True)
    assert first[0]["changed"]
    calls = [execute.call_args.kwargs["module_args"] for _found, execute in (first, second)]
    assert calls[0]["progress_id"] != calls[1]["progress_id"]
    assert all(path_of(call.pop("progress_id")) for call in calls)
    assert calls == [task.args, task.args] == [{"databases": []}] * 2


def test_a_task_with_async_is_left_to_ansible(shown: list[str]) -> None:
    task = mock.Mock(args={"databases": []}, async_val=60, environment=[], delegate_to=None)
    _found, execute = run(task, started=1)
    assert execute.call_args.kwargs["wrap_async"]
    assert execute.call_args.kwargs["module_args"] == {"databases": []}
