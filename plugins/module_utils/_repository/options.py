# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `repository`: where backups are, and the keys that open them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.options import BUCKET, bucket_from
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey, parse_secret
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import tenant_root
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location

_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"[0-9]{1,15}")
_KEY: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "secret": {"type": "str", "no_log": True},
    "file": {"type": "path"},
    "tenant": {"type": "str", "default": ""},
}
REPOSITORY: dict[str, Any] = {
    "type": "dict",
    "options": {
        **BUCKET["options"],
        "bucket": {"type": "str"},
        "records_bucket": {"type": "str"},
        "directory": {"type": "path"},
        "keys": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "no_log": False,
            "options": _KEY,
            "required_one_of": [("secret", "file")],
            "mutually_exclusive": [("secret", "file")],
        },
    },
    "required_together": BUCKET["required_together"],
    "required_one_of": [("bucket", "directory")],
    "mutually_exclusive": [("bucket", "directory"), ("records_bucket", "directory")],
}
# A second repository, which the keys of the first one open.
COPY: dict[str, Any] = {**REPOSITORY, "options": {k: one for k, one in REPOSITORY["options"].items() if k != "keys"}}


def argument_spec() -> dict[str, dict[str, Any]]:
    """The option of the documentation fragment gantry.odoo.repository."""
    return {"repository": {**REPOSITORY, "required": True}}


def known_spec(*, accepts: bool = True) -> dict[str, dict[str, Any]]:
    """The options of the documentation fragment gantry.odoo.known_backups. accepts: whether one is to go on without."""
    known: dict[str, Any] = {"type": "dict", "default": {}}
    accepting: dict[str, Any] = {"type": "str", "choices": ["fail", "accept"], "default": "fail"}
    return {"known_backups": known, **({"rolled_back": accepting} if accepts else {})}


def known_from(values: Mapping[str, Any]) -> dict[str, int]:
    """The number of the newest backup that is known of each tenant. Raises InputError for what is no number."""
    found: dict[str, int] = {}
    for tenant, number in values.items():
        tenant_root("", tenant)
        if isinstance(number, bool) or not _NUMBER.fullmatch(str(number)):
            raise InputError(
                f"known_backups: {number!r} of {tenant} is no number of a backup; give those that estate_info returns"
            )
        found[tenant] = int(number)
    return found


def location_from(values: Mapping[str, Any]) -> Location:
    """The repository that the option describes. Raises InputError for values that cannot be used."""
    keys = tuple(_key(number, one) for number, one in enumerate(values["keys"]))
    names = [one.name for one in keys]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"repository.keys: {twice[0]!r} is the name of two keys; give each a name of its own")
    if not keys:
        raise InputError("repository.keys: the list is empty; give the key that encrypts the backups")
    _refuse_one_secret(keys)
    return _placed("repository", values, keys)


def copy_from(values: Mapping[str, Any], first: Location) -> Location:
    """The second repository that the option `copy` describes, with the keys of the first one.

    Raises InputError where it lies in a place of the first one, which the same names could still hide from this.
    """
    second = _placed("copy", values, first.keys)
    same = sorted(_places(second) & _places(first))
    if same:
        raise InputError(
            f"copy: {' '.join(same[0]).strip()} is a place of the first repository as well, and a copy in itself is "
            "none; give another place"
        )
    return second


def moment_from(text: str) -> datetime | None:
    """The moment of option `at`, None where it is empty. Raises InputError for a text that is no moment with a zone."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError as error:
        raise InputError(f"at is '{text}', which is no moment; give one such as 2026-11-22T10:30:00Z") from error
    if moment.tzinfo is None:
        raise InputError(f"at is '{text}', which has no zone; give one such as 2026-11-22T10:30:00Z")
    return moment


def tenants_from(names: Sequence[str]) -> list[str]:
    """The tenants of a call. Raises InputError for a name that cannot be one, or is listed twice."""
    for name in names:
        tenant_root("", name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"tenants: {twice[0]} is listed twice; give each tenant once")
    return list(names)


def _placed(option: str, values: Mapping[str, Any], keys: tuple[MasterKey, ...]) -> Location:
    prefix = values.get("prefix") or ""
    directory = values.get("directory")
    if directory and not os.path.isabs(directory):
        raise InputError(f"{option}.directory: {directory} is a relative path; give an absolute one")
    if directory:
        return Location(keys, prefix, directory=directory, option=option)
    if values.get("records_bucket") and values["records_bucket"] == values.get("bucket"):
        raise InputError(f"{option}.records_bucket: it is {option}.bucket itself; leave it out, or give another bucket")
    asked = {name: values.get(name) for name in BUCKET["options"]}
    return Location(keys, prefix, bucket_from(option, asked), values.get("records_bucket") or "", option=option)


def _places(location: Location) -> set[tuple[str, str, str]]:
    """Where contents and records of a location are: the server, the bucket or the directory, and the prefix."""
    prefix = location.prefix.strip("/")
    if location.bucket is None:
        path = os.path.realpath(location.directory)
        return {("directory", os.path.join(path, prefix).rstrip("/"), "")}
    there = location.bucket
    url = urlsplit(there.endpoint_url.lower())
    server = f"{url.hostname}:{url.port or _PORTS.get(url.scheme, 0)}" if there.endpoint_url else "AWS"
    return {(f"{server} bucket", name, prefix) for name in (there.bucket, location.records_bucket) if name}


def name_of(values: Mapping[str, Any] | None) -> str:
    """What tells a repository from others, without a secret; empty for none. values: of the option."""
    given = values or {}
    place = f"directory {given['directory'].rstrip('/')}" if given.get("directory") else ""
    if given.get("bucket"):
        provider = f"the provider of region {given['region']}" if given.get("region") else "the provider"
        place = f"bucket {given['bucket']} at {(given.get('endpoint_url') or '').rstrip('/') or provider}"
    return ", ".join(filter(None, (place, (given.get("prefix") or "").strip("/"))))


def _key(number: int, values: Mapping[str, Any]) -> MasterKey:
    option = f"repository.keys[{number}]"
    secret = values.get("secret")
    text = _content(f"{option}.file", values["file"]) if secret is None else secret
    return MasterKey(values["name"], parse_secret(option, text), values.get("tenant") or "")


def _refuse_one_secret(keys: Sequence[MasterKey]) -> None:
    """Raise InputError for two keys with one secret: a rotation from one to the other would keep what has leaked."""
    by_secret: dict[bytes, str] = {}
    for one in keys:
        other = by_secret.setdefault(one.secret, one.name)
        if other != one.name:
            raise InputError(
                f"repository.keys: {other!r} and {one.name!r} have the same secret; give each key one of its own, "
                "made with `openssl rand -base64 32`"
            )


def _content(option: str, path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            if os.fstat(stream.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise InputError(f"{option}: others than its owner can use {path}; give it the mode 0600")
            return stream.read()
    except OSError as error:
        raise InputError(f"{option}: {path} cannot be read on this host: {error.strerror}") from error
