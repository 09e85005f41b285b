"""Cron Management as people meet it, in a real browser, on a whole ``./econsent up``."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from econsent_stack.project import ROOT
from tests.system.browsing import LIST, address, browser_of_tests, navigation_to_cron_management, page_of, send_json, set_paused, token
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

AUDIT = f"{LIST}/audit"
DEMO = "demo_partner_report"
DEMO_TITLE = "Demo: partner report"
JOB = "certificate_processing"
JOB_TITLE = "Certificate processing"
SLOW_MILLISECONDS = 90_000
MOST_TABS = 400
JOBS = ROOT / "include" / "econsent_jobs"
SCRIPT = "<script>window.planted = true</script><img src=x onerror='window.planted=true'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_of_tests() as running:
        yield running


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


def job(up: Up, dag_id: str) -> dict[str, Any]:
    status, body = up.request("/cron-management/api/jobs", token=token(up, "admin"))
    assert status == 200
    return next((one for one in body["jobs"] if one["dag_id"] == dag_id), {})


@pytest.fixture
def failed_demo(up: Up) -> str:
    """Wait until the demo's job is failed, as it is on a fresh start; after a test that retried it, by a new run. Returns its id."""
    wait_for(lambda: job(up, DEMO).get("status") in ("failed", "idle", "active"), what="the demo's job, when nothing of it runs")
    if job(up, DEMO)["status"] != "failed":
        assert up.request(f"/api/v2/dags/{DEMO}/dagRuns", body={"logical_date": None}, token=token(up, "admin"))[0] == 200
        wait_for(lambda: job(up, DEMO)["status"] == "failed", what="the demo's failed job")
    return DEMO


def test_the_navigation_shows_the_whole_name(administrator: Page) -> None:
    label = navigation_to_cron_management(administrator).locator("div")

    expect(label).to_be_visible()
    assert label.evaluate("element => element.scrollWidth <= element.clientWidth + 1"), "the label is cut"


def test_the_instance_carries_econsents_name_icon_and_colour(administrator: Page) -> None:
    administrator.goto("/")
    icon = administrator.locator("img[src*='cron-management/web/brand']").first

    expect(administrator.get_by_role("heading", name=re.compile("eConsent"))).to_be_visible()
    expect(icon).to_be_visible()
    assert icon.evaluate("image => image.naturalWidth") > 0
    brand = administrator.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--chakra-colors-brand-600')")
    assert "0.465" in brand


def test_the_home_page_says_which_job_needs_a_look(administrator: Page, failed_demo: str) -> None:
    administrator.goto("/")
    panel = administrator.get_by_role("region", name="Scheduled jobs")

    expect(panel.get_by_role("listitem").filter(has_text=DEMO_TITLE)).to_contain_text("Failed")


def test_an_administrator_finds_reads_retries_and_pauses(administrator: Page, up: Up, failed_demo: str) -> None:
    """The walk of somebody who has never seen the project."""
    page = administrator
    navigation_to_cron_management(page).click()
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


def test_run_now_on_a_paused_job_is_refused_with_an_offer(administrator: Page, up: Up) -> None:
    set_paused(up, JOB, reason="a test")
    try:
        administrator.goto(LIST)
        row = administrator.locator(f"tbody[data-job={JOB}]")
        expect(row).to_contain_text("Paused by")
        administrator.get_by_role("button", name=f"Run {JOB_TITLE} now").click()
        expect(administrator.get_by_role("dialog")).to_contain_text("would wait for ever")
        administrator.get_by_role("dialog").get_by_role("button", name="Resume instead").click()
        administrator.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
        expect(row).not_to_contain_text("Paused by")
    finally:
        set_paused(up, JOB, reason=None)


def test_airflows_own_api_refuses_to_run_a_paused_job(up: Up) -> None:
    """Whoever may not run it learns nothing of its state; a DAG that is no job is Airflow's business alone."""
    path = f"/api/v2/dags/{JOB}/dagRuns"
    set_paused(up, JOB, reason="a test")
    try:
        status, answer = send_json(up, path, {"logical_date": None}, user="admin")
        assert (status, "resume it in Cron Management first" in answer) == (409, True)
        assert send_json(up, path, {"logical_date": None}, user="viewer")[0] == 403
        assert send_json(up, path, {"logical_date": None}, user=None)[0] == 401
        status, runs = up.request(f"{path}?state=queued&run_type=manual", token=token(up, "admin"))
        assert (status, runs["total_entries"]) == (200, 0)
        wait_for(lambda: "job.trigger_failed" in audited(up), what="the refused run in the audit trail")
    finally:
        set_paused(up, JOB, reason=None)


def audited(up: Up) -> str:
    """The newest entries of the trail, as text."""
    return send_json(up, "/cron-management/api/audit", None, user="admin")[1]


def test_every_job_has_its_figures(up: Up) -> None:
    """From its own tables, by a role that may only read."""
    status, body = up.request("/cron-management/api/jobs", token=token(up, "viewer"))
    own = [one for one in body["jobs"] if one["dag_id"] in {path.parent.parent.name for path in JOBS.glob("*/sql/figures.sql")}]

    assert (status, len(own) >= 4) == (200, True)
    assert [one["dag_id"] for one in own if one["figure"] is None or one["waiting"] is None] == []
    assert "elasticsearch_sync__reindex" not in {one["dag_id"] for one in body["jobs"]}, "an on-demand DAG is no row of the list"


def test_a_refused_action_is_audited_under_its_users_name(up: Up) -> None:
    status, text = send_json(up, f"/cron-management/api/jobs/{JOB}/pause", {"reason": "not mine to say"}, user="viewer")

    assert (status, "Ask a platform administrator" in text) == (403, True)
    wait_for(lambda: ("job.pause_refused", "viewer") in entries(up, kind="refused"), what="the refusal in the audit trail")


def test_an_action_that_was_done_already_changes_nothing(up: Up) -> None:
    path = f"/cron-management/api/jobs/{JOB}"
    try:
        said = [send_json(up, f"{path}/pause", {"reason": "once"}, user="admin")[1] for _ in range(2)]
        assert ["nothing was changed" in words for words in said] == [False, True]
        said = [send_json(up, f"{path}/resume", {}, user="admin")[1] for _ in range(2)]
        assert ["nothing was changed" in words for words in said] == [False, True]
    finally:
        set_paused(up, JOB, reason=None)


def test_changes_of_airflows_own_settings_are_audited_without_their_secrets(up: Up) -> None:
    changes = {
        "/api/v2/variables": {"key": "a_test", "value": "s3cret-value"},
        "/api/v2/connections": {"connection_id": "a_test", "conn_type": "http", "password": "s3cret-value"},
        "/api/v2/pools": {"name": "a_test", "slots": 1},
    }
    for path, body in changes.items():
        assert send_json(up, path, body, user="admin")[0] == 201
    wanted = {("variable.changed", "admin"), ("connection.changed", "admin"), ("pool.changed", "admin")}
    wait_for(lambda: wanted <= set(entries(up, kind="actions")), what="the three changes in the audit trail")

    assert "s3cret-value" not in audited(up)


def entries(up: Up, *, kind: str) -> list[tuple[str, str]]:
    """Action and user of the newest entries of one kind."""
    found = json.loads(send_json(up, f"/cron-management/api/audit?kind={kind}", None, user="admin")[1])
    return [(entry["action"], entry["who"]) for entry in found["entries"]]


def test_the_audit_tab_is_filtered(administrator: Page, up: Up, failed_demo: str) -> None:
    page = administrator
    page.goto(AUDIT)
    rows = page.get_by_role("table", name="Audit entries").locator("tbody tr")
    page.get_by_role("group", name="Filter by kind").get_by_role("button", name="Executions").click()
    expect(rows.filter(has_text="job.succeeded").first).to_be_visible()
    expect(rows.filter(has_not_text=re.compile(r"job\.(succeeded|failed)"))).to_have_count(0)
    page.get_by_label("Job or entry number").fill("partner")
    expect(rows.filter(has_not_text=DEMO_TITLE)).to_have_count(0)
    expect(rows.first).to_be_visible()
    page.get_by_label("Who").fill("nobody of that name")
    expect(page.get_by_text("No entry matches.")).to_be_visible()


def test_a_pause_right_after_a_resume_has_its_own_reason(up: Up) -> None:
    try:
        for reason in ("the first reason", "the second reason"):
            set_paused(up, JOB, reason=reason)
            assert job(up, JOB)["paused"]["reason"] == reason
            set_paused(up, JOB, reason=None)
    finally:
        set_paused(up, JOB, reason=None)


def test_a_script_in_a_reason_is_shown_as_text(administrator: Page, up: Up) -> None:
    page = administrator
    page.goto(LIST)
    page.get_by_role("button", name=f"Pause {JOB_TITLE}").click()
    page.get_by_role("dialog").get_by_label("Reason").fill(SCRIPT)
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    try:
        expect(page.locator(f"tbody[data-job={JOB}]")).to_contain_text(SCRIPT)
        page.get_by_role("link", name=JOB_TITLE).click()
        expect(page.get_by_role("heading", name="Execution history")).to_be_visible()  # the list has notices of other jobs
        expect(page.locator(".cm-notice")).to_contain_text(SCRIPT)
        page.goto(AUDIT)
        look_again(page, page.get_by_role("row").filter(has_text=SCRIPT))
        assert page.evaluate("window.planted") is None
    finally:
        set_paused(up, JOB, reason=None)


def test_all_are_paused_together_and_only_those_resumed(administrator: Page, up: Up, failed_demo: str) -> None:
    set_paused(up, DEMO, reason="a test")
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
        set_paused(up, DEMO, reason=None)
        set_paused(up, JOB, reason=None)


def test_a_viewer_sees_all_and_may_do_nothing(viewer: Page) -> None:
    viewer.goto(LIST)
    button = viewer.get_by_role("button", name=f"Pause {JOB_TITLE}")

    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile("ask a platform administrator"))
    button.click(force=True)
    expect(viewer.get_by_role("dialog")).to_have_count(0)


def test_the_list_is_filtered_and_sorted(administrator: Page, failed_demo: str) -> None:
    page = administrator
    page.goto(LIST)
    rows = page.locator("tbody[data-job]")
    expect(rows.filter(has_text=DEMO_TITLE)).to_be_visible()
    column = page.get_by_role("columnheader", name="Job", exact=True)
    expect(column).not_to_have_attribute("aria-sort", re.compile("."))
    for order, wanted in (("ascending", sorted), ("descending", lambda titles: sorted(titles, reverse=True))):
        column.get_by_role("button").click()
        expect(column).to_have_attribute("aria-sort", order)
        titles = [words.casefold() for words in rows.locator(".cm-title").all_inner_texts()]
        assert titles == wanted(titles)
    page.get_by_role("group", name="Filter by status").get_by_role("button", name=re.compile("^Failed")).click()
    expect(rows.filter(has_text=DEMO_TITLE)).to_be_visible()
    expect(rows.filter(has_not_text="Failed")).to_have_count(0)
    expect(page).to_have_url(re.compile("status=failed"))
    page.get_by_role("group", name="Filter by status").get_by_role("button", name=re.compile("^Paused")).click()
    expect(page.get_by_text("No job matches")).to_be_visible()


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
def test_nothing_stands_in_the_way_of_people(up: Up, browser: Browser, failed_demo: str, scheme: str) -> None:
    """Axe finds no violation in the plugin's own elements, on no page, in both themes."""
    page = page_of(up, browser, "admin", dark=scheme == "dark")
    for path in (LIST, f"{LIST}/jobs/{DEMO}", AUDIT):
        show(page, path)
        assert violations(page, ".cm") == []
        if path == LIST:
            page.get_by_role("button", name=f"Pause {JOB_TITLE}").click()
            expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
            assert violations(page, ".cm-dialog") == []
    page.goto("/")
    expect(page.get_by_role("region", name="Scheduled jobs").get_by_role("listitem").first).to_be_visible()
    assert violations(page, ".cm-home") == []
    page.context.close()


def violations(page: Page, part: str) -> list[Any]:
    found = Axe().run(page, context=part)
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]]


def show(page: Page, path: str) -> None:
    """Go to one of the pages and wait until nothing of it is missing."""
    page.goto(path)
    expect(page.locator(".cm h1")).to_be_visible()
    expect(page.locator(".cm-loading")).to_have_count(0)
    expect(page.locator(".cm-table")).to_be_visible()


TOO_WIDE = """root => [root, ...root.querySelectorAll("*:not(thead *)")].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1);
}).map(element => `${element.tagName}.${element.className}`)"""


@pytest.mark.parametrize("height", [pytest.param(800, id="a phone"), pytest.param(225, id="1440 x 900 at 400 %")])
def test_nothing_is_cut_or_scrolls_sideways_on_a_narrow_page(administrator: Page, failed_demo: str, height: int) -> None:
    page = administrator
    page.set_viewport_size({"width": 360, "height": height})
    for path in (LIST, f"{LIST}/jobs/{DEMO}", AUDIT):
        show(page, path)
        assert page.locator(".cm-page").evaluate(TOO_WIDE) == []
    page.goto(LIST)
    page.get_by_role("button", name=f"Pause {JOB_TITLE}").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("a narrow page")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_narrow_page_is_sorted_by_a_choice(administrator: Page) -> None:
    page = administrator
    page.goto(LIST)
    expect(page.get_by_role("combobox", name="Sort")).to_be_hidden()
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("combobox", name="Sort").select_option(label="Sorted by job, reversed")

    expect(page).to_have_url(re.compile("sort=job&down=1"))
    expect(page.locator(".cm-sort").first).to_be_hidden()  # nothing unseen may take the keyboard's focus
    titles = [words.casefold() for words in page.locator("tbody[data-job] .cm-title").all_inner_texts()]
    assert titles == sorted(titles, reverse=True)


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


def test_everything_is_done_by_keyboard(administrator: Page, up: Up, failed_demo: str) -> None:
    """Sort, filter, pause with a time, resume, open a job and its run: with Tab, Enter and Space alone."""
    page = administrator
    page.goto(LIST)
    row = page.locator(f"tbody[data-job={JOB}]")
    expect(row).to_be_visible()
    try:
        press(page, page.get_by_role("button", name="Status", exact=True), "Enter")
        expect(page.get_by_role("columnheader", name="Status")).to_have_attribute("aria-sort", "ascending")
        press(page, page.get_by_role("button", name=f"Pause {JOB_TITLE}"), "Enter")
        expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
        page.keyboard.type("by keyboard")
        press(page, page.get_by_role("dialog").get_by_role("button", name="In an hour"), "Space")
        press(page, page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True), "Enter")
        expect(row).to_contain_text("by keyboard")
        press(page, page.get_by_role("button", name=f"Resume {JOB_TITLE}"), "Enter")
        press(page, page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True), "Enter")
        expect(row).not_to_contain_text("by keyboard")
    finally:
        set_paused(up, JOB, reason=None)
    press(page, page.get_by_role("link", name=DEMO_TITLE), "Enter")
    press(page, page.get_by_role("button", name="Failed", exact=True), "Space")
    expect(page.get_by_role("button", name="Failed", exact=True)).to_have_attribute("aria-pressed", "true")
    press(page, page.locator(".cm-runs").get_by_role("link").first, "Enter")
    expect(page).to_have_url(re.compile(f"/dags/{DEMO}/runs/"))


def press(page: Page, wanted: Locator, key: str) -> None:
    """Go there by the Tab key and press ``key``."""
    expect(wanted.first).to_be_visible()
    for _ in range(MOST_TABS):
        if wanted.first.evaluate("element => element === document.activeElement"):
            page.keyboard.press(key)
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the Tab key does not reach {wanted}")


def test_nothing_is_asked_of_the_network(administrator: Page, up: Up, failed_demo: str) -> None:
    asked: list[str] = []
    administrator.on("request", lambda request: asked.append(request.url))
    administrator.goto(f"{LIST}/jobs/{DEMO}")
    expect(administrator.get_by_role("heading", name="Execution history")).to_be_visible()

    assert [url for url in asked if not url.startswith((address(up), "data:", "blob:"))] == []
