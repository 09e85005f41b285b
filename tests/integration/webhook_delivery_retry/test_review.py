"""What only time brings about."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.webhook_delivery_retry.review import review_endpoints
from econsent_jobs.webhook_delivery_retry.store import PostgresStore
from econsent_stack.stack import Stack
from tests.integration.webhook_delivery_retry.given import Given

URL = "https://hooks.example.com/"


@pytest.fixture
def review(stack: Stack, database: psycopg.Connection[Any]) -> Callable[[], JobResult]:
    def review() -> JobResult:
        url = stack.postgres_url(database.info.dbname, user="econsent_webhook_delivery_retry")
        with psycopg.connect(url, autocommit=True) as own:
            return review_endpoints(store=PostgresStore(own), clock=SystemClock(), limits=Limits(batch_size=2, run_seconds=60))

    return review


def queue(given: Given, endpoint_id: str, count: int = 3) -> None:
    """Put deliveries of one endpoint there."""
    for event_id in given.events(count):
        given.database.execute(
            "INSERT INTO econsent.webhook_deliveries (event_id, endpoint_id, company_id) VALUES (%s, %s, 'acme')", [event_id, endpoint_id]
        )
    given.database.execute("UPDATE econsent.webhook_events SET fanned_out_at = now()")


def statuses(given: Given) -> set[tuple[str, str | None]]:
    return {(row["status"], row["last_error"]) for row in given.deliveries()}


def test_a_deleted_endpoint_s_deliveries_are_cancelled(given: Given, review: Callable[[], JobResult]) -> None:
    given.endpoint("wh-1", URL, status="deleted")
    queue(given, "wh-1")

    assert review() == JobResult(examined=3, changed=3)
    assert statuses(given) == {("cancelled", "the endpoint was deleted")}
    assert review() == JobResult()


@pytest.mark.parametrize(("days", "expected"), [(29, ("pending", None)), (31, ("exhausted", "the endpoint stayed disabled for 30 days"))])
def test_after_30_days_of_being_disabled_they_are_dead_letters(
    given: Given, review: Callable[[], JobResult], days: int, expected: tuple[str, str | None]
) -> None:
    given.endpoint("wh-1", URL, status="disabled_auto")
    given.database.execute("UPDATE econsent.webhook_endpoints SET disabled_at = now() - make_interval(days => %s)", [days])
    queue(given, "wh-1")

    review()

    assert statuses(given) == {expected}


def test_a_rotation_ends_by_its_time(given: Given, review: Callable[[], JobResult]) -> None:
    for endpoint_id, ends in (("wh-ended", -1), ("wh-running", 3_600)):
        given.endpoint(endpoint_id, URL)
        given.database.execute("DELETE FROM econsent.webhook_secrets WHERE endpoint_id = %s", [endpoint_id])
        given.secret(endpoint_id, 1, "old", ends_in=ends)
        given.secret(endpoint_id, 2, "new", documented=False)

    review()

    rows = given.rows("SELECT endpoint_id, secret_no FROM econsent.webhook_secrets WHERE documented_header ORDER BY endpoint_id")
    assert [tuple(row.values()) for row in rows] == [("wh-ended", 2), ("wh-running", 1)]


def test_bodies_go_30_days_after_the_last_use_and_never_under_an_open_delivery(given: Given, review: Callable[[], JobResult]) -> None:
    given.endpoint("wh-1", URL)
    queue(given, "wh-1", 3)
    done, late, _ = [row["delivery_id"] for row in given.deliveries()]
    given.database.execute("UPDATE econsent.webhook_events SET fanned_out_at = now() - interval '40 days'")
    given.database.execute("UPDATE econsent.webhook_deliveries SET created_at = now() - interval '40 days'")
    given.database.execute(
        "UPDATE econsent.webhook_deliveries SET status = 'delivered', delivered_at = now() - interval '31 days' WHERE delivery_id = %s",
        [done],
    )
    given.database.execute(
        "UPDATE econsent.webhook_deliveries SET status = 'delivered', delivered_at = now() - interval '29 days' WHERE delivery_id = %s",
        [late],
    )

    review()

    rows = given.rows(
        "SELECT delivery_id FROM econsent.webhook_events JOIN econsent.webhook_deliveries USING (event_id) WHERE body IS NULL"
    )
    assert [row["delivery_id"] for row in rows] == [done]


def test_a_body_may_be_dropped_and_never_changed(given: Given) -> None:
    given.event()
    with pytest.raises(psycopg.errors.RestrictViolation, match="never changed"):
        given.database.execute("UPDATE econsent.webhook_events SET body = 'other'")
    given.database.execute("UPDATE econsent.webhook_events SET body = NULL")
