"""A real browser on Airflow's pages, for the pictures and for the tests of the UI."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Error, Page, ViewportSize, sync_playwright

from econsent_stack.chromium import CHOSEN, Chromium
from econsent_stack.errors import StackError

SIZE: Final[ViewportSize] = {"width": 1440, "height": 900}
PATIENCE_MILLISECONDS: Final = 30_000
CHOICES: Final = """
localStorage.setItem('log_wrap', 'true');
localStorage.setItem('react-resizable-panels:grid-ltr', '{"details-panel,main-panel": {"expandToSizes": {}, "layout": [30, 70]}}');
"""
"""What a person would choose in the UI: long log lines are shown whole, and the grid has room for ten runs."""


@contextmanager
def open_browser(found: Chromium) -> Generator[Browser]:
    """Run the browser for a while. Raises StackError when it does not start."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found.program, env={**os.environ, **found.variables})
        except Error as error:
            reason = error.message.splitlines()[0]
            raise StackError(
                f"{found.program} does not start ({reason}): set {CHOSEN} to a chromium-headless-shell that runs here."
            ) from error
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, address: str, *, dark: bool = False) -> Page:
    """Open an empty page of a new session, with no cookies; paths are then below ``address``."""
    context = browser.new_context(
        base_url=address,
        viewport=SIZE,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    context.add_init_script(CHOICES)
    return context.new_page()


def log_in(page: Page, *, user: str, password: str) -> None:
    """Fill in the login form that Airflow sends everybody to who is not logged in, and wait for the home page."""
    page.goto("/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags").first.wait_for()
