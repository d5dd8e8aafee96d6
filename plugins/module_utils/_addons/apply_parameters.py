# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes configuration parameters of a database, the code of its addons among them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_database import KEY


def store_digests(cursor: Any, digests: Mapping[str, str]) -> None:
    """Record the code of a verified update, in the transaction of the cursor."""
    write_parameters(cursor, {KEY: json.dumps(digests, sort_keys=True)})


def write_parameters(cursor: Any, parameters: Mapping[str, str]) -> None:
    """Write configuration parameters, in the transaction of the cursor."""
    for key, value in parameters.items():
        cursor.execute(
            "INSERT INTO public.ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date) "
            "VALUES (%s, %s, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC') "
            "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, write_uid = 1, write_date = EXCLUDED.write_date",
            (key, value),
        )
