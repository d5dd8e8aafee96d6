# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that names a repository of backups; apart from the client, whose import costs half a second."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

if TYPE_CHECKING:
    from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings


def argument_spec() -> dict[str, dict[str, Any]]:
    """The option of the documentation fragment gantry.odoo.s3."""
    return {
        "repository": {
            "type": "dict",
            "required": True,
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
    }


def settings_from(params: Mapping[str, Any]) -> Settings:
    """The repository that a module's parameters describe. Raises InputError for values that cannot be used."""
    # odoo_database reads the option and hardly ever uses it
    from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings

    given = {key: value for key, value in params["repository"].items() if value is not None}
    if "@" in urlsplit(given.get("endpoint_url", "")).netloc:
        raise InputError("repository.endpoint_url: it holds a login; give access_key and secret_key instead")
    bundle = given.get("ca_bundle")
    if bundle and not os.path.isfile(bundle):
        raise InputError(f"repository.ca_bundle: there is no file {bundle} on this host; give a PEM file")
    return Settings(**given)
