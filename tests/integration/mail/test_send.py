"""Mail from the outbox in the real PostgreSQL to a real SMTP server, which answers as each test says."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.smtp import MailServer, ServerAway, SmtpTransport
from econsent_jobs.mail import send_due_mail
from econsent_jobs.mail.model import MOST_ATTEMPTS
from econsent_jobs.mail.store import PostgresOutbox

Connection = psycopg.Connection[Any]
SENDER = "jobs@example.org"


class Answers:
    """Takes everything, unless ``to`` (by recipient) or ``text`` says otherwise.

    ``taken`` is what it took; ``hang_up`` cuts the connection once, after the mail was taken and before the answer.
    """

    def __init__(self) -> None:
        self.to: dict[str, str] = defaultdict(lambda: "250 OK")
        self.text = "250 OK"
        self.hang_up = False
        self.taken: list[EmailMessage] = []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 the name that aiosmtpd calls
        if self.to[address].startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to[address]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 the name that aiosmtpd calls
        if self.text.startswith("250"):
            self.taken.append(BytesParser(EmailMessage, policy=default).parsebytes(envelope.original_content or b""))
        if self.hang_up:
            self.hang_up = False
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return self.text


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def mail_server(answers: Answers) -> Iterator[MailServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(answers, hostname="127.0.0.1", port=port)
    controller.start()
    yield MailServer(host="127.0.0.1", port=port, sender=SENDER, starttls=False)
    controller.stop()


def put(database: Connection, *message_ids: str, **columns: Any) -> None:
    for message_id in message_ids:
        row = {"message_id": message_id, "recipients": ["owner@example.com"], "subject": f"About {message_id}", "body": "Text\n", **columns}
        database.execute(
            f"INSERT INTO econsent.mail_outbox ({', '.join(row)}) VALUES ({', '.join(f'%({name})s' for name in row)})",
            row,
        )


def run(database: Connection, server: MailServer) -> JobResult:
    with SmtpTransport(server) as transport:
        return send_due_mail(outbox=PostgresOutbox(database), transport=transport, clock=SystemClock(), run_seconds=60)


def row_of(database: Connection, message_id: str) -> tuple[Any, ...]:
    """Return whether it was sent, whether it was given up, its attempts, the minutes to its next one, and its error."""
    found = database.execute(
        """
            SELECT
                sent_at IS NOT NULL, failed_at IS NOT NULL, attempts,
                round(extract(epoch FROM next_attempt_at - now()) / 60)::int, last_error
            FROM econsent.mail_outbox WHERE message_id = %s AND lease_token IS NULL AND leased_until IS NULL
            """,
        [message_id],
    ).fetchone()
    assert found is not None
    return found


def test_what_is_due_is_sent_once(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    put(database, "a", "b")

    results = [run(database, mail_server) for _ in range(2)]

    assert results == [JobResult(examined=2, changed=2), JobResult()]
    assert [letter["Message-ID"] for letter in answers.taken] == ["<a@example.org>", "<b@example.org>"]
    assert answers.taken[0].get_content().splitlines() == ["Text"]
    assert row_of(database, "a")[:3] == (True, False, 1)


def test_what_is_not_due_yet_waits(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    database.execute(
        """
            INSERT INTO econsent.mail_outbox (message_id, recipients, subject, body, next_attempt_at)
            VALUES ('later', '{a@example.com}', 's', 'b', now() + interval '1 hour')
            """
    )

    assert run(database, mail_server) == JobResult()
    assert answers.taken == []


def test_what_another_worker_has_in_hand_is_left_until_its_lease_ends(
    database: Connection, answers: Answers, mail_server: MailServer
) -> None:
    put(database, "a")
    held = PostgresOutbox(database).claim(lease_seconds=60)

    assert run(database, mail_server).examined == 0

    database.execute("UPDATE econsent.mail_outbox SET leased_until = now() - interval '1 second'")
    assert run(database, mail_server).changed == 1
    assert held is not None
    PostgresOutbox(database).back_off(held, reason="too late to say so", delay=timedelta(hours=1))
    assert row_of(database, "a")[:2] == (True, False)


def test_a_refused_mail_is_set_aside_and_the_next_one_goes(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    answers.to["nobody@example.com"] = "550 no such user"
    put(database, "a", recipients=["nobody@example.com"])
    put(database, "b", subject="two\nlines")
    put(database, "c")

    result = run(database, mail_server)

    assert result == JobResult(examined=3, changed=1, quarantined=2, causes={ErrorClass.DATA: 2})
    assert row_of(database, "a") == (False, True, 1, 0, "data: the mail server refuses this mail: 550 no such user")
    assert row_of(database, "b")[:2] == (False, True)
    assert row_of(database, "c")[:2] == (True, False)
    assert run(database, mail_server) == JobResult()


def test_a_mail_that_some_get_is_sent_and_says_who_did_not(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    answers.to["nobody@example.com"] = "550 no such user"
    put(database, "a", recipients=["nobody@example.com", "owner@example.com"])

    assert run(database, mail_server).changed == 1
    assert row_of(database, "a")[4] == "refused for 1 of 2 recipients: 550 no such user"


def test_a_mail_that_may_be_taken_later_backs_off_and_the_next_one_goes(
    database: Connection, answers: Answers, mail_server: MailServer
) -> None:
    answers.to["owner@example.com"] = "451 try later"
    put(database, "a")
    put(database, "b", recipients=["admin@example.com"])

    assert run(database, mail_server) == JobResult(examined=2, changed=1, failed=1, causes={ErrorClass.UNKNOWN: 1})
    assert row_of(database, "a") == (False, False, 1, 1, "unknown: the mail server refuses this mail: 451 try later")


def test_the_last_attempt_sets_it_aside(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    answers.text = "452 disk full"
    put(database, "a", attempts=MOST_ATTEMPTS - 1)

    assert run(database, mail_server).quarantined == 1
    assert row_of(database, "a")[1:3] == (True, MOST_ATTEMPTS)
    assert str(row_of(database, "a")[4]).endswith("; 30 attempts failed")


def test_a_server_that_is_away_costs_one_mail_one_attempt(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    put(database, "a", "b")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = MailServer(host="127.0.0.1", port=closed.getsockname()[1], sender=SENDER, starttls=False)
        with pytest.raises(ServerAway):
            run(database, away)

    assert (row_of(database, "a")[2], row_of(database, "b")[2]) == (1, 0)
    database.execute("UPDATE econsent.mail_outbox SET next_attempt_at = now()")
    assert run(database, mail_server).changed == 2


def test_a_lost_answer_sends_it_again_under_the_same_id(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    answers.hang_up = True
    put(database, "a")

    with pytest.raises(ServerAway):
        run(database, mail_server)
    database.execute("UPDATE econsent.mail_outbox SET next_attempt_at = now()")

    assert run(database, mail_server).changed == 1
    assert [letter["Message-ID"] for letter in answers.taken] == ["<a@example.org>"] * 2


def test_a_server_without_tls_is_not_spoken_to_where_tls_was_asked_for(
    database: Connection, answers: Answers, mail_server: MailServer
) -> None:
    put(database, "a")
    strict = MailServer(host=mail_server.host, port=mail_server.port, sender=SENDER)

    with pytest.raises(PermanentError, match="it offers no TLS"):
        run(database, strict)

    assert answers.taken == []
    assert row_of(database, "a")[:3] == (False, False, 1)


def test_the_sender_s_role_can_do_that_and_no_more(database: Connection, answers: Answers, mail_server: MailServer) -> None:
    put(database, "a")
    database.execute("SET ROLE econsent_mail")

    assert run(database, mail_server).changed == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("DELETE FROM econsent.mail_outbox")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("UPDATE econsent.mail_outbox SET body = ''")
