# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of a host on its disk: read, place by one rename, activate by one change of a symbolic link."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._runtime import read_files
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Manifest, ReleaseState
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import Activate, Place, Repair, Share


@dataclass(frozen=True)
class ReleaseStore:
    """`<root>/releases/<id>` and `<root>/current`."""

    root: str

    @property
    def releases(self) -> str:
        """The directory of the releases."""
        return os.path.join(self.root, "releases")

    @property
    def current(self) -> str:
        """The link to the active release."""
        return os.path.join(self.root, "current")

    def path(self, identity: str) -> str:
        """The directory of a release."""
        return os.path.join(self.releases, identity)

    def read(self, identity: str) -> ReleaseState:
        """What the host holds under `identity`, and what is active."""
        recorded = self._recorded(identity)
        if recorded is None:
            return ReleaseState(identity, active=self.active())
        place = self.path(identity)
        found = read_files.manifest(identity, read_files.entries(place)).digest
        return ReleaseState(identity, recorded, found, self.active(), bool(read_files.closed(place)))

    def active(self) -> str | None:
        """The id of the active release, None where there is none."""
        try:
            return os.path.basename(os.readlink(self.current))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{self.current} is not a link to a release ({error.strerror}); move it away") from error

    def place(self, wanted: Manifest, archive: str) -> None:
        """Unpack `archive` and put it under its id by one rename: the release is there completely or not at all."""
        staged = self._stage(wanted, archive)
        # what stands there has no manifest: the rest of a run that was interrupted
        if os.path.isdir(self.path(wanted.id)):
            shutil.rmtree(self.path(wanted.id))
        os.rename(staged, self.path(wanted.id))

    def repair(self, wanted: Manifest, archive: str) -> None:
        """Bring the files of a placed release back one by one, so that running processes keep their directory."""
        staged = self._stage(wanted, archive)
        target = self.path(wanted.id)
        kept = {entry.path for entry in read_files.entries(staged)}
        for entry in read_files.entries(target):
            if entry.path not in kept:
                os.unlink(os.path.join(target, entry.path))
        for path in sorted(kept):
            os.makedirs(os.path.dirname(os.path.join(target, path)), mode=0o755, exist_ok=True)
            os.replace(os.path.join(staged, path), os.path.join(target, path))
        self._open(target)
        # the manifest last: its time tells the processes that they started before the repair
        os.replace(os.path.join(staged, read_files.MANIFEST), os.path.join(target, read_files.MANIFEST))
        shutil.rmtree(staged)

    def share(self, identity: str) -> None:
        """Let every account read the release."""
        self._open(self.path(identity))
        # the processes started before they could read it
        os.utime(os.path.join(self.path(identity), read_files.MANIFEST))

    @staticmethod
    def _open(directory: str) -> None:
        for path, mode in read_files.closed(directory):
            os.chmod(path, mode)

    def activate(self, identity: str) -> None:
        """Point `current` to a release, atomically."""
        fresh = self.current + ".new"
        if os.path.lexists(fresh):
            os.unlink(fresh)
        os.symlink(os.path.join("releases", identity), fresh)
        os.replace(fresh, self.current)

    def _recorded(self, identity: str) -> Manifest | None:
        path = os.path.join(self.path(identity), read_files.MANIFEST)
        try:
            with open(path, encoding="utf-8") as handle:
                content: Any = json.load(handle)
            return Manifest.from_record(identity, content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(f"{path} is not a manifest ({error}); remove that release and run again") from error

    def _stage(self, wanted: Manifest, archive: str) -> str:
        staged = os.path.join(self.releases, f".{wanted.id}.new")
        if os.path.isdir(staged):
            shutil.rmtree(staged)
        os.makedirs(staged, mode=0o755)
        try:
            with tarfile.open(archive, "r:gz") as packed:
                _unpack(packed, staged)
        # tarfile itself stumbles over numbers and texts in a header that was changed
        except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, OverflowError) as error:
            raise StateError(
                f"the archive of release {wanted.id} arrived damaged ({error}), and what the host holds stays as "
                "it is; run again"
            ) from error
        found = read_files.manifest(wanted.id, read_files.entries(staged))
        if found != wanted:
            raise StateError(
                f"release {wanted.id} arrived with digest {found.digest[:12]}, not {wanted.digest[:12]}; run again"
            )
        with open(os.path.join(staged, read_files.MANIFEST), "w", encoding="utf-8") as handle:
            json.dump(wanted.as_dict(), handle, indent=2, sort_keys=True)
            handle.write("\n")
            handle.flush()
            os.fsync(handle.fileno())
        return staged


def apply_steps(store: ReleaseStore, steps: Sequence[Step], source: Manifest | None, archive: str | None) -> None:
    """Carry out the steps of a release. archive: the path of its content on the host, for steps that need it."""

    def content() -> tuple[Manifest, str]:
        if source is None or archive is None or not os.path.isfile(archive):
            raise InputError(f"archive: {archive} is not there; run the module through its action plugin")
        return source, archive

    hands: Hands = {
        Place: lambda step: store.place(*content()),
        Repair: lambda step: store.repair(*content()),
        Share: lambda step: store.share(step.target),
        Activate: lambda step: store.activate(step.target),
    }
    try:
        for step in steps:
            carry_out(step, hands)
    except OSError as error:
        raise StateError(f"the releases in {store.root} could not be written: {error}") from error


def _unpack(packed: tarfile.TarFile, directory: str) -> None:
    for member in packed:
        parts = member.name.split("/")
        if not member.isreg() or member.name.startswith("/") or ".." in parts:
            raise StateError(f"the archive holds {member.name!r}, which is not a plain file of a release")
        path = os.path.join(directory, member.name)
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        content = packed.extractfile(member)
        if content is None:
            raise StateError(f"the archive holds no content for {member.name!r}")
        with content, open(path, "wb") as handle:
            shutil.copyfileobj(content, handle)
        # the archive's owner does not matter: root owns releases, everybody may read them
        os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
