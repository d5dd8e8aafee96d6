# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the files of addons where Odoo's code is: on this host, or in the image that Odoo is started from."""

from __future__ import annotations

import contextlib
import inspect
import json
import select
import subprocess
import threading
from typing import Any, BinaryIO, Protocol, cast

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.command import tail
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_guarded import Guarded

ANSWER_SECONDS = 300
_SHOWN = 80


class Files(Protocol):
    """Where the files of addons are."""

    def ask(self, question: str, *about: Any) -> Any:
        """The result of a function of read_files. Raises StateError for a file that cannot be read."""


class Disk:
    """The files of this host."""

    def ask(self, question: str, *about: Any) -> Any:
        """The result of a function of read_files."""
        try:
            return read_files.ANSWERS[question](*about)
        except OSError as error:
            raise _unread(str(error.filename), str(error.strerror)) from error


class Image:
    """The files of an image, read by one container that ends with this process. It is started by the first question."""

    def __init__(self, parts: Guarded, odoo: Odoo) -> None:
        self._parts = parts
        self._odoo = odoo
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: str, *about: Any) -> Any:
        """The result of a function of read_files, run in the image."""
        with self._lock:
            if self._process is None:
                self._process = self._odoo.start(self._parts.python(inspect.getsource(read_files)))
            said = self._answer(self._process, f"{json.dumps({'ask': question, 'about': about})}\n")
        if "error" in said:
            raise _unread(f"{said.get('path')} of image {self._parts.image}", said["error"])
        return said["answer"]

    def _answer(self, process: subprocess.Popen[bytes], question: str) -> dict[str, Any]:
        to, answers, complaints = (cast(BinaryIO, one) for one in (process.stdin, process.stdout, process.stderr))
        what = f"reading the addons of image {self._parts.image}"
        # a reader that has ended says why
        with contextlib.suppress(BrokenPipeError):
            to.write(question.encode())
            to.flush()
        if not select.select([answers], [], [], ANSWER_SECONDS)[0]:
            process.kill()
            raise StateError(f"{what} gave no answer within {ANSWER_SECONDS} s; see what the engine does")
        line = answers.readline()
        if not line:
            words = tail(complaints.read().decode(errors="replace"))
            raise StateError(f"{what} failed: {words or 'it ended without a word'}")
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict) or not {"answer", "error"} & set(said):
            seen = line[:_SHOWN].decode(errors="replace").strip()
            raise StateError(f"{what} gave {seen!r} and no answer; see what else the image's Python prints")
        return said


DISK = Disk()


def files_of(odoo: Odoo) -> Files:
    """Where the code of an Odoo is. Raises InputError for a command that starts a container of an unknown image."""
    parts = odoo.container
    return DISK if parts is None else Image(parts, odoo)


def _unread(path: str, reason: str) -> StateError:
    return StateError(f"{path} cannot be read: {reason}; repair the addon's files")
