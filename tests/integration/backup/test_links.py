# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that the account of Odoo plants in its filestore, before a run of root and during one, lead nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.backup.conftest import DATA, Ask, Estate
from tests.lab import wait

BACKUP, RESTORE = "gantry.odoo.odoo_backup", "gantry.odoo.odoo_restore"
VICTIM = "/etc/victim"
NEW = f"{DATA}/filestore/harbour_drill__new"
# exchanges each directory of the filestore in the making for a link and back, for as long as the file is there
RACER = f"""
import os, time
end = time.monotonic() + 120
swaps = 0
while os.path.exists("{DATA}/racing") and time.monotonic() < end:
    try:
        names = os.listdir("{NEW}")
    except OSError:
        continue
    for name in names:
        try:
            os.rename(f"{NEW}/{{name}}", f"{NEW}/aside")
            os.symlink(f"{VICTIM}/{{name}}", f"{NEW}/{{name}}")
            os.unlink(f"{NEW}/{{name}}")
            os.rename(f"{NEW}/aside", f"{NEW}/{{name}}")
            swaps += 1
        except OSError:
            pass
print(swaps)
"""


@pytest.fixture
def victim(estate: Estate) -> Iterator[None]:
    """Directories of root whose names are those of a filestore; they are as they were at the end."""
    each = "for i in $(seq 0 255); do d=/etc/victim/$(printf %02x $i)"
    estate.shell(f"{each}; mkdir -p $d; echo of root > $d/secret; done")
    state = f"cd {VICTIM}; find . -printf '%p %u %m %y %T@\\n' | sort; cat */secret | sort | uniq -c"
    before = estate.shell(state)
    yield
    after = estate.shell(state)
    estate.shell(f"rm -r {VICTIM}; rm -rf {NEW} {NEW}.note*")
    assert after == before
    assert len(before.splitlines()) > 512


@pytest.fixture
def drill(estate: Estate, ask: Ask) -> Callable[[], dict[str, Any]]:
    """A drill of a backup that is taken for it, whether it goes well or not."""

    def run() -> dict[str, Any]:
        own = {**estate.login, "databases": [{"name": "harbour", "tenant": "linked"}]}
        proof = {**estate.login, "tenant": "linked", "database": "harbour_drill", "drill": True}
        backup, done = ask((BACKUP, own, False), (RESTORE, proof, False))
        assert not backup["failed"]
        return done

    return run


def as_odoo(estate: Estate, script: str) -> str:
    """The output of a script that runs as the account of Odoo."""
    return estate.host.run(["bash", "-euc", script], user="odoo")


def test_links_that_were_planted_lead_nowhere(
    estate: Estate, victim: None, drill: Callable[[], dict[str, Any]]
) -> None:
    each = "for i in $(seq 0 255); do d=$(printf %02x $i)"
    as_odoo(
        estate,
        f"mkdir -p {NEW}; {each}; ln -s {VICTIM}/$d {NEW}/$d; done; ln -s {VICTIM}/00/secret {NEW}.note.new",
    )
    done = drill()
    assert not done["failed"], done["msg"]
    assert estate.drills("linked")[-1]["ok"]
    assert not [name for name in estate.filestores() if "drill" in name]


@pytest.mark.deep
def test_a_filestore_that_is_a_link_is_refused_and_named(
    estate: Estate, victim: None, drill: Callable[[], dict[str, Any]]
) -> None:
    as_odoo(estate, f"ln -s {VICTIM} {NEW}")
    done = drill()
    assert done["failed"]
    assert f"made a link to {VICTIM}" in done["msg"]


@pytest.mark.deep
def test_a_note_that_odoo_has_written_is_not_followed(
    estate: Estate, victim: None, drill: Callable[[], dict[str, Any]]
) -> None:
    note = '{"origin": "linked/20260101T000000Z", "swapping": true, "reopen": true}'
    as_odoo(estate, f"echo '{note}' > {NEW}.note")
    done = drill()
    assert done["failed"]
    assert "was written by account 8069 and by no restore; look at it, then remove it" in done["msg"]


@pytest.mark.deep
def test_links_that_are_exchanged_during_a_drill_lead_nowhere(
    estate: Estate, victim: None, drill: Callable[[], dict[str, Any]]
) -> None:
    estate.host.write("/etc/odoo/racer.py", RACER)
    as_odoo(
        estate, f"mkdir -p {NEW}/00; touch {DATA}/racing; nohup python3 /etc/odoo/racer.py > {DATA}/racer.out 2>&1 &"
    )
    try:
        # it is cut off by an exchange, or is not
        drill()
    finally:
        as_odoo(estate, f"rm -f {DATA}/racing")
    said = f"cat {DATA}/racer.out"
    wait.until(lambda: None if as_odoo(estate, said).strip() else "nothing", "the end of the racer")
    assert int(as_odoo(estate, said)) > 0
    as_odoo(estate, f"rm {DATA}/racer.out")
