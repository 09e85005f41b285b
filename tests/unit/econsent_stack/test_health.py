"""When a component of a fleet counts as well."""

from datetime import UTC, datetime, timedelta

import pytest

from econsent_stack.health import FRESH, SINCE, main, metadata_address, stale

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("beat", "since", "expected"),
    [
        pytest.param(NOW, LONG_AGO, None, id="a beat of now"),
        pytest.param(NOW - FRESH, LONG_AGO, None, id="as old as it may be"),
        pytest.param(NOW - FRESH - timedelta(seconds=1), LONG_AGO, "its last sign of life is 31 s old", id="too old"),
        pytest.param(NOW - timedelta(seconds=5), NOW, "it has given no sign of life yet", id="a dead predecessor's"),
        pytest.param(None, LONG_AGO, "it has given no sign of life yet", id="none at all"),
    ],
)
def test_a_beat_counts_while_it_is_fresh_and_its_own(beat: datetime | None, since: datetime, expected: str | None) -> None:
    assert stale(beat, since, FRESH, clock=lambda: NOW) == expected


def test_airflow_s_address_is_read_by_libpq() -> None:
    address = metadata_address({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://airflow:p%2Fw@db:5433/airflow"})
    assert {"host=db", "port=5433", "user=airflow", "password=p/w", "dbname=airflow", "connect_timeout=5"} == set(address.split())


def test_a_database_that_is_away_is_trouble_and_no_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://airflow:x@127.0.0.1:1/airflow", SINCE: "0"}
    assert main(["scheduler"], environment) == 1
    told = capsys.readouterr().err
    assert told.startswith("scheduler: its database does not answer (")
    assert told.count("\n") == 1


def test_an_api_server_that_is_away_is_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["api-server"], {"AIRFLOW__API__PORT": "1"}) == 1
    assert capsys.readouterr().err == "api-server: it does not answer, or has no database\n"
