# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan what a server needs to show a pair that it was given, and refuse one that its clients do not trust. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import reached
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_openssl import name_question
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

# In the directory of the server's configuration. Key and certificate are one file, so that one rename changes both.
PAIR, TRUSTED, OWN_AUTHORITY = "pair.pem", "trusted.crt", "ca.crt"
SERVER = "PostgreSQL"


@dataclass(frozen=True)
class Contents:
    """What the files of a server hold, or are to hold. pair: key and certificates. trusted: authorities."""

    pair: str = field(default="", repr=False)
    trusted: str = ""


@dataclass(frozen=True)
class Write(Step):
    """A file to write. secret: whether it is the server's alone."""

    text: str = field(default="", repr=False)
    secret: bool = False


def plan_certificate(directory: str, wanted: Contents, found: Contents, reads: bool, stale: bool) -> tuple[Step, ...]:
    """The steps until the server shows the pair.

    reads: whether a server runs with this file. stale: whether it shows another certificate than is wanted.
    """
    steps: list[Step] = []
    if wanted.trusted != found.trusted:
        steps.append(Write("write", f"{directory}/{TRUSTED}", _why(found.trusted), wanted.trusted))
    if wanted.pair and wanted.pair != found.pair:
        steps.append(Write("write", f"{directory}/{PAIR}", _why(found.pair), wanted.pair, secret=True))
    if wanted.pair and reads and (wanted.pair != found.pair or stale):
        steps.append(Step("reload", SERVER, "it shows another certificate" if stale else "its pair is another one"))
    return tuple(steps)


def plan_awaited(directory: str, pair: bool) -> tuple[Step, ...]:
    """The step for files that are not there in check mode. pair: whether a pair is given, and not authorities alone."""
    return (Step("write", f"{directory}/{PAIR if pair else TRUSTED}", "what it is made of is to be installed before"),)


def _why(found: str) -> str:
    return "it is another one" if found else "it is not there"


def joined(certificate: bytes, key: bytes) -> str:
    """Key and certificates as one file. Raises StateError, without its subject, where they are no text."""
    try:
        return "".join(f"{part.decode('ascii').strip()}\n" for part in (key, certificate))
    except UnicodeDecodeError as error:
        raise StateError("is no text; put a pair in PEM there") from error


def questions(names: Sequence[str]) -> list[list[str]]:
    """What openssl has to verify of the certificate. names: by which clients connect."""
    return [name_question(name) for name in names] or [["-purpose", "sslserver"]]


def refuse_unknown(certificate: str, authorities: str, directory: str, own: bool) -> None:
    """Raise StateError for a pair of an authority that the server's clients were never given.

    own: whether they were given the authority that the role has made.
    """
    if own:
        raise StateError(
            f"the clients of this server were given {directory}/{OWN_AUTHORITY} to trust, and {certificate} is of "
            f"{authorities}; run the role without the pair and with that file, give clients what it publishes, and run "
            "it with the pair then"
        )


def address(listens: Sequence[str]) -> str:
    """The address at which the server is asked what it shows. listens: addresses that it listens on."""
    return reached(next(iter(listens), "*"))


def shown_digest(certificate: bytes | None) -> str:
    """The fingerprint of a certificate, as a difference shows it."""
    return "none" if certificate is None else hashlib.sha256(certificate).hexdigest()
