# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers that tell browsers how careful to be, by audience."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """What browsers are told; an empty value leaves a header as Odoo sends it, or out.

    referrer: how much of an address other sites learn. frame: which sites may frame a page. opener: whether pages of
    other sites keep a hold on a page that they have opened.
    """

    referrer: str = ""
    frame: str = ""
    opener: str = ""

    def headers(self) -> dict[str, str]:
        """Headers of each response; an empty one is taken out of what Odoo sends."""
        told = {
            "Referrer-Policy": self.referrer,
            "X-Frame-Options": self.frame,
            "Cross-Origin-Opener-Policy": self.opener,
        }
        # Odoo's server names its version and that of Python.
        return {"Server": "", **{name: value for name, value in told.items() if value}}


# None has a policy for content: Odoo sends a strict one with files of users, and that would be lost.
PRESETS = {
    "public": Preset("strict-origin-when-cross-origin"),
    "partner": Preset("strict-origin-when-cross-origin", "SAMEORIGIN", "same-origin-allow-popups"),
    "internal": Preset("same-origin", "SAMEORIGIN", "same-origin-allow-popups"),
    "minimal": Preset(),
}
