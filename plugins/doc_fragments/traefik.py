# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module reaches Traefik's file provider and its API."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  dynamic_dir:
    description:
      - Directory that Traefik's file provider watches. Its parent must be on the same filesystem, because files are
        made there and enter the directory whole, by rename.
    type: path
    default: /etc/traefik/dynamic
  api_url:
    description:
      - Address of Traefik's API on this host, without a trailing slash. It belongs on loopback.
    type: str
    default: http://127.0.0.1:8080
  validate_command:
    description:
      - Traefik's program, as a list of words. A second process of it, alone on loopback, reads each new document
        before it is written.
    type: list
    elements: str
    default: [traefik]
  account:
    description:
      - Account that Traefik runs as. The files belong to it, and no other account can read them, since a document may
        hold hashes of passwords.
      - Where the host has no such account, they belong to the account of the module.
    type: str
    default: traefik
  timeout:
    description:
      - Seconds that each wait may take, for the validation, for Traefik to take the document, for its way back, and for
        another run on the same directory to end.
      - No wait is longer than it must be; an idle machine needs one second for all of them.
    type: int
    default: 60
"""
