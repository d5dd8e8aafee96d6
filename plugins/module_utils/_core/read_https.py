# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks servers for JSON by HTTPS: with a verified certificate, a deadline, and an end of what is read."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    InputError,
    StateError,
    UnreachableError,
    excerpt,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import parse_document

MOST_BYTES, _PIECE = 4 * 1024 * 1024, 64 * 1024
_REFUSED, _NOT_FOUND = (401, 403), 404


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, which would take the token to another server."""

    def redirect_request(self, *_given: Any, **_named: Any) -> None:
        return None


@dataclass(frozen=True)
class Https:
    """A server. url: its address. headers: of each request; they may have secrets. ca_cert: empty for the system's.

    name: the server in words. option: the option that describes it. Each method raises UnreachableError or StateError.
    """

    url: str
    name: str
    option: str
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_cert: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise InputError(
                f"{self.option}.url: {excerpt(self.url)} is no address; give one as https://awx.example.com"
            )

    def document(self, path: str) -> dict[str, Any] | None:
        """The object that a path answers with; None where there is none. path: begins with a slash."""
        where = f"{self.name} at {self.url.rstrip('/')}{path}"
        deadline = Deadline(self.seconds)
        try:
            opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self._context()), _Stay())
            request = urllib.request.Request(self.url.rstrip("/") + path, headers=dict(self.headers))
            with opener.open(request, timeout=deadline.remaining) as answer:
                return parse_document(_read(answer, deadline, where), where)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _NOT_FOUND:
                return None
            raise self._refused(error.code, where) from error
        except (http.client.HTTPException, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise UnreachableError(
                f"{where} did not answer ({excerpt(str(reason)) or type(reason).__name__}); see the server, its "
                f"certificate and {self.option}, and run again"
            ) from error

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_cert or None)
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"{self.option}.ca_cert: {self.ca_cert} is no file of authorities: {error}") from error

    def _refused(self, code: int, where: str) -> Exception:
        if code in _REFUSED:
            return UnreachableError(f"{where} refused the token ({code}); see whether it is valid and may read this")
        return StateError(f"{where} answered with the status {code}; see the server, and correct {self.option}")


def _read(answer: http.client.HTTPResponse, deadline: Deadline, where: str) -> bytes:
    """The body, within the time and the size that an answer may have."""
    body = bytearray()
    # a server may send a byte at a time, each within the time of the connection
    while piece := answer.read1(_PIECE):
        body += piece
        if len(body) > MOST_BYTES:
            raise StateError(f"{where} answered with more than {MOST_BYTES} bytes; see what answers there")
        if deadline.remaining <= 0:
            raise TimeoutError(f"its answer did not end within {deadline.seconds:g} s")
    if answer.length:
        raise TimeoutError("its answer was cut off")
    return bytes(body)
