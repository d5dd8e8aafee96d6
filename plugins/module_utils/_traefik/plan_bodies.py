# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that Traefik reads to their end before Odoo gets the request: how large they are, and how many at once. Pure.

Those above 1 MiB wait on the disk of the edge, so that their number at once fits the space of the route. Smaller ones,
which nearly all work in a browser has, have a number for each client only: no client takes those of others.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher, Not, Rule, every, some

# Parts of the names of middlewares and routers, and which requests they are for.
UNTYPED, BODY, FILE, UPLOAD = "untyped", "body", "file", "upload"
_WRITES = some(Matcher("Method", (one,)) for one in ("POST", "PUT", "PATCH"))
_HAS_LENGTH = Matcher("HeaderRegexp", ("Content-Length", "[1-9]"))
# Six digits are less than 1 MiB, and seven less than 10 MB.
_UP_TO_6, _IS_7, _UP_TO_7 = (
    Matcher("HeaderRegexp", ("Content-Length", f"^[0-9]{{{digits}}}$")) for digits in ("1,6", "7", "1,7")
)
KINDS: dict[str, Rule] = {
    UNTYPED: every([Not(_WRITES), Not(_HAS_LENGTH)]),
    BODY: every([_WRITES, _UP_TO_6]),
    FILE: every([_WRITES, _IS_7]),
    # A GET with a body is here, since it may bring a large public file, which waits on the disk too.
    UPLOAD: some([every([_WRITES, Not(_UP_TO_7)]), every([Not(_WRITES), _HAS_LENGTH])]),
}
_BODY_MB, _FILE_MB = 1, 10
# More requests of one address than an office has at once, and fewer than would fill the memory of an edge.
_BODIES_OF_A_CLIENT = 100
# A client has this part of the bodies that wait on the disk.
_SHARE = 4
# Reports, exports and backups are answers to requests with a body.
_ANSWER_MB = 512
_CLIENT, _ALL = "client", "all"
_MEBIBYTE = 1 << 20
_IN_MEMORY = {"memRequestBodyBytes": _MEBIBYTE, "memResponseBodyBytes": _MEBIBYTE}
# No request has as many addresses in X-Forwarded-For, and those without the address at this place count as one.
_NO_ADDRESS = {"ipStrategy": {"depth": 10**9}}


def middlewares(prefix: str, one: Route, clients: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The middlewares for bodies of a route, as Traefik's settings.

    clients: how a client is told from others, by the end of the names of what is for its requests.
    """
    # Odoo reads no body without a type. A chunked one cannot be told from none, and so loses its own.
    made: dict[str, Any] = {f"{prefix}.{UNTYPED}": {"headers": {"customRequestHeaders": {"Content-Type": ""}}}}
    for kind, largest in ((BODY, _BODY_MB), (FILE, _FILE_MB), (UPLOAD, one.max_body_mb)):
        size = min(largest, one.max_body_mb)
        at_once = max(1, one.body_space_mb // size)
        share = _BODIES_OF_A_CLIENT if kind == BODY else -(-at_once // _SHARE)
        for suffix, criterion in clients.items():
            made[f"{prefix}.{kind}-{_CLIENT}{suffix}"] = _in_flight(share, criterion)
        if kind != BODY:
            made[f"{prefix}.{kind}-{_ALL}"] = _in_flight(at_once, _NO_ADDRESS)
        made[f"{prefix}.{kind}"] = {
            "buffering": {
                "maxRequestBodyBytes": size * _MEBIBYTE,
                "maxResponseBodyBytes": max(_ANSWER_MB, one.max_body_mb) * _MEBIBYTE,
                **_IN_MEMORY,
            }
        }
    return made


def chain(prefix: str, kind: str, suffix: str) -> list[str]:
    """The names of the middlewares that a request of a kind may pass, in their order. suffix: of its client's."""
    return [f"{prefix}.{kind}-{_CLIENT}{suffix}", f"{prefix}.{kind}-{_ALL}", f"{prefix}.{kind}"] if kind else []


def _in_flight(at_once: int, criterion: dict[str, Any]) -> dict[str, Any]:
    return {"inFlightReq": {"amount": at_once, "sourceCriterion": criterion}}
