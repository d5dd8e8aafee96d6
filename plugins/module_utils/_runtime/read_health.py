# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks of an Odoo instance over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import in_url

_LONGEST_ANSWER_S = 10.0


@dataclass(frozen=True)
class Question:
    """One URL, and the member of the JSON answer that must be true or "pass"."""

    url: str
    member: str
    meaning: str


def questions(address: str, http_port: int, websocket_port: int) -> tuple[Question, ...]:
    """What a healthy instance answers: the web workers, their way to the database server, the websocket process."""
    web, websocket = (f"http://{in_url(address)}:{port}" for port in (http_port, websocket_port))
    return (
        Question(f"{web}/web/health", "status", "web workers"),
        Question(f"{web}/web/health?db_server_status=1", "db_server_status", "way to the database server"),
        Question(f"{websocket}/websocket/health", "status", "websocket process"),
    )


def gap(question: Question, timeout: float) -> str | None:
    """What is wrong with the answer, None when it is the healthy one. timeout: seconds."""
    try:
        # an environment's proxy is not for the host itself
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(question.url, timeout=max(0.1, min(timeout, _LONGEST_ANSWER_S))) as answer:
            body = json.loads(answer.read().decode("utf-8"))
    except urllib.error.HTTPError as error:
        hint = " (does server_wide_modules name bus?)" if error.code == 404 else ""
        return f"{question.meaning}: {question.url} answered {error.code}{hint}"
    except (OSError, http.client.HTTPException, *BAD_VALUES) as error:
        return f"{question.meaning}: {question.url} did not answer as Odoo does ({getattr(error, 'reason', error)})"
    seen = body.get(question.member) if isinstance(body, dict) else None
    if seen is True or seen == "pass":
        return None
    return f"{question.meaning}: {question.url} answered {question.member} {seen!r}"
