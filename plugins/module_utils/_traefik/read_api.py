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

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError


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

    def entry_points(self) -> list[str]:
        """Names of the entry points."""
        path = "/api/entrypoints"
        return sorted(str(one.get("name")) for one in self._objects(path, self._get(path)))

    def certificates(self) -> list[dict[str, Any]]:
        """All certificates that Traefik has loaded."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            path = f"/api/certificates?page={page}&per_page=100"
            listed = self._objects(path, self._get(path))
            found.extend(listed)
            if len(listed) < 100:
                return found
            page += 1

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
