# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage a key with its request, and install a complete pair."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import Refusal, Request
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.read import KEY, REQUEST, Store
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file

with contextlib.suppress(ImportError):  # The module says so: see HAS_CRYPTOGRAPHY.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec


def stage(store: Store, request: Request) -> str:
    """Make a key and return the request (CSR) to order its certificate with, as PEM; what was staged is removed."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _stage(store, request, pem)
    names = x509.SubjectAlternativeName([x509.DNSName(domain) for domain in request.domains])
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=True)
    return csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


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
    _write(store, os.path.join(staging, REQUEST), json.dumps({"domains": request.domains}).encode())


def install(store: Store, name: str, serial: int) -> None:
    """Put the staged pair, whose serial number is given, in the place of the current one."""
    certificate = store.staged_certificate(name)
    os.chown(certificate, -1, store.gid)
    os.chmod(certificate, 0o640)
    _make(store, os.path.join(store.directory(name), "versions"))
    version = f"versions/{serial:x}"
    os.rename(store.staging(name), os.path.join(store.directory(name), version))
    if os.path.islink(store.link(name, "current")):
        _point(store, name, "previous", os.readlink(store.link(name, "current")))
    _point(store, name, "current", version)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(store.refusal(name))
    for old in store.unlinked(name):
        shutil.rmtree(os.path.join(store.directory(name), "versions", old))


def record(store: Store, name: str, refusal: Refusal) -> None:
    """Keep why an order failed, until one succeeds."""
    for directory in (store.path, store.directory(name)):
        _make(store, directory)
    moments = {"tried": refusal.tried.isoformat(), "until": refusal.until.isoformat()}
    replace_file(store.refusal(name), json.dumps({**asdict(refusal), **moments}), 0o644)


def _make(store: Store, directory: str) -> None:
    os.makedirs(directory, exist_ok=True)
    os.chown(directory, -1, store.gid)
    os.chmod(directory, 0o750)  # noqa: S103  the group is there to read it


def _write(store: Store, path: str, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    os.chown(path, -1, store.gid)
    os.chmod(path, 0o640)


def _point(store: Store, name: str, link: str, target: str) -> None:
    with tempfile.TemporaryDirectory(prefix=".link-", dir=store.directory(name)) as scratch:
        made = os.path.join(scratch, link)
        os.symlink(target, made)
        os.replace(made, store.link(name, link))
