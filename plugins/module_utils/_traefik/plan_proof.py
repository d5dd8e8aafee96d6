# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a document to what Traefik has to have of it, and what it lacks. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import ACME_ROUTER

# Where Traefik's own view (`/api/rawdata`) has the objects of a section, and what one is called.
SECTIONS = {
    ("http", "routers"): ("routers", "router"),
    ("http", "services"): ("services", "service"),
    ("http", "middlewares"): ("middlewares", "middleware"),
    ("tcp", "routers"): ("tcpRouters", "TCP router"),
    ("tcp", "services"): ("tcpServices", "TCP service"),
    ("tcp", "middlewares"): ("tcpMiddlewares", "TCP middleware"),
    ("udp", "routers"): ("udpRouters", "UDP router"),
    ("udp", "services"): ("udpServices", "UDP service"),
}
_WORDS = dict(SECTIONS.values())
# Traefik shows none of these, and logs them by these words. It loads a file whole or not, so a marker proves them.
_UNSEEN = {
    ("http", "serversTransports"): "HTTP servers transport",
    ("tcp", "serversTransports"): "TCP servers transport",
    ("tls", "options"): "options",
}
# Of these, the certificates themselves are proven.
_BY_FINGERPRINT = (("tls", "certificates"), ("tls", "stores"))
SENTINEL, PROBE, MARKER = "gantry-sentinel", "gantry-probe", "gantry-marker"
ACME_FILE = "acme-challenge.yml"
_VERSIONS = ("VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13")


@dataclass(frozen=True)
class Difference:
    """One object that Traefik does not have as the document says, with Traefik's own words where it has some.

    section: as Traefik's own view has it.
    """

    section: str
    name: str
    what: str

    def sentence(self) -> str:
        """The difference in words."""
        return f"{_WORDS.get(self.section, self.section)} {self.name} {self.what}"

    def refusal(self) -> str:
        """The difference as what Traefik refuses."""
        word = _WORDS.get(self.section, self.section)
        return f"Traefik refuses {word} {self.name}, which {self.what}; nothing was written"


def require_known(content: Mapping[str, Any]) -> None:
    """Raise InputError for a section of a document that could not be proven."""
    known = (*SECTIONS, *_UNSEEN, *_BY_FINGERPRINT)
    for part, sections in content.items():
        if not isinstance(sections, Mapping):
            raise InputError(f"document: {part} is no mapping; give one with sections such as routers")
        for section, settings in sections.items():
            if (part, section) not in known:
                accepted = ", ".join(".".join(one) for one in sorted(known))
                raise InputError(f"document has {part}.{section}, which could not be proven; accepted are {accepted}")
            wanted, word = (list, "list") if section == "certificates" else (Mapping, "mapping")
            if not isinstance(settings, wanted):
                raise InputError(f"document: {part}.{section} is no {word}; give one")
            _require_mappings(f"{part}.{section}", settings)
    _require_known_tls(content.get("tls") or {})


def _require_mappings(where: str, settings: Any) -> None:
    for one in settings:
        if not isinstance(one if isinstance(settings, list) else settings[one], Mapping):
            said = "an entry" if isinstance(settings, list) else str(one)
            raise InputError(f"document: {said} of {where} is no mapping; give one")


def _require_known_tls(tls: Mapping[str, Any]) -> None:
    pairs = [
        *(tls.get("certificates") or ()),
        *(one.get("defaultCertificate") for one in (tls.get("stores") or {}).values()),
    ]
    if any(not isinstance(one, Mapping) or "certFile" not in one for one in pairs if one is not None):
        raise InputError("document has a certificate without certFile; name the file")
    for name, store in (tls.get("stores") or {}).items():
        if set(store) - {"defaultCertificate"}:
            raise InputError(f"document: store {name} has more than defaultCertificate, which could not be proven")
    for name, options in (tls.get("options") or {}).items():
        for key in ("minVersion", "maxVersion"):
            # Traefik takes any text, and ignores it.
            if options.get(key, _VERSIONS[0]) not in _VERSIONS:
                raise InputError(f"document: {key} of TLS options {name} is not one of {', '.join(_VERSIONS)}")


def require_foreign(file: str, content: Mapping[str, Any], owners: Iterable[str]) -> None:
    """Raise InputError for an object of a document whose name belongs to the collection or to an owner of routes."""
    taken = (*(f"{owner}." for owner in {"gantry", *owners}), SENTINEL, PROBE)
    for part, sections in content.items():
        for section, settings in sections.items():
            for name in settings if isinstance(settings, Mapping) else ():
                if file == ACME_FILE and name != ACME_ROUTER:
                    raise InputError(f"the file {file} belongs to the role gantry.odoo.traefik; choose another name")
                if str(name).startswith(taken) or (name == ACME_ROUTER and file != ACME_FILE):
                    raise InputError(
                        f"document has {part}.{section}.{name}, a name that the collection uses itself; choose another"
                    )


def marked(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a marker of its own, where it has sections that Traefik does not show. name: of its file."""
    if not any((content.get(part) or {}).get(section) for part, section in _UNSEEN):
        return dict(content)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    http = content.get("http") or {}
    marker = {f"{MARKER}-{name}-{digest}": {"compress": {"minResponseBodyBytes": 1024}}}
    return {**content, "http": {**http, "middlewares": {**(http.get("middlewares") or {}), **marker}}}


def probes(content: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Routers for what Traefik builds for routers alone: by name, what is probed, and the router."""
    http, tls = content.get("http") or {}, content.get("tls") or {}
    routers = (http.get("routers") or {}).values()
    used = {str(name).partition("@")[0] for one in routers for name in one.get("middlewares") or ()}
    # A plugin is known to the live Traefik alone.
    middlewares = [
        name for name, one in (http.get("middlewares") or {}).items() if name not in used and "plugin" not in one
    ]
    made: list[tuple[str, dict[str, Any]]] = [
        (f"middleware {name}", {"middlewares": [f"{name}@file"]}) for name in middlewares
    ]
    made += [
        (f"TLS options {name}", {"tls": {"options": name if name == "default" else f"{name}@file"}})
        for name in tls.get("options") or {}
    ]
    common = {"rule": "Host(`probe.invalid`)", "service": "noop@internal"}
    return {f"{PROBE}-{number}": (what, {**common, **one}) for number, (what, one) in enumerate(made)}


def objects(content: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """The settings of every object in a document that Traefik's own view shows, by section there and name."""
    return {
        (live, name): settings
        for (part, section), (live, _word) in SECTIONS.items()
        for name, settings in ((content.get(part) or {}).get(section) or {}).items()
    }


def differences(
    wanted: Mapping[str, Any],
    raw: Mapping[str, Any],
    gone: Iterable[tuple[str, str]],
    judged: Mapping[str, Any] | None = None,
) -> list[Difference]:
    """What keeps Traefik's own view (`/api/rawdata`) from being the wanted document.

    gone: section and name of the objects that must not be there any more. judged: the same view of a Traefik that has
    loaded the document, which tells how it spells the settings; without it, they are compared as they are given.
    """
    found = [
        Difference(section, name, what)
        for (section, name), settings in objects(wanted).items()
        for what in [_difference(settings, _of(raw, section, name), _of(judged, section, name) if judged else None)]
        if what
    ]
    return found + [
        Difference(section, name, "is still there")
        for section, name in sorted(gone)
        if _of(raw, section, name) is not None
    ]


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str] | None:
    """Section and name of one object that two documents do not have alike, None without one.

    Traefik takes a document as a whole, so that one object says whether it has been read. Its API finds none by a name
    with a slash.
    """
    had, wanted = objects(before), objects(after)
    new = [key for key, settings in wanted.items() if had.get(key) != settings]
    return next((key for key in (*new, *(set(had) - set(wanted))) if "/" not in key[1]), None)


def is_as(
    wanted: Mapping[str, Any],
    section: str,
    name: str,
    live: Mapping[str, Any] | None,
    judged: Mapping[str, Any] | None = None,
) -> bool:
    """Whether one object is as a document has it, or as little there. live: as Traefik has it; judged: see above."""
    settings = objects(wanted).get((section, name))
    if settings is None:
        return live is None
    return not _difference(settings, live, _of(judged, section, name) if judged else None)


def faults(
    content: Mapping[str, Any], raw: Mapping[str, Any], twice: Collection[tuple[str, str]] = ()
) -> list[Difference]:
    """What a Traefik that has loaded the document and its probes does not have, or refuses.

    twice: objects that more than one file has, by the words of Traefik's log and their name.
    """
    found = [
        Difference(section, name, what)
        for section, name in objects(content)
        for what in [_missing(_of(raw, section, name))]
        if what
    ]
    for name, (probed, _router) in probes(content).items():
        what = _missing(_of(raw, "routers", name))
        kind, _blank, rest = probed.rpartition(" ")
        found += [Difference(kind, rest, what)] if what else []
    logged = {key: word if key[0] != "http" else f"HTTP {word}" for key, (_live, word) in SECTIONS.items()}
    return found + [
        Difference(words, name, "another file of the directory has too")
        for (part, section), words in {**logged, **_UNSEEN}.items()
        for name in (content.get(part) or {}).get(section) or {}
        if (words, name) in twice
    ]


def strangers(prefix: str, wanted: Mapping[str, Any], raw: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Section and name of the live objects that carry the owner's prefix and are not wanted."""
    mine = objects(wanted)
    return {
        (section, name)
        for section, _word in SECTIONS.values()
        for name in (key[: -len("@file")] for key in (raw.get(section) or {}) if key.endswith("@file"))
        if name.startswith(prefix) and (section, name) not in mine
    }


def covers(wanted: Any, live: Any) -> bool:
    """Whether the live value says what the wanted one does; defaults that Traefik adds do not count."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and covers(value, live[key]) for key, value in wanted.items()
        )
    if isinstance(wanted, (list, tuple)):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(covers(w, seen) for w, seen in zip(wanted, live))
        )
    return bool(wanted == live)


def _same(wanted: Any, judged: Any, live: Any) -> bool:
    """Whether two views of Traefik agree in what is wanted; how it is spelled does not count."""
    if isinstance(wanted, Mapping) and isinstance(judged, Mapping) and isinstance(live, Mapping):
        return all(_same(value, _under(judged, key), _under(live, key)) for key, value in wanted.items())
    return bool(judged == live)


def _under(found: Mapping[str, Any], key: str) -> Any:
    # Traefik reads names of settings in any case.
    return found[key] if key in found else {one.lower(): value for one, value in found.items()}.get(str(key).lower())


def _of(raw: Mapping[str, Any], section: str, name: str) -> Any:
    return (raw.get(section) or {}).get(f"{name}@file")


def _missing(live: Mapping[str, Any] | None) -> str:
    if live is None:
        return "is missing"
    if live.get("status") not in (None, "enabled"):
        words = live.get("error") or ["no reason given"]
        return f"is {live.get('status')}: {words[0]}"
    return ""


def _difference(settings: Any, live: Mapping[str, Any] | None, judged: Mapping[str, Any] | None) -> str:
    alike = covers(settings, live) if judged is None else _same(settings, judged, live)
    return _missing(live) or ("" if alike else "has other settings")
