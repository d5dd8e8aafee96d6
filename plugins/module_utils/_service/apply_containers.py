# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as containers of the host's Docker Engine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_service import Manager
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Container, Service, State
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan_command import (
    DECLARATION,
    RESTARTS,
    create,
    digest,
)


class Containers(Manager):
    """Containers that the class makes itself."""

    def read(self, services: Sequence[Service], deadline: Deadline) -> dict[str, State]:
        """The services as the engine shows them."""
        found = _inspect([service.name for service in services], deadline)
        return {
            service.name: _state(service, found[service.name], deadline) if service.name in found else State()
            for service in services
        }

    def refresh(self, deadline: Deadline) -> None:
        """Do nothing: the engine holds no declarations on disk."""

    def enable(self, service: Service, deadline: Deadline) -> None:
        """Set the restart policy; a container that is yet to be made gets it then."""
        if _inspect([service.name], deadline):
            _docker(["update", f"--restart={RESTARTS}", service.name], deadline)

    def start(self, service: Service, deadline: Deadline) -> None:
        """Start the container, made anew where it differs from its declaration."""
        found = _inspect([service.name], deadline).get(service.name)
        if found is None or _difference(service, found, deadline):
            self._make(service, found is not None, deadline)
        _docker(["start", service.name], deadline)

    def restart(self, service: Service, deadline: Deadline) -> None:
        """Stop the container, and start a new one in its place."""
        stop_timeout = _declared(service).stop_timeout
        found = _inspect([service.name], deadline)
        if found:
            _docker(["stop", "-t", str(stop_timeout), service.name], deadline)
        self._make(service, bool(found), deadline)
        _docker(["start", service.name], deadline)

    @staticmethod
    def _make(service: Service, exists: bool, deadline: Deadline) -> None:
        container = _declared(service)
        image_id = _image_id(container.image, deadline)
        if not image_id:
            raise StateError(f"the image {container.image} of {service.name} is not on this host; load it first")
        if exists:
            _docker(["rm", service.name], deadline)
        run(create(service.name, container, image_id), deadline, what=f"docker create {service.name}")


def _declared(service: Service) -> Container:
    if service.container is None:
        raise StateError(f"{service.name} is declared without a container, and runtime is docker")
    return service.container


def _state(service: Service, seen: Mapping[str, Any], deadline: Deadline) -> State:
    running = seen["State"]["Running"]
    return State(
        running=running,
        enabled=seen["HostConfig"]["RestartPolicy"]["Name"] == RESTARTS,
        listening=not service.socket or os.path.exists(service.socket),
        differs=_difference(service, seen, deadline) if running else "",
    )


def _difference(service: Service, seen: Mapping[str, Any], deadline: Deadline) -> str:
    container = _declared(service)
    image_id = _image_id(container.image, deadline)
    # an image that is not on the host yet is another one too
    if seen["Image"] != image_id:
        return f"it runs another image than {container.image}"
    if (seen["Config"]["Labels"] or {}).get(DECLARATION) != digest(service.name, container, image_id):
        return "its container was made with other options"
    return ""


def _docker(arguments: Sequence[str], deadline: Deadline) -> str:
    return run(["docker", *arguments], deadline, what=f"docker {' '.join(arguments)}")


def _inspect(names: Sequence[str], deadline: Deadline) -> dict[str, Mapping[str, Any]]:
    """The containers that there are, by name."""
    listed = set(_docker(["ps", "--all", "--format={{.Names}}"], deadline).split())
    wanted = [name for name in names if name in listed]
    if not wanted:
        return {}
    answer = json.loads(_docker(["container", "inspect", *wanted], deadline))
    return {item["Name"].lstrip("/"): item for item in answer}


def _image_id(name: str, deadline: Deadline) -> str:
    """The id of an image, "" where the host does not hold it."""
    return _docker(["image", "ls", "--quiet", "--no-trunc", name], deadline).strip()
