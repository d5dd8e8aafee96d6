# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error tree of the collection: one sentence each, and only a module's main() turns one into fail_json."""

from __future__ import annotations

# what Python raises where a value that somebody else wrote is of another kind than expected
BAD_VALUES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
# characters of what others said that a sentence carries
LONGEST = 2000


def excerpt(text: str) -> str:
    """What a server or a program said, as a sentence can carry it: the beginning, on one line, for any terminal.

    Code of a tenant may have written it, at any length.
    """
    line = "".join(one if one.isprintable() else " " for one in text[:LONGEST])
    return " ".join(line.split()) + (" ..." if len(text) > LONGEST else "")


class GantryError(Exception):
    """A failure told in one sentence: what, where, what was seen, what to do."""


class InputError(GantryError):
    """The caller asked for something that cannot be meant; nothing was touched."""


class RefusedError(GantryError):
    """The request is understood, and would destroy something that no policy value gives up."""


class UnreachableError(GantryError):
    """The other side did not answer, or not with the credentials given."""


class StateError(GantryError):
    """The other side is in a state that no plan covers."""


class DeadlineError(GantryError):
    """A wait ended without the state it waited for."""


class LibraryError(GantryError):
    """A Python library that the module needs is not on the host. name: of the library. trace: of its import."""

    def __init__(self, name: str, trace: str) -> None:
        super().__init__(f"the Python library {name} is not on this host; install it")
        self.name = name
        self.trace = trace


def sentence_of(error: GantryError | OSError) -> str:
    """What an error says, also one of the operating system that no reader or applier has told, as one sentence."""
    if isinstance(error, GantryError):
        return str(error)
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    where = f"{' and '.join(names)} cannot be used" if names else "the operating system refused what was asked"
    return f"{where}: {error.strerror or error}; see who owns it, what it is, and the space on its disk"
