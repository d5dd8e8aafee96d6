# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks an Odoo instance for pages, as an edge does for the users of a tenant."""

from __future__ import annotations

import http.client
import time
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_warm_up import (
    REDIRECTS,
    Answer,
    Site,
    redirected,
)

# What is kept of a page, to look for links in it.
_PAGE_BYTES = 1024 * 1024
_PIECE_BYTES = 64 * 1024


def ask_at(address: str, site: Site, path: str, timeout: float) -> Answer:
    """The answer to a request of one path, at the end of its redirects on the same host, which count as its seconds.

    timeout: seconds in all.
    """
    began = time.monotonic()
    ends = began + timeout
    found = _once(site, address, path, ends)
    for _turn in range(REDIRECTS):
        following = redirected(found, site.host)
        if not following:
            break
        found = _once(site, address, following, ends)
    return replace(found, seconds=time.monotonic() - began)


def _once(site: Site, address: str, path: str, ends: float) -> Answer:
    began = time.monotonic()
    left = ends - began
    if left <= 0:
        return Answer(path, error="its time was over")
    headers = {"Host": site.host, "X-Forwarded-Host": site.host, "X-Forwarded-Proto": "https", "Connection": "close"}
    connection = http.client.HTTPConnection(address, site.port, timeout=left)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        page = _read(answer, ends)
        took = time.monotonic() - began
        return Answer(path, answer.status, took, page.decode("utf-8", "replace"), answer.getheader("Location", ""))
    except (OSError, http.client.HTTPException) as error:
        return Answer(path, seconds=time.monotonic() - began, error=str(error) or type(error).__name__)
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, ends: float) -> bytes:
    """The beginning of the body. The rest is read as well, as a user does, and given up. ends: on the clock of time."""
    page = b""
    while piece := answer.read1(_PIECE_BYTES):
        if time.monotonic() > ends:
            raise TimeoutError("its body did not end in time")
        page += piece[: _PAGE_BYTES - len(page)]
    return page
