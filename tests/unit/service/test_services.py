# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for the services of a host, and the commands of their containers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.filter.run_once import run_once
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._service import apply_plan
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_service import Manager
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import (
    Container,
    Service,
    State,
    services_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan import (
    plan,
    plan_off,
    predicted,
    report,
    restart_needed,
)
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan_command import create, declared, difference

SENTINEL, NODE = Service("redis-sentinel"), Service("redis-server", socket="/run/redis.sock")
RUNS = State(running=True, enabled=True)
OLD = replace(RUNS, differs="/usr/bin/redis-server is newer than its start")
OPTION = {
    **dict.fromkeys(("program", "socket", "host", "port", "image", "user", "shm_mb", "stop_signal")),
    **{key: [] for key in ("entrypoint", "command", "volumes", "tmpfs")},
    "name": "redis-server",
    "enable": True,
    "read_only": False,
    "stop_timeout": 10,
}


def actions(*states: State, state: str = "started", on_change: str = "restart") -> list[tuple[str, str]]:
    """The steps for both services, by action and target."""
    services = (SENTINEL, NODE)
    steps = plan(services, {service.name: seen for service, seen in zip(services, states)}, state, on_change)
    return [(step.action, step.target) for step in steps]


def test_services_that_run_need_nothing() -> None:
    assert actions(RUNS, RUNS) == []


def test_a_service_that_does_not_run_is_started_and_enabled() -> None:
    assert actions(RUNS, State()) == [("enable", "redis-server"), ("start", "redis-server")]
    assert plan((replace(NODE, enable=False),), {NODE.name: State(running=True)}, "started", "leave") == ()


def test_a_service_that_differs_is_restarted_or_left_alone() -> None:
    assert actions(OLD, RUNS) == [("restart", "redis-sentinel")]
    assert actions(OLD, RUNS, on_change="leave") == []
    # a socket that is not there is no change of the declaration
    assert actions(RUNS, replace(RUNS, listening=False), on_change="leave") == [("restart", "redis-server")]


def test_a_restart_keeps_the_order() -> None:
    assert actions(RUNS, RUNS, state="restarted") == [("restart", "redis-sentinel"), ("restart", "redis-server")]
    assert actions(State(), RUNS, state="restarted")[0] == ("enable", "redis-sentinel")
    assert actions(OLD, State(), state="gathered") == []


def test_check_mode_predicts_what_a_run_leaves() -> None:
    before = {NODE.name: State()}
    after = predicted(before, plan((NODE,), before, "started", "restart"))
    assert plan((NODE,), after, "started", "restart") == ()
    assert report(after) == [{"name": "redis-server", "running": True, "enabled": True, "outdated": ""}]


def test_only_a_service_that_runs_has_to_be_restarted() -> None:
    assert restart_needed({"redis-server": OLD})
    assert not restart_needed({"redis-server": RUNS, "redis-sentinel": State()})


def test_units_that_are_off_stay_off() -> None:
    steps = plan_off({"one": State(), "two": State(running=True), "three": State(enabled=True)})
    assert [(step.target, step.why) for step in steps] == [("two", "it runs"), ("three", "it starts with the host")]


def test_options_become_a_service() -> None:
    given = {**OPTION, "image": "redis:8", "tmpfs": ["/tmp"], "program": "/usr/bin/redis-server"}
    (service,) = services_from([given], "docker")
    assert service.container == Container("redis:8", tmpfs=("/tmp",))
    (service,) = services_from([given], "systemd")
    assert (service.container, service.program) == (None, "/usr/bin/redis-server")


@pytest.mark.parametrize(
    ("options", "runtime", "words"),
    [
        ([OPTION], "docker", "has no image"),
        ([{**OPTION, "port": 6379}], "systemd", "only one of host and port"),
        ([OPTION, OPTION], "systemd", "redis-server is listed twice"),
    ],
)
def test_bad_input_is_one_sentence(options: list[dict[str, Any]], runtime: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        services_from(options, runtime)


def test_a_container_is_confined_and_marked() -> None:
    container = Container("redis:8", "1:1", ("/bin/sh", "-c"), ("redis-server x",), ("/a:/a",), ("/tmp",), True, 64)
    argv = create("redis", container, "sha256:1")
    assert argv[0] == "create"
    assert argv[-3:] == ["redis:8", "-c", "redis-server x"]
    assert {"--cap-drop=ALL", "--user=1:1", "--read-only", "--volume=/a:/a", "--entrypoint=/bin/sh"} < set(argv)
    label = declared("redis", container, "sha256:1")
    assert f"--label=gantry.declaration={label['gantry.declaration']}" in argv
    seen = {"Image": "sha256:1", "Config": {"Labels": {**label, "another": "label"}}}
    assert difference(seen, "redis:8", "sha256:1", label) == ""
    assert difference(seen, "redis:8", "sha256:2", label) == "it runs another image than redis:8"
    assert "with other options" in difference({**seen, "Config": {"Labels": None}}, "redis:8", "sha256:1", label)


def test_every_part_of_a_declaration_is_in_its_digest() -> None:
    container = Container("redis:8")
    others = (replace(container, user="1"), replace(container, command=("x",)), replace(container, shm_mb=64))
    digests = {str(declared("redis", one, "sha256:1")) for one in (container, *others)}
    others_still = (declared("redis", container, "sha256:2"), declared("other", container, "sha256:1"))
    assert len({*digests, *map(str, others_still)}) == 6


def test_a_program_runs_once_under_either_runtime() -> None:
    argv = ["/usr/bin/initdb", "--pgdata=/srv"]
    assert run_once(argv, "systemd", user="postgres") == ["runuser", "--user", "postgres", "--", *argv]
    assert run_once(argv, "systemd") == argv
    in_container = run_once(argv, "docker", image="postgres:17", user="5:5", volumes=["/srv:/srv"])
    assert in_container[-3:] == ["--entrypoint=/usr/bin/initdb", "postgres:17", "--pgdata=/srv"]
    assert {"--rm", "--network=none", "--user=5:5", "--volume=/srv:/srv"} < set(in_container)
    for runtime in ("docker", "podman"):
        with pytest.raises(AnsibleFilterError):
            run_once(argv, runtime)


class Recorder(Manager):
    """A manager that records what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def read(self, services: Any, deadline: Any) -> dict[str, State]:
        return {}

    def refresh(self, deadline: Any) -> None:
        self.calls.append("refresh")

    def enable(self, service: Service, deadline: Any) -> None:
        self.calls.append(f"enable {service.name}")

    def start(self, service: Service, deadline: Any) -> None:
        self.calls.append(f"start {service.name}")

    def restart(self, service: Service, deadline: Any) -> None:
        self.calls.append(f"restart {service.name}")


def test_declarations_are_read_once_before_services_start() -> None:
    manager = Recorder()
    steps = plan((SENTINEL,), {SENTINEL.name: State()}, "started", "restart")
    apply_plan.apply(manager, steps, Deadline(5))
    apply_plan.apply(manager, (), Deadline(5))
    assert manager.calls == ["refresh", "enable redis-sentinel", "start redis-sentinel"]
