"""What goes on the wire for one mail, and what the server's answers mean."""

import smtplib
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from econsent_jobs.core.errors import BadItem, EconsentError, PermanentError, TransientError
from econsent_jobs.core.letter import Letter
from econsent_jobs.io.smtp import ServerAway, compose, smtp_errors
from econsent_jobs.mail.model import retry_delay

LETTER = Letter(
    message_id="wallet:c-1:low:7",
    recipients=["owner@example.com", "admin@example.com"],
    subject="Guthaben niedrig: 5 €",
    body="Zeile eins\nZeile zwei\n",
    created_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
)


def test_a_letter_says_who_to_whom_when_and_what() -> None:
    message = compose(LETTER, sender="jobs@example.org")

    assert message["From"] == "eConsent <jobs@example.org>"
    assert message["To"] == "owner@example.com, admin@example.com"
    assert message["Subject"] == "Guthaben niedrig: 5 €"
    assert message["Date"] == "Sun, 01 Mar 2026 12:30:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content() == "Zeile eins\nZeile zwei\n"


def test_the_same_letter_has_the_same_message_id_at_every_try() -> None:
    assert {compose(LETTER, sender="jobs@example.org")["Message-ID"] for _ in range(2)} == {"<wallet%3Ac-1%3Alow%3A7@example.org>"}


@pytest.mark.parametrize(
    ("sentence", "changed"),
    [
        ("nobody to send it to", {"recipients": []}),
        ("an address without a host", {"recipients": ["owner"]}),
        ("an empty address", {"recipients": [""]}),
        ("an address that would add a header", {"recipients": ["a@example.com\r\nBcc: b@example.com"]}),
        ("a subject that would add a header", {"subject": "Hello\r\nBcc: b@example.com"}),
    ],
)
def test_what_no_header_may_hold_is_refused(sentence: str, changed: dict[str, object]) -> None:
    with pytest.raises(BadItem, match=r"^data: the mail cannot be written"):
        compose(replace(LETTER, **changed), sender="jobs@example.org")


REFUSED = {"a@example.com": (550, b"<a@example.com> no such user here"), "b@example.com": (550, b"no such user here")}


@pytest.mark.parametrize(
    ("sentence", "raised", "kind", "dropped"),
    [
        ("name and password are wrong", smtplib.SMTPAuthenticationError(535, b"bad"), PermanentError, True),
        ("the certificate is somebody else's", ssl.SSLCertVerificationError(1, "mismatch"), PermanentError, True),
        ("all recipients are unknown", smtplib.SMTPRecipientsRefused(REFUSED), BadItem, False),
        (
            "one of them may be taken later",
            smtplib.SMTPRecipientsRefused({**REFUSED, "c@example.com": (451, b"grey")}),
            TransientError,
            False,
        ),
        ("the text is refused", smtplib.SMTPDataError(554, b"spam"), BadItem, False),
        ("the text may be taken later", smtplib.SMTPDataError(452, b"disk full"), TransientError, False),
        ("our sender is refused", smtplib.SMTPSenderRefused(550, b"no", "jobs@example.org"), BadItem, False),
        ("the server closes while it answers", smtplib.SMTPDataError(421, b"closing"), ServerAway, True),
        ("the server closed without a word", smtplib.SMTPServerDisconnected("gone"), ServerAway, True),
        ("the server greets with a refusal", smtplib.SMTPConnectError(554, b"no"), ServerAway, True),
        ("nobody listens", ConnectionRefusedError(), ServerAway, True),
        ("no answer in time", TimeoutError(), ServerAway, True),
    ],
)
def test_an_answer_means(sentence: str, raised: Exception, kind: type[EconsentError], dropped: bool) -> None:
    drops: list[bool] = []

    with pytest.raises(EconsentError) as found, smtp_errors(lambda: drops.append(True)):
        raise raised

    assert type(found.value) is kind
    assert bool(drops) is dropped


def test_an_address_in_an_answer_stays_out_of_the_reason() -> None:
    with pytest.raises(BadItem) as found, smtp_errors(lambda: None):
        raise smtplib.SMTPRecipientsRefused(REFUSED)

    assert found.value.reason == "the mail server refuses this mail: 550 no such user here; 550 … no such user here"


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (30, 60)])
def test_waits_double_up_to_an_hour(attempts: int, minutes: int) -> None:
    assert retry_delay(attempts) == timedelta(minutes=minutes)
