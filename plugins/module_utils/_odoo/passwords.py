# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of Odoo's administrator, stored as Odoo itself stores one."""

from __future__ import annotations

import traceback
from typing import Any

from ansible.module_utils.basic import missing_required_lib

try:
    from passlib.context import CryptContext
except ImportError:
    CryptContext = None
    PASSLIB_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    PASSLIB_IMPORT_ERROR = None

# what Odoo 17 and newer take at least; older ones verify it as well
ROUNDS = 600_000


def require_passlib(module: Any) -> None:
    """End the module with Ansible's usual sentence when passlib is not installed on the target."""
    if CryptContext is None:
        module.fail_json(msg=missing_required_lib("passlib"), exception=PASSLIB_IMPORT_ERROR)


def hashed(password: str) -> str:
    """The hash to store; it has a new salt at each call."""
    return _context().hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether `stored` is a hash of `password`; a password in plain text never matches, so that it gets replaced."""
    return bool(stored) and _context().identify(stored) is not None and _context().verify(password, stored)


def _context() -> Any:
    return CryptContext(["pbkdf2_sha512"], pbkdf2_sha512__rounds=ROUNDS)
