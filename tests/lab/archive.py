# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for a container, packed as the Docker API takes them."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """One file in a container; directories above it are made, owned by root."""

    path: str
    content: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


def pack(files: list[File]) -> bytes:
    """A tar archive of `files`, to be unpacked at /."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for file in files:
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.size, member.mode, member.uid, member.gid = len(file.content), file.mode, file.uid, file.gid
            tar.addfile(member, io.BytesIO(file.content))
    return stream.getvalue()


def unpack(chunks: list[bytes]) -> bytes:
    """The content of the one file in a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        member = tar.extractfile(tar.getmembers()[0])
        if member is None:
            raise IsADirectoryError(tar.getmembers()[0].name)
        return member.read()
