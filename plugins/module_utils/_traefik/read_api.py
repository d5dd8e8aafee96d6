# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read Traefik's API on loopback."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError

_NOT_FOUND = 404


class _NotThereError(UnreachableError):
    """What was asked for is not there, or Traefik is not."""


@dataclass(frozen=True)
class Api:
    """Traefik's own API; read only. seconds: the time that one answer may take."""

    url: str
    seconds: float

    def raw(self) -> dict[str, Any]:
        """All routers, services and middlewares as Traefik has them now."""
        path = "/api/rawdata"
        found = self._object(path, self._get(path))
        for section in ("routers", "services", "middlewares"):
            self._objects(path, list(self._object(path, found.get(section) or {}).values()))
        return found

    def one(self, section: str, name: str) -> dict[str, Any] | None:
        """A router, service or middleware of the file provider, None where Traefik does not have it.

        section: as `raw` has it. This costs Traefik nothing, and `raw` a second where there are a thousand routes.
        """
        kind = section.removeprefix("tcp").removeprefix("udp").lower()
        part = "http" if kind == section else section[:3]
        path = f"/api/{part}/{kind}/{quote(f'{name}@file', safe='')}"
        try:
            return self._object(path, self._get(path))
        except _NotThereError:
            return None

    def entry_points(self) -> dict[str, dict[str, Any]]:
        """The settings of each entry point by its name."""
        return {str(one.get("name")): one for one in self._listed("/api/entrypoints")}

    def certificates(self) -> list[dict[str, Any]]:
        """All certificates that Traefik has loaded."""
        return self._listed("/api/certificates")

    def metrics(self) -> str:
        """What Traefik counts, as Prometheus reads it."""
        return self._text("/metrics")[0]

    def _listed(self, path: str) -> list[dict[str, Any]]:
        """A list, all of its pages: Traefik answers one that is not there with 400, and names page 1 after the last."""
        found: list[dict[str, Any]] = []
        page, following = 0, 1
        while following > page:
            page, where = following, f"{path}?page={following}&per_page=100"
            listed, following = self._page(where)
            found += self._objects(where, listed)
            if not listed:
                break
        return found

    def _object(self, path: str, found: Any) -> dict[str, Any]:
        if not isinstance(found, dict):
            raise self._strange(path)
        return found

    def _objects(self, path: str, found: Any) -> list[dict[str, Any]]:
        if not isinstance(found, list):
            raise self._strange(path)
        return [self._object(path, one) for one in found]

    def _strange(self, path: str) -> StateError:
        return StateError(f"what answers at {self.url}{path} does not answer as Traefik does; correct api_url")

    def _get(self, path: str) -> Any:
        return self._page(path)[0]

    def _page(self, path: str) -> tuple[Any, int]:
        """What is answered, and the number of the page after it, 1 after the last one."""
        text, following = self._text(path)
        try:
            return json.loads(text), int(following or 1)
        except ValueError as error:
            raise self._silent(path, error) from error

    def _text(self, path: str) -> tuple[str, str | None]:
        """What is answered, and the header that names the page after it."""
        # Loopback is never behind a proxy, whatever the environment says.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url + path, timeout=self.seconds) as answer:
                return answer.read().decode(), answer.headers.get("X-Next-Page")
        except urllib.error.HTTPError as error:
            refused = _NotThereError if error.code == _NOT_FOUND else UnreachableError
            raise refused(self._words(path, error.reason)) from error
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            raise self._silent(path, getattr(error, "reason", error)) from error

    def _silent(self, path: str, reason: object) -> UnreachableError:
        return UnreachableError(self._words(path, reason))

    def _words(self, path: str, reason: object) -> str:
        return f"Traefik's API at {self.url}{path} did not answer ({reason}); start Traefik, or correct api_url"
