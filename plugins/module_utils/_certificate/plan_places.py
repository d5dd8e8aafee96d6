# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host of an estate has certificates, as gantry.odoo.certificate_info takes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import asked
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import reached
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert_some

# Equal to the defaults of the roles; a test compares them.
STORE, TRUST, POSTGRESQL_VERSION, POSTGRESQL_PORT = "/etc/gantry/certificates", "/etc/gantry/trust", 17, 5432
_POSTGRESQL: dict[str, dict[str, Any]] = {
    "postgresql_version": {"type": "int", "default": POSTGRESQL_VERSION},
    "postgresql_port": {"type": "int", "default": POSTGRESQL_PORT},
    "postgresql_listen_addresses": {"type": "list", "elements": "str", "default": ["*"]},
    "postgresql_tls_names": {"type": "list", "elements": "str", "default": []},
}
# Of role certificate: where a host has its pairs, and the one of the internal authorities their keys.
DIRECTORIES = {"certificate_dir": STORE, "certificate_internal_dir": "/etc/gantry/authority"}
# Role postgresql renews 60 days before the end of its 3,650.
POSTGRESQL_SHARE = 60 / 3650
_HTTPS_PORT = 443
_POLICY = ("renew_share", "renew_spread", "renew_limit", "canary")
Places = dict[str, Any]


def edge(
    variables: Mapping[str, Any],
    requests: Sequence[Mapping[str, Any]],
    addresses: Sequence[tuple[str, int]] = (("127.0.0.1", _HTTPS_PORT),),
) -> Places:
    """Of a host with Traefik: what is requested, and each name as a client asks for it.

    addresses: host and port of each of its entry points with TLS.
    """
    store = str(variables.get("certificate_dir") or STORE)
    endpoints = [
        {
            "host": host,
            "port": port,
            "server_name": domain,
            "file": f"{store}/{one['name']}/current/certificate.pem",
        }
        for one in requests
        for domain in asked(one["domains"], one.get("hosts") or ())
        for host, port in addresses
    ]
    policy = {name: variables[f"certificate_{name}"] for name in _POLICY if f"certificate_{name}" in variables}
    internal = [
        {name: one[name] for name in ("name", "zones") if name in one}
        for one in variables.get("certificate_internal_authorities") or ()
    ]
    return {
        "path": store,
        "certificates": list(requests),
        "endpoints": endpoints,
        **({"internal_authorities": internal} if internal else {}),
        **policy,
        **_trusted(variables),
    }


def lists(variables: Mapping[str, Any]) -> Places:
    """Of any host: what the internal authorities have revoked, as its programs read it."""
    names = [str(one["name"]) for one in variables.get("certificate_internal_authorities") or ()]
    path = f"{variables.get('certificate_trust_dir') or TRUST}/revoked.pem"
    return {"lists": [{"path": path, "authorities": names}]} if names else {}


def redis(variables: Mapping[str, Any], own: Sequence[Mapping[str, Any]]) -> Places:
    """Of a host with Redis and TLS. own: the nodes and Sentinels on it."""
    file, trusted = variables["redis_tls_certificate"], variables["redis_tls_ca"]
    held = {"name": "redis", "path": file, "key": variables["redis_tls_key"], "authorities": trusted}
    return {
        "files": [held],
        "endpoints": [{"host": one["host"], "port": one["port"], "file": file, "authorities": trusted} for one in own],
    }


def postgresql_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of role postgresql by which its certificate is found. Raises InputError where one is refused."""
    return convert_some(variables, _POSTGRESQL)


def postgresql_directory(taken: Mapping[str, Any]) -> str:
    """The directory of the configuration of PostgreSQL. taken: as postgresql_variables returns it."""
    return f"/etc/postgresql/{taken['postgresql_version']}/main"


def postgresql_endpoint(taken: Mapping[str, Any]) -> Places:
    """Where PostgreSQL shows its certificate. taken: as postgresql_variables returns it."""
    listens = next(iter(taken["postgresql_listen_addresses"]), "*")
    return {"host": reached(listens), "port": taken["postgresql_port"], "protocol": "postgresql"}


def postgresql(variables: Mapping[str, Any]) -> Places:
    """Of a host with PostgreSQL: the pair that it was given, or that of the authority that its role makes."""
    taken = postgresql_variables(variables)
    directory = postgresql_directory(taken)
    given = variables.get("postgresql_cert_file") or ""
    if given:
        file, key, trusted = given, variables["postgresql_key_file"], variables["postgresql_ca_file"]
    else:
        file, key, trusted = (f"{directory}/{name}" for name in ("server.crt", "server.key", "ca.crt"))
    held = {"name": "postgresql", "path": file, "key": key, "authorities": trusted}
    endpoint = {**postgresql_endpoint(taken), "file": file, "authorities": trusted}
    return {"files": [held if given else {**held, "renew_share": POSTGRESQL_SHARE}], "endpoints": [endpoint]}


def joined(parts: Sequence[Mapping[str, Any]]) -> Places:
    """All of them as one."""
    whole: Places = {}
    for part in parts:
        for key, value in part.items():
            whole[key] = [*whole.get(key, []), *value] if isinstance(value, list) else value
    return whole


def _trusted(variables: Mapping[str, Any]) -> Places:
    """What leads to an authority of one's own is trusted by that alone, and else it is not known."""
    if "certificate_authorities" in variables:
        return {"authorities": variables["certificate_authorities"]}
    return {"authorities": ""} if variables.get("certificate_internal_ca") else {}
