# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a signature of ssh-keygen says about itself, and the files that ssh-keygen verifies it by. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import NAMESPACE
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Key, fingerprint_of, ssh_strings
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import shown

# A signature by RSA with 16,384 bits has less than 4 KiB.
MOST_BYTES = 16 * 1024
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC, _VERSION = b"SSHSIG", 1


@dataclass(frozen=True)
class Claimed:
    """What a signature says, which is not verified by that."""

    fingerprint: str
    namespace: str


def claimed(signature: str) -> Claimed:
    """The key and the namespace that a signature names. Raises RefusedError where it is none."""
    if len(signature) > MOST_BYTES:
        raise RefusedError(f"the signature has more than {MOST_BYTES} characters, so it is none")
    lines = signature.strip("\n").split("\n")
    if lines[0] != _BEGIN or lines[-1] != _END:
        raise RefusedError("the signature is cut off, or is none of ssh-keygen")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        if not blob.startswith(_MAGIC) or int.from_bytes(blob[6:10], "big") != _VERSION:
            raise ValueError("it is of another version")
        key, namespace = ssh_strings(blob[10:], 2)
        name = namespace.decode("ascii")
    except ValueError as error:
        raise RefusedError(f"the signature is damaged ({error})") from error
    return Claimed(fingerprint_of(key), name)


def require_namespace(seen: Claimed) -> None:
    """Raise RefusedError for a signature that was made for something else."""
    if seen.namespace != NAMESPACE:
        raise RefusedError(f"the signature was made for {shown(seen.namespace)}, and an approval is for {NAMESPACE}")


def require_valid(key: Key, holder: str, at: datetime) -> None:
    """Raise RefusedError where a key is not valid at that time."""
    if key.valid_after and at < key.valid_after:
        raise RefusedError(f"the key {key.fingerprint} of {holder} is valid from {key.valid_after.isoformat()} on")
    if key.valid_before and at >= key.valid_before:
        raise RefusedError(f"the key {key.fingerprint} of {holder} was valid until {key.valid_before.isoformat()}")


def signers_line(name: str, key: Key) -> str:
    """The file of allowed signers with one key. Its times are those of UTC, which ssh-keygen has to run in."""
    bounds = [("valid-after", key.valid_after), ("valid-before", key.valid_before)]
    options = [f'namespaces="{NAMESPACE}"', *(f'{word}="{stamp(at)}"' for word, at in bounds if at)]
    return f"{name} {','.join(options)} {key.line}\n"


def revoked_lines(keys: Sequence[Key]) -> str:
    """The file of revoked keys."""
    return "".join(f"{key.line}\n" for key in keys)


def stamp(at: datetime) -> str:
    """A time as ssh-keygen takes it. Before version 9.1 it knew no zone in it."""
    return at.astimezone(timezone.utc).strftime("%Y%m%d%H%M%S")
