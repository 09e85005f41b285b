"""The UI as an administrator meets it, in a real browser: the login, the job, and the counts in its log."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from econsent_stack import airflow_settings
from econsent_stack.browser import log_in, open_browser, open_page
from econsent_stack.chromium import SHARED, chromium
from econsent_stack.commands.pictures import TITLE, is_listed, trigger
from econsent_stack.progress import Progress
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]

RUN_MILLISECONDS = 90_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser is the environment's own, fetched once."""
    with open_browser(chromium(SHARED, Progress())) as running:
        yield running


@pytest.fixture
def page(up: Up, browser: Browser) -> Iterator[Page]:
    """An empty page of a session that nobody has logged in to."""
    page = open_page(browser, f"http://127.0.0.1:{up.stack().state.ports[airflow_settings.PORT]}")
    yield page
    page.context.close()


@pytest.fixture
def administrator(up: Up, page: Page) -> Page:
    """The same page, logged in with the password that ``up`` printed."""
    printed = re.search(r"admin / (\S+)", up.output.read_text())
    assert printed is not None, up.output.read_text()
    log_in(page, user="admin", password=printed[1])
    return page


@pytest.mark.parametrize("path", ["/", "/dags", "/dags/certificate_processing", "/pools"])
def test_who_is_not_logged_in_is_sent_to_the_login_page(page: Page, path: str) -> None:
    page.goto(path)

    expect(page).to_have_url(re.compile(r"/auth/login"))
    expect(page.get_by_label("Username")).to_be_visible()
    expect(page.get_by_text(TITLE)).to_have_count(0)


def test_a_wrong_password_is_refused(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/auth/login"))


def test_an_administrator_finds_the_counts_in_the_log_of_the_latest_run(administrator: Page) -> None:
    """As the printed first step says: Dags, the job, its latest run; then a lane and its log. A run is asked for, to wait for none."""
    page = administrator
    wait_for(lambda: is_listed(page), what="the job in the list of DAGs")
    trigger(page)

    page.get_by_role("link", name="Dags").first.click()
    page.get_by_role("link", name=TITLE).click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    page.get_by_test_id("stat").filter(has_text="Latest Run").get_by_role("link").click()
    page.get_by_role("table").get_by_role("link", name="lane 1").click(timeout=RUN_MILLISECONDS)

    expect(page.get_by_text(re.compile(r"examined=\d+ changed=\d+ skipped=\d+"))).to_be_visible(timeout=RUN_MILLISECONDS)
