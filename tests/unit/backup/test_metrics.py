# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics in the text form of Prometheus, and the file that holds them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_metrics import (
    check_path,
    read_metrics,
    write_metrics,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import Evidence
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_metrics import (
    METRICS,
    PREFIX,
    render,
    without_time,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

from .evidence import HOUR, NOW, judged

RULES = Path(__file__).parents[3] / "extensions/prometheus/gantry_backup_rules.yml"


def test_each_value_is_what_was_observed() -> None:
    text = render([judged()], NOW)
    for line in (
        f'gantry_odoo_backup_last_success_timestamp_seconds{{tenant="harbour"}} {(NOW - HOUR).timestamp():.0f}',
        'gantry_odoo_backup_size_bytes{tenant="harbour",content="database"} 419430400',
        'gantry_odoo_backup_expected{tenant="harbour",tier="1"} 1',
        'gantry_odoo_backup_duration_seconds{tenant="harbour"} 42.500',
        'gantry_odoo_backup_compliance{tenant="harbour",part="rpo",state="ok"} 1',
        'gantry_odoo_backup_drill_last_ok{tenant="harbour"} 1',
        'gantry_odoo_backup_rule{tenant="harbour",rule="three_copies"} 0',
        'gantry_odoo_backup_findings{tenant="harbour",severity="critical"} 0',
    ):
        assert line in text.splitlines()


def test_what_is_not_known_is_absent_and_the_tenant_is_expected_all_the_same() -> None:
    text = render([judged(Evidence("harbour"))], NOW)
    assert 'gantry_odoo_backup_expected{tenant="harbour",tier="unknown"} 1' in text
    for name in ("last_success_timestamp_seconds", "drill_last_ok", "rpo_seconds", "size_bytes"):
        assert f"{PREFIX}_{name}" not in text


def test_the_time_of_the_observation_alone_is_no_difference() -> None:
    seen = [judged()]
    assert render(seen, NOW) != render(seen, NOW + HOUR)
    assert without_time(render(seen, NOW)) == without_time(render(seen, NOW + HOUR))
    assert without_time(render(seen, NOW)) != without_time(render([replace(judged(), holds=3)], NOW))


def test_the_samples_of_a_metric_stand_together_below_its_help() -> None:
    text = render([judged(), replace(judged(), tenant="north")], NOW)
    names = [re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")]
    grouped = list(dict.fromkeys(names))
    assert [name for name in grouped for _sample in range(names.count(name))] == names
    assert [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")] == grouped
    assert text.endswith("\n")


def test_the_alerts_use_metrics_that_exist() -> None:
    known = {f"{PREFIX}_observed_timestamp_seconds", *(f"{PREFIX}_{one.name}" for one in METRICS)}
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    made = {rule["record"] for rule in rules if "record" in rule}
    used = {name for rule in rules for name in re.findall(rf"{PREFIX}_[a-z_]+", rule["expr"])}
    assert used <= known | made
    for rule in rules:
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("critical", "warning")
            assert set(rule["annotations"]) == {"summary", "description"}


def test_the_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "gantry.prom"
    assert read_metrics(str(path)) == ""
    (tmp_path / "gantry.prom.new").write_text("leftover of an interrupted run")
    write_metrics(str(path), "a 1\n")
    assert read_metrics(str(path)) == "a 1\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["gantry.prom"]


@pytest.mark.parametrize(
    ("path", "told"),
    [("metrics.prom", "no absolute path"), ("/tmp/metrics", "ends with .prom"), ("/no/such/m.prom", "no directory")],
)
def test_a_path_that_no_collector_reads_is_refused(path: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        check_path(path)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.prom").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        check_path(str(tmp_path / "x.prom"))
