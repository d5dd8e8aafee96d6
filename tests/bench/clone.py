# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a database with a filestore of 750 MB, shared by hard links and copied."""

from __future__ import annotations

from tests.bench.erp import ADDONS, CONFIG, DATA_DIR, Erp
from tests.bench.harness import Contender, Result, compare

FILES, FILE_BYTES = 6000, 125_000
_FILL = f"""
import hashlib, os, pwd
root = "{DATA_DIR}/filestore/origin"
owner = pwd.getpwnam("odoo")
with open("/root/attachments.csv", "w") as rows:
    for number in range({FILES}):
        content = os.urandom({FILE_BYTES})
        digest = hashlib.sha1(content).hexdigest()
        shard = os.path.join(root, digest[:2])
        if not os.path.isdir(shard):
            os.makedirs(shard)
        with open(os.path.join(shard, digest), "wb") as stream:
            stream.write(content)
        rows.write(f"file {{number}},binary,{{digest[:2]}}/{{digest}},{{digest}},{{len(content)}}\\n")
for folder, folders, files in os.walk(root):
    for name in [folder, *(os.path.join(folder, one) for one in files)]:
        os.chown(name, owner.pw_uid, owner.pw_gid)
"""


def run(erp: Erp) -> list[Result]:
    """One comparison where files may be shared, one where they have to be copied."""
    prepare(erp)
    wish = {"name": "copy", "clone_from": "origin"}
    clone = erp.module("odoo_database", databases=[wish])
    erp.put_aside("copy")
    full = erp.module("odoo_database", databases=[{**wish, "clone_files": "copy"}])
    erp.put_aside("copy")

    def whole() -> None:
        copied = erp.server.psql("SELECT count(DISTINCT store_fname) FROM ir_attachment", "copy")
        files = erp.server.shell(f"find {DATA_DIR}/filestore/copy -type f | wc -l").strip()
        assert int(copied) <= int(files), f"{copied} files are referred to and {files} are there"
        erp.put_aside("copy")

    def click(mode: str) -> Contender:
        copy = ("--filestore-copy-mode", mode, "origin", "copy")
        return Contender(f"click-odoo-copydb, {mode}", lambda: erp.click_odoo("copydb", *copy), erp.settle, whole)

    duplicate = Contender(
        "odoo db duplicate", lambda: erp.odoo("db", "-c", CONFIG, "duplicate", "origin", "copy"), erp.settle, whole
    )
    facts = {"files": FILES, "bytes": FILES * FILE_BYTES}
    shared = [Contender("gantry.odoo.odoo_database", clone, erp.settle, whole), click("hardlink"), duplicate]
    copied = [Contender("gantry.odoo.odoo_database, copy", full, erp.settle, whole), click("default"), duplicate]
    return [compare("clone", shared, **facts), compare("clone-copied", copied, **facts)]


def prepare(erp: Erp) -> None:
    """A database of a tenant, and 6,000 files."""
    erp.initialise("origin", ADDONS)
    erp.server.host.write("/root/fill.py", _FILL)
    erp.server.shell("python3 /root/fill.py")
    copy = "COPY ir_attachment (name, type, store_fname, checksum, file_size) FROM STDIN WITH (FORMAT csv)"
    erp.server.shell(f"su postgres -c 'psql -Xqd origin -c \"{copy}\"' < /root/attachments.csv")
