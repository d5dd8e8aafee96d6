# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that make a container and that run a program once. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Container

_DECLARATION = "gantry.declaration"
RESTARTS = "unless-stopped"
CONFINED = ("--network=host", "--cap-drop=ALL", "--security-opt=no-new-privileges")
LOGGED = ("--log-driver=json-file", "--log-opt=max-size=20m", "--log-opt=max-file=5")


def declaration(*parts: Any) -> dict[str, str]:
    """The label of a container that was made from these parts: a digest over all of them."""
    return {_DECLARATION: hashlib.sha256(json.dumps(parts).encode("utf-8")).hexdigest()}


def declared(name: str, container: Container, image_id: str) -> dict[str, str]:
    """The label of a service's container. image_id: of the image that its tag names now."""
    return declaration(image_id, _options(name, container), _arguments(container))


def create(name: str, container: Container, image_id: str) -> list[str]:
    """The arguments of `docker` that make the container, marked with its label."""
    label = labelled(declared(name, container, image_id))
    return ["create", *label, *_options(name, container), container.image, *_arguments(container)]


def labelled(labels: Mapping[str, str]) -> list[str]:
    """The options that give a container its labels."""
    return [f"--label={name}={value}" for name, value in labels.items()]


def difference(seen: Mapping[str, Any], image: str, image_id: str, declaration: Mapping[str, str]) -> str:
    """Why a container is not the declared one, "" where it is.

    seen: as the engine shows it. image: the name of its image. declaration: the label that it needs.
    """
    # an image that is not on the host yet is another one too
    if seen["Image"] != image_id:
        return f"it runs another image than {image}"
    labels = seen["Config"]["Labels"] or {}
    if any(labels.get(name) != value for name, value in declaration.items()):
        return "its container was made with other options"
    return ""


def _options(name: str, container: Container) -> list[str]:
    return [
        f"--name={name}",
        *CONFINED,
        f"--restart={RESTARTS}",
        f"--stop-timeout={container.stop_timeout}",
        *LOGGED,
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
