# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the filestore of a database lies; contents are addressed by their SHA-1."""

from __future__ import annotations

import re
from datetime import datetime

# no name of a database begins with a dot
RECYCLED = ".recycled"
_STORE_FNAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{40}")


def filestore_path(data_dir: str, database: str) -> str:
    """The directory that holds the files of one database."""
    return f"{data_dir}/filestore/{database}"


def recycled_path(data_dir: str, database: str, moment: datetime) -> str:
    """Where the filestore of a dropped database goes, dated in UTC to the second.

    It is below the filestores, since their directory may be a mount or a link: a rename never leaves its file system.
    """
    return f"{data_dir}/filestore/{RECYCLED}/{moment:%Y%m%dT%H%M%SZ}-{database}"


def blob_path(filestore: str, store_fname: str) -> str:
    """The path of one attachment's file, `ab/abcd...` under its filestore."""
    return f"{filestore}/{store_fname}"


def is_store_fname(text: str) -> bool:
    """Whether `text` is a name that Odoo gives to a file: two hex digits, a slash, the SHA-1 they begin."""
    return bool(_STORE_FNAME.fullmatch(text)) and text[3:5] == text[:2]


def shown(store_fname: str) -> str:
    """A name as a sentence can carry it: one that Odoo does not give is quoted, on one line, and cut."""
    return store_fname if is_store_fname(store_fname) else f"{store_fname!r:.60}"


def is_remote(store_fname: str) -> bool:
    """Whether an attachment is on object storage: an addon has given it a name such as `s3://bucket/abcd`."""
    return "://" in store_fname
