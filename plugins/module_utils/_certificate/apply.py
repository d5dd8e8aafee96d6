# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage a key with its request, and install a complete pair."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    INTERNAL,
    Advice,
    Refusal,
    Request,
    Revocation,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import (
    BEFORE,
    CERTIFICATE,
    FORCED,
    KEY,
    REQUEST,
    Store,
    kind_of,
    revocation_in,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file

with contextlib.suppress(ImportError):  # The module says so: see HAS_CRYPTOGRAPHY.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa


def stage(store: Store, request: Request, *, may_reuse: bool = True) -> str:
    """Stage a key and return the request (CSR) to order its certificate with, as PEM; what was staged is removed.

    may_reuse: whether the installed key may stay where the request says so; not where it is lost.
    """
    key = (_installed(store, request) if request.reuse_key and may_reuse else None) or _made(request.key_type)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _stage(store, request, pem)
    names = x509.SubjectAlternativeName([x509.DNSName(domain) for domain in request.domains])
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=True)
    if request.issuer == INTERNAL:
        # an ACME server knows what its certificates are for, our authority takes what is asked for
        csr = csr.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        csr = csr.add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _made(key_type: str) -> Any:
    algorithm, _dash, size = key_type.partition("-")
    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=int(size))
    return ec.generate_private_key({"p256": ec.SECP256R1, "p384": ec.SECP384R1}[size]())


def _installed(store: Store, request: Request) -> Any:
    """The installed key, None without one of the type that is asked for."""
    try:
        with open(store.current(request.name, KEY), "rb") as stream:
            key = serialization.load_pem_private_key(stream.read(), None)
    except (OSError, ValueError, TypeError):
        # a new one will do
        return None
    return key if kind_of(key.public_key()) == request.key_type else None


def take(store: Store, request: Request, certificate: bytes, key: bytes) -> None:
    """Stage the pair of another host, as PEM; what was staged is removed. Whether it can be served is judged later."""
    _stage(store, request, key)
    _write(store, store.staged_certificate(request.name), certificate)


def _stage(store: Store, request: Request, key: bytes) -> None:
    staging = store.staging(request.name)
    if os.path.isdir(staging):
        shutil.rmtree(staging)
    for directory in (store.path, store.directory(request.name), staging):
        _make(store, directory)
    _write(store, os.path.join(staging, KEY), key)
    _write(store, os.path.join(staging, REQUEST), json.dumps({"domains": request.domains, **request.terms}).encode())


def install(store: Store, name: str, serial: int, forced_by: str = "") -> None:
    """Put the staged pair, whose serial number is given, in the place of the current one.

    The pair says which one it replaces before it leaves `staging`, by which `mend` goes on after each step.
    forced_by: what it is installed for by force, so that no later call does that for the same.
    """
    certificate = store.staged_certificate(name)
    os.chown(certificate, -1, store.gid)
    os.chmod(certificate, 0o640)
    _make(store, os.path.join(store.directory(name), "versions"))
    version = _unused(store, name, f"{serial:x}")
    with contextlib.suppress(FileNotFoundError):
        # a complete pair is not ordered, so that nothing is left to hold back
        os.unlink(store.refusal(name))
    replace_file(os.path.join(store.staging(name), BEFORE), store.linked(name, "current"), 0o644)
    if forced_by:
        replace_file(os.path.join(store.staging(name), FORCED), forced_by, 0o644)
    os.rename(store.staging(name), store.version(name, version))
    _point(store, name, "current", version)
    _tidy(store, name)


def put_back(store: Store, name: str) -> None:
    """Put the previous pair in the place of the current one, which is staged again; none where there was none.

    The next call installs the staged pair, where it is due, without another order.
    """
    replaced, kept = store.linked(name, "current"), store.kept(name)
    # of a pair that a former release has installed, too, so that `mend` knows it
    replace_file(os.path.join(store.version(name, replaced), BEFORE), kept, 0o644)
    if kept:
        _point(store, name, "current", kept)
    else:
        os.unlink(store.link(name, "current"))
    mend(store, name)


def mend(store: Store, name: str) -> None:
    """Finish or undo what a killed run has begun: the pair that is not served is staged, and so is not ordered again.

    `previous` leads to the pair that the current one has replaced, and no other version stays.
    """
    cut_off = store.cut_off(name)
    if cut_off:
        if os.path.isdir(store.staging(name)):
            shutil.rmtree(store.staging(name))
        os.rename(store.version(name, cut_off), store.staging(name))
    _tidy(store, name)


def _tidy(store: Store, name: str) -> None:
    kept = store.kept(name)
    if kept != store.linked(name, "previous"):
        if kept:
            _point(store, name, "previous", kept)
        else:
            os.unlink(store.link(name, "previous"))
    for old in store.unlinked(name):
        shutil.rmtree(store.version(name, old))


def _unused(store: Store, name: str, serial: str) -> str:
    """A version for a serial number: one that is given again, or damaged where it is, may be there already."""
    names = [serial, f"{serial}-1", f"{serial}-2"]
    return next(one for one in names if not os.path.lexists(store.version(name, one)))


def record(store: Store, name: str, refusal: Refusal) -> None:
    """Keep why an order failed, until one succeeds."""
    for directory in (store.path, store.directory(name)):
        _make(store, directory)
    moments = {"tried": refusal.tried.isoformat(), "until": refusal.until.isoformat()}
    replace_file(store.refusal(name), json.dumps({**asdict(refusal), **moments}), 0o644)


def advise(store: Store, name: str, advice: Advice) -> None:
    """Keep when the ACME server advises to renew the current certificate, for runs that do not ask it."""
    body = {"serial": f"{advice.serial:X}", "start": advice.start.isoformat(), "end": advice.end.isoformat()}
    replace_file(store.advice(name), json.dumps({**body, "url": advice.url}), 0o644)


def lose(store: Store, name: str, revocation: Revocation) -> None:
    """Keep that the current certificate is to be revoked, with a copy of it, before another one is ordered."""
    with open(store.current(name, CERTIFICATE), encoding="ascii", errors="surrogateescape") as stream:
        replace_file(store.revoked_certificate(name), stream.read(), 0o644)
    body = {**asdict(revocation), "serial": f"{revocation.serial:X}", "not_after": revocation.not_after.isoformat()}
    replace_file(store.revocation(name), json.dumps(body), 0o644)


def forget(store: Store, name: str) -> None:
    """Remove the record of a revocation that is done, and the pair that no server may serve any more."""
    revocation = revocation_in(store.revocation(name))
    previous = store.linked(name, "previous")
    if revocation and previous.partition("-")[0] == f"{revocation.serial:x}":
        os.unlink(store.link(name, "previous"))
        shutil.rmtree(store.version(name, previous))
    for path in (store.revocation(name), store.revoked_certificate(name)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _make(store: Store, directory: str) -> None:
    os.makedirs(directory, exist_ok=True)
    os.chown(directory, -1, store.gid)
    os.chmod(directory, 0o750)  # noqa: S103  the group is there to read it


def _write(store: Store, path: str, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    os.chown(path, -1, store.gid)
    os.chmod(path, 0o640)


def _point(store: Store, name: str, link: str, version: str) -> None:
    made = store.link(name, f"{link}.new")
    with contextlib.suppress(FileNotFoundError):
        # of a killed run
        os.unlink(made)
    os.symlink(f"versions/{version}", made)
    os.replace(made, store.link(name, link))
