# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH as on real hosts: one key that opens them, and host keys known beforehand; none is trusted on sight."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.lab.state import State, write


def ensure_key(state: State) -> str:
    """Make the lab's key unless it is there; return its public half in OpenSSH's form."""
    return _ensure(state.key)


def ensure_host_key(state: State, host: str) -> tuple[str, str]:
    """Make the host key of `host` unless it is there; return its private and its public half."""
    path = state.directory / "ssh" / "hosts" / host
    public = _ensure(path)
    return path.read_text(encoding="utf-8"), public


def write_known_hosts(state: State, addresses: dict[str, str]) -> None:
    """Write the host keys of `addresses` (host name to address) for ssh to compare with."""
    lines = [f"{address},{host} {ensure_host_key(state, host)[1]}\n" for host, address in sorted(addresses.items())]
    write(state.known_hosts, "".join(lines))


def _ensure(path: Path) -> str:
    if not path.exists():
        private = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        write(path, private, mode=0o600)
    key = serialization.load_ssh_private_key(path.read_bytes(), None)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()
