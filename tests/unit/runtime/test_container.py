# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a host's instances as they are declared, and the commands of the runtimes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.filter.odoo_command import odoo_command
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_docker import Docker
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_service import apply_steps
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_systemd import Systemd
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import CRON, WEB, Layout
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.options import runtime_of
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import (
    Disable,
    Enable,
    ProcessStep,
    Restart,
    Start,
    Stop,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_command import (
    Container,
    container_name,
    plan_container,
)

LAYOUT = Layout("/srv/odoo", "/srv/etc", "/srv/data")
CRON_FILE = {"GANTRY_CRON_DATABASES": "harbour,pier", "GANTRY_CRON_THREADS": "2"}


def container(kind: str = WEB, **given: object) -> Container:
    plain: dict = {"image": ("odoo:19", "sha256:1"), "uid": 8069, "stop_timeout": 150, "cron": CRON_FILE}
    return plan_container(("harbour", kind), LAYOUT, **{**plain, **given})


def test_web_container() -> None:
    made = container()
    assert made.create[:2] == ("create", "--name=odoo-web-harbour")
    assert made.create[-2:] == ("odoo:19", "--config=/srv/etc/harbour.conf")
    assert {"--user=8069:8069", "--read-only", "--cap-drop=ALL", "--stop-timeout=150"} < set(made.create)
    mounts = [option.split("source=")[1] for option in made.options if option.startswith("--mount")]
    assert [mount for mount in mounts if not mount.endswith(",readonly")] == [
        "/srv/data/harbour,target=/srv/data/harbour"
    ]


def test_cron_container_visits_exactly_its_databases() -> None:
    assert container(CRON).arguments[1:] == (
        "--no-http",
        "--workers=1",
        "--max-cron-threads=2",
        "--database=harbour,pier",
    )


def test_container_is_made_anew_for_every_difference_it_has_been_declared_with() -> None:
    made = [
        container(),
        container(CRON),
        container(CRON, cron={**CRON_FILE, "GANTRY_CRON_DATABASES": "harbour"}),
        container(image=("odoo:19", "sha256:2")),
        container(uid=8070),
        container(stop_timeout=10),
        plan_container(("harbour", WEB), replace(LAYOUT, root="/opt"), ("odoo:19", "sha256:1"), 8069, 150, {}),
    ]
    assert len({str(each.declaration) for each in made}) == len(made)
    assert container().declaration == container().declaration


@pytest.mark.parametrize("runtime", ["systemd", "docker"])
def test_command_ends_with_the_program_or_its_image(runtime: str) -> None:
    found = odoo_command(runtime, "/srv/odoo", "/srv/etc", "/srv/data", "odoo:19")
    last = {"systemd": ("/usr/bin/odoo", "odoo"), "docker": ("odoo:19", "root")}
    assert (found["argv"][-1], found["user"]) == last[runtime]
    assert any(word.endswith("PGSSLROOTCERT=/srv/etc/postgresql-ca.pem") for word in found["argv"])


def test_command_of_another_runtime_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="not podman"):
        odoo_command("podman", "/srv/odoo", "/srv/etc", "/srv/data")


def test_options_choose_the_runtime() -> None:
    paths = {"root": "/opt/odoo", "config_dir": "/etc/odoo"}
    assert isinstance(runtime_of({"runtime": "systemd", **paths}), Systemd)
    found = runtime_of({"runtime": "docker", "state": "started", "image": "odoo:19", "uid": 1, **paths})
    assert found == Docker(Layout(), "odoo:19", 1)
    assert runtime_of({"runtime": "docker", "state": "stopped", "image": None, **paths}) == Docker(Layout())
    with pytest.raises(InputError, match="image"):
        runtime_of({"runtime": "docker", "state": "started", "image": None, **paths})


class Recorder(Systemd):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(Layout())
        object.__setattr__(self, "asked", [])

    def __getattribute__(self, name: str):  # type: ignore[no-untyped-def]
        if name in ("refresh", "enable", "disable", "start", "stop", "restart"):
            return lambda *given: self.asked.append((name, *(sorted(map(container_name, keys)) for keys in given[:-1])))
        return super().__getattribute__(name)


def test_steps_of_one_kind_are_done_at_once_and_ends_come_first() -> None:
    runtime = Recorder()

    def step(kind: type[ProcessStep], name: str) -> ProcessStep:
        return kind(kind.__name__.lower(), name, "", (name, WEB))

    steps = [step(Start, "b"), step(Start, "a"), step(Restart, "c"), step(Enable, "a"), step(Disable, "d")]
    apply_steps(runtime, [*steps, step(Stop, "d")], Deadline(1))
    assert runtime.asked == [
        ("refresh",),
        ("stop", ["odoo-web-d"]),
        ("disable", ["odoo-web-d"]),
        ("enable", ["odoo-web-a"]),
        ("restart", ["odoo-web-c"]),
        ("start", ["odoo-web-a", "odoo-web-b"]),
    ]
    runtime.asked.clear()
    apply_steps(runtime, [], Deadline(1))
    assert runtime.asked == []
