"""``./econsent pictures``: what an administrator sees, as pictures of the UI that runs, for README and docs.

1. Log in to the running Airflow as its administrator, with a real browser.
2. Look for the run that changed most of late; run the job when none has finished yet.
3. Take each view, light and dark, as soon as it shows what it is about and stands still.
4. Open one of the demo's videos in the browser, and take its picture in mid-session.
"""

import argparse
import time
from base64 import b64encode
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from playwright.sync_api import Browser, Error, Page, Route

from econsent_stack import airflow_settings
from econsent_stack.browser import log_in, open_browser, open_page
from econsent_stack.chromium import SHARED, chromium
from econsent_stack.errors import StackError
from econsent_stack.progress import Progress
from econsent_stack.project import ROOT
from econsent_stack.running import running_stack
from econsent_stack.stack import Stack

HELP: Final = "take pictures of the UI that runs, light and dark, for README and docs"
DAG: Final = "certificate_processing"
TITLE: Final = "Certificate processing"
TASK: Final = "process_certificates"
CRON_MANAGEMENT: Final = "/plugin/cron-management"
FAILED: Final = "demo_partner_report"
USER: Final = "admin"
RUN_SECONDS: Final = 180.0
STILL_SECONDS: Final = 30.0
STILL_PICTURES: Final = 4
"""So many pictures in a row must be the same."""
POLL_SECONDS: Final = 0.2
MOST_RUNS: Final = 20
VIDEO: Final = "video.png"
VIDEOS: Final = """
SELECT bucket, object_key, version_id FROM econsent.storage_objects WHERE kind = 'video' AND state <> 'deleted' ORDER BY bytes DESC LIMIT 1
"""
SEEK: Final = """() => new Promise((done, failed) => {
  const video = document.querySelector("video");
  video.addEventListener("error", () => failed(new Error("the browser does not play the video")), { once: true });
  video.addEventListener("seeked", done, { once: true });
  const seek = () => { video.currentTime = 0.7 * video.duration; };
  if (video.readyState > 0) seek();
  else video.addEventListener("loadedmetadata", seek, { once: true });
})"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One finished task of a run: the ``map_index`` of the mapped task, and how many items it ``changed``."""

    run_id: str
    map_index: int
    changed: int

    @property
    def path(self) -> str:
        """Its page, below Airflow's address."""
        return f"/dags/{DAG}/runs/{quote(self.run_id, safe=':+')}/tasks/{TASK}/mapped/{self.map_index}"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./econsent pictures", description=HELP)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="the folder that the pictures go to (docs/pictures)")
    out: Path = parser.parse_args(argv).out
    stack = running_stack()
    progress = Progress()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with open_browser(chromium(SHARED, progress)) as browser:
            take_all(stack, browser, out=out, progress=progress)
    except Error as error:
        reason = error.message.splitlines()[0]
        raise StackError(
            f"Airflow's pages did not show what was expected ({reason}): look at them yourself, then mend {__name__}."
        ) from error
    return 0


def take_all(stack: Stack, browser: Browser, *, out: Path, progress: Progress) -> None:
    """Take every view in both colour schemes, each in a session of its own: a page that was made to stand still never moves again."""
    with progress.step(f"a finished run of {DAG}"), session(stack, browser, dark=False) as page:
        lane = find_lane(page)
    for scheme in ("light", "dark"):
        for name, show in views(lane).items():
            file = out / f"{name}-{scheme}.png"
            with progress.step(f"{file}"), session(stack, browser, dark=scheme == "dark") as page:
                show(page)
                file.write_bytes(still_picture(page))
    with progress.step(f"{out / VIDEO}"):
        page = open_page(browser, address(stack))
        show_video(page, find_video(stack))
        (out / VIDEO).write_bytes(page.locator("video").screenshot())
        page.context.close()


@contextmanager
def session(stack: Stack, browser: Browser, *, dark: bool) -> Generator[Page]:
    """Log in as the administrator for a while."""
    page = open_page(browser, address(stack), dark=dark)
    try:
        log_in(page, user=USER, password=stack.secrets.get(airflow_settings.user_secret(USER)))
        yield page
    finally:
        page.context.close()


def address(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.state.ports[airflow_settings.PORT]}"


def views(lane: Lane) -> Mapping[str, Callable[[Page], None]]:
    """What there is to see, by the pictures' names."""
    return {
        "dags": show_list,
        "dag": show_dag,
        "log": lambda page: show_log(page, lane),
        "result": lambda page: show_result(page, lane),
        "cron-management": show_jobs,
        "cron-management-job": show_job,
        "cron-management-audit": show_audit,
    }


def show_list(page: Page) -> None:
    page.goto("/dags")
    page.get_by_role("link", name=TITLE).first.wait_for()
    page.get_by_text("Latest Run").first.wait_for()


def show_dag(page: Page) -> None:
    page.goto(f"/dags/{DAG}")
    page.get_by_role("heading", name=TITLE).first.wait_for()
    page.locator("canvas").last.wait_for()


def show_log(page: Page, lane: Lane) -> None:
    page.goto(lane.path)
    page.get_by_text(f"changed={lane.changed} ").first.wait_for()


def show_result(page: Page, lane: Lane) -> None:
    page.goto(f"{lane.path}/xcom")
    page.get_by_text("return_value").first.wait_for()
    page.get_by_label("Expand all extra JSON").click()
    page.get_by_text("quarantined").first.wait_for()


def show_jobs(page: Page) -> None:
    """Wait for the failed job that the demo brings along, so that the picture shows what trouble looks like."""
    page.goto(CRON_MANAGEMENT)
    page.locator(f"tbody[data-job={FAILED}] .cm-notice").wait_for()
    stand_still(page)


def show_job(page: Page) -> None:
    page.goto(f"{CRON_MANAGEMENT}/jobs/{FAILED}")
    page.locator(".cm-log").wait_for()
    page.locator(".cm-runs").wait_for()
    stand_still(page)


def show_audit(page: Page) -> None:
    page.goto(f"{CRON_MANAGEMENT}/audit")
    page.locator(".cm-audit").wait_for()
    stand_still(page)


def find_video(stack: Stack) -> bytes:
    """Return the longest video that the demo's sessions have by now; wait for the first one."""
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        wait_until(lambda: bool(database.execute(VIDEOS).fetchone()), what="no video was made")
        bucket, key, version_id = database.execute(VIDEOS).fetchone() or ("", "", "")
    return stack.object_store_client().get_object(Bucket=bucket, Key=key, VersionId=version_id)["Body"].read()


def show_video(page: Page, contents: bytes) -> None:
    page.set_content(f'<body style="margin:0"><video muted src="data:video/mp4;base64,{b64encode(contents).decode()}"></video>')
    page.evaluate(SEEK)


def stand_still(page: Page) -> None:
    """Stop the page's clock and leave its further questions unanswered: its countdowns would go on for ever."""
    page.route("**/cron-management/api/**", leave_unanswered)
    page.clock.set_fixed_time(datetime.now(UTC))


def leave_unanswered(_route: Route) -> None:
    """A handler of Playwright's that neither answers nor refuses."""


def still_picture(page: Page) -> bytes:
    """Return the picture of a page that no longer moves: charts grow for a while, and tabs and fonts come late."""
    deadline = time.monotonic() + STILL_SECONDS
    pictures = [page.screenshot(animations="disabled")]
    while len(pictures) < STILL_PICTURES or len(set(pictures[-STILL_PICTURES:])) > 1:
        if time.monotonic() > deadline:
            raise StackError(f"{page.url} went on moving for {STILL_SECONDS:.0f} seconds: look at it yourself and try again.")
        pictures.append(page.screenshot(animations="disabled"))
    return pictures[-1]


def find_lane(page: Page) -> Lane:
    """Return the task that changed most of late, because it shows most; run the job when no run has finished yet."""
    wait_until(lambda: is_listed(page), what=f"Airflow does not list {DAG}")
    if not any(lanes(page)):
        trigger(page)
    wait_until(lambda: not is_busy(page) and any(lanes(page)), what=f"{DAG} was not at rest after a success")
    return max(lanes(page), key=lambda lane: lane.changed)


def is_listed(page: Page) -> bool:
    """Whether Airflow has read the job's DAG file yet."""
    return page.request.get(f"/api/v2/dags/{DAG}").ok


def is_busy(page: Page) -> bool:
    """Whether a run goes on or waits; its page would change while it is looked at."""
    return bool(ask(page, f"/api/v2/dags/{DAG}/dagRuns?state=queued&state=running&limit=1")["dag_runs"])


def lanes(page: Page) -> Iterator[Lane]:
    """Yield the tasks of successful runs, the newest run first."""
    runs = ask(page, f"/api/v2/dags/{DAG}/dagRuns?state=success&order_by=-run_after&limit={MOST_RUNS}")["dag_runs"]
    for run in runs:
        tasks = f"/api/v2/dags/{DAG}/dagRuns/{quote(run['dag_run_id'])}/taskInstances"
        for task in ask(page, tasks)["task_instances"]:
            result = ask(page, f"{tasks}/{TASK}/xcomEntries/return_value?map_index={task['map_index']}&deserialize=false")["value"]
            yield Lane(run_id=run["dag_run_id"], map_index=task["map_index"], changed=result["changed"])


def ask(page: Page, path: str) -> Any:
    """Ask Airflow's API in the name of the page's user. Raises StackError when it refuses."""
    answer = page.request.get(path)
    if not answer.ok:
        raise StackError(f"Airflow answered {answer.status} to {path}: see ./econsent logs api-server.")
    return answer.json()


def trigger(page: Page) -> None:
    """Start a run. When a scheduled one is on its way already, Airflow queues this one behind it, which does no harm."""
    answer = page.request.post(f"/api/v2/dags/{DAG}/dagRuns", data={"logical_date": None})
    if not answer.ok:
        raise StackError(f"Airflow refused to run {DAG} ({answer.status}): see ./econsent logs api-server.")


def wait_until(condition: Callable[[], bool], *, what: str) -> None:
    """Wait for ``condition``. Raises StackError after three minutes; ``what`` says what is amiss then."""
    deadline = time.monotonic() + RUN_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"{what} within {RUN_SECONDS:.0f} seconds: see ./econsent doctor and ./econsent logs scheduler.")
        time.sleep(POLL_SECONDS)
