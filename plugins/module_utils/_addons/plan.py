# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addons Odoo is to install, upgrade or remove, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE, Code, Found, Module, Wish
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step


@dataclass(frozen=True)
class Plan:
    """What is to be done to one database, each in the order of names. steps: the same, with reasons.

    settle: imported addons that wait for an upgrade, which Odoo has no code for. It runs no job while any addon waits.
    """

    install: tuple[str, ...] = ()
    upgrade: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    settle: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def starts_odoo(self) -> bool:
        """Whether Odoo has anything to do."""
        return bool(self.install or self.upgrade or self.remove)


def plan(found: Found, wish: Wish, code: Mapping[str, Code]) -> Plan:
    """The plan for one database.

    Raises InputError for a wish that the code on disk cannot fulfill, StateError where the database runs code that is
    not on disk, RefusedError for a step back in version.
    """
    _refuse_contradiction(wish)
    _refuse_lost_code(found, wish, code)
    install = {name: "not installed" for name in wish.installed if name not in found.in_use}
    _need(install, found, code, wish)
    upgrade, remove, settle = {}, {}, {}
    for name, module in sorted(found.pending.items()):
        left = f"an update that did not end left it {module.state!r}"
        if module.state == "to remove":
            remove[name] = left
        elif module.state == "to upgrade" and without_code(name, found, code):
            settle[name] = "it was imported, so no update can carry out its state 'to upgrade'"
        elif module.state == "to upgrade":
            upgrade[name] = left
        elif name not in install:
            install[name] = left
    for name, module in sorted(found.in_use.items()):
        if name in wish.absent:
            remove[name] = "to be absent"
            settle.pop(name, None)
        elif name not in upgrade and name not in remove and not without_code(name, found, code):
            why = _why_upgrade(module, found, wish, code[name])
            if why:
                upgrade[name] = why
    return _plan(wish.database, install, upgrade, remove, settle)


def unproven(found: Found, planned: Plan, wish: Wish, code: Mapping[str, Code]) -> list[str]:
    """What is not as it should be after Odoo has ended, in words; empty where the update has succeeded."""
    faults = [f"{name} is {module.state!r}" for name, module in sorted(found.pending.items())]
    wanted = set(wish.installed) | set(planned.install)
    faults += [f"{name} is not installed" for name in sorted(wanted - set(found.in_use))]
    faults += [f"{name} is still installed" for name in sorted(set(planned.remove) & set(found.in_use))]
    for name in sorted((set(planned.install) | set(planned.upgrade)) & set(found.in_use)):
        seen, expected = found.in_use[name].version, code[name].version
        if seen != expected:
            faults.append(f"{name} is at version {seen or 'none'} and not at {expected}")
    return faults


def without_code(name: str, found: Found, code: Mapping[str, Code]) -> bool:
    """Whether an addon in use lives in the database alone."""
    return name in found.imported and name not in code


def _refuse_contradiction(wish: Wish) -> None:
    both = sorted((wish.installed | wish.upgraded) & wish.absent)
    if both:
        raise InputError(f"addons of {wish.database}: {', '.join(both)} cannot be wanted and absent at once")
    if BASE in wish.absent:
        raise InputError(f"addons of {wish.database}: base is Odoo itself and cannot be absent")


def _refuse_lost_code(found: Found, wish: Wish, code: Mapping[str, Code]) -> None:
    lost = sorted(name for name in found.in_use if name not in code and name not in found.imported)
    if lost:
        raise StateError(
            f"database {wish.database} runs {', '.join(lost)}, and the addons path holds no code for "
            f"{'it' if len(lost) == 1 else 'them'}; bring the code back, or remove the addon while its code is there"
        )
    unknown = sorted(name for name in wish.upgraded if name not in found.in_use)
    if unknown:
        raise InputError(f"addons of {wish.database}: {', '.join(unknown)} is to be upgraded and is not installed")
    imported = sorted(name for name in wish.upgraded if without_code(name, found, code))
    if imported:
        raise InputError(
            f"addons of {wish.database}: {', '.join(imported)} was imported into the database and has no code to be "
            "upgraded to; import it again"
        )


def _need(names: Iterable[str], found: Found, code: Mapping[str, Code], wish: Wish) -> None:
    """Every addon that Odoo would have to load for `names` is there and may be installed."""
    seen = {name for name in found.in_use if without_code(name, found, code)}
    waiting = [(name, "") for name in sorted(names)]
    while waiting:
        name, needed_by = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        whose = f", which {needed_by} depends on," if needed_by else ""
        if name not in code:
            raise InputError(f"addons of {wish.database}: {name}{whose} is in no directory of the addons path")
        if not code[name].installable:
            raise InputError(f"addons of {wish.database}: {name}{whose} says of itself that it is not installable")
        waiting += [(other, name) for other in code[name].depends]


def _why_upgrade(module: Module, found: Found, wish: Wish, code: Code) -> str:
    known = found.digests.get(module.name, "")
    if _numbers(code.version) < _numbers(module.version) and not wish.downgrade:
        raise RefusedError(
            f"database {wish.database} has {module.name} at {module.version}, and the code on disk is the older "
            f"{code.version}: Odoo cannot go back; bring the newer code, or set downgrade to let it run as it is"
        )
    if module.name in wish.upgraded:
        return "it was asked for"
    if not wish.changed:
        return ""
    if code.version != module.version:
        return f"version {module.version or 'none'} is to become {code.version}"
    if not known:
        return "" if wish.trust else "no update of it was ever recorded"
    if known != code.digest:
        return "its code has changed"
    return _retranslated(module.name, found, code)


def _retranslated(name: str, found: Found, code: Code) -> str:
    # a language that was loaded since was loaded whole
    known = {
        language: found.digests.get(f"{name}@{language}", digest) for language, digest in code.translations.items()
    }
    changed = sorted(language for language, digest in code.translations.items() if known[language] != digest)
    return f"its translations have changed: {', '.join(changed)}" if changed else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _plan(
    database: str,
    install: Mapping[str, str],
    upgrade: Mapping[str, str],
    remove: Mapping[str, str],
    settle: Mapping[str, str],
) -> Plan:
    named = {"install": install, "upgrade": upgrade, "remove": remove, "settle": settle}
    steps = [
        Step(action, f"{database}: {name}", why)
        for action, reasons in named.items()
        for name, why in sorted(reasons.items())
    ]
    return Plan(**{action: tuple(sorted(reasons)) for action, reasons in named.items()}, steps=tuple(steps))
