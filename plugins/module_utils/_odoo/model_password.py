# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of Odoo's administrator, stored as Odoo itself stores one: PBKDF2 in the form that passlib writes.

The key derivation is the standard library's. Only the form is written here, so that no host needs passlib, which
every Odoo has and no container host.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

# what Odoo 17 and newer take at least; older ones verify it as well
ROUNDS = 600_000
SALT_BYTES = 16
# a hash that takes longer was not made by Odoo, and a tenant must not keep the module busy with one
_MOST_ROUNDS = 10 * ROUNDS
_STORED = re.compile(r"^\$pbkdf2-sha512\$([1-9][0-9]{0,8})\$([A-Za-z0-9./]+)\$([A-Za-z0-9./]+)$")


def hashed(password: str, salt: bytes, rounds: int = ROUNDS) -> str:
    """The hash to store. salt: random bytes, new for each password."""
    return f"$pbkdf2-sha512${rounds}${_encode(salt)}${_encode(_derive(password, salt, rounds))}"


def matches(password: str, stored: str | None) -> bool:
    """Whether `stored` is a hash of `password`; anything but such a hash never matches, so that it gets replaced."""
    parts = _STORED.match(stored or "")
    if parts is None:
        return False
    rounds, salt, digest = int(parts[1]), parts[2], parts[3]
    if rounds > _MOST_ROUNDS or len(salt) % 4 == 1:
        return False
    return hmac.compare_digest(_encode(_derive(password, _decode(salt), rounds)), digest)


def _derive(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)


def _encode(data: bytes) -> str:
    # base64 without its padding, and with a dot for the plus
    return base64.b64encode(data).decode().rstrip("=").replace("+", ".")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))
