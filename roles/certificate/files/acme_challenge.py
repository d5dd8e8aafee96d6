# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers ACME http-01 challenges on loopback: the token that was asked for and the account's thumbprint, nothing else.

Whoever asks learns the thumbprint, which is of no use without the account's key (RFC 8555, 8.1 and 10.2).
"""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = re.compile(r"/\.well-known/acme-challenge/([A-Za-z0-9_-]{16,256})")


class ChallengeHandler(BaseHTTPRequestHandler):
    """Answers a token; every other method or path is refused."""

    thumbprint: Path
    server_version = "gantry-acme-challenge"
    sys_version = ""
    timeout = 10  # seconds for one request

    def do_GET(self) -> None:
        """Answer with the token's key authorization, or 404."""
        token = TOKEN.fullmatch(self.path)
        try:
            if token is None:
                raise FileNotFoundError(self.path)
            body = f"{token.group(1)}.{self.thumbprint.read_text().strip()}".encode()
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Answer with the thumbprint in the file given first, on the loopback port given second, until stopped."""
    ChallengeHandler.thumbprint = Path(sys.argv[1])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), ChallengeHandler).serve_forever()


if __name__ == "__main__":
    main()
