# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the images take over from this machine: its Debian mirrors, how apt reaches them, whom it trusts."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Only what decides whether a download works; the rest of a machine's apt configuration is its own business.
_CARRIED_OPTION = re.compile(
    r"^Acquire::(Check-Valid-Until|Check-Date|Retries|ForceIPv4|ForceIPv6|https?::(Proxy|Timeout)(::\S+)?) "
)
_ONE_LINE_SOURCE = re.compile(r"^deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")
_ADDED_AUTHORITIES = Path("/usr/local/share/ca-certificates")


@dataclass(frozen=True)
class Source:
    """One archive that apt reads: its address and its suites."""

    uri: str
    suites: tuple[str, ...]


@dataclass(frozen=True)
class Mirrors:
    """Where Debian comes from on this machine; None where the machine does not say."""

    main: str | None
    security: str | None


def parse_one_line(text: str) -> list[Source]:
    """The sources of a `sources.list` or `*.list` file; comments and deb-src lines are left out."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    matches = (_ONE_LINE_SOURCE.match(line) for line in lines)
    return [Source(match["uri"], (match["suite"],)) for match in matches if match]


def parse_deb822(text: str) -> list[Source]:
    """The enabled binary sources of a `*.sources` file."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", _without_comments(text)):
        fields = _fields(stanza)
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() not in ("no", "false"):
            suites = tuple(fields.get("suites", "").split())
            found += [Source(uri, suites) for uri in fields.get("uris", "").split()]
    return found


def choose_mirrors(sources: Iterable[Source]) -> Mirrors:
    """The first Debian archive and the first Debian security archive among `sources`; others are passed over."""
    main = security = None
    for source in sources:
        path = source.uri.rstrip("/")
        if path.endswith("/debian-security"):
            security = security or path
        elif path.endswith("/debian"):
            main = main or path
    return Mirrors(main, security)


def carried_options(dump: str) -> list[str]:
    """The lines of `apt-config dump` that an image needs to download as this machine does."""
    return [line for line in dump.splitlines() if _CARRIED_OPTION.match(line)]


def mirrors() -> Mirrors:
    """Debian's mirrors according to this machine's apt configuration."""
    root = Path("/etc/apt")
    parts = sorted((root / "sources.list.d").glob("*")) if (root / "sources.list.d").is_dir() else []
    sources: list[Source] = []
    for path in [root / "sources.list", *parts]:
        if path.suffix == ".list" and path.is_file():
            sources += parse_one_line(path.read_text(encoding="utf-8"))
        elif path.suffix == ".sources" and path.is_file():
            sources += parse_deb822(path.read_text(encoding="utf-8"))
    return choose_mirrors(sources)


def apt_options() -> list[str]:
    """The apt options of this machine that the images carry; none where there is no apt."""
    try:
        done = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        return []
    return carried_options(done.stdout)


def authorities() -> list[Path]:
    """The certificate authorities that somebody added to this machine, as an image needs them behind a TLS proxy."""
    return sorted(_ADDED_AUTHORITIES.glob("**/*.crt"))


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = None
    for line in stanza.splitlines():
        if line[:1] in (" ", "\t") and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, _separator, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
