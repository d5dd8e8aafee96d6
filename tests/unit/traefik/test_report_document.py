# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No hash, password, token or key of a document is in a diff, a return value or a message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.report_document import (
    DIFFERS,
    NOT_SHOWN,
    shown,
    without_secrets,
)

HASH = "admin:$2y$05$c2VjcmV0c2VjcmV0"


@pytest.mark.parametrize(
    "content",
    [
        {"http": {"middlewares": {"a": {"basicAuth": {"users": [HASH]}}}}},
        {"HTTP": {"Middlewares": {"a": {"digestauth": {"users": HASH}}}}},
        {"http": {"middlewares": {"a": {"headers": {"customRequestHeaders": {"Authorization": HASH}}}}}},
        {"http": {"middlewares": {"a": {"plugin": {"mine": {"deep": [{"key": HASH}]}}}}}},
        {"http": {"services": {"a": {"loadBalancer": {"healthCheck": {"headers": {"X-Token": HASH}}}}}}},
        {"http": {"services": {"a": {"loadBalancer": {"servers": [{"url": f"http://{HASH}@app1"}]}}}}},
        {"http": {"serversTransports": {"a": {"certificates": [{"keyFile": HASH}]}}}},
        {"tls": {"certificates": [{"keyFile": f"-----BEGIN PRIVATE KEY-----\n{HASH}"}]}},
    ],
)
def test_a_secret_is_not_shown(content: dict[str, Any]) -> None:
    assert "c2VjcmV0" not in json.dumps(shown(content))
    assert NOT_SHOWN in json.dumps(shown(content))
    words = without_secrets(f"error parsing BasicUser: {HASH}", content)
    if "middlewares" in str(content).lower():
        assert words == f"error parsing BasicUser: {NOT_SHOWN}"


def test_a_secret_that_differs_is_seen_to_differ() -> None:
    before, after = ({"http": {"middlewares": {"a": {"basicAuth": {"users": [one, "b:c"]}}}}} for one in ("a:b", "a:d"))
    assert shown(after, before)["http"]["middlewares"]["a"]["basicAuth"]["users"] == [DIFFERS, NOT_SHOWN]
    assert shown(after, after)["http"]["middlewares"]["a"]["basicAuth"]["users"] == [NOT_SHOWN, NOT_SHOWN]
    assert shown(before) == shown(after)


def test_what_is_no_secret_is_shown() -> None:
    content = {
        "http": {
            "routers": {"a": {"rule": "Host(`a`)", "priority": 5, "middlewares": ["b@file"]}},
            "middlewares": {"b": {"redirectScheme": {"permanent": True}}},
        },
        "tls": {"options": {"default": {"minVersion": "VersionTLS13"}}},
    }
    assert shown(content) == content
