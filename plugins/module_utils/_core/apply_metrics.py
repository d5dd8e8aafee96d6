# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the file of metrics that a collector reads."""

from __future__ import annotations

import os

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_path
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import lock_file, replace_file

_LOCK_S = 30
_MODE = 0o644


def check_path(path: str) -> str:
    """`path` itself. Raises InputError where no collector would read a file there."""
    if not os.path.isabs(path) or not path.endswith(".prom"):
        raise InputError(f"metrics_path: {path} is no absolute path that ends with .prom; give one that does")
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise InputError(f"metrics_path: there is no directory {directory}; create it, or install the collector")
    if os.path.isdir(path):
        raise InputError(f"metrics_path: {path} is a directory; give the path of a file in it")
    return path


def read_metrics(path: str) -> str:
    """The content of the file, empty where there is none."""
    try:
        with opened_path(path) as stream:
            return stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def write_metrics(path: str, text: str) -> None:
    """Replace the file in one step. Of two runs at once, one waits."""
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        lock_file(directory, Deadline(_LOCK_S), f"the directory of {path}")
        replace_file(path, text, _MODE)
    finally:
        os.close(directory)
