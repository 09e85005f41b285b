"""docs/monitoring: alert rules and dashboard ask for what the jobs send, in words that Prometheus understands."""

import json
import re
from typing import Any, Final

import promql_parser
import pytest
import yaml

from econsent_airflow import metrics
from econsent_stack.commands.docs import facts
from econsent_stack.project import ROOT

FOLDER: Final = ROOT / "docs" / "monitoring"
ALERTS: Final[list[dict[str, Any]]] = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD: Final[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
PANELS: Final[list[dict[str, Any]]] = DASHBOARD["panels"]
COUNTERS: Final = ("items", "troubles")
NAME: Final = re.compile(r"airflow_econsent_\w+")
JOBS: Final = {dag["dag_id"] for dag in facts(ROOT)["dags"] if "__" not in dag["dag_id"]}


def sent() -> set[str]:
    """The names that the jobs send, as Prometheus stores them."""
    names = re.findall(r"``econsent\.(\w+)``", metrics.__doc__ or "")
    return {f"airflow_econsent_{name}{'_total' if name in COUNTERS else ''}" for name in names}


EXPRESSIONS: Final = [rule["expr"] for rule in ALERTS] + [target["expr"] for panel in PANELS for target in panel["targets"]]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_prometheus_own_language_and_names_what_is_sent(expression: str) -> None:
    promql_parser.parse(expression)
    found = set(NAME.findall(expression))
    assert found
    assert found <= sent()


def test_every_figure_is_on_the_dashboard() -> None:
    shown = {name for panel in PANELS for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert shown == sent()


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_each_job_has_an_alert_for_its_silence_and_each_alert_a_page() -> None:
    silent = {re.findall(r'dag_id="(\w+)"', rule["expr"])[0] for rule in ALERTS if rule["alert"] == "EconsentNoFigures"}
    assert silent == JOBS, "docs/monitoring/alerts.yaml: each job has an alert EconsentNoFigures of its own"
    for rule in ALERTS:
        page = rule["annotations"]["runbook"]
        assert "{{" in page or (ROOT / page).exists(), page
        assert rule["labels"]["severity"] in {"warning", "critical"}
