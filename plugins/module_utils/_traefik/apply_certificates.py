# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traefik's copies of certificates and keys: compared, written and removed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_certificates import Pair

_ENDINGS = (".crt", ".key")


@dataclass(frozen=True)
class Copies:
    """The directory that only Traefik reads."""

    directory: str
    gid: int

    def lacking(self, pairs: Iterable[Pair]) -> dict[str, bytes]:
        """Content by path of the copies that are missing, or not as they should be."""
        wanted = {path: content for one in pairs for path, content in one.copies(self.directory).items()}
        return {path: content for path, content in wanted.items() if not self._holds(path, content)}

    def unused(self, pairs: Iterable[Pair]) -> list[str]:
        """Paths of copies that no pair needs any more."""
        wanted = {path for one in pairs for path in one.copies(self.directory)}
        if not os.path.isdir(self.directory):
            return []
        found = (os.path.join(self.directory, name) for name in sorted(os.listdir(self.directory)))
        return [path for path in found if path.endswith(_ENDINGS) and path not in wanted]

    def place(self, copies: Mapping[str, bytes]) -> None:
        """Write copies, each whole or not at all."""
        for path, content in copies.items():
            staged = f"{path}.new"
            try:
                with open(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                    stream.write(content)
                os.chown(staged, -1, self.gid)
                os.chmod(staged, 0o640)
                os.replace(staged, path)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.unlink(staged)
                raise StateError(f"{path} cannot be written: {error.strerror or error}") from error

    def sweep(self, unused: Iterable[str]) -> None:
        """Remove copies."""
        for path in unused:
            os.unlink(path)

    def _holds(self, path: str, content: bytes) -> bool:
        try:
            with open(path, "rb") as stream:
                same = stream.read() == content
            there = os.stat(path)
        except OSError:
            return False
        return same and (there.st_mode & 0o777, there.st_gid) == (0o640, self.gid)
