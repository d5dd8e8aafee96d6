# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What openssl has to verify of a certificate, and what its answer means. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError


def name_question(name: str) -> list[str]:
    """Whether the certificate is good for a server of that name or address."""
    kind = "-verify_ip" if ":" in name or name.replace(".", "").isdigit() else "-verify_hostname"
    return ["-purpose", "sslserver", kind, name]


def refuse_certificate(certificate: str, authorities: str, question: Sequence[str], answer: str) -> None:
    """Raise where openssl does not verify the certificate. certificate, authorities: paths."""
    if answer.strip().endswith(": OK"):
        return
    errors = [line for line in answer.splitlines() if line.startswith("error ")]
    words = errors[0] if errors else first_line(answer)
    purpose = " that is good for clients too" if "sslclient" in question else ""
    raise StateError(
        f"{certificate} does not pass openssl verify {' '.join(question)} against {authorities}: {words}; "
        f"get another one{purpose}"
    )


def first_line(text: str) -> str:
    """The first line of an answer."""
    return next(iter(text.strip().splitlines()), "no words")
