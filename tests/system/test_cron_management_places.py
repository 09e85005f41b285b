"""Other ways to serve it: Airflow's pages without the plugin; and the plugin alone among somebody else's DAGs, below a path.

Each is a further api-server beside the running stack.
"""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from econsent_stack.browser import log_in, open_browser, open_page
from econsent_stack.chromium import SHARED, chromium
from econsent_stack.ports import choose_ports
from econsent_stack.process import end_all, in_session
from econsent_stack.progress import Progress
from econsent_stack.project import ROOT
from tests.system.browsing import navigation_to_cron_management
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

JOB = "certificate_processing"
JOB_TITLE = "Certificate processing"
DEMO = "demo_partner_report"
DEMO_TITLE = "Demo: partner report"
SLOW_MILLISECONDS = 120_000
SUB_PATH = "/ops/airflow"
ICON = f"{SUB_PATH}/cron-management/web/brand.svg"
EXAMPLE = "example_bash_operator"
OTHER_EXAMPLE = "example_python_operator"
expect.set_options(timeout=30_000)  # a busy machine is no failure


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser(chromium(SHARED, Progress())) as running:
        yield running


@contextmanager
def served(up: Up, folder: Path, *, path: str = "", without: tuple[str, ...] = (), **settings: str) -> Iterator[str]:
    """Run a further api-server; yield its address. ``without``: beginnings of variables that it shall not see."""
    port = choose_ports(["web"], {}, twins={})["web"]
    address = f"http://127.0.0.1:{port}{path}"
    kept = {name: value for name, value in up.stack().environment().items() if not name.startswith(without or ("\0",))}
    environment = {**kept, "AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": address, **settings}
    with (folder / "api-server.log").open("wb") as log:
        command = [sys.executable, "-m", "airflow", "api-server"]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(lambda: answers(address) or server.poll() is not None, what=f"an api-server at {address}")
            assert server.poll() is None, (folder / "api-server.log").read_text()[-2000:]
            yield address
        finally:
            end_all(in_session(server.pid))
            server.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api/v2/version", timeout=3) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def bare(up: Up, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """An administrator in Airflow's own pages, with the plugin's file removed."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "plugins").mkdir()
    with served(up, folder, AIRFLOW__CORE__PLUGINS_FOLDER=str(folder / "plugins")) as address:
        page = open_page(browser, address)
        log_in(page, user="admin", password=up.password("admin"))
        yield page
        page.context.close()


def test_without_the_plugin_nothing_of_it_is_there(bare: Page) -> None:
    expect(bare.get_by_role("link", name="Cron Management")).to_have_count(0)
    assert bare.request.get("/cron-management/api/jobs").headers["content-type"].startswith("text/html"), "not Airflow's own page"


def test_without_the_plugin_the_list_shows_last_and_next_run(bare: Page) -> None:
    wait_for(lambda: bare.request.get(f"/api/v2/dags/{JOB}").ok, what="the job in Airflow's list")
    bare.goto("/dags?tags=econsent-job")
    card = bare.get_by_test_id("dag-card").filter(has=bare.get_by_role("link", name=JOB_TITLE))

    expect(card.first).to_contain_text("Latest Run")
    expect(card.first).to_contain_text("Next Run")
    expect(card.first).to_contain_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"))


def test_without_the_plugin_a_failed_run_is_read_with_its_log_and_its_time(bare: Page) -> None:
    assert bare.request.post(f"/api/v2/dags/{DEMO}/dagRuns", data={"logical_date": None}).ok
    wait_for(lambda: ask_state(bare) == "failed", what="the demo's failed run")
    bare.goto(f"/dags/{DEMO}/runs?state=failed")
    table = bare.get_by_role("table")
    expect(table.get_by_role("row").nth(1)).to_contain_text("Failed")
    expect(table.get_by_role("row").nth(1)).to_contain_text(re.compile(r"\d\d:\d\d:\d\d|\d+(\.\d+)?s"))
    table.get_by_role("row").nth(1).get_by_role("link").first.click()
    bare.locator(f"a[href*='/dags/{DEMO}/runs/'][href*='/tasks/report_to_partner']").first.click()  # the task of the newest run

    expect(bare.get_by_text("the Connection econsent_demo_partner is missing").first).to_be_visible(timeout=SLOW_MILLISECONDS)
    bare.get_by_role("link", name="Details").last.click()
    expect(bare.get_by_text("Duration").first).to_be_visible()


def ask_state(page: Page) -> str | None:
    runs = page.request.get(f"/api/v2/dags/{DEMO}/dagRuns?limit=1&order_by=-run_after").json().get("dag_runs") or [{}]
    return runs[0].get("state")


def test_without_the_plugin_a_job_is_paused_and_resumed(bare: Page) -> None:
    bare.goto(f"/dags/{JOB}")
    control = bare.get_by_test_id("toggle-pause").or_(bare.locator("[data-scope=switch][data-part=control]")).first
    expect(control).to_be_visible()
    try:
        control.click()
        wait_for(lambda: bare.request.get(f"/api/v2/dags/{JOB}").json()["is_paused"], what="the job paused")
        control.click()
        wait_for(lambda: not bare.request.get(f"/api/v2/dags/{JOB}").json()["is_paused"], what="the job resumed")
    finally:
        bare.request.patch(f"/api/v2/dags/{JOB}?update_mask=is_paused", data={"is_paused": False})


def test_without_the_plugin_what_a_job_does_is_written_where_it_is(bare: Page) -> None:
    dag = bare.request.get(f"/api/v2/dags/{JOB}/details").json()

    assert dag["dag_display_name"] == JOB_TITLE
    assert dag["description"]
    assert "**When it fails.**" in dag["doc_md"]
    assert "econsent-job" in {tag["name"] for tag in dag["tags"]}


@pytest.fixture(scope="module")
def alone(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The plugin in somebody else's Airflow: another database, its example DAGs, another tag, a path, and nothing of eConsent's."""
    folder = tmp_path_factory.mktemp("alone")
    name = "airflow_alone"
    with psycopg.connect(up.stack().postgres_url("postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} OWNER airflow")
    url = up.stack().postgres_url(name, user="airflow").replace("postgresql://", "postgresql+psycopg2://")
    dags = folder / "dags"
    dags.mkdir()
    settings = {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "True",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CRON_MANAGEMENT__TAG": "example",
        "AIRFLOW__API__THEME": json.dumps({"icon": ICON, "icon_dark_mode": ICON}),
    }
    kept = {key: value for key, value in up.stack().environment().items() if not key.startswith("AIRFLOW_CONN_ECONSENT")}
    for words in (["db", "migrate"], ["dag-processor", "--num-runs", "1"]):
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            env={**kept, **settings},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    try:
        with served(up, folder, path=SUB_PATH, without=("AIRFLOW_CONN_ECONSENT",), **settings) as address:
            yield address
    finally:
        with psycopg.connect(up.stack().postgres_url("postgres"), autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def stranger(up: Up, browser: Browser, alone: str) -> Iterator[Page]:
    """An administrator of somebody else's Airflow, on its home page."""
    page = open_page(browser, f"{alone}/")
    page.goto("./")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(up.password("admin"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags").first.wait_for()
    yield page
    page.context.close()


def test_alone_and_below_a_path_it_shows_and_pauses_somebody_elses_dags(stranger: Page) -> None:
    page = stranger
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    navigation_to_cron_management(page).click()
    row = page.locator(f"tbody[data-job={EXAMPLE}]")
    expect(row).to_be_visible()
    expect(page.locator("tbody[data-job]")).not_to_have_count(1)
    expect(page.get_by_text("No audit trail here")).to_be_visible()

    row.get_by_role("link", name=EXAMPLE).click()
    expect(page.get_by_role("heading", name="Execution history")).to_be_visible()
    assert f"{SUB_PATH}/plugin/cron-management/jobs/{EXAMPLE}" in page.url
    page.get_by_role("button", name="Pause …").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("there is no trail to keep this")
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text(f"{EXAMPLE} is paused.")).to_be_visible()
    assert page.request.get(f"./api/v2/dags/{EXAMPLE}").json()["is_paused"] is True
    page.get_by_role("button", name="Resume …").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text(f"{EXAMPLE} is resumed.")).to_be_visible()
    assert page.request.get(f"./api/v2/dags/{EXAMPLE}").json()["is_paused"] is False
    assert refused == []


def test_alone_a_pause_with_an_end_is_refused_because_nobody_would_end_it(stranger: Page) -> None:
    origin = {"Sec-Fetch-Site": "same-origin"}
    body = {"reason": "until later", "until": "2099-01-01T00:00:00Z"}
    address = f"./cron-management/api/jobs/{OTHER_EXAMPLE}"
    assert stranger.request.post(f"{address}/resume", data={}, headers=origin).ok

    answer = stranger.request.post(f"{address}/pause", data=body, headers=origin)

    assert (answer.status, "nobody would resume the job in time" in answer.text()) == (503, True)
    assert stranger.request.get(f"./api/v2/dags/{OTHER_EXAMPLE}").json()["is_paused"] is False
