# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has Odoo serve a copy of a database to one user, in a process that listens nowhere."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_served import MARK, Served, served_from
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo

# Requests go to Odoo's WSGI application as its HTTP server would send them. The password never leaves the process, and
# the copy that has it is dropped. A second factor cannot be given, so the copy asks for none.
# Sources: odoo/http.py (root, session_store), addons/web/controllers/{home,session}.py of Odoo 14 to 19.
_SCRIPT = """
import hashlib, json, secrets
from odoo import http, release
from odoo.tools import config
from werkzeug.test import Client
from werkzeug.wrappers import Response

config["dbfilter"] = ""
database, sessions = env.cr.dbname, set()
users = env["res.users"].search([("share", "=", False)], order="id")
user = (users.filtered(lambda one: one == env.ref("base.user_admin", raise_if_not_found=False)) or users)[:1]
password = secrets.token_urlsafe(32) + "aA1!"
told = dict(health=0, page=0, form=False, user=user.login or "", login=False, web=0, files=0, file="")
if user:
    user.write(dict(password=password, **(dict(totp_secret=False) if "totp_secret" in user._fields else dict())))
    env["ir.config_parameter"].set_param("auth_totp.policy", False)
files = env["ir.attachment"].search(
    [("id", "!=", 0), ("store_fname", "!=", False), ("checksum", "!=", False), ("file_size", "<", 16777216)],
    order="file_size desc, id", limit=50)
told["files"] = len(files)
for one in files:
    content = one.raw
    if content and hashlib.sha1(content).hexdigest() == one.checksum:
        told["file"] = one.store_fname
        break
env.cr.commit()
client = Client(http.root, Response)

def ask(path, **given):
    answer = client.open(path, environ_overrides=dict(REMOTE_ADDR="127.0.0.1"), **given)
    for cookie in answer.headers.getlist("Set-Cookie"):
        name, _is, value = cookie.partition(";")[0].partition("=")
        if name == "session_id" and value:
            sessions.add(value)
    return answer

def uid_of(path, **params):
    body = json.dumps(dict(jsonrpc="2.0", method="call", params=params)).encode()
    answer = ask(path, method="POST", data=body, content_type="application/json")
    return answer.status_code, (json.loads(answer.get_data()).get("result") or dict()).get("uid")

if release.version_info[0] >= 15:
    told["health"] = ask("/web/health").status_code
page = ask("/web/login")
told["page"], told["form"] = page.status_code, b'name="login"' in page.get_data()
if user:
    _status, uid = uid_of("/web/session/authenticate", db=database, login=user.login, password=password)
    told["login"] = uid == user.id
if told["login"]:
    status, uid = uid_of("/web/session/get_session_info")
    told["web"] = status if uid == user.id else 401
for one in sessions:
    http.root.session_store.delete(http.root.session_store.get(one))
print("\\n" + MARK + json.dumps(told))
"""


def serve(odoo: Odoo, database: str, deadline: Deadline) -> Served:
    """Load all modules of `database`, answer, let a user in and read a file. An error in Odoo's log counts."""
    script = f"MARK = {MARK!r}\n{_SCRIPT}"
    said = odoo.shell(database, script, deadline, f"serving {database}", logged=True)
    served = served_from(said, database)
    served.require(database)
    return served
