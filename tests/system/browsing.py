"""What the tests of the pages have in common: a browser, a session, and questions to the web server."""

import json
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect

from econsent_stack import airflow_settings
from econsent_stack.browser import log_in, open_browser, open_page
from econsent_stack.chromium import SHARED, chromium
from econsent_stack.progress import Progress
from tests.system.running import Up

LIST = "/plugin/cron-management"

expect.set_options(timeout=30_000)  # a busy machine is no failure


@contextmanager
def browser_of_tests() -> Generator[Browser]:
    """The browser is the environment's own, fetched once."""
    with open_browser(chromium(SHARED, Progress())) as running:
        yield running


def address(up: Up) -> str:
    return f"http://127.0.0.1:{up.stack().state.ports[airflow_settings.PORT]}"


def page_of(up: Up, browser: Browser, user: str, *, dark: bool = False) -> Page:
    """Open a session of its own."""
    page = open_page(browser, address(up), dark=dark)
    log_in(page, user=user, password=up.password(user))
    return page


def navigation_to_cron_management(page: Page) -> Locator:
    """Airflow's side bar. The home page's panel has a link of the same name, which comes as soon as the jobs are read."""
    return page.get_by_test_id("nav-sidebar").get_by_role("link", name="Cron Management", exact=True)


def token(up: Up, user: str) -> str:
    status, body = up.request("/auth/token", body={"username": user, "password": up.password(user)})
    assert status == 201
    return body["access_token"]


def send_json(up: Up, path: str, body: object | None, *, user: str | None, method: str | None = None) -> tuple[int, str]:
    """Ask Airflow's web server; return the status and the text of its answer, whatever it is. ``method``: POST with a body, else GET."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token(up, user)}"} if user else {})}
    data = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(address(up) + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def set_paused(up: Up, dag_id: str, *, reason: str | None) -> None:
    """Pause with a reason, or resume without one, by the page's own routes."""
    body = {"reason": reason} if reason else {}
    status, text = send_json(up, f"/cron-management/api/jobs/{dag_id}/{'pause' if reason else 'resume'}", body, user="admin")
    assert status == 200, text
