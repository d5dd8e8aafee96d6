# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's Docker Engine, through its own client."""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError

# what the modules read of a container
_READ = (
    ("Image",),
    ("State", "Pid"),
    ("State", "Running"),
    ("Config", "Labels"),
    ("HostConfig", "RestartPolicy", "Name"),
)


def docker(arguments: Sequence[str], deadline: Deadline) -> str:
    """What `docker` with these arguments prints. Raises StateError when it fails."""
    return run(["docker", *arguments], deadline, what=f"docker {' '.join(arguments)}")


def read_containers(names: Sequence[str], deadline: Deadline) -> dict[str, Mapping[str, Any]]:
    """Those of the containers that there are, as `docker container inspect` shows them, by name."""
    listed = set(docker(["ps", "--all", "--format={{.Names}}"], deadline).split())
    wanted = [name for name in names if name in listed]
    if not wanted:
        return {}
    return inspected(docker(["container", "inspect", *wanted], deadline))


def inspected(answer: str) -> dict[str, Mapping[str, Any]]:
    """The containers in an answer of `docker container inspect`, by name. Raises StateError for anything else."""
    try:
        found = {item["Name"].lstrip("/"): item for item in json.loads(answer)}
        for item in found.values():
            for path in _READ:
                functools.reduce(operator.getitem, path, item)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StateError(
            f"docker container inspect did not answer as Docker Engine does ({type(error).__name__}: {error}); see "
            "which engine the command docker of this host belongs to"
        ) from error
    return found


def read_image(name: str, deadline: Deadline) -> str:
    """The id of an image, "" where the host does not hold it."""
    return docker(["image", "ls", "--quiet", "--no-trunc", name], deadline).strip() if name else ""
