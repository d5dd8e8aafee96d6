# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""antsibull-docs with names of temporary directories that reStructuredText takes for text.

It writes the name of one into each page, and one in 37 ends with an underscore, which is a reference there.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from antsibull_docs.cli.antsibull_docs import main


def plain_names() -> None:
    """Have temporary names made of letters and digits alone."""
    own: Any = tempfile
    names = own._get_candidate_names()
    names.characters = names.characters.replace("_", "")


if __name__ == "__main__":
    plain_names()
    sys.exit(main())
