# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that runs Odoo once, and the containers that run it for long. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import CRON, Key, Layout
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan_command import (
    CONFINED,
    LOGGED,
    declaration,
    labelled,
)

_PROGRAM = "/usr/bin/odoo"


@dataclass(frozen=True)
class Container:
    """One container as it is declared. image: the name of its image. image_id: so that a tag that moves is seen."""

    name: str
    image: str
    image_id: str
    options: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def declaration(self) -> dict[str, str]:
        """The label that tells what the container was made from."""
        return declaration(self.name, self.image_id, self.options, self.arguments)

    @property
    def create(self) -> tuple[str, ...]:
        """The arguments of `docker` that make the container, marked with its label."""
        label = labelled(self.declaration)
        return ("create", f"--name={self.name}", *label, *self.options, self.image, *self.arguments)


def container_name(key: Key) -> str:
    """The container of one process of an instance."""
    name, kind = key
    return f"odoo-{kind}-{name}"


def plan_container(
    key: Key, layout: Layout, image: tuple[str, str], uid: int, stop_timeout: int, cron: Mapping[str, str]
) -> Container:
    """The container of one process.

    image: its name and its id. stop_timeout: seconds. cron: the values of the environment file of a cron process.
    """
    name, kind = key
    config = layout.config(name)
    return Container(
        name=container_name(key),
        image=image[0],
        image_id=image[1],
        options=(
            *CONFINED,
            f"--user={uid}:{uid}",
            *_environment(layout),
            "--env=PYTHONUNBUFFERED=1",
            f"--workdir={layout.current}",
            _mount(layout.root, read_only=True),
            _mount(layout.ca_path, read_only=True),
            _mount(config, read_only=True),
            _mount(layout.data(name)),
            "--read-only",
            "--tmpfs=/tmp",
            # also after a stop: a process that is not disabled starts with the host
            "--restart=always",
            f"--stop-timeout={stop_timeout}",
            *LOGGED,
            "--no-healthcheck",
            f"--entrypoint={_PROGRAM}",
        ),
        arguments=(f"--config={config}", *(_cron_arguments(cron) if kind == CRON else ())),
    )


def systemd_command(layout: Layout) -> tuple[tuple[str, ...], str]:
    """The command that runs the packaged Odoo once, and its account."""
    return ("/usr/bin/env", f"PGSSLROOTCERT={layout.ca_path}", _PROGRAM), "odoo"


def docker_command(layout: Layout, image: str, uid: int) -> tuple[tuple[str, ...], str]:
    """The command that runs Odoo once in a container of the image, and the account that may ask the engine."""
    argv = (
        "/usr/bin/docker",
        "run",
        "--rm",
        "--interactive",
        *CONFINED,
        f"--user={uid}:{uid}",
        *_environment(layout),
        "--env=PGOPTIONS",
        f"--workdir={layout.current}",
        _mount(layout.root, read_only=True),
        _mount(layout.config_dir, read_only=True),
        _mount(layout.data_dir),
        f"--entrypoint={_PROGRAM}",
        image,
    )
    return argv, "root"


def _environment(layout: Layout) -> tuple[str, ...]:
    return f"--env=HOME={layout.data_dir}", f"--env=PGSSLROOTCERT={layout.ca_path}"


def _mount(path: str, *, read_only: bool = False) -> str:
    return f"--mount=type=bind,source={path},target={path}" + (",readonly" if read_only else "")


def _cron_arguments(cron: Mapping[str, str]) -> tuple[str, ...]:
    # one worker has Odoo run jobs in processes of their own, which end their job when they are told to stop
    threads, databases = cron.get("GANTRY_CRON_THREADS", "1"), cron.get("GANTRY_CRON_DATABASES", "")
    return "--no-http", "--workers=1", f"--max-cron-threads={threads}", f"--database={databases}"
