# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of ansible-playbook has read last from a change store, for what must not wait until the store answers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Callable

from ansible import constants

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import Parts, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

_PARTS = "parts"


def keep(objects: Objects, name: str, value: Any) -> None:
    """Keep what was read of the store under a name."""
    path = _path(objects, name)
    path.touch(mode=0o600)
    path.write_text(json.dumps(value), encoding="utf-8")


def recall(objects: Objects, name: str) -> Any:
    """What this run has read last, None where it has read nothing."""
    path = _path(objects, name)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def read(call: Call, objects: Objects, name: str, words: str, attempt: Callable[[], Any]) -> Any:
    """What `attempt` reads of the store; where it does not answer and option last_seen is set, what was kept of it.

    words: what a warning says then.
    """
    try:
        value = attempt()
    except UnreachableError as error:
        seen = recall(objects, name) if call.params["last_seen"] else None
        if seen is None:
            raise
        call.warn(f"{error}; so {words}")
        return seen
    keep(objects, name, value)
    return value


def keep_parts(objects: Objects, parts: Parts) -> None:
    """Keep the parts of changes, as they were read or as they became since."""
    keep(objects, _PARTS, parts.as_body())


def recall_parts(objects: Objects) -> Parts:
    """The parts of changes as this run has seen them last; none where it has seen none."""
    return from_body(0, recall(objects, _PARTS) or Parts().as_body(), objects.where)


def read_parts(call: Call, objects: Objects, attempt: Callable[[], Parts]) -> Parts:
    """The parts that `attempt` reads of the store, or those that this run has seen last, as for `read`."""
    words = "the parts of changes are those that this run has seen last"
    return from_body(0, read(call, objects, _PARTS, words, lambda: attempt().as_body()), objects.where)


def _path(objects: Objects, name: str) -> Path:
    # a directory of this run alone, which goes with it
    where = hashlib.sha256(objects.where.encode()).hexdigest()[:16]
    return Path(constants.DEFAULT_LOCAL_TMP) / f"gantry-{name}-{where}"
