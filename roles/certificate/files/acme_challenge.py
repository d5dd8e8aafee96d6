# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers ACME http-01 challenges: GET of one token's file on loopback, and nothing else."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = re.compile(r"/\.well-known/acme-challenge/([A-Za-z0-9_-]{16,256})")


class ChallengeHandler(BaseHTTPRequestHandler):
    """Serves files whose name is a token; every other method or path is refused."""

    directory: Path
    server_version = "gantry-acme-challenge"
    sys_version = ""
    timeout = 10  # seconds for one request

    def do_GET(self) -> None:
        """Answer with the token's key authorisation, or 404."""
        token = TOKEN.fullmatch(self.path)
        try:
            if token is None:
                raise FileNotFoundError(self.path)
            body = (self.directory / token.group(1)).read_bytes()
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve the directory given first on the loopback port given second, until stopped."""
    ChallengeHandler.directory = Path(sys.argv[1])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), ChallengeHandler).serve_forever()


if __name__ == "__main__":
    main()
