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

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import Evidence
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_metrics import (
    METRICS,
    PREFIX,
    render,
    without_time,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_metrics import (
    check_path,
    read_metrics,
    write_metrics,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

from .evidence import HOUR, NOW, judged

WHERE = "bucket backups, site"
LABEL = f'repository="{WHERE}"'
RULES = Path(__file__).parents[3] / "extensions/prometheus/gantry_backup_rules.yml"


def test_each_value_is_what_was_observed() -> None:
    text = render([judged()], NOW, WHERE)
    for line in (
        f'gantry_odoo_backup_last_success_timestamp_seconds{{{LABEL},tenant="harbour"}} {(NOW - HOUR).timestamp():.0f}',
        f'gantry_odoo_backup_size_bytes{{{LABEL},tenant="harbour",content="database"}} 419430400',
        f'gantry_odoo_backup_expected{{{LABEL},tenant="harbour",tier="1"}} 1',
        f'gantry_odoo_backup_duration_seconds{{{LABEL},tenant="harbour"}} 42.500',
        f'gantry_odoo_backup_compliance{{{LABEL},tenant="harbour",part="rpo",state="ok"}} 1',
        f'gantry_odoo_backup_drill_last_ok{{{LABEL},tenant="harbour"}} 1',
        f'gantry_odoo_backup_rule{{{LABEL},tenant="harbour",rule="three_copies"}} 0',
        f'gantry_odoo_backup_findings{{{LABEL},tenant="harbour",severity="critical"}} 0',
    ):
        assert line in text.splitlines()


def test_what_is_not_known_is_absent_and_the_tenant_is_expected_all_the_same() -> None:
    text = render([judged(Evidence("harbour"))], NOW, WHERE)
    assert f'gantry_odoo_backup_expected{{{LABEL},tenant="harbour",tier="unknown"}} 1' in text
    for name in ("last_success_timestamp_seconds", "drill_last_ok", "rpo_seconds", "size_bytes"):
        assert f"{PREFIX}_{name}" not in text


def test_the_time_of_the_observation_alone_is_no_difference() -> None:
    seen = [judged()]
    assert render(seen, NOW, WHERE) != render(seen, NOW + HOUR, WHERE)
    assert without_time(render(seen, NOW, WHERE)) == without_time(render(seen, NOW + HOUR, WHERE))
    assert without_time(render(seen, NOW, WHERE)) != without_time(render([replace(judged(), holds=3)], NOW, WHERE))


def test_the_samples_of_a_metric_stand_together_below_its_help() -> None:
    text = render([judged(), replace(judged(), tenant="north")], NOW, WHERE)
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


def test_no_alert_mixes_two_estates() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    for rule in rules:
        grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"])
        assert all({"job", "instance", "repository"} <= set(one.split(", ")) for one in grouped), rule
        # a set operation or a comparison of two vectors says what it goes by
        assert len(re.findall(r"\b(?:unless|and)\b(?! on \()", rule["expr"])) == 0, rule
        assert "without" not in rule["expr"]
    # two files in one directory of a collector are two estates as well
    text = render([judged()], NOW, WHERE)
    assert all(LABEL in line for line in text.splitlines() if not line.startswith("#"))


def test_each_limit_that_an_alert_compares_with_is_missed_where_it_is_absent() -> None:
    rules = {
        rule.get("alert"): rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    }
    for name in ("rpo_seconds", "drill_interval_seconds", "findings", "compliance"):
        assert f"{PREFIX}_{name}" in rules["GantryBackupLimitsAbsent"]["expr"]


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
