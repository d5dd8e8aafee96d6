# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's browser as far as Odoo's server can tell: one kept connection, cookies, a login by form, JSON-RPC calls."""

from __future__ import annotations

import html
import http.client
import itertools
import json
import re
import socket
import ssl
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

_TOKEN_FIELD = re.compile(r'<input\b[^>]*\bname="csrf_token"[^>]*>')
_VALUE = re.compile(r'\bvalue="([^"]*)"')
_EXPIRED = "odoo.http.SessionExpiredException"
_TURNS = itertools.count()


class AnswerError(Exception):
    """The server answered, and not as it should; the text says what was seen."""


class LoggedOutError(Exception):
    """The server no longer knows the session."""


@dataclass(frozen=True)
class Site:
    """Where one tenant is asked: its URL, the addresses that stand for its host name, and whom to trust.

    The name is never resolved: the lab's names exist on no name server of this machine.
    """

    url: str
    edges: tuple[str, ...]
    context: ssl.SSLContext

    @property
    def host(self) -> str:
        """The host name in the URL."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port in the URL."""
        return urlsplit(self.url).port or 443


class EdgeConnection(http.client.HTTPSConnection):
    """A TLS connection to the edge, verified against the site's own name."""

    def __init__(self, site: Site, timeout: float) -> None:
        super().__init__(site.host, site.port, timeout=timeout, context=site.context)
        self.site = site

    def connect(self) -> None:
        """Connect to one of the edges: each connection tries another one first, as with a name of several addresses."""
        plain = self._connected()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.site.context.wrap_socket(plain, server_hostname=self.site.host)

    def _connected(self) -> socket.socket:
        first = next(_TURNS) % len(self.site.edges)
        refusals: list[OSError] = []
        for edge in (*self.site.edges[first:], *self.site.edges[:first]):
            try:
                return socket.create_connection((edge, self.site.port), timeout=self.timeout)
            except OSError as error:
                refusals.append(error)
        raise refusals[0]


@dataclass(frozen=True)
class Answer:
    """One response, read to its end."""

    status: int
    location: str
    body: bytes


class Browser:
    """One user at one site. Not for several threads at once."""

    def __init__(self, site: Site, timeout: float) -> None:
        self.site = site
        self.connections = 0
        self.uid = 0
        self._timeout = timeout
        self._cookies: SimpleCookie = SimpleCookie()
        self._connection: EdgeConnection | None = None

    @property
    def cookie_header(self) -> str:
        """The cookies as a request carries them."""
        return "; ".join(f"{name}={morsel.value}" for name, morsel in self._cookies.items())

    def request(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Answer:
        """Send one request on the kept connection, or on a new one; OSError or HTTPException if it fails."""
        connection = self._open()
        headers = {"Cookie": self.cookie_header} if self._cookies else {}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheader("Location") or "", response.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        for line in response.headers.get_all("Set-Cookie") or []:
            self._cookies.load(line)
        if response.will_close:
            self.close()
        return answer

    def close(self) -> None:
        """Give the connection up; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def login(self, user: str, password: str) -> None:
        """Log in with Odoo's form, as a person would; AnswerError if the server does not let the user in."""
        self._cookies = SimpleCookie()
        form = self.page("/web/login")
        field = _TOKEN_FIELD.search(form)
        token = _VALUE.search(field[0]) if field else None
        if token is None:
            raise AnswerError(f"{self.site.url}/web/login shows no login form")
        sent = urlencode({"csrf_token": html.unescape(token[1]), "login": user, "password": password, "redirect": ""})
        answer = self.request("POST", "/web/login", sent.encode(), "application/x-www-form-urlencoded")
        if answer.status != http.client.SEE_OTHER:
            raise AnswerError(f"{self.site.url} did not let {user} in: status {answer.status} after the login form")
        self.uid = int(self.call("/web/session/get_session_info", {})["uid"])

    def page(self, path: str) -> str:
        """The page at `path`; LoggedOutError where the server sends the user to the login form instead."""
        answer = self.request("GET", path)
        if answer.status in (http.client.FOUND, http.client.SEE_OTHER) and "/web/login" in answer.location:
            raise LoggedOutError(f"{path} led to {answer.location}")
        if answer.status != http.client.OK:
            raise AnswerError(f"status {answer.status} at {path}")
        return answer.body.decode(errors="replace")

    def call(self, path: str, params: dict[str, Any]) -> Any:
        """The result of a JSON-RPC call; LoggedOutError where the session has ended."""
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        answer = self.request("POST", path, body, "application/json")
        if answer.status != http.client.OK:
            raise AnswerError(f"status {answer.status} at {path}")
        try:
            said = json.loads(answer.body)
        except ValueError as error:
            raise AnswerError(f"no JSON at {path}: {answer.body[:80]!r}") from error
        if "error" in said:
            problem = said["error"].get("data", {}).get("name") or said["error"].get("message")
            if problem == _EXPIRED:
                raise LoggedOutError(f"session expired at {path}")
            raise AnswerError(f"{problem} at {path}")
        return said.get("result")

    def _open(self) -> EdgeConnection:
        if self._connection is None:
            connection = EdgeConnection(self.site, self._timeout)
            connection.connect()
            self.connections += 1
            self._connection = connection
        return self._connection
