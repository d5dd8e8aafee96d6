# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that name a bucket; apart from the client, whose import costs half a second."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings

BUCKET: dict[str, Any] = {
    "type": "dict",
    "options": {
        "endpoint_url": {"type": "str"},
        "bucket": {"type": "str", "required": True},
        "region": {"type": "str", "default": "us-east-1"},
        "prefix": {"type": "str", "default": ""},
        "access_key": {"type": "str", "no_log": True},
        "secret_key": {"type": "str", "no_log": True},
        "ca_bundle": {"type": "path"},
    },
    "required_together": [("access_key", "secret_key")],
}


def bucket_from(option: str, values: Mapping[str, Any]) -> Settings:
    """The bucket that `option`, such as `repository`, describes. Raises InputError for values that cannot be used."""
    given = {key: value for key, value in values.items() if value is not None}
    url = given.get("endpoint_url", "")
    if "@" in url:
        raise InputError(f"{option}.endpoint_url: it holds a login; give access_key and secret_key instead")
    try:
        # a port that is none is told when it is asked for
        place = urlsplit(url).port or urlsplit(url).hostname
    except ValueError as error:
        raise InputError(f"{option}.endpoint_url: {url} is no URL ({error}); give one as https://s3.example") from error
    if url and not place:
        raise InputError(f"{option}.endpoint_url: {url} names no server; give one as https://s3.example")
    bundle = given.get("ca_bundle")
    if bundle and not os.path.isfile(bundle):
        raise InputError(f"{option}.ca_bundle: there is no file {bundle} on this host; give a PEM file")
    return Settings(**given, option=option)
