# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that make a container and that run a program once. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Container

DECLARATION = "gantry.declaration"
RESTARTS = "unless-stopped"
_CONFINED = ("--cap-drop=ALL", "--security-opt=no-new-privileges")
_LOGGED = ("--log-driver=json-file", "--log-opt=max-size=20m", "--log-opt=max-file=5")


def digest(name: str, container: Container, image_id: str) -> str:
    """A digest over the whole declaration, and over the image that its tag names now."""
    content = json.dumps([image_id, _options(name, container), _arguments(container)])
    return hashlib.sha256(content.encode("utf-8")).hexdigest()


def create(name: str, container: Container, image_id: str) -> list[str]:
    """The command that makes the container, marked with the digest."""
    label = f"--label={DECLARATION}={digest(name, container, image_id)}"
    return ["docker", "create", label, *_options(name, container), container.image, *_arguments(container)]


def _options(name: str, container: Container) -> list[str]:
    return [
        f"--name={name}",
        "--network=host",
        *_CONFINED,
        f"--restart={RESTARTS}",
        f"--stop-timeout={container.stop_timeout}",
        *_LOGGED,
        "--no-healthcheck",
        *_volumes(container.volumes),
        *(f"--tmpfs={path}" for path in container.tmpfs),
        *([f"--user={container.user}"] if container.user else []),
        *(["--read-only"] if container.read_only else []),
        *([f"--shm-size={container.shm_mb}m"] if container.shm_mb else []),
        *([f"--stop-signal={container.stop_signal}"] if container.stop_signal else []),
        *([f"--entrypoint={container.entrypoint[0]}"] if container.entrypoint else []),
    ]


def _arguments(container: Container) -> list[str]:
    return [*container.entrypoint[1:], *container.command]


def _volumes(volumes: Sequence[str]) -> list[str]:
    return [f"--volume={volume}" for volume in volumes]


def once(argv: Sequence[str], runtime: str, image: str, user: str, volumes: Sequence[str]) -> list[str]:
    """The command that runs a program of a service once, to its end.

    user: the account or number that it runs as, "" for the caller's. volumes: what a container sees of the host.
    """
    if runtime == "systemd":
        return [*(["runuser", "--user", user, "--"] if user else []), *argv]
    confined = ["docker", "run", "--rm", "--network=none", *_volumes(volumes), f"--user={user or 'root'}"]
    return [*confined, f"--entrypoint={argv[0]}", image, *argv[1:]]
