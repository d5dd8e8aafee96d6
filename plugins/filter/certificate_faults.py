# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps certificates from being ordered as they are declared, and the records that answer challenges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import model, model_authority, model_dns
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert_some

_REQUESTS = "certificate_requests"


def certificate_faults(requests: Iterable[Mapping[str, Any]], variables: Mapping[str, Any]) -> list[str]:
    """A sentence for each fault. variables: of the host that orders, of which those of the role are read."""
    try:
        made = requests_of(requests)
    except InputError as error:
        return [str(error)]
    try:
        declared = model_authority.authorities(variables.get("certificate_internal_authorities") or ())
    except InputError as error:
        return [str(error)]
    host, given = variables.get("certificate_internal_host") or "", variables.get("certificate_given") or ()
    found = model_authority.request_faults(made, declared, host, given)
    found += model_dns.faults(made, variables.get("certificate_dns") or {}, variables.get("certificate_dns_hook") or "")
    return found + model.binding_faults(variables.get("certificate_eab") or {})


def requests_of(declared: Any) -> list[model.Request]:
    """The variable certificate_requests. Raises InputError for one that role certificate could not serve."""
    return model.requests(convert_some({_REQUESTS: declared}, {_REQUESTS: model.OPTION})[_REQUESTS])


def certificate_records(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The records by which orders are validated, as gantry.odoo.certificate_dns takes them."""
    orders = [(one["__certificate_item"], one.get("challenge_data") or ()) for one in results]
    answers = [
        (request["name"], data["challenges"][model.DNS])
        for request, challenges in orders
        if request["challenge"] == model.DNS
        for data in challenges
    ]
    made = [model_dns.Record(name, answer["record"], answer["resource_value"]) for name, answer in answers]
    return [asdict(one) for one in dict.fromkeys(made)]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"certificate_faults": certificate_faults, "certificate_records": certificate_records}
