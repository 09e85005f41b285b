"""What follows from a write of anybody: queue rows, outbox rows, versions."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[tuple[Any, ...]]
AsRole = Callable[[Connection, str], AbstractContextManager[Connection]]
Insert = Callable[..., Any]

FINALISE = """
    UPDATE econsent.certificates SET status = 'finalized', certificate_id = 'EC-' || certificate_pk, signature = 's'
    WHERE company_id = 'acme'
    """
RETAIN = """
    UPDATE econsent.sessions SET retention_status = 'retained', rrweb_to_video_status = 'pending'
    WHERE company_id = 'acme' AND session_id = 's-1'
    """


def outbox(database: Connection) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT doc_key::bigint, op, wanted_version, priority FROM econsent.search_outbox ORDER BY doc_key::bigint"
    ).fetchall()


def versions(database: Connection) -> list[tuple[Any, ...]]:
    return database.execute("""
        SELECT certificate_pk, row_version FROM econsent.certificates
        WHERE company_id = 'acme' ORDER BY 1
        """).fetchall()


def test_a_pending_certificate_is_queued_and_another_is_not(
    database: Connection, insert_session: Insert, insert_certificate: Insert
) -> None:
    insert_session("s-1")
    pending = insert_certificate("s-1")
    insert_certificate("s-1", submission_no=2, status="failed")
    insert_certificate(None, source="meta", source_ref="lead-1", status="expired", certificate_id="EC-m", signature="s")
    queued = database.execute(
        """
            SELECT company_id, certificate_pk, attempts, lost_leases, lease_token, next_attempt_at <= now() FROM
            econsent.certificate_queue
            """
    ).fetchall()
    assert queued == [("acme", pending, 0, 0, None, True)]


def test_a_queued_certificate_that_is_rolled_back_leaves_the_queue(
    database: Connection, insert_session: Insert, insert_certificate: Insert
) -> None:
    insert_session("s-1")
    with database.transaction(force_rollback=True):
        insert_certificate("s-1")
    assert database.execute("SELECT count(*) FROM econsent.certificate_queue").fetchone() == (0,)


def test_every_update_raises_a_certificates_version(database: Connection, insert_session: Insert, insert_certificate: Insert) -> None:
    insert_session("s-1")
    number = insert_certificate("s-1", updated_at="2020-01-01Z")
    database.execute("UPDATE econsent.certificates SET row_version = 0, updated_at = '2020-01-01Z' WHERE company_id = 'acme'")
    assert versions(database) == [(number, 2)]
    assert database.execute(
        "SELECT updated_at > now() - interval '1 hour' FROM econsent.certificates WHERE company_id = 'acme'"
    ).fetchone() == (True,)


def test_the_outbox_wants_each_document_once_in_its_newest_version(
    database: Connection, insert_session: Insert, insert_certificate: Insert
) -> None:
    insert_session("s-1")
    number = insert_certificate("s-1")
    assert outbox(database) == [], "a pending certificate is not in the index"
    database.execute(FINALISE)
    assert outbox(database) == [(number, "index", 2, 0)]
    database.execute("UPDATE econsent.certificates SET last_error = NULL WHERE company_id = 'acme'")
    assert outbox(database) == [(number, "index", 3, 0)]
    database.execute("UPDATE econsent.certificates SET status = 'expired' WHERE company_id = 'acme'")
    assert outbox(database) == [(number, "delete", 4, 0)]
    database.execute("DELETE FROM econsent.certificates WHERE company_id = 'acme'")
    assert outbox(database) == [(number, "delete", 5, 0)]


def test_a_revocation_goes_first_and_only_a_revocation(database: Connection, insert_session: Insert, insert_certificate: Insert) -> None:
    insert_session("s-1")
    number = insert_certificate("s-1")
    database.execute(FINALISE)
    database.execute("""UPDATE econsent.certificates SET opt_out = '{"revoke": false, "note": 1}' WHERE company_id = 'acme'""")
    assert outbox(database) == [(number, "index", 3, 0)]
    database.execute("""UPDATE econsent.certificates SET opt_out = '{"revoke": true}' WHERE company_id = 'acme'""")
    assert outbox(database) == [(number, "index", 4, 10)]
    database.execute("UPDATE econsent.certificates SET last_error = NULL WHERE company_id = 'acme'")
    assert outbox(database) == [(number, "index", 5, 10)]


def test_a_further_change_clears_the_backoff_and_keeps_the_age(
    database: Connection, insert_session: Insert, insert_certificate: Insert
) -> None:
    insert_session("s-1")
    insert_certificate("s-1")
    database.execute(FINALISE)
    database.execute(
        """
            UPDATE econsent.search_outbox SET state = 'dead', attempts = 5, next_attempt_at = now() + interval '1
            day', changed_at = '2026-01-01Z'
            """
    )
    database.execute("UPDATE econsent.certificates SET last_error = NULL WHERE company_id = 'acme'")
    row = database.execute(
        "SELECT state, attempts, next_attempt_at <= now(), changed_at = '2026-01-01Z' FROM econsent.search_outbox"
    ).fetchall()
    assert row == [("due", 0, True, True)]


def test_a_retained_session_gets_one_conversion(database: Connection, insert_session: Insert) -> None:
    insert_session("s-1")
    insert_session("s-2")
    database.execute("""
        UPDATE econsent.sessions SET rrweb_to_video_status = 'pending'
        WHERE company_id = 'acme' AND session_id = 's-2'
        """)
    assert database.execute("SELECT count(*) FROM econsent.video_conversions").fetchone() == (0,), "it is not retained"
    database.execute(RETAIN)
    database.execute(RETAIN)
    assert database.execute("""
        SELECT session_id, status, attempts FROM econsent.video_conversions
        """).fetchall() == [("s-1", "pending", 0)]


def test_a_session_that_is_inserted_retained_gets_its_conversion(database: Connection, insert_session: Insert) -> None:
    insert_session("s-1", retention_status="retained", rrweb_to_video_status="pending")
    assert database.execute("SELECT session_id FROM econsent.video_conversions").fetchall() == [("s-1",)]


@pytest.mark.parametrize(
    ("before", "after"), [("failed", "pending"), ("processing", "processing"), ("completed", "completed"), ("pending", "pending")]
)
def test_only_a_failed_conversion_is_tried_again(database: Connection, insert_session: Insert, before: str, after: str) -> None:
    insert_session("s-1", retention_status="retained", rrweb_to_video_status="pending")
    database.execute("UPDATE econsent.video_conversions SET status = %s, attempts = 3", [before])
    database.execute(RETAIN)
    attempts = 0 if before == "failed" else 3
    assert database.execute("SELECT status, attempts FROM econsent.video_conversions").fetchall() == [(after, attempts)]


def test_one_transaction_wakes_the_video_queue_once(database: Connection, another_connection: Connection, insert_session: Insert) -> None:
    another_connection.execute("LISTEN video_conversions")
    with database.transaction():
        for number in range(3):
            insert_session(f"s-{number}", retention_status="retained", rrweb_to_video_status="pending")
    assert [notice.channel for notice in another_connection.notifies(timeout=30, stop_after=1)] == ["video_conversions"]
    database.execute("NOTIFY video_conversions, 'last'")
    assert [notice.payload for notice in another_connection.notifies(timeout=30, stop_after=1)] == ["last"]


def test_a_sessions_status_raises_the_version_of_all_its_certificates(
    database: Connection, insert_session: Insert, insert_certificate: Insert
) -> None:
    insert_session("s-1")
    insert_session("s-2")
    numbers = [insert_certificate("s-1"), insert_certificate("s-1", submission_no=2, status="failed"), insert_certificate("s-2")]
    database.execute(RETAIN)
    assert versions(database) == [(numbers[0], 2), (numbers[1], 2), (numbers[2], 1)]
    database.execute(RETAIN)
    assert versions(database) == [(numbers[0], 2), (numbers[1], 2), (numbers[2], 1)], "nothing shown in the index has changed"


def test_a_retained_session_with_a_finalised_certificate_is_indexed_again(
    database: Connection, insert_session: Insert, insert_certificate: Insert
) -> None:
    insert_session("s-1")
    number = insert_certificate("s-1")
    database.execute(FINALISE)
    database.execute("DELETE FROM econsent.search_outbox")
    database.execute(RETAIN)
    assert outbox(database) == [(number, "index", 3, 0)]


def test_triggers_write_what_their_callers_may_not(
    database: Connection, as_role: AsRole, insert_session: Insert, insert_certificate: Insert
) -> None:
    insert_session("s-1")
    number = insert_certificate("s-1")
    with as_role(database, "econsent_certificate_processing"):
        database.execute(FINALISE)
        database.execute(RETAIN)
    assert outbox(database) == [(number, "index", 3, 0)]
    assert database.execute("SELECT count(*) FROM econsent.video_conversions").fetchone() == (1,)
