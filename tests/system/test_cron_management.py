"""Cron Management as people meet it, in a real browser, on a whole ``./econsent up``."""

import re
import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from econsent_stack import airflow_settings
from econsent_stack.browser import log_in, open_browser, open_page
from econsent_stack.chromium import chromium
from econsent_stack.paths import chosen_home
from econsent_stack.progress import Progress
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

LIST = "/plugin/cron-management"
AUDIT = f"{LIST}/audit"
DEMO = "demo_partner_report"
DEMO_TITLE = "Demo: partner report"
JOB = "certificate_processing"
JOB_TITLE = "Certificate processing"
SLOW_MILLISECONDS = 90_000
expect.set_options(timeout=30_000)  # a busy machine is no failure
SCRIPT = "<script>window.planted = true</script><img src=x onerror='window.planted=true'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser(chromium(chosen_home(), Progress())) as running:
        yield running


def address(up: Up) -> str:
    return f"http://127.0.0.1:{up.stack().state.ports[airflow_settings.PORT]}"


def page_of(up: Up, browser: Browser, user: str, *, dark: bool = False) -> Page:
    page = open_page(browser, address(up), dark=dark)
    log_in(page, user=user, password=up.password(user))
    return page


@pytest.fixture
def administrator(up: Up, browser: Browser) -> Iterator[Page]:
    page = page_of(up, browser, "admin")
    yield page
    page.context.close()


@pytest.fixture
def viewer(up: Up, browser: Browser) -> Iterator[Page]:
    page = page_of(up, browser, "viewer")
    yield page
    page.context.close()


def token(up: Up, user: str) -> str:
    status, body = up.request("/auth/token", body={"username": user, "password": up.password(user)})
    assert status == 201
    return body["access_token"]


def job(up: Up, dag_id: str) -> dict[str, object]:
    status, body = up.request("/cron-management/api/jobs", token=token(up, "admin"))
    assert status == 200
    return next((one for one in body["jobs"] if one["dag_id"] == dag_id), {})


@pytest.fixture(scope="module")
def failed_demo(up: Up) -> str:
    """Wait until the demo's job has failed, as it does by itself on a fresh start. Returns its id."""
    wait_for(lambda: job(up, DEMO).get("status") == "failed", what="the demo's failed job")
    return DEMO


def test_the_navigation_shows_the_whole_name(administrator: Page) -> None:
    label = administrator.get_by_role("link", name="Cron Management", exact=True).locator("div")

    expect(label).to_be_visible()
    assert label.evaluate("element => element.scrollWidth <= element.clientWidth + 1"), "the label is cut"


def test_the_home_page_says_which_job_needs_a_look(administrator: Page, failed_demo: str) -> None:
    administrator.goto("/")
    panel = administrator.get_by_role("region", name="Scheduled jobs")

    expect(panel.get_by_role("listitem").filter(has_text=DEMO_TITLE)).to_contain_text("Failed")


def test_an_administrator_finds_reads_retries_and_pauses(administrator: Page, up: Up, failed_demo: str) -> None:
    """The walk of somebody who has never seen the project."""
    page = administrator
    page.get_by_role("link", name="Cron Management", exact=True).click()
    demo = page.locator(f"tbody[data-job={DEMO}]")
    expect(demo).to_contain_text("Failed")
    expect(demo).to_contain_text("the Connection econsent_demo_partner is missing", ignore_case=True)

    demo.get_by_role("link", name=DEMO_TITLE).click()
    expect(page.get_by_role("heading", name=re.compile("something is not set up"))).to_be_visible()
    expect(page.get_by_text("config", exact=True).first).to_be_visible()
    expect(page.get_by_role("region", name="The last lines of the log")).to_contain_text("econsent_demo_partner")
    expect(page.get_by_role("link", name="support@econsent.org")).to_be_visible()

    page.get_by_role("button", name="Retry failed run").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("is tried again")).to_be_visible()
    expect(page.locator(".cm-head .cm-pill").first).to_contain_text(re.compile("Active|Idle"), timeout=SLOW_MILLISECONDS)
    expect(page.locator(".cm-runs tbody tr").first).to_contain_text("Succeeded", timeout=SLOW_MILLISECONDS)

    page.get_by_role("link", name="Cron Management").last.click()
    page.get_by_role("button", name=f"Pause {JOB_TITLE}").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("Waiting for legal")
    page.get_by_role("dialog").get_by_role("button", name="Tomorrow 09:00").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    paused = page.locator(f"tbody[data-job={JOB}]")
    expect(paused).to_contain_text("Paused by admin")
    expect(paused).to_contain_text("until")
    expect(paused).to_contain_text("“Waiting for legal”")

    page.goto(AUDIT)
    audit = page.get_by_role("table", name="Audit entries")
    look_again(page, audit.get_by_role("row").filter(has_text="job.paused").filter(has_text="Waiting for legal"))
    look_again(page, audit.get_by_role("row").filter(has_text="job.retried").filter(has_text=DEMO_TITLE))

    page.goto(LIST)
    page.get_by_role("button", name=f"Resume {JOB_TITLE}").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text(f"{JOB_TITLE} is resumed.")).to_be_visible()


def look_again(page: Page, wanted: Locator) -> None:
    """Press the tab's own button until an entry is there: the watcher copies within seconds."""
    deadline = time.monotonic() + SLOW_MILLISECONDS / 1000
    while wanted.count() == 0:
        assert time.monotonic() < deadline, page.get_by_role("table").inner_text()
        with page.expect_response(re.compile("/api/audit")):
            page.get_by_role("button", name="Look again").click()


def test_run_now_opens_airflows_own_form(administrator: Page) -> None:
    administrator.goto(LIST)
    administrator.get_by_role("button", name=f"Run {JOB_TITLE} now").click()

    expect(administrator.get_by_role("dialog")).to_contain_text("Trigger Dag")
    expect(administrator).to_have_url(re.compile(f"/dags/{JOB}"))


def set_paused(up: Up, dag_id: str, *, paused: bool) -> None:
    """As Airflow's own pages do."""
    body = {"reason": "a test"} if paused else {}
    status, _ = up.request(f"/cron-management/api/jobs/{dag_id}/{'pause' if paused else 'resume'}", token=token(up, "admin"), body=body)
    assert status == 200


def test_all_are_paused_together_and_only_those_resumed(administrator: Page, up: Up, failed_demo: str) -> None:
    set_paused(up, DEMO, paused=True)
    try:
        administrator.goto(LIST)
        administrator.get_by_role("button", name="Pause all").click()
        administrator.get_by_role("dialog").get_by_label("Reason").fill("Moving house")
        administrator.get_by_role("dialog").get_by_role("button", name="Pause all").click()
        expect(administrator.locator(f"tbody[data-job={JOB}]")).to_contain_text("Moving house")
        expect(administrator.locator(f"tbody[data-job={DEMO}]")).to_contain_text("a test")

        administrator.get_by_role("button", name="Resume all").click()
        administrator.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
        expect(administrator.locator(f"tbody[data-job={JOB}]")).not_to_contain_text("Paused")
        expect(administrator.locator(f"tbody[data-job={DEMO}]")).to_contain_text("Paused")
    finally:
        set_paused(up, DEMO, paused=False)
        set_paused(up, JOB, paused=False)


def test_a_viewer_sees_all_and_may_do_nothing(viewer: Page) -> None:
    viewer.goto(LIST)
    button = viewer.get_by_role("button", name=f"Pause {JOB_TITLE}")

    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile("ask a platform administrator"))
    button.click(force=True)
    expect(viewer.get_by_role("dialog")).to_have_count(0)


def test_search_and_zone(administrator: Page, failed_demo: str) -> None:
    page = administrator
    page.goto(LIST)
    rows = page.locator("tbody[data-job]")
    expect(rows).not_to_have_count(0)
    page.get_by_role("searchbox").fill("certificate")
    expect(rows).to_have_count(1)
    page.get_by_role("searchbox").fill("no such job")
    expect(page.get_by_text("No job matches")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Local").click()
    expect(page.get_by_role("button", name="Local")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.get_by_role("button", name="Local")).to_have_attribute("aria-pressed", "true")


def test_the_tab_on_the_dag_shows_the_job(administrator: Page) -> None:
    administrator.goto(f"/dags/{JOB}")
    administrator.get_by_role("link", name="Cron Management", exact=True).last.click()

    expect(administrator.get_by_role("heading", name="Execution history")).to_be_visible()


def test_the_past_is_rebuilt(administrator: Page) -> None:
    administrator.goto(f"{LIST}?at=2026-01-01T03:07Z")

    expect(administrator.get_by_role("note")).to_contain_text("1 Jan")
    expect(administrator.get_by_role("button", name=re.compile("^Pause "))).to_have_count(1)
    administrator.get_by_role("button", name="Back to now").last.click()
    expect(administrator.get_by_role("note")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [LIST, f"{LIST}/jobs/{DEMO}", AUDIT], ids=["list", "job", "audit"])
def test_nothing_stands_in_the_way_of_people(up: Up, browser: Browser, failed_demo: str, path: str, scheme: str) -> None:
    """Axe finds no violation in the plugin's own elements, in both themes."""
    page = page_of(up, browser, "admin", dark=scheme == "dark")
    page.goto(path)
    expect(page.locator(".cm-loading")).to_have_count(0)
    expect(page.locator(".cm h1")).to_be_visible()

    found = Axe().run(page, context=".cm")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]] == []

    page.context.close()


def test_the_dialog_works_by_keyboard(administrator: Page) -> None:
    page = administrator
    page.goto(LIST)
    button = page.get_by_role("button", name=f"Pause {JOB_TITLE}")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_nothing_is_asked_of_the_network(administrator: Page, up: Up, failed_demo: str) -> None:
    asked: list[str] = []
    administrator.on("request", lambda request: asked.append(request.url))
    administrator.goto(f"{LIST}/jobs/{DEMO}")
    expect(administrator.get_by_role("heading", name="Execution history")).to_be_visible()

    assert [url for url in asked if not url.startswith((address(up), "data:", "blob:"))] == []
