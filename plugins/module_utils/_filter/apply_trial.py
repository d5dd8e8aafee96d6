# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter on trial: a timer of the host puts the former one back, also where the run that tries it is gone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import lock_file, replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Tried
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_filter import emptied
from ansible_collections.gantry.odoo.plugins.module_utils._filter.read_filter import Nft, read_file

# It ends with the host's run, as the timer and the filter on trial do.
_DIRECTORY = "/run"
# The exit code of systemctl for a unit that is not there.
_NO_UNIT = 5
# It waits for a call of the module, but not for one that hangs. A former filter that cannot be loaded stays there.
_PUT_BACK = 'exec 9>>"$1"; flock --wait 60 9; [ ! -e "$2" ] || { "$0" --file "$2" && rm -f "$2" "$3"; }'


class Trial:
    """The trial of the filter of a service. program: the path of nft.

    There is one as long as the file of the former filter is there, with a timer or without.
    """

    def __init__(self, name: str, program: str, deadline: Deadline) -> None:
        self._unit = f"gantry-port-filter-{name}-put-back"
        self._former = f"{_DIRECTORY}/{self._unit}.nft"
        self._tried = f"{_DIRECTORY}/{self._unit}.tried"
        self._lock = f"{_DIRECTORY}/{self._unit}.lock"
        self._table = f"gantry_{name}"
        self._program = program
        self._deadline = deadline

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other calls, and the timer, from the filter for the block."""
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock_file(handle, self._deadline, f"the end of another run on the filter {self._table}")
            yield
        finally:
            os.close(handle)

    def runs(self) -> bool:
        """Whether a filter is on trial, and nothing has proven it or put the former one back."""
        return os.path.exists(self._former)

    def former(self) -> str | None:
        """The former filter as the kernel listed it; None where there was none."""
        return (read_file(self._former) or "").partition(emptied(self._table))[2] or None

    def begin(self, nft: Nft, name: str, rules: str, seconds: int) -> None:
        """Load rules on trial. name: of this trial alone, so that no other run takes it for its own."""
        former = f"{emptied(self._table)}{nft.live(self._table) or ''}"
        nft.check(former, what=f"verifying that the filter {self._table} that is loaded can be put back")
        self._stop()
        replace_file(self._tried, f"{name}\n{rules}", 0o600)
        argv = ["systemd-run", f"--unit={self._unit}", "--collect", f"--on-active={seconds}"]
        argv += ["--timer-property=AccuracySec=1s", "sh", "-c", _PUT_BACK]
        argv += [self._program, self._lock, self._former, self._tried]
        run(argv, self._deadline, what="starting the timer that puts the former filter back")
        replace_file(self._former, former, 0o600)
        nft.load(self._table, rules)

    def tried(self) -> Tried:
        """The filter on trial; names may be looked up in another way since. Empty without any."""
        name, _line, rules = (read_file(self._tried) or "").partition("\n") if self.runs() else ("", "", "")
        return Tried(name, rules)

    def fail(self) -> None:
        """Put the former filter back now. It is there before the timer ends, so that it comes back in any case."""
        argv = [self._program, "--file", self._former]
        run(argv, self._deadline, what=f"putting back the former filter {self._table}")
        self.end()

    def end(self) -> None:
        """Let the filter stay that is loaded."""
        if not self.runs():
            return
        # the timer does nothing without it
        os.unlink(self._former)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._tried)
        self._stop()

    def _stop(self) -> None:
        """Stop the timer, and what it has started and waits for this call."""
        argv = ["systemctl", "stop", f"{self._unit}.timer", f"{self._unit}.service"]
        run(argv, self._deadline, what=" ".join(argv), accept=(0, _NO_UNIT))
