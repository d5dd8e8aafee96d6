# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the files of addons. It is also a program that answers from inside an image, so it imports no other file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import queue
import stat
import sys
import threading
from typing import BinaryIO

MANIFESTS = ("__manifest__.py", "__openerp__.py")
# What an update of the database never reads: assets for browsers are served from disk, tests and caches are nobody's.
_SKIPPED = frozenset({"static", "tests", "__pycache__", ".git", "readme", "doc", "docs"})
_TRANSLATIONS = ("i18n", "i18n_extra")
# A manifest, a script or a file with a release is far smaller.
_MOST_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
# as the kernel
_LINKS = 40
_SKIPPED_ENDINGS = (".pyc", ".pyo", ".pot", ".rst", ".md", "~")


def listing(paths: list[str]) -> dict[str, list[str]]:
    """All addons of directories by name: directory and manifest; the first that has one wins."""
    found: dict[str, list[str]] = {}
    # Odoo as well goes on without a directory that is not there
    for path in filter(os.path.isdir, paths):
        for name in sorted(os.listdir(path)):
            directory = os.path.join(path, name)
            manifest = "" if name in found else manifest_of(directory)
            if manifest:
                found[name] = [directory, text(manifest)]
    return found


def manifest_of(directory: str) -> str:
    """The path of the manifest in an addon's directory; empty where it holds none."""
    paths = [os.path.join(directory, manifest) for manifest in MANIFESTS]
    return next((path for path in paths if os.path.isfile(path)), "")


def text(path: str) -> str:
    """The content of a file, its bytes as names of files have them; empty where there is none."""
    try:
        with opened(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return ""
    if len(content) > _MOST_BYTES:
        raise OSError(errno.EFBIG, "it is larger than such a file can be", path)
    return content.decode("utf-8", "surrogateescape")


def opened(path: str) -> BinaryIO:
    """A regular file, to be read. A link in its path counts where root, this account or its target's owner made it.

    Odoo may write among addons. So the path is walked by descriptors, and no link shows it a file of root.
    """
    rest, makers, links = _names(path), set(), 0
    here = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        while rest:
            there = os.open(rest.pop(), os.O_PATH | os.O_NOFOLLOW, dir_fd=here)
            found = os.fstat(there)
            if stat.S_ISLNK(found.st_mode):
                target, links = os.readlink("", dir_fd=there), links + 1
                os.close(there)
                makers.add(found.st_uid)
                if links > _LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                rest += _names(target)
                if not target.startswith("/"):
                    continue
                there = os.open("/", os.O_PATH | os.O_DIRECTORY)
            os.close(here)
            here = there
        found = os.fstat(here)
        strangers = makers - {0, os.geteuid(), found.st_uid}
        if strangers:
            raise OSError(errno.EACCES, f"account {min(strangers)} made a link that leads to it")
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        return open(f"/proc/self/fd/{here}", "rb")
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(here)


def _names(path: str) -> list[str]:
    """The names of a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def digest(directory: str, without: str = "") -> str:
    """SHA-256 over the names and contents of what an update reads in a directory.

    Translations are left out, and what lies below the directory `without`.
    """
    return digest_of(list(_files(directory, without)), directory)


def digest_of_language(directory: str, language: str) -> str:
    """SHA-256 over the translations of an addon that Odoo loads for a language such as fr_BE: fr.po, then fr_BE.po."""
    stems = dict.fromkeys((language.split("_", 1)[0].split("@", 1)[0], language))
    paths = [os.path.join(directory, folder, f"{stem}.po") for folder in _TRANSLATIONS for stem in stems]
    return digest_of([path for path in paths if os.path.isfile(path)], directory)


def digest_of(paths: list[str], below: str) -> str:
    """SHA-256 over the names, relative to `below`, and contents of files."""
    total = hashlib.sha256()
    for path in paths:
        total.update(os.fsencode(os.path.relpath(path, below)) + b"\0")
        with opened(path) as stream:
            content = hashlib.sha256()
            for piece in iter(lambda: stream.read(_PIECE_BYTES), b""):
                content.update(piece)
        total.update(content.digest())
    return total.hexdigest()


def _files(directory: str, without: str) -> list[str]:
    found = []
    for folder, folders, files in os.walk(directory):
        left_out = _SKIPPED if folder != directory else {*_SKIPPED, *_TRANSLATIONS}
        folders[:] = sorted(name for name in folders if name not in left_out and os.path.join(folder, name) != without)
        found += [os.path.join(folder, name) for name in sorted(files) if not name.endswith(_SKIPPED_ENDINGS)]
    return found


ANSWERS = {function.__name__: function for function in (listing, manifest_of, text, digest, digest_of_language)}


def answer() -> None:
    """Answer a question a line, as JSON, until the other side is gone, also while a file is read that has no end."""
    questions: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            questions.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        question = json.loads(questions.get())
        try:
            said: dict[str, object] = {"answer": ANSWERS[question["ask"]](*question["about"])}
        except OSError as error:
            said = {"error": error.strerror, "path": error.filename}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    answer()
