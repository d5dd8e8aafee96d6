# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's browser as it is: Chromium in a container on the lab's network, which verifies every certificate."""

from __future__ import annotations

import base64
import json
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab import images
from tests.lab.errors import LabError
from tests.lab.hosts import Lab
from tests.lab.state import ROOT

SCREENSHOTS = ROOT / ".build" / "browser"
ANSWER_S, END_S = 120, 30
IMAGE = "chromium"


class Chromium:
    """One browser with nothing in it. authority: whom it trusts beside public authorities. hosts: addresses by name."""

    def __init__(self, lab: Lab, authority: bytes | None = None, hosts: Mapping[str, str] | None = None) -> None:
        tag = images.ensure(lab.client, [IMAGE])[IMAGE]
        command = ["docker", "run", "--rm", "--interactive", f"--network={lab.name}"]
        command += [f"--add-host={name}:{address}" for name, address in (hosts or {}).items()]
        # The container ends with its input, and so with this process.
        self._process = subprocess.Popen(
            [*command, tag], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if authority:
            self._do("trust", authority.decode())

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def open(self, url: str) -> dict[str, Any]:
        """Go to an address; status, headers, security and issuer of the page. LabError where it is not shown."""
        page: dict[str, Any] = self._do("open", url)
        return page

    def fill(self, css: str, text: str) -> None:
        """Type a text into the field that a selector finds."""
        self._do("fill", css, text)

    def click(self, css: str) -> None:
        """Click on the element that a selector finds."""
        self._do("click", css)

    def ask(self, script: str) -> Any:
        """The value that a script returns in the page."""
        return self._do("ask", script)

    def wait(self, script: str, seconds: float = 60) -> Any:
        """The value that a script returns in the page, once there is one; LabError after so many seconds."""
        return self._do("wait", script, seconds)

    def screenshot(self, path: Path) -> None:
        """Keep what is on the screen, for a person to look at."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._do("screenshot")))

    def _do(self, verb: str, *arguments: Any) -> Any:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([verb, *arguments]) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], ANSWER_S)[0]:
            raise LabError(f"the browser did not answer to {verb} within {ANSWER_S} s")
        line = process.stdout.readline()
        if not line:
            complaint = process.stderr.read() if process.stderr else ""
            raise LabError(f"the browser ended instead of its answer to {verb}: {complaint.strip()[-1000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise LabError(f"{verb} {' '.join(map(str, arguments))[:200]}: {answer['error']}")
        return answer["value"]
