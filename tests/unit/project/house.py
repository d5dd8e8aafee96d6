# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map of plugins/module_utils: floors, roles of files, and the exceptions that a review has accepted."""

from __future__ import annotations

# From the ground up. A room imports from the floors below it only.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("_core",),
    ("_postgresql", "_filestore", "_traefik", "_certificate"),
    ("_objectstore",),
    ("_lease", "_estate", "_calendar"),
    ("_repository",),
    ("_change",),
    ("_service",),
    ("_runtime",),
    ("_addons",),
    ("_odoo",),
    ("_backup",),
    ("_audit",),
)
# Rooms that stand beside the others: on the ground floor and on nothing else.
BESIDE = ("_redis", "_filter")

# The role of a file is the first word of its name: `plan.py`, `plan_restore.py`.
PURE_ROLES = ("model", "plan", "report", "versions")
IO_ROLES = ("read", "apply")
OTHER_ROLES = ("options",)  # The arguments of the modules and their conversion, environment variables included.

# Names without a role that a review has accepted, and why.
PURE, IO = "pure", "I/O"
NAMED = {
    "_core/command.py": (IO, "runs one program: used by the readers and appliers of all rooms"),
    "_core/deadline.py": (IO, "waits: used by the readers and appliers of all rooms"),
    "_core/directories.py": (IO, "opens directories that an attacker may move: used by the appliers of all rooms"),
    "_core/errors.py": (PURE, "the error classes of the collection"),
    "_core/fencing.py": (IO, "the file that refuses an overtaken change: used by the appliers of two rooms"),
    "_core/files.py": (IO, "what makes a change of files last: used by the appliers of all rooms"),
    "_core/guard.py": (IO, "a second process that completes an operation"),
    "_core/journal.py": (IO, "the file that a guard and the next run read"),
    "_core/module.py": (IO, "the skeleton of all modules: the only file that ends a process"),
    "_core/steps.py": (PURE, "the step protocol that all plans use"),
    "_postgresql/connection.py": (IO, "opens the connections that readers and appliers are given"),
    "_postgresql/locks.py": (IO, "advisory locks, held while others read and apply"),
    "_postgresql/tools.py": (IO, "pg_dump and pg_restore, for readers and appliers alike"),
    "_repository/sealing.py": (IO, "the only file that encrypts: its nonces are random"),
    "_service/docker.py": (IO, "asks the engine: used by the readers and appliers of two rooms"),
    "_core/systemd.py": (IO, "asks systemd: used by the readers and appliers of three rooms"),
    "_redis/connection.py": (IO, "opens the connections that readers and appliers are given"),
}
# What a pure file imports all the same: the values Call and Outcome; run() is for main() alone.
VALUES = {"_core.module.Call", "_core.module.Outcome"}
