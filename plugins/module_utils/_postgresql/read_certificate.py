# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the pair that a server was given, what its files hold, and what it shows its clients."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    LibraryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_openssl import verify
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_pem import (
    first_certificate,
    read_certificates,
    read_pair,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_served import read_served
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, explaining
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_certificate import (
    OWN_AUTHORITY,
    PAIR,
    TRUSTED,
    Contents,
    joined,
    questions,
    refuse_unknown,
)

_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Given:
    """The files that a server was given. certificate, key: empty where only an authority was."""

    certificate: str
    key: str
    authorities: str

    @property
    def files(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(path for path in (self.certificate, self.key, self.authorities) if path)


def read_given(given: Given) -> Contents:
    """What the files hold. Raises StateError where they are no pair."""
    try:
        trusted = read_certificates(given.authorities)
        first_certificate(trusted)
    except (OSError, StateError, ValueError) as error:
        raise StateError(
            f"{given.authorities} holds no authority in PEM: {_words(error)}; name one that does"
        ) from error
    if not given.certificate:
        return Contents("", _text(trusted))
    try:
        pair = read_pair(given.certificate, given.key)
        first_certificate(pair.certificate)
        return Contents(joined(pair.certificate, pair.key), _text(trusted))
    except (OSError, StateError, ValueError) as error:
        raise StateError(
            f"{given.certificate} and {given.key} are no certificate and its key: {_words(error)}; put a pair there"
        ) from error


def verify_given(given: Given, names: Sequence[str], directory: str, deadline: Deadline) -> None:
    """Raise StateError for a pair that clients would refuse: by its authority, and by what they were given before."""
    if not given.certificate:
        return
    asked = questions(names)
    verify(given.certificate, given.authorities, asked, deadline)
    known = known_authorities(given, directory)
    if known:
        verify(given.certificate, known, asked, deadline)


def known_authorities(given: Given, directory: str) -> str:
    """The file of what clients were given to trust, empty for a new server.

    Raises StateError for a pair where that is the role's own authority alone.
    """
    known = os.path.join(directory, TRUSTED)
    if os.path.exists(known):
        return known
    if given.certificate:
        own = os.path.exists(os.path.join(directory, OWN_AUTHORITY))
        refuse_unknown(given.certificate, given.authorities, directory, own)
    return ""


def read_contents(directory: str) -> Contents:
    """What the server's own files hold."""
    return Contents(*(_content(os.path.join(directory, name)) for name in (PAIR, TRUSTED)))


def server_reads(login: Login) -> str:
    """The file of the certificate that a server runs with; "" where no server answers."""
    try:
        connection = connect(login, statement_timeout=_PATIENCE_S)
    except (UnreachableError, LibraryError):
        return ""
    try:
        with explaining("reading the settings", login), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('ssl_cert_file')")
            return str(cursor.fetchone()[0])
    finally:
        connection.close()


def held_certificate(contents: Contents) -> bytes:
    """The certificate of a pair, as DER."""
    return first_certificate(contents.pair.encode())


def read_shown(host: str, port: int, deadline: Deadline) -> bytes | None:
    """The certificate that a client is shown, as DER; None where it is shown none."""
    try:
        return read_served(host, port, min(_PATIENCE_S, max(1.0, deadline.remaining)), protocol="postgresql")[0]
    except (OSError, UnreachableError):
        return None


def _content(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def _text(content: bytes) -> str:
    return f"{content.decode('ascii', errors='replace').strip()}\n"


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
