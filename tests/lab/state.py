# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's files on this machine: one directory a lab, one for the images, all below .lab/ of the checkout."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.lab.errors import LabError
from tests.lab.progress import say

ROOT = Path(__file__).resolve().parents[2]
LAB_DIR = ROOT / ".lab"
IMAGES_DIR = LAB_DIR / "images"
LOCK_DEADLINE_S = 900.0
# The lab's names are the machine's, and so are its locks: another checkout must see them, whatever its TMPDIR.
_SHARED = Path("/run/lock")
_held: dict[str, IO[str]] = {}


@dataclass(frozen=True)
class State:
    """Where one lab keeps its keys, its authority and its secrets."""

    directory: Path

    @classmethod
    def of(cls, lab: str, checkout: Path = ROOT) -> State:
        """The state of the lab called `lab`; nothing is made yet."""
        return cls(checkout / LAB_DIR.name / lab)

    @property
    def key(self) -> Path:
        """The private key that opens every host."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The host keys, by address."""
        return self.directory / "ssh" / "known_hosts"

    @property
    def ca(self) -> Path:
        """The certificate of the lab's authority."""
        return self.directory / "ca" / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The private key of the lab's authority."""
        return self.directory / "ca" / "ca.key"

    @property
    def acme_root(self) -> Path:
        """The root under which the ACME server issues since its last start."""
        return self.directory / "acme-root.pem"

    @property
    def images(self) -> Path:
        """The tags and archives of the container images, as YAML."""
        return self.directory / "images.yml"

    @property
    def inventory(self) -> Path:
        """A plain inventory of the hosts that run, for tests."""
        return self.directory / "inventory.yml"

    def secret(self, name: str) -> str:
        """The secret called `name`, made on first use."""
        path = self.directory / "secrets" / name
        if not path.exists():
            write(path, secrets.token_hex(20), mode=0o600)
        return path.read_text(encoding="utf-8")

    def sealing_key(self, name: str) -> str:
        """The key of 32 bytes in base64 that is called `name`, made on first use."""
        path = self.directory / "secrets" / name
        if not path.exists():
            write(path, base64.b64encode(secrets.token_bytes(32)).decode(), mode=0o600)
        return path.read_text(encoding="utf-8")

    def identity(self) -> str:
        """What tells this state's containers from those of another checkout."""
        if not self.recorded():
            write(self.directory / "id", secrets.token_hex(8))
        return self.recorded()

    def recorded(self) -> str:
        """The identity where there is one, or an empty text."""
        path = self.directory / "id"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def remove(self) -> None:
        """Remove the lab's files."""
        if self.directory.exists():
            shutil.rmtree(self.directory)


def write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write `content` to `path` so that a reader, or the next run, finds all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    data = content.encode() if isinstance(content, str) else content
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    unfinished.rename(path)


def shared(name: str) -> Path:
    """The path of the lock `name`, the same for every checkout of this user."""
    parent = _SHARED if os.access(_SHARED, os.W_OK) else Path("/tmp")
    directory = parent / f"gantry-lab-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.getuid():
        raise LabError(f"{directory} is not a directory of this user, who needs it for locks; remove it")
    return directory / name


def hold(lab: str) -> None:
    """Have other checkouts see that this process uses the lab, until it ends."""
    if lab not in _held:
        _held[lab] = shared(f"{lab}.used").open("w", encoding="utf-8")
        fcntl.flock(_held[lab], fcntl.LOCK_SH)


def is_held(lab: str) -> bool:
    """Whether a process uses the lab."""
    with shared(f"{lab}.used").open("w", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def locked(path: Path, reason: str) -> Iterator[None]:
    """Hold `path` as a lock; the kernel gives it up with the process. Waits with a deadline, saying `reason` once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ends = time.monotonic() + LOCK_DEADLINE_S
    told = False
    with path.open("w", encoding="utf-8") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends:
                    raise LabError(
                        f"{reason}, and did not end within {LOCK_DEADLINE_S:g} s; see who holds {path}"
                    ) from None
            if not told:
                say("lab", f"waiting: {reason}")
                told = True
            time.sleep(0.5)
        yield
