# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads which state of an inventory a run works with: the commit of Git, and what differs from it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import Inventory
from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import opened_at_once

GIT_SECONDS = 30
# What Ansible reads beside a source.
_BESIDE = ("group_vars", "host_vars")
_MOST_FILES, _MOST_BYTES, _PIECE = 10_000, 256 * 1024 * 1024, 1024 * 1024
# The files are another account's under AWX; no program that they name is run.
_GIT = ("git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")


def read_inventory(sources: Sequence[str]) -> Inventory:
    """The state of the sources and of the variables beside them. sources: paths; lists of hosts are left out.

    Raises StateError where the files are too many or too large.
    """
    deadline = Deadline(GIT_SECONDS)
    paths = sorted({os.path.abspath(one) for one in sources if os.path.exists(one)})
    commits, changed = set(), []
    for path in paths:
        directory = path if os.path.isdir(path) else os.path.dirname(path)
        read = [one for one in (path, *(os.path.join(directory, name) for name in _BESIDE)) if os.path.exists(one)]
        commit = _commit(directory, deadline)
        commits.add(commit)
        changed += _changed(directory, read, deadline) if commit else list(_files(read))
    commit = " ".join(sorted(commits - {""}))
    return Inventory(commit, bool(commit and changed), _content(sorted(set(changed)), paths))


def _commit(directory: str, deadline: Deadline) -> str:
    """The commit that is checked out, empty where there is none."""
    argv = [*_GIT, "-C", directory, "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        return run(argv, deadline, what="git", accept=(0, 1, 128)).strip()
    except StateError:
        # a controller without Git
        return ""


def _changed(directory: str, paths: Iterable[str], deadline: Deadline) -> list[str]:
    """The files that differ from the commit, those that Git ignores among them, as Ansible reads them."""
    argv = [*_GIT, "-C", directory, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"]
    said = run([*argv, "--ignored=traditional", "--", *paths], deadline, what="git")
    top = run([*_GIT, "-C", directory, "rev-parse", "--show-toplevel"], deadline, what="git").rstrip("\n")
    listed = [os.path.join(top, entry[3:]) for entry in said.split("\0") if len(entry) > 3]
    return list(_files(listed))


def _files(paths: Iterable[str]) -> Iterator[str]:
    """The files below paths; a path itself where it is no directory, there or not."""
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for above, _directories, names in os.walk(path):
            yield from (os.path.join(above, name) for name in names)


def _content(files: Sequence[str], sources: Sequence[str]) -> str:
    """The digest of files, by their paths from where the sources are; empty for none."""
    if not files:
        return ""
    if len(files) > _MOST_FILES:
        raise StateError(f"the inventory has more than {_MOST_FILES} files that are in no commit; move others away")
    common = os.path.commonpath([os.path.dirname(one) for one in sources])
    whole, left = hashlib.sha256(), _MOST_BYTES
    for path in files:
        part = hashlib.sha256()
        try:
            with opened_at_once(path) as stream:
                while piece := stream.read(_PIECE):
                    left -= len(piece)
                    if left < 0:
                        raise StateError(f"the inventory has more than {_MOST_BYTES} bytes that are in no commit")
                    part.update(piece)
        except FileNotFoundError:
            # it was removed, which is a change as well
            part.update(b"removed")
        name = os.path.relpath(path, common).encode("utf-8", "surrogateescape")
        whole.update(b"%d %b %b\n" % (len(name), name, part.hexdigest().encode()))
    return whole.hexdigest()
