# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates with their keys, as Traefik is given them: copies under names that change with the certificate."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import options

_ENDINGS = (".crt", ".key")


@dataclass(frozen=True)
class Pair:
    """One pair as found. certificate, key: the content of the files; None where check mode does not find them."""

    name: str
    certificate: bytes | None
    key: bytes | None

    def path(self, directory: str, ending: str) -> str:
        """Where Traefik's copy is. A pair is never half old, and a new certificate makes a new document."""
        digest = hashlib.sha256(self.certificate).hexdigest()[:16] if self.certificate else "not-issued-yet"
        return os.path.join(directory, f"{self.name}-{digest}{ending}")

    def copies(self, directory: str) -> dict[str, bytes]:
        """Content by path of Traefik's copies."""
        if self.certificate is None or self.key is None:
            return {}
        return {self.path(directory, ".crt"): self.certificate, self.path(directory, ".key"): self.key}


def read(given: Iterable[Mapping[str, Any]], default: str, *, lenient: bool) -> list[Pair]:
    """The pairs that a call names. Raises InputError for what cannot be meant, or is not there unless `lenient`."""
    found = [
        Pair(
            options.file_name("certificates: name", one["name"]),
            _content(one["name"], one["certificate"], lenient),
            _content(one["name"], one["key"], lenient),
        )
        for one in given
    ]
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"certificates names {', '.join(twice)} more than once")
    if default and default not in names:
        raise InputError(f"default_certificate is {default}, which certificates does not list ({', '.join(names)})")
    return found


def document(pairs: Sequence[Pair], default: str, directory: str) -> dict[str, Any]:
    """What Traefik's file provider is told; empty without pairs."""
    if not pairs:
        return {}
    listed = {
        one.name: {"certFile": one.path(directory, ".crt"), "keyFile": one.path(directory, ".key")} for one in pairs
    }
    stores = {"stores": {"default": {"defaultCertificate": listed[default]}}} if default else {}
    return {"tls": {**stores, "certificates": list(listed.values())}}


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


def steps(lacking: Iterable[str], unused: Iterable[str]) -> list[Step]:
    """What is to be done to the copies."""
    return [Step("copy", path, "not there, or not as it is to be") for path in lacking] + [
        Step("sweep", path, "not served any more") for path in unused
    ]


def _content(name: str, path: str, lenient: bool) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        if lenient:
            return None
        raise InputError(
            f"certificate {name}: {path} cannot be read ({error.strerror}); issue it first, with the role "
            "gantry.odoo.certificate for example"
        ) from error
