# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text form of Prometheus: what metrics of all kinds have in common. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Optional

Number = Optional[float]


def lines(name: str, text: str, samples: Iterable[tuple[Mapping[str, str], Number]]) -> list[str]:
    """A gauge with its samples, labels and value each; none where no value is known."""
    found = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples if value is not None]
    return [f"# HELP {name} {text}", f"# TYPE {name} gauge", *found] if found else []


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inner}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: Number) -> str:
    number = float(value or 0)
    return str(int(number)) if math.isfinite(number) and number == int(number) else f"{number:.3f}"
