# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo processes as containers of the host's Docker Engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_runtime import Runtime
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import CRON, Instance, Key, Process, keys
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_command import (
    Container,
    container_name,
    docker_command,
    plan_container,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_processes import State, read_processes
from ansible_collections.gantry.odoo.plugins.module_utils._service.docker import docker, read_containers, read_image
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan_command import difference

_RESTARTS = "always"


@dataclass(frozen=True)
class Docker(Runtime):
    """Containers that the class makes itself. image: with its tag or digest, "" where nothing is to be started.

    uid: number of the user in the container. stop_timeout: seconds that requests and jobs get to end.
    """

    image: str = ""
    uid: int = 8069
    stop_timeout: int = 150

    def read(self, instances: Sequence[Instance], deadline: Deadline) -> dict[Key, Process]:
        """Every process of the instances, as the engine and /proc show it."""
        wanted = keys(instances)
        found = _found(wanted, deadline)
        image = read_image(self.image, deadline)
        states = {key: self._state(key, found.get(container_name(key)), image) for key in wanted}
        return read_processes(self.layout, states)

    def refresh(self, deadline: Deadline) -> None:
        """Do nothing: the engine holds no declarations on disk."""

    def enable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Make the containers that are missing, and set the restart policy of the others."""
        found = _found(keys, deadline)
        there = [container_name(key) for key in keys if container_name(key) in found]
        if there:
            docker(["update", f"--restart={_RESTARTS}", *there], deadline)
        self._create([key for key in keys if container_name(key) not in found], deadline)

    def disable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Remove the stopped containers."""
        docker(["rm", *map(container_name, keys)], deadline)

    def start(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Start the containers, made anew where they differ from their declaration."""
        image = read_image(self.image, deadline)
        found = _found(keys, deadline)
        stale = [key for key in keys if self._state(key, found.get(container_name(key)), image).differs]
        if stale:
            self._remove([container_name(key) for key in stale if container_name(key) in found], deadline)
            self._create(stale, deadline)
        docker(["start", *map(container_name, keys)], deadline)

    def stop(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Stop the containers and wait until they have ended."""
        docker(["stop", "-t", str(self.stop_timeout), *map(container_name, keys)], deadline)

    def restart(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Stop the containers, and start new ones in their place."""
        self.stop(keys, deadline)
        self._remove([container_name(key) for key in keys], deadline)
        self._create(keys, deadline)
        docker(["start", *map(container_name, keys)], deadline)

    def command(self) -> tuple[tuple[str, ...], str]:
        """Odoo in a container that ends with the command."""
        return docker_command(self.layout, self.image, self.uid)

    def _container(self, key: Key, image: str) -> Container:
        cron = _environment_file(self.layout.cron(key[0])) if key[1] == CRON else {}
        return plan_container(key, self.layout, (self.image, image), self.uid, self.stop_timeout, cron)

    def _state(self, key: Key, seen: Mapping[str, Any] | None, image: str) -> State:
        if seen is None:
            return State(differs="it has no container")
        policy = seen["HostConfig"]["RestartPolicy"]["Name"]
        return State(
            main=int(seen["State"]["Pid"]),
            enabled=policy == _RESTARTS,
            differs=self._difference(key, seen, image) if self.image else "",
        )

    def _difference(self, key: Key, seen: Mapping[str, Any], image: str) -> str:
        return difference(seen, self.image, image, self._container(key, image).declaration)

    def _create(self, keys: Sequence[Key], deadline: Deadline) -> None:
        image = read_image(self.image, deadline)
        if keys and not image:
            raise StateError(f"the image {self.image or 'of the containers'} is not on this host; load it first")
        for key in keys:
            docker(self._container(key, image).create, deadline)

    @staticmethod
    def _remove(names: Sequence[str], deadline: Deadline) -> None:
        if names:
            docker(["rm", *names], deadline)


def _found(keys: Sequence[Key], deadline: Deadline) -> dict[str, Mapping[str, Any]]:
    return read_containers([container_name(key) for key in keys], deadline)


def _environment_file(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            lines = [line.strip() for line in handle if "=" in line and not line.startswith("#")]
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines)
