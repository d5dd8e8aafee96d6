# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One page that tells which release of the addons answers. Loaded server-wide, it needs no database."""

from odoo import http
from odoo.http import request

RELEASE = "2026.11.1"


class Banner(http.Controller):
    """The page /lab/banner."""

    @http.route("/lab/banner", type="http", auth="none", methods=["GET"], save_session=False)
    def banner(self):
        """The release as plain text."""
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        return request.make_response(f"release {RELEASE}\n", headers=headers)
