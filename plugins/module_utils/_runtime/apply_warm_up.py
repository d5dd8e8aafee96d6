# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks an instance for what users ask first, until each of its workers answers as fast as they expect."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_warm_up import WEB_CLIENT, Answer, Site, linked

# Between two rounds that did not go well: an instance that starts is not kept from it by requests.
_INTERVAL_S = 0.5
Ask = Callable[[Site, str, float], Answer]


@dataclass(frozen=True)
class Warmth:
    """What became of a tenant. gap: what it answered last where that is no page, empty where it is one.

    requests: how many were sent. first_s, last_s: the slowest answer of the first round of pages, and of the last one.
    """

    site: Site
    requests: int
    first_s: float
    last_s: float
    gap: str = ""


def warm_up(sites: Sequence[Site], ask: Ask, fast_s: float, deadline: Deadline) -> list[Warmth]:
    """Ask for the pages of all tenants until no answer takes longer than `fast_s` seconds, or the time is over.

    Tenants of one instance come one after the other, and so many instances at once as there are processors.
    """
    ports: dict[int, list[Site]] = {}
    for site in sites:
        ports.setdefault(site.port, []).append(site)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = pool.map(
            lambda listed: [_Warming(site, ask, deadline).until(fast_s) for site in listed], ports.values()
        )
        return list(itertools.chain.from_iterable(found))


@dataclass
class _Warming:
    """The requests for one tenant."""

    site: Site
    ask: Ask
    deadline: Deadline
    sent: int = 0

    def until(self, fast_s: float) -> Warmth:
        """Pages until they are good, the assets that they need, and pages until they are fast."""
        first = last = self._round()
        if not _gap(last):
            self._all([*dict.fromkeys(path for one in last for path in linked(one.page)), *WEB_CLIENT])
            last = self._again(last, fast_s)
        return Warmth(self.site, self.sent, _slowest(first), _slowest(last), _gap(last))

    def _round(self) -> list[Answer]:
        """One answer for each page and turn, all of them good, or the last ones before the time was over."""
        last: list[Answer] = []

        def good() -> list[Answer] | None:
            last[:] = self._all(self.site.paths * self.site.at_once)
            return None if _gap(last) else last

        try:
            return self.deadline.wait(good, "an answer", interval=_INTERVAL_S)
        except DeadlineError:
            return last

    def _again(self, last: list[Answer], fast_s: float) -> list[Answer]:
        # a round that cannot end in time would say nothing
        while self.deadline.remaining > 2 * _slowest(last) > 2 * fast_s:
            last = self._round()
        return last

    def _all(self, paths: Iterable[str]) -> list[Answer]:
        listed = list(paths)
        self.sent += len(listed)
        with ThreadPoolExecutor(self.site.at_once) as pool:
            return list(pool.map(self._one, listed))

    def _one(self, path: str) -> Answer:
        return self.ask(self.site, path, self.deadline.remaining)


def _gap(answers: Iterable[Answer]) -> str:
    return next((one.said() for one in answers if not one.is_good), "")


def _slowest(answers: Iterable[Answer]) -> float:
    return max((one.seconds for one in answers), default=0.0)
