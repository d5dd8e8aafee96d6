# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which internal authority signs, which are made and which may go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import INTERNAL, Request
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_authority import Authority
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# A list of revoked certificates is renewed when a third of its time has passed: a host may be off for the rest.
_RENEW_LIST_AFTER = 1 / 3


@dataclass(frozen=True)
class Changes:
    """What becomes of the authorities on their host. keep: those that are there already, in the declared order.

    make, remove: names. asked: whether the edges have to say what their certificates are signed by.
    """

    keep: tuple[str, ...]
    make: tuple[str, ...]
    remove: tuple[str, ...]

    @property
    def asked(self) -> bool:
        """Whether it has to be known which authorities the installed certificates are from."""
        return bool(self.make or self.remove)


def changes(declared: Sequence[Authority], made: Iterable[str], directories: Iterable[str]) -> Changes:
    """Compare the declared authorities with what is there. made: names. directories: those that were begun, too."""
    complete, wanted = {*made}, [one.name for one in declared]
    return Changes(
        tuple(name for name in wanted if name in complete),
        tuple(name for name in wanted if name not in complete),
        tuple(sorted({*directories}.difference(wanted))),
    )


def altered(declared: Sequence[Authority], permitted: Mapping[str, Iterable[str]]) -> list[str]:
    """A sentence for each authority that is declared with other zones than it was made with. permitted: those by name.

    Clients trust it with the zones that it has.
    """
    return [
        f"authority {one.name} was made for {', '.join(sorted(permitted[one.name]))} and is declared for "
        f"{', '.join(sorted(one.zones))}; declare another one with these zones, and put it first"
        for one in declared
        if one.name in permitted and {*permitted[one.name]} != {*one.zones}
    ]


def conflicts(plan: Changes, signed: Mapping[str, Mapping[str, str] | str]) -> list[str]:
    """Why authorities cannot be made or removed: users are served what an authority of that name has signed.

    signed: by host, the names of certificates that are installed there with the common name of their issuer, or why it
    did not say.
    """
    found = []
    for name, what in [(name, "remove") for name in plan.remove] + [(name, "make") for name in plan.make]:
        signer = Authority(name, ()).signer
        for host, answer in signed.items():
            if isinstance(answer, str):
                if what == "remove":
                    found.append(
                        f"authority {name} is no longer declared, and it is not known whether it has signed what "
                        f"{host} serves ({answer}); start {host}, or declare {name} behind the others until then"
                    )
                continue
            certificates = sorted(one for one, issuer in answer.items() if issuer == signer)
            if not certificates:
                continue
            listed = f"{', '.join(certificates)} on {host}"
            if what == "remove":
                found.append(
                    f"authority {name} is no longer declared and has signed {listed}; declare it behind the others "
                    "until those are renewed"
                )
            else:
                found.append(
                    f"authority {name} is to be made and has signed {listed}, so that it is lost or elsewhere; bring "
                    "its directory back, or take it from the list and declare one of another name"
                )
    return found


def with_signers(
    requests: Sequence[Request],
    declared: Sequence[Authority],
    seen: Iterable[str],
    untrusted: Mapping[str, Sequence[str]],
) -> tuple[list[Request], str]:
    """The requests, each internal one with the authority that signs now, and why that is not the first declared one.

    seen: the common names of the issuers of installed certificates. untrusted: by name, the hosts that do not trust it.
    Raises InputError where there is none.
    """
    internal = [one.name for one in requests if one.issuer == INTERNAL]
    if not internal:
        return list(requests), ""
    if not declared:
        raise InputError(f"the issuer of {', '.join(internal)} is internal, and no internal authority is declared")
    issuers, made, words = tuple(seen), [], ""
    for one in requests:
        if one.issuer == INTERNAL:
            # no client would take a name outside of the zones
            fit = [other for other in declared if all(map(other.covers, one.domains))] or declared
            chosen = signer(fit, issuers, untrusted)
            made.append(replace(one, signer=chosen.signer))
            words = words or _waiting(declared[0], chosen, untrusted)
        else:
            made.append(one)
    return made, words


def signer(declared: Sequence[Authority], seen: Iterable[str], untrusted: Mapping[str, Sequence[str]]) -> Authority:
    """The authority that signs now: the first declared one that every client trusts, or that has signed before.

    Where there is none, it is the first: nothing is signed yet that another one could go on with.
    """
    signing = {*seen}
    ready = [one for one in declared if one.signer in signing or not untrusted.get(one.name)]
    return next(iter(ready), declared[0])


def _waiting(first: Authority, chosen: Authority, untrusted: Mapping[str, Sequence[str]]) -> str:
    if chosen == first or not untrusted.get(first.name):
        return ""
    return (
        f"authority {first.name} does not sign yet, as {', '.join(untrusted[first.name])} does not trust it; "
        f"{chosen.name} goes on. Start the host, run gantry.odoo.site where a file is named, or take the host out of "
        "the inventory"
    )


def list_is_due(last_update: datetime, next_update: datetime, now: datetime) -> bool:
    """Whether a list of revoked certificates is to be renewed."""
    return now >= last_update + (next_update - last_update) * _RENEW_LIST_AFTER
