# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The internal authorities of an estate: what is declared, made, trusted and due."""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import model_authority, plan_authority
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import INTERNAL
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_run import reason
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_pem import certificate_blocks

_ANCHORS = "/usr/local/share/ca-certificates"
# Beside the keys of an authority since it was first to sign; task file sign.yml writes it.
_SIGNS = "signs"
_POSTGRESQL = "postgresql"  # as filter certificate_servers names the role
_NO_ADDRESS = ["IP:0.0.0.0/0", "IP:::/0"]


def certificate_authorities(declared: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The declared authorities without their keys, as tasks make them."""
    return [
        {
            "name": one.name,
            "zones": list(one.zones),
            "days": one.days,
            "signer": one.signer,
            "root": one.root,
            "root_certificate": one.root_certificate,
            "permitted": [f"DNS:{zone}" for zone in one.zones],
            "excluded": _NO_ADDRESS,
        }
        for one in model_authority.authorities(declared)
    ]


def certificate_authority_faults(
    declared: Sequence[Mapping[str, Any]], host: str, hosts: Sequence[str] | None = None
) -> list[str]:
    """Why the authorities cannot be made as they are declared. host: that of the authorities. hosts: those that are."""
    try:
        made = model_authority.authorities(declared)
    except InputError as error:
        return [str(error)]
    if not made:
        return ["certificate_internal_authorities is empty; declare the authority that signs first"]
    if not host:
        return ["certificate_internal_host is empty; name the host that has the keys of the authorities"]
    if hosts is not None and host not in hosts:
        return [f"certificate_internal_host is {host}, which is no host of the inventory; name one by its name there"]
    return []


def certificate_authority_changes(
    declared: Sequence[Mapping[str, Any]], files: Iterable[Mapping[str, Any]], directory: str
) -> dict[str, Any]:
    """What becomes of the authorities on their host. files: what ansible.builtin.find has found below `directory`."""
    found = [(posixpath.relpath(one["path"], directory), one["isdir"]) for one in files]
    made = [posixpath.dirname(path) for path, _is_dir in found if posixpath.basename(path) == "intermediate.pem"]
    begun = [path for path, is_dir in found if is_dir and "/" not in path]
    plan = plan_authority.changes(model_authority.authorities(declared), made, begun)
    signing = [posixpath.dirname(path) for path, _is_dir in found if posixpath.basename(path) == _SIGNS]
    return {
        "keep": list(plan.keep),
        "make": list(plan.make),
        "remove": list(plan.remove),
        "asked": plan.asked,
        "signing": [name for name in plan.keep if name in signing],
    }


def certificate_authority_conflicts(
    changes: Mapping[str, Any],
    declared: Sequence[Mapping[str, Any]],
    requests: Mapping[str, Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]] = (),
) -> list[str]:
    """Why the authorities cannot become as they are declared.

    requests: those by which the authorities that are there were made, by name, as community.crypto.openssl_csr_info
    reads them. answers: of the hosts that serve, what gantry.odoo.certificate_info has found there.
    """
    permitted = {
        name: [zone.removeprefix("DNS:") for zone in one["name_constraints_permitted"] or ()]
        for name, one in requests.items()
    }
    signed: dict[str, Mapping[str, str] | str] = {}
    for answer in answers:
        host = str(answer["__certificate_host"])
        if "certificates" in answer:
            signed[host] = {
                one["name"]: one["issuer"] for one in answer["certificates"] if (one["days_left"] or 0.0) > 0.0
            }
        elif not answer.get("skipped"):
            signed[host] = reason(answer)
    plan = plan_authority.Changes(*(tuple(changes[what]) for what in ("keep", "make", "remove")))
    altered = plan_authority.altered(model_authority.authorities(declared), permitted)
    keys = [str(one["name"]) for one in declared if one.get("root_key")]
    lacking = [
        f"authority {one.name} is not made yet, and its root signs the intermediate; give its root_key for this run"
        for one in model_authority.authorities(declared)
        if one.name in plan.make and one.root_certificate and one.name not in keys
    ]
    return altered + lacking + plan_authority.conflicts(plan, signed)


def certificate_list_is_due(info: Mapping[str, Any], now: datetime) -> bool:
    """Whether a list of revoked certificates is to be renewed. info: what community.crypto.x509_crl_info has read.

    now: in UTC, as the templates of Ansible have it, without a zone.
    """
    last, following = (
        datetime.strptime(info[name], "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
        for name in ("last_update", "next_update")
    )
    return plan_authority.list_is_due(last, following, now.replace(tzinfo=timezone.utc))


def certificate_trusted(names: Iterable[str], results: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The authorities to trust, each with its root and its list of revoked certificates, as PEM.

    results: of a loop of ansible.builtin.slurp over names and files. In check mode, one may have to be made first.
    """
    read = {
        tuple(one["__certificate_item"]): base64.b64decode(one["content"]).decode()
        for one in results
        if "content" in one
    }
    return [
        {
            "name": name,
            "root": read.get((name, "root"), f"# {name} is to be made\n"),
            "revoked": read.get((name, "revoked"), ""),
        }
        for name in names
    ]


def certificate_trust_files(trusted: Iterable[Mapping[str, str]], directory: str) -> list[dict[str, str]]:
    """The files by which a host trusts authorities, as gantry.odoo.host_files takes them; equal roots once."""
    roots: dict[str, str] = {}
    lists = []
    for one in trusted:
        roots.setdefault(one["root"], one["name"])
        lists.append(one["revoked"])
    return [
        {"path": directory, "mode": "0755"},
        {"path": f"{directory}/authorities.pem", "content": "".join(roots), "mode": "0644"},
        {"path": f"{directory}/revoked.pem", "content": "".join(lists), "mode": "0644"},
        *({"path": f"{_ANCHORS}/gantry-{name}.crt", "content": root, "mode": "0644"} for root, name in roots.items()),
    ]


def certificate_lacking(
    trusted: Iterable[Mapping[str, str]], results: Iterable[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """The files that lack the root of an authority, by its name. results: of a loop of ansible.builtin.slurp."""
    held = {str(one["source"]): _blocks(base64.b64decode(one["content"])) for one in results}
    found = {
        one["name"]: [path for path, roots in held.items() if not _blocks(one["root"].encode()) <= roots]
        for one in trusted
    }
    return {name: paths for name, paths in found.items() if paths}


def certificate_copies(
    host: str,
    variables: Mapping[str, Mapping[str, Any]],
    estate: Mapping[str, Any],
    servers: Iterable[Mapping[str, Any]],
) -> list[str]:
    """The files on a host by which Odoo verifies a database whose certificate an internal authority signs.

    variables: those of all hosts. estate: the fact. servers: as certificate_servers returns them.
    """
    group = estate.get("group_of", {}).get(host)
    if group is None:
        return []
    database = estate["groups"][group]["database_server"]
    shown = [one for one in servers if one["host"] == database and _POSTGRESQL in [it["role"] for it in one["takers"]]]
    requests = (one for server in shown for one in variables[server["host"]]["certificate_requests"])
    return [estate["paths"]["database_ca"]] if any(one.get("issuer") == INTERNAL for one in requests) else []


def _blocks(content: bytes) -> set[bytes]:
    """The certificates in a file, without their line breaks."""
    return {b"".join(one.split()) for one in certificate_blocks(content)}


def certificate_untrusted(
    hosts: Iterable[str],
    variables: Mapping[str, Mapping[str, Any]],
    declared: Sequence[Mapping[str, Any]],
    host: str = "",
) -> dict[str, list[str]]:
    """The hosts that are not known to trust an authority, by its name. variables: those of all hosts.

    host: that of the authorities, which knows the ones that sign already. Those waited for all hosts before.
    """
    signing = variables[host].get("certificate_signing", ()) if host in variables else ()
    accepted = {host: variables[host].get("certificate_accepts", ()) if host in variables else () for host in hosts}
    found = {
        str(one["name"]): [
            _named(name, variables, one["name"]) for name, known in accepted.items() if one["name"] not in known
        ]
        for one in declared
        if one["name"] not in signing
    }
    return {name: lacking for name, lacking in found.items() if lacking}


def _named(host: str, variables: Mapping[str, Mapping[str, Any]], authority: str) -> str:
    """A host that does not trust an authority, with the files that lack it."""
    files = variables[host].get("certificate_lacking", {}).get(authority) if host in variables else None
    return f"{host} ({', '.join(files)})" if files else host


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "certificate_authorities": certificate_authorities,
            "certificate_authority_faults": certificate_authority_faults,
            "certificate_authority_changes": certificate_authority_changes,
            "certificate_authority_conflicts": certificate_authority_conflicts,
            "certificate_list_is_due": certificate_list_is_due,
            "certificate_trusted": certificate_trusted,
            "certificate_trust_files": certificate_trust_files,
            "certificate_lacking": certificate_lacking,
            "certificate_copies": certificate_copies,
            "certificate_untrusted": certificate_untrusted,
        }
