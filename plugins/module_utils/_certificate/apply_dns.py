# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write and remove records by updates of a zone (RFC 2136), and keep which ones are there."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_dns import Place, Primary, Record
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read_dns import PATIENCE_S, said
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file, sync_directory

with contextlib.suppress(ImportError):  # The module says so: see HAS_DNSPYTHON.
    import dns.exception
    import dns.query
    import dns.rcode
    import dns.tsig
    import dns.update


def keep(path: str, records: Iterable[Record]) -> None:
    """Keep the records that are, or are about to be, in DNS, so that the next run can remove them."""
    listed = [asdict(one) for one in records]
    if listed:
        replace_file(path, json.dumps(listed), 0o600)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        sync_directory(os.path.dirname(path))


def add(primary: Primary, place: Place, records: Sequence[Record]) -> None:
    """Add records at one place, beside those that others have there. Raises GantryError where that fails."""
    message = _message(primary, place)
    for one in records:
        message.add(place.target, primary.ttl, "TXT", f'"{one.value}"')
    _send(primary, place, message)


def remove(primary: Primary, place: Place, records: Sequence[Record]) -> None:
    """Remove exactly these records at one place. One that is not there is no error."""
    message = _message(primary, place)
    for one in records:
        message.delete(place.target, "TXT", f'"{one.value}"')
    _send(primary, place, message)


def _message(primary: Primary, place: Place) -> dns.update.UpdateMessage:
    key = dns.tsig.Key(primary.key, primary.secret, primary.algorithm) if primary.key else None
    return dns.update.UpdateMessage(place.zone, keyring=key)


def _send(primary: Primary, place: Place, message: dns.update.UpdateMessage) -> None:
    where = f"the name server {primary.host}"
    try:
        address = socket.getaddrinfo(primary.host, primary.port, type=socket.SOCK_STREAM)[0][4][0]
        answer = dns.query.tcp(message, str(address), timeout=PATIENCE_S, port=primary.port)
    except dns.tsig.PeerError as error:
        raise _refused(where, place, f"the TSIG key {primary.key}: {said(error)}") from error
    except (dns.exception.DNSException, OSError) as error:
        raise UnreachableError(f"{where} did not answer an update of {place.zone} ({said(error)})") from error
    if answer.rcode() != dns.rcode.NOERROR:
        raise _refused(where, place, dns.rcode.to_text(answer.rcode()))


def _refused(where: str, place: Place, words: str) -> GantryError:
    return StateError(
        f"{where} refused to update {place.target} in the zone {place.zone} ({words}); see which key may update that "
        "name there"
    )
