# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The I/O of the Traefik domain: its API on loopback, and the directory that its file provider watches."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    StateError,
    UnreachableError,
)

_SUFFIXES = (".yml", ".yaml", ".toml")


@dataclass(frozen=True)
class Api:
    """Traefik's own API; read only. seconds: the time that one answer may take."""

    url: str
    seconds: float

    def raw(self) -> dict[str, Any]:
        """All routers, services and middlewares as Traefik has them now."""
        found = self._get("/api/rawdata")
        if not isinstance(found, dict):
            raise StateError(f"Traefik at {self.url} answered /api/rawdata with something that is no object")
        return found

    def entry_points(self) -> list[str]:
        """Names of the entry points."""
        return sorted(str(one["name"]) for one in self._get("/api/entrypoints"))

    def certificates(self) -> list[dict[str, Any]]:
        """All certificates that Traefik has loaded."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            listed = self._get(f"/api/certificates?page={page}&per_page=100")
            found.extend(listed)
            if len(listed) < 100:
                return found
            page += 1

    def _get(self, path: str) -> Any:
        # Loopback is never behind a proxy, whatever the environment says.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url + path, timeout=self.seconds) as answer:
                return json.load(answer)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise UnreachableError(
                f"Traefik's API at {self.url}{path} did not answer ({reason}); start Traefik, or correct api_url"
            ) from error


@dataclass(frozen=True)
class Directory:
    """The watched directory. Files enter it whole, by rename from beside it."""

    path: str

    def exists(self) -> bool:
        """Whether the directory is there."""
        return os.path.isdir(self.path)

    def require(self) -> None:
        """Raise InputError when the directory is missing."""
        if not self.exists():
            raise InputError(f"dynamic_dir {self.path} is not a directory; run the role gantry.odoo.traefik first")

    def file(self, name: str) -> str:
        """Path of a file in the directory."""
        return os.path.join(self.path, name)

    def read(self, name: str) -> str | None:
        """Text of a file, None when there is none."""
        try:
            with open(self.file(name), encoding="utf-8") as handle:
                return handle.read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(f"{self.file(name)} cannot be read: {error}") from error

    def others(self, name: str) -> dict[str, bytes]:
        """Content by relative path of every file that Traefik reads here, but for the one named."""
        found: dict[str, bytes] = {}
        for folder, _folders, names in os.walk(self.path):
            for one in names:
                path = os.path.join(folder, one)
                relative = os.path.relpath(path, self.path)
                if one.endswith(_SUFFIXES) and relative != name:
                    found[relative] = _content(path)
        return found

    def replace(self, name: str, text: str | None) -> None:
        """Put the text in the file's place in one step, or take the file away for None."""
        try:
            if text is None:
                os.unlink(self.file(name))
            else:
                self._rename_into_place(name, text)
            _sync_directory(self.path)
        except OSError as error:
            raise StateError(f"{self.file(name)} cannot be replaced: {error}") from error

    @contextlib.contextmanager
    def lock(self, deadline: Deadline) -> Iterator[None]:
        """Keep every other run away from the directory. Raises DeadlineError when one stays in it."""
        with open(os.path.join(self._beside(), ".gantry-traefik.lock"), "w", encoding="utf-8") as handle:
            try:
                deadline.wait(lambda: _try_lock(handle.fileno()), f"The end of another run on {self.path}")
            except DeadlineError as error:
                raise DeadlineError(f"{error}; wait for it, or end it") from error
            yield

    def _beside(self) -> str:
        return os.path.dirname(os.path.abspath(self.path))

    def _rename_into_place(self, name: str, text: str) -> None:
        # A fixed name under the lock: what a killed run left is overwritten by the next.
        staged = os.path.join(self._beside(), f".gantry-{name}.new")
        with open(staged, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fchmod(handle.fileno(), 0o644)
            os.fsync(handle.fileno())
        os.rename(staged, self.file(name))


def fingerprints(paths: Sequence[str]) -> list[str]:
    """SHA-256 of the first certificate in each PEM file, as lower-case hexadecimal digits."""
    return [_fingerprint(path) for path in paths]


def _fingerprint(path: str) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        with open(path, encoding="ascii") as handle:
            _before, found, rest = handle.read().partition(begin)
        der = ssl.PEM_cert_to_DER_cert(found + rest.partition(end)[0] + end)
    except (OSError, ValueError) as error:
        raise InputError(f"the certificate {path} cannot be read: {error}") from error
    return hashlib.sha256(der).hexdigest()


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error}") from error


def _sync_directory(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool | None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return True
