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
