"""How an entry of the audit trail is told, and which filter finds it."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from econsent_airflow.cron_management.audit_entries import KINDS, Choice, entry_document, like, parameters

AT = datetime(2026, 11, 23, 12, 7, 21, tzinfo=UTC)


def told(action: str, **details: Any) -> dict[str, Any]:
    row = {"audit_id": 7, "entry_hash": "0" * 64, "at": AT, "who": "admin", "action": action, "details": details}
    return entry_document(row, {"wallet_reconciliation": "Wallet reconciliation"})


@pytest.mark.parametrize(
    ("action", "details", "result", "tone"),
    [
        pytest.param("job.pause_refused", {"outcome": "refused", "status": 403}, "refused 403", "failed", id="a viewer is refused"),
        pytest.param("job.trigger_failed", {"outcome": "failed", "status": 409}, "not done 409", "warning", id="Airflow could not do it"),
        pytest.param("job.paused", {"outcome": "done", "status": 200}, "done 200", "active", id="a pause that worked"),
        pytest.param("job.failed", {"outcome": "failed"}, "failed", "failed", id="a run that failed"),
        pytest.param("job.succeeded", {"outcome": "succeeded"}, "succeeded", "active", id="a run that succeeded"),
        pytest.param("component.lost", {}, None, "idle", id="what has no result"),
    ],
)
def test_the_result_is_told_in_words(action: str, details: dict[str, Any], result: str | None, tone: str) -> None:
    shown = told(action, **details)

    assert (shown["result"], shown["tone"]) == (result, tone)


def test_the_details_are_short_and_the_job_has_its_title() -> None:
    shown = told(
        "job.paused", dag_id="wallet_reconciliation", reason="waiting", resume_at="2026-11-24T09:00:00+00:00", tasks=[{}], status=200
    )

    assert shown["title"] == "Wallet reconciliation"
    assert shown["details"] == "“waiting”, resume 2026-11-24 09:00:00"


@pytest.mark.parametrize(
    ("action", "kinds"),
    [
        pytest.param("job.succeeded", {"executions"}, id="a run"),
        pytest.param("job.paused", {"actions"}, id="an action"),
        pytest.param("job.pause_refused", {"actions", "refused"}, id="a refused action"),
        pytest.param("connection.changed", {"actions"}, id="a Connection"),
        pytest.param("component.lost", {"platform"}, id="a heartbeat that stopped"),
        pytest.param("dag.broken", {"platform"}, id="a broken file"),
    ],
)
def test_each_kind_finds_its_own(action: str, kinds: set[str]) -> None:
    assert {kind for kind, pattern in KINDS.items() if pattern and re.search(pattern, action)} == kinds


def test_a_number_is_an_entry_s_and_words_are_a_job_s() -> None:
    assert parameters(Choice(what="48,211"), 5)["number"] == 48_211
    assert parameters(Choice(what="wallet"), 5)["number"] is None
    assert parameters(Choice(what="wallet"), 5)["what"] == "%wallet%"
    assert parameters(Choice(what="9" * 40), 5)["number"] == -1, "no entry can have it"


def test_what_is_sought_is_taken_literally() -> None:
    assert like("50%_\\") == r"%50\%\_\\%"
