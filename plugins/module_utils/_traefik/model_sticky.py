# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users who stay with one server: the cookie that says with which, and the rule that finds it in a request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher, Rule

SAME_SITE = ("lax", "strict", "none")
# No character that a regular expression or a cookie reads in its own way.
_COOKIE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@dataclass(frozen=True)
class Sticky:
    """The cookie that leads a browser to one server until the browser is closed. same_site: which sites may send it."""

    cookie: str
    same_site: str

    def settings(self, *, tls: bool) -> dict[str, Any]:
        """The cookie as Traefik's settings of a pool; without TLS, a browser would not send a secure one."""
        # Traefik leaves out what is false when it says what it has.
        secure = {"secure": True} if tls else {}
        return {"cookie": {"name": self.cookie, **secure, "httpOnly": True, "sameSite": self.same_site}}

    def rule(self, url: str) -> Rule:
        """The requests of browsers that are led to a server."""
        return Matcher("HeaderRegexp", ("Cookie", f"(^|; ?){self.cookie}={cookie_value(url)}(;|$)"))


def cookie_value(url: str) -> str:
    """What Traefik writes into the cookie for a server: the beginning of the SHA-256 of its address."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def sticky(item: Mapping[str, Any] | None, *, tls: bool) -> Sticky | None:
    """The cookie that was asked for, None where none was. Raises InputError, to be read after the name of a route."""
    if item is None:
        return None
    made = Sticky(str(item.get("cookie") or ""), str(item.get("same_site") or "lax"))
    if not _COOKIE.match(made.cookie):
        raise InputError(
            f"sticky.cookie is {made.cookie!r}; accepted are up to 64 letters, digits, hyphens and underscores"
        )
    if made.same_site not in SAME_SITE:
        raise InputError(f"sticky.same_site is {made.same_site!r}; accepted are {', '.join(SAME_SITE)}")
    if made.same_site == "none" and not tls:
        raise InputError("sticky.same_site is none, which browsers take with TLS only; set tls, or choose lax")
    return made
