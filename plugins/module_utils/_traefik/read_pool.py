# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the servers of routes whether they answer their health check, as Traefik will ask them."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

_AT_ONCE = 16
_SECONDS = 5.0


def faults(checks: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Why each server is not healthy, an empty text where it is. checks: address and path; each is asked once."""
    asked = sorted(set(checks))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as workers:
        return dict(zip(asked, workers.map(_fault, asked)))


def _fault(check: tuple[str, str]) -> str:
    url, path = check
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ssl.SSLError) as error:
        return f"{url}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if 200 <= status < 400 else f"{url}: status {status}"
