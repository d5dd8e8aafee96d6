# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody at the door of a database, who tries to enter all the time, as the jobs of a running server would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.lab import wait
from tests.lab.hosts import Host

# It may get in, and stay, once the copy is harmless, in the moment before that is given its name and sessions end.
# A session that ended before it could read anything was in, unless the name is gone before anybody enters again.
_SCRIPT = """
import psycopg2, sys, time
harmless = unread = False
while True:
    met = []
    try:
        connection = psycopg2.connect(sys.argv[1], connect_timeout=2)
    except psycopg2.Error as error:
        gone = "does not exist" in str(error)
        met.append("did not exist" if gone else "denied")
        if unread and gone:
            met.append("ended")
            unread = False
    else:
        if unread:
            met.append("in")
            unread = False
        try:
            with connection.cursor() as cursor:
                cursor.execute(sys.argv[2])
                harmless = bool(cursor.fetchone()[0])
                met.append("harmless" if harmless else "in")
        except psycopg2.OperationalError:
            if harmless:
                met.append("ended")
            else:
                unread = True
        except psycopg2.Error:
            met.append("in")
    if met:
        print(*met, sep="\\n", flush=True)
    time.sleep(0.02)
"""
_FLAGGED = "EXISTS (SELECT FROM ir_config_parameter WHERE key = 'database.is_neutralized' AND value = 'true')"
_NO_MAIL = "NOT EXISTS (SELECT FROM ir_mail_server WHERE active AND smtp_host <> 'invalid' OR smtp_pass <> '')"


@contextmanager
def intruder(host: Host, url: str, password: str, *harmless: str) -> Iterator[Callable[[], set[str]]]:
    """A role at the door; the function returns what happened to it: denied, did not exist, in, harmless,
    or ended, where its session in a harmless copy was.

    harmless: SQL conditions that hold in a harmless copy, besides those of mail and of the flag.
    """
    host.write("/root/intruder.py", _SCRIPT)
    host.write("/root/intruder.log", "")
    asked = f"SELECT {' AND '.join((_FLAGGED, _NO_MAIL, *harmless))}"
    start = 'timeout 600 python3 /root/intruder.py "$URL" "$ASKED" > /root/intruder.log 2>&1'
    env = {"PGPASSWORD": password, "URL": url, "ASKED": asked}

    def met() -> set[str]:
        return set(host.run(["cat", "/root/intruder.log"]).splitlines())

    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(host.attempt, ["bash", "-c", start], env=env)
        try:
            # at the door before anything begins
            wait.until(lambda: None if met() else "nothing yet", "the first try")
            yield met
        finally:
            host.run(["bash", "-c", "pkill -f '[i]ntruder.py' || test $? = 1"])
            trying.result()
