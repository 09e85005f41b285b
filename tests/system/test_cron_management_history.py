"""A job's history as its page, its export and the past show it. The job's runs are written into Airflow's database and copied from there.

The job is a DAG file like any other, due once a year, so that nothing happens to it but what the test writes.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect
from psycopg.types.json import Jsonb

from tests.system.browsing import LIST, browser_of_tests, page_of, send_json, set_paused, token
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

JOB = "a_job_with_a_past"
SLOW_MILLISECONDS = 120_000
SCRIPT = "<script>window.planted = true</script><img src=x onerror='window.planted=true'>"
DAG_FILE = f'''
from airflow.sdk import DAG, CronTriggerTimetable, task

with DAG(
    dag_id="{JOB}",
    dag_display_name="A job with a past",
    schedule=CronTriggerTimetable("0 0 29 2 *", timezone="UTC", run_immediately=False),
    catchup=False,
    max_active_runs=1,
    tags=["econsent-job", "grace:60s", "alert-after:9"],
):

    @task
    def work():
        pass

    work()
'''
COUNTS = {"examined": 5, "changed": 4, "skipped": 0, "quarantined": 1, "failed": 0, "backlog": 0, "oldest_seconds": 0, "causes": {}}
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def write_run(
    airflow: psycopg.Connection[Any], days_ago: int, *, kind: str = "scheduled", error: str | None = None, by: str | None = None
) -> str:
    """Write a run of an hour that ended, as Airflow would have; return its id."""
    at = NOON - timedelta(days=days_ago)
    run_id = f"{kind}__{at.isoformat()}"
    state = "success" if error is None else "failed"
    values = {"dag_id": JOB, "run_id": run_id, "kind": kind, "state": state, "at": at, "end": at + timedelta(hours=1), "by": by}
    row = airflow.execute(
        """
        INSERT INTO dag_run (dag_id, run_id, run_type, state, logical_date, run_after, queued_at, start_date, end_date, created_at,
            updated_at, triggering_user_name, span_status, clear_number, triggered_by)
        VALUES (%(dag_id)s, %(run_id)s, %(kind)s, %(state)s, %(at)s, %(at)s, %(at)s, %(at)s, %(end)s, %(at)s, now(), %(by)s, 'ended', 0,
            'TIMETABLE')
        RETURNING id
        """,
        values,
    ).fetchone()
    assert row is not None
    airflow.execute(
        """
        INSERT INTO task_instance (id, task_id, dag_id, run_id, map_index, start_date, end_date, state, try_number, max_tries, pool,
            pool_slots, queue, priority_weight, last_heartbeat_at, span_status, executor_config)
        VALUES (%(id)s, 'work', %(dag_id)s, %(run_id)s, -1, %(at)s, %(end)s, %(state)s, 1, 2, 'default_pool', 1, 'default', 1, %(at)s,
            'ended', decode('80047d942e', 'hex'))
        """,
        {**values, "id": uuid4()},
    )
    told = {"return_value": COUNTS} if error is None else {"econsent_error": {"error_class": "s3_write", "sentence": error}}
    for key, value in told.items():
        airflow.execute(
            """
            INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
            VALUES (%s, 'work', -1, %s, %s, %s, %s, now())
            """,
            [row[0], key, JOB, run_id, Jsonb(value)],
        )
    return run_id


@pytest.fixture(scope="module")
def past(up: Up) -> str:
    """Give the job five runs, and wait until the trail holds them: two failures alike, a success between, one by a person, one by hand."""
    (up.home / "airflow" / "demo_dags" / f"{JOB}.py").write_text(DAG_FILE)
    with psycopg.connect(up.stack().postgres_url("airflow"), autocommit=True) as airflow:
        found = "SELECT 1 FROM serialized_dag WHERE dag_id = %s"
        wait_for(lambda: airflow.execute(found, [JOB]).fetchone(), what="the job in Airflow's database")
        airflow.execute("UPDATE dag_version SET created_at = %s WHERE dag_id = %s", [NOON - timedelta(days=9), JOB])
        write_run(airflow, 6, error="key 17 was not taken")
        write_run(airflow, 5)
        write_run(airflow, 4, kind="manual", by="ann")
        write_run(airflow, 3, kind="manual", error=SCRIPT)
        write_run(airflow, 2, error="key 18 was not taken")
    with psycopg.connect(up.stack().postgres_url("econsent"), autocommit=True) as econsent:
        count = "SELECT count(*) FROM econsent.job_executions WHERE dag_id = %s"
        wait_for(lambda: econsent.execute(count, [JOB]).fetchone() == (5,), what="five executions in the trail")
    return JOB


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_of_tests() as running:
        yield running


@pytest.fixture
def page(up: Up, browser: Browser, past: str) -> Iterator[Page]:
    """An administrator on the job's page."""
    page = page_of(up, browser, "admin")
    page.goto(f"{LIST}/jobs/{past}")
    expect(page.locator(".cm-runs")).to_be_visible()
    yield page
    page.context.close()


def outcomes(page: Page) -> list[str]:
    return [words.splitlines()[0] for words in page.locator(".cm-runs .cm-outcome").all_inner_texts()]


def test_a_failure_is_explained_with_those_that_look_like_it(page: Page) -> None:
    failure = page.get_by_role("region", name=re.compile("failed: the archive did not take a document"))

    expect(failure).to_contain_text("s3_write: S3 refused or did not answer a write")
    expect(failure).to_contain_text("key 18 was not taken")
    expect(failure).to_contain_text("Look at the archive's state")
    expect(failure).to_contain_text("Seen 2 times in 7 days")
    expect(failure.get_by_role("link", name="support@econsent.org")).to_have_attribute("href", "mailto:support@econsent.org")
    expect(failure.get_by_role("link", name="Full log in Airflow")).to_have_attribute("href", re.compile(f"/dags/{JOB}/runs/.*/tasks/work"))
    expect(failure.get_by_role("link", name="Grid and Gantt")).to_have_attribute("href", re.compile(f"/dags/{JOB}$"))


def test_the_history_says_when_how_long_by_whom_and_what(page: Page) -> None:
    rows = page.locator(".cm-runs tbody tr")
    expect(rows).to_have_count(5)
    assert outcomes(page) == ["s3_write", "s3_write", "Succeeded", "Succeeded", "s3_write"]
    by_ann = rows.nth(2).get_by_role("cell")
    expect(by_ann.nth(2)).to_have_text("1 h")
    assert by_ann.nth(3).inner_text() == "ann"
    assert [cell.inner_text() for cell in by_ann.all()[5:10]] == ["5", "4", "1", "0", "1"]
    expect(rows.nth(3).get_by_role("cell").nth(3)).to_have_text("schedule")
    expect(rows.nth(1).get_by_role("cell").nth(3)).to_have_text("by hand")
    expect(rows.nth(2).get_by_role("link")).to_have_attribute("href", re.compile(f"/dags/{JOB}/runs/manual__"))


def test_a_script_in_an_error_is_shown_as_text(page: Page) -> None:
    expect(page.locator(".cm-runs")).to_contain_text(SCRIPT)
    assert page.evaluate("window.planted") is None


def test_the_history_is_filtered_by_outcome_and_by_day(page: Page) -> None:
    rows = page.locator(".cm-runs tbody tr")
    choice = page.get_by_role("group", name="Filter by outcome")
    choice.get_by_role("button", name="Succeeded").click()
    expect(rows).to_have_count(2)
    choice.get_by_role("button", name="Failed").click()
    expect(rows).to_have_count(3)
    page.get_by_label(re.compile("^Day")).fill(f"{NOON - timedelta(days=6):%Y-%m-%d}")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("key 17 was not taken")
    choice.get_by_role("button", name="Succeeded").click()
    expect(page.get_by_text("No execution matches.")).to_be_visible()


def test_charts_say_their_content_in_words_too(page: Page) -> None:
    expect(
        page.get_by_role("img", name=re.compile(r"^Processing time a day, 5 days\. Latest: half of the runs within 1 h"))
    ).to_be_visible()
    expect(page.get_by_role("img", name="The last 5 runs, 3 of them failed.")).to_be_visible()


def test_the_history_is_exported_for_a_spreadsheet(page: Page) -> None:
    page.get_by_role("group", name="Filter by outcome").get_by_role("button", name="Failed").click()
    expect(page.locator(".cm-runs tbody tr")).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))

    assert download.value.suggested_filename == f"{JOB}.csv"
    assert [(row["outcome"], row["error_class"], row["seconds"]) for row in rows] == [("failed", "s3_write", "3600.0")] * 3
    assert [row["sentence"] for row in rows] == ["key 18 was not taken", SCRIPT, "key 17 was not taken"]


def test_each_of_the_last_runs_is_a_link_in_the_list(page: Page) -> None:
    page.goto(LIST)
    strip = page.get_by_role("list", name="Last runs of A job with a past")

    expect(strip.get_by_role("link")).to_have_count(5)
    expect(strip.get_by_role("link").last).to_have_accessible_name(re.compile("^Failed, .*, 1 h$"))


def test_the_past_is_rebuilt_as_it_was(page: Page, up: Up) -> None:
    """Days ago by the runs of then, with no figure of today; minutes ago with the pause of then, its reason and who made it."""
    page.goto(f"{LIST}?at={NOON - timedelta(days=4, hours=1):%Y-%m-%dT%H:%MZ}")
    row = page.locator(f"tbody[data-job={JOB}]")
    expect(row).to_contain_text("22 h ago")
    expect(row.locator(".cm-pills")).to_contain_text("Idle")
    expect(row.get_by_role("link", name=re.compile("Succeeded|Failed"))).to_have_count(2)

    set_paused(up, JOB, reason="a reason of then")
    moment = datetime.now(UTC)
    set_paused(up, JOB, reason=None)
    status, text = send_json(up, f"/cron-management/api/jobs?at={moment:%Y-%m-%dT%H:%M:%S.%fZ}", None, user="admin")
    then = next(one for one in json.loads(text)["jobs"] if one["dag_id"] == JOB)
    assert (status, then["status"], then["paused"]["reason"], then["paused"]["by"]) == (200, "paused", "a reason of then", "admin")
    now = next(one for one in up.request("/cron-management/api/jobs", token=token(up, "admin"))[1]["jobs"] if one["dag_id"] == JOB)
    assert now["status"] == "failed"


def test_a_moment_to_come_is_no_past(up: Up) -> None:
    assert send_json(up, "/cron-management/api/jobs?at=2999-01-01T00:00Z", None, user="admin")[0] == 422


def test_a_file_that_does_not_import_is_shown_with_its_error(page: Page, up: Up) -> None:
    """On the page and in the audit trail, until it imports again. The last test here: it breaks the job's file."""
    file = up.home / "airflow" / "demo_dags" / f"{JOB}.py"
    page.goto(LIST)
    row = page.locator(f"tbody[data-job={JOB}]")
    file.write_text("raise RuntimeError('the file is broken on purpose')\n" + DAG_FILE)
    expect(row).to_contain_text("the file is broken on purpose", timeout=SLOW_MILLISECONDS)
    expect(row.locator(".cm-pills")).to_contain_text("broken")
    expect(row.locator(".cm-pills")).to_contain_text("Failed")
    expect(row).to_contain_text("when its file is mended")
    said = "/cron-management/api/audit?kind=platform"  # the watch looks every five seconds, the page more often
    wait_for(lambda: "dag.broken" in send_json(up, said, None, user="admin")[1], what="the broken file in the audit trail")

    file.write_text(DAG_FILE)
    expect(row.locator(".cm-pills")).not_to_contain_text("broken", timeout=SLOW_MILLISECONDS)
    wait_for(lambda: "dag.mended" in send_json(up, said, None, user="admin")[1], what="the mending in the audit trail")
