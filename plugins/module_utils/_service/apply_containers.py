# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as containers of the host's Docker Engine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_service import Manager
from ansible_collections.gantry.odoo.plugins.module_utils._service.docker import docker, read_containers, read_image
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Container, Service, State
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan_command import (
    RESTARTS,
    create,
    declared,
    difference,
)


class Containers(Manager):
    """Containers that the class makes itself."""

    def read(self, services: Sequence[Service], deadline: Deadline) -> dict[str, State]:
        """The services as the engine shows them."""
        found = read_containers([service.name for service in services], deadline)
        return {
            service.name: _state(service, found[service.name], deadline) if service.name in found else State()
            for service in services
        }

    def refresh(self, deadline: Deadline) -> None:
        """Do nothing: the engine holds no declarations on disk."""

    def enable(self, service: Service, deadline: Deadline) -> None:
        """Set the restart policy; a container that is yet to be made gets it then."""
        if read_containers([service.name], deadline):
            docker(["update", f"--restart={RESTARTS}", service.name], deadline)

    def start(self, service: Service, deadline: Deadline) -> None:
        """Start the container, made anew where it differs from its declaration."""
        found = read_containers([service.name], deadline).get(service.name)
        if found is None or _difference(service, found, deadline):
            self._make(service, found is not None, deadline)
        docker(["start", service.name], deadline)

    def restart(self, service: Service, deadline: Deadline) -> None:
        """Stop the container, and start a new one in its place."""
        stop_timeout = _declared(service).stop_timeout
        found = read_containers([service.name], deadline)
        if found:
            docker(["stop", "-t", str(stop_timeout), service.name], deadline)
        self._make(service, bool(found), deadline)
        docker(["start", service.name], deadline)

    @staticmethod
    def _make(service: Service, exists: bool, deadline: Deadline) -> None:
        container = _declared(service)
        image_id = read_image(container.image, deadline)
        if not image_id:
            raise StateError(f"the image {container.image} of {service.name} is not on this host; load it first")
        if exists:
            docker(["rm", service.name], deadline)
        docker(create(service.name, container, image_id), deadline)


def _declared(service: Service) -> Container:
    if service.container is None:
        raise StateError(f"{service.name} is declared without a container, and runtime is docker")
    return service.container


def _difference(service: Service, seen: Mapping[str, Any], deadline: Deadline) -> str:
    container = _declared(service)
    image_id = read_image(container.image, deadline)
    return difference(seen, container.image, image_id, declared(service.name, container, image_id))


def _state(service: Service, seen: Mapping[str, Any], deadline: Deadline) -> State:
    running = seen["State"]["Running"]
    return State(
        running=running,
        enabled=seen["HostConfig"]["RestartPolicy"]["Name"] == RESTARTS,
        listening=not service.socket or os.path.exists(service.socket),
        differs=_difference(service, seen, deadline) if running else "",
    )
