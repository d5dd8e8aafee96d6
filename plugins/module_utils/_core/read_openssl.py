# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask openssl what a server or its clients would stumble over later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_openssl import refuse_certificate


def openssl(arguments: Sequence[str], deadline: Deadline) -> str:
    """What openssl says, be it an error or not."""
    argv = ["openssl", *arguments]
    return run(argv, deadline, what=f"openssl {arguments[0]}", accept=(0, 1, 2), merged=True)


def verify(certificate: str, authorities: str, questions: Iterable[Sequence[str]], deadline: Deadline) -> None:
    """Have openssl verify a certificate with its chain by these authorities alone. Raises StateError."""
    # openssl otherwise trusts the system's authorities too
    trust = ["-no-CApath", "-no-CAstore", "-CAfile", authorities, "-untrusted", certificate]
    for question in questions:
        answer = openssl(["verify", *trust, *question, certificate], deadline)
        refuse_certificate(certificate, authorities, question, answer)
