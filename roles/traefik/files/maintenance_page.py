# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers on loopback with a page that says what its path says: a plain text in the base64 of URLs.

Traefik asks for it in the place of the 503 of a route under maintenance, and keeps that status.
"""

from __future__ import annotations

import base64
import binascii
import html
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# One card in the middle of the screen, in the colors that the user's system has, light or dark.
STYLE = (
    ":root{color-scheme:light dark}"
    "body{box-sizing:border-box;min-height:100vh;margin:0;padding:1rem;display:grid;place-items:center;"
    "font:1.125rem/1.6 system-ui,sans-serif;color:#1f2933;background:#eef1f4}"
    "main{box-sizing:border-box;width:100%;max-width:36rem;padding:2rem 2.25rem;overflow-wrap:anywhere;background:#fff;"
    "border-top:.3rem solid #3d6a8a;border-radius:.5rem;box-shadow:0 .25rem 1.5rem rgba(31,41,51,.12)}"
    "h1{margin:0;font-size:1.5rem;line-height:1.3}"
    "p{margin:1rem 0 0}"
    "@media(prefers-color-scheme:dark){body{color:#e4e7eb;background:#12171c}"
    "main{background:#1d242b;border-color:#7fb0d3;box-shadow:none}}"
)
PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{rest}
</main>
</body>
</html>
"""


def page(text: str) -> str:
    """The page: the first line is its title, and each other line a paragraph."""
    title, *rest = [html.escape(line.strip()) for line in text.splitlines() if line.strip()]
    return PAGE.format(title=title, style=STYLE, rest="\n".join(f"<p>{line}</p>" for line in rest))


def text_of(path: str) -> str:
    """The text in a path, empty where there is none."""
    try:
        encoded = path[1:].encode("ascii")
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), b"-_", validate=True).decode().strip()
    except (binascii.Error, UnicodeError):
        return ""


class PageHandler(BaseHTTPRequestHandler):
    """Answers with the page of a text; every other method or path is refused."""

    protocol_version = "HTTP/1.1"
    server_version = "gantry-maintenance-page"
    sys_version = ""
    timeout = 10  # seconds for one request

    def do_GET(self) -> None:
        """Answer with the page, or 404."""
        text = text_of(self.path)
        if not text:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = page(text).encode()
        self.send_response(HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Write nothing: Traefik's access log has each request."""


def main() -> None:
    """Answer on the loopback port that is given, until stopped."""
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), PageHandler).serve_forever()


if __name__ == "__main__":
    main()
