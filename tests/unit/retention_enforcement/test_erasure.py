"""What a person who asked to be forgotten is told, to the letter, and what their request keeps."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from econsent_jobs.retention_enforcement.rules.erasure import Report, report_body, report_subject

UNTIL = datetime(2030, 5, 1, 12, 30, 0, 1_999, tzinfo=UTC)
GONE = "eConsent: your personal data has been deleted"
STAYS = "eConsent: your deletion request"


def a_report(**changes: Any) -> Report:
    """Everything could be deleted."""
    report = Report(request_id=7, companies=1, certificates=2, sessions=1, objects=3, named={"a": [1, 2]})
    return replace(report, **changes)


def test_a_report_begins_with_nothing() -> None:
    assert Report(request_id=8) == Report(
        request_id=8,
        companies=0,
        certificates=0,
        sessions=0,
        objects=0,
        deferred=0,
        held=0,
        unfinished=0,
        deferred_until=None,
        named={},
    )


def test_reports_of_companies_add_up() -> None:
    other = Report(
        request_id=9,
        companies=10,
        certificates=20,
        sessions=30,
        objects=40,
        deferred=50,
        held=60,
        unfinished=70,
        deferred_until=UNTIL,
        named={"b": [3]},
    )
    report = a_report(deferred=4, held=5, unfinished=6)

    assert report.plus(other) == Report(
        request_id=7,
        companies=11,
        certificates=22,
        sessions=31,
        objects=43,
        deferred=54,
        held=65,
        unfinished=76,
        deferred_until=UNTIL,
        named={"a": [1, 2], "b": [3]},
    )
    assert Report(request_id=7).plus(report) == report == report.plus(Report(request_id=7))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, None, None),
        (UNTIL, None, UNTIL),
        (None, UNTIL, UNTIL),
        (UNTIL, datetime(2029, 1, 1, tzinfo=UTC), UNTIL),
        (datetime(2029, 1, 1, tzinfo=UTC), UNTIL, UNTIL),
    ],
)
def test_what_is_kept_longest_says_until_when(one: datetime | None, other: datetime | None, expected: datetime | None) -> None:
    assert a_report(deferred_until=one).plus(a_report(deferred_until=other)).deferred_until == expected


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({}, "completed", id="nothing is left"),
        pytest.param({"deferred": 1}, "deferred", id="a lock keeps something"),
        pytest.param({"held": 1}, "deferred", id="a hold keeps something"),
        pytest.param({"deferred": 1, "held": 1}, "deferred", id="both do"),
        pytest.param({"unfinished": 1}, "processing", id="a certificate is being made"),
        pytest.param({"unfinished": 1, "deferred": 1, "held": 1}, "processing", id="that comes first"),
    ],
)
def test_a_request_s_status(changes: dict[str, Any], status: str) -> None:
    assert a_report(**changes).status == status


def test_a_request_keeps_counts_and_numbers() -> None:
    report = Report(
        request_id=7,
        companies=1,
        certificates=2,
        sessions=3,
        objects=4,
        deferred=5,
        held=6,
        unfinished=8,
        deferred_until=UNTIL,
        named={"a": [1, 2], "b": []},
    )

    assert report.as_dict() == {
        "companies": 1,
        "certificates": 2,
        "sessions": 3,
        "objects": 4,
        "deferred": 5,
        "held": 6,
        "unfinished": 8,
        "deferred_until": "2030-05-01T12:30:00.001Z",
        "named": {"a": [1, 2], "b": []},
    }


def test_a_request_about_nobody_keeps_noughts() -> None:
    assert Report(request_id=8).as_dict() == {
        "companies": 0,
        "certificates": 0,
        "sessions": 0,
        "objects": 0,
        "deferred": 0,
        "held": 0,
        "unfinished": 0,
        "deferred_until": None,
        "named": {},
    }


@pytest.mark.parametrize(
    ("certificates", "held", "subject"),
    [
        pytest.param(2, 0, GONE, id="everything went"),
        pytest.param(2, 1, GONE, id="something went"),
        pytest.param(0, 0, STAYS, id="there was nothing"),
        pytest.param(0, 1, STAYS, id="nothing went: a hold keeps it"),
    ],
)
def test_the_confirmation_promises_no_deletion_that_did_not_happen(certificates: int, held: int, subject: str) -> None:
    assert report_subject(a_report(certificates=certificates, held=held)) == subject


ASKED = "You asked us to delete your personal data (request 7).\n\n"
DELETED = "Deleted now, from our database, our search index and our file storage: 2 consent records and 1 session recording.\n"
NOTHING_DELETED = "Deleted now, from our database, our search index and our file storage: 0 consent records and 0 session recordings.\n"
KEPT_UNTIL = (
    "Not deleted yet: 4 archived documents, locked as evidence of consent until 01 May 2030,"
    " used for nothing else, and deleted without your asking again afterwards.\n"
)
KEPT = (
    "Not deleted yet: 4 archived documents, locked as evidence of consent,"
    " used for nothing else, and deleted without your asking again afterwards.\n"
)
HELD = "Kept until a legal hold is released, and deleted then: 5 consent records.\n"
NOBODY = "We hold no consent record under this address or number.\n"
END = "\nWe keep an irreversible fingerprint of your opt-out, so that it stays in force.\n"


@pytest.mark.parametrize(
    ("report", "body"),
    [
        pytest.param(a_report(), ASKED + DELETED + END, id="everything went"),
        pytest.param(a_report(deferred=4, deferred_until=UNTIL), ASKED + DELETED + KEPT_UNTIL + END, id="a lock keeps something"),
        pytest.param(a_report(deferred=4), ASKED + DELETED + KEPT + END, id="nobody knows for how long"),
        pytest.param(a_report(deferred_until=UNTIL), ASKED + DELETED + END, id="a date of nothing"),
        pytest.param(a_report(held=5), ASKED + DELETED + HELD + END, id="a hold keeps something"),
        pytest.param(
            a_report(deferred=4, deferred_until=UNTIL, held=5), ASKED + DELETED + KEPT_UNTIL + HELD + END, id="a lock and a hold do"
        ),
        pytest.param(Report(request_id=7), ASKED + NOTHING_DELETED + NOBODY + END, id="there was nothing"),
        pytest.param(Report(request_id=7, held=5), ASKED + NOTHING_DELETED + HELD + END, id="a hold keeps everything"),
        pytest.param(
            Report(request_id=7, deferred=4, deferred_until=UNTIL), ASKED + NOTHING_DELETED + KEPT_UNTIL + END, id="a lock keeps everything"
        ),
    ],
)
def test_the_confirmation_says_what_went_and_what_stays(report: Report, body: str) -> None:
    assert report_body(report) == body
