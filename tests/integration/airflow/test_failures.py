"""What Airflow itself makes of each kind of failure: the policy is an argument that it has to call."""

import json
import subprocess
from pathlib import Path

import psycopg
import pytest

from econsent_stack.stack import Stack

PROBES = Path(__file__).parent / "probes"


@pytest.fixture(scope="module")
def log(airflow: dict[str, str], stack: Stack) -> str:
    """Run the DAG whose tasks all fail, and return what was logged."""
    done = subprocess.run(
        ["airflow", "dags", "test", "failures"],
        env={**airflow, "AIRFLOW__CORE__DAGS_FOLDER": str(PROBES)},
        cwd=stack.home.path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tries(log: str, stack: Stack) -> dict[str, tuple[str, int]]:
    """Return each task's state and how many times it was tried."""
    with psycopg.connect(stack.postgres_url("airflow")) as metadata:
        rows = metadata.execute("SELECT task_id, state, try_number FROM task_instance WHERE dag_id = 'failures'").fetchall()
    return {task_id: (state, number) for task_id, state, number in rows}


@pytest.mark.parametrize(
    ("task_id", "number"),
    [
        pytest.param("permanent", 1, id="a permanent error is not tried again"),
        pytest.param("transient", 2, id="a transient one is"),
        pytest.param("bug", 2, id="a bug has Airflow's normal retries"),
        pytest.param("share", 1, id="too many failed items end the run: a retry would find them backing off, and look green"),
    ],
)
def test_how_often_a_task_is_tried(task_id: str, number: int, tries: dict[str, tuple[str, int]]) -> None:
    assert tries[task_id] == ("failed", number)


@pytest.mark.parametrize(
    ("task_id", "line"),
    [
        ("permanent", "try=1 class=config reason=the key is missing; set the Connection log=http://127.0.0.1:"),
        ("transient", "try=2 class=s3_write reason=S3 is busy log=http://127.0.0.1:"),
        ("bug", "try=2 class=unknown reason=ZeroDivisionError: a bug log=http://127.0.0.1:"),
        ("share", "try=1 class=s3_write reason=6 of 9 items failed, most by s3_write;"),
    ],
)
def test_the_log_says_who_failed_and_why(task_id: str, line: str, log: str) -> None:
    told = [each for each in log.splitlines() if "FAILED dag=failures run=" in each and f"task={task_id} " in each]

    assert len(told) == 1, "once, when the last try is over"
    assert line in told[0]


def test_figures_of_a_failed_run_are_kept(log: str, stack: Stack) -> None:
    with psycopg.connect(stack.postgres_url("airflow")) as metadata:
        rows = metadata.execute("SELECT key, value FROM xcom WHERE dag_id = 'failures' AND task_id = 'share'").fetchall()

    kept = {key: value if isinstance(value, dict) else json.loads(value) for key, value in rows}
    figures, error = kept["return_value"], kept["econsent_error"]
    assert error["error_class"] == "s3_write"
    assert (figures["examined"], figures["failed"], figures["causes"]) == (9, 6, {"s3_write": 6})
