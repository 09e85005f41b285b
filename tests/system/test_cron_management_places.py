"""Airflow's pages without the plugin, from a further api-server beside the running stack."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from econsent_stack.browser import log_in, open_browser, open_page
from econsent_stack.chromium import SHARED, chromium
from econsent_stack.ports import choose_ports
from econsent_stack.process import end_all, in_session
from econsent_stack.progress import Progress
from econsent_stack.project import ROOT
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

JOB = "certificate_processing"
JOB_TITLE = "Certificate processing"
DEMO = "demo_partner_report"
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
