"""The embedded mail server keeps what it is given, and ``./econsent mail`` shows it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

from econsent_jobs.core.letter import Letter
from econsent_jobs.io.smtp import MailServer, SmtpTransport
from econsent_stack.project import ROOT
from econsent_stack.stack import Stack


def test_a_person_can_read_what_was_mailed(stack: Stack) -> None:
    connection = json.loads(stack.variables()["AIRFLOW_CONN_ECONSENT_SMTP"])
    server = MailServer(host=connection["host"], port=connection["port"], sender=connection["extra"]["from_email"], starttls=False)
    with SmtpTransport(server) as transport:
        for day in (1, 2):
            moment = datetime(2999, 3, day, 12, 30, tzinfo=UTC)
            letter = Letter(message_id=str(day), recipients=["owner@example.com"], subject=f"Day {day}", body="Grüße\n", created_at=moment)
            transport.send(letter)

    assert show(stack).splitlines()[:2] == [
        "    1  2999-03-02 12:30  owner@example.com  Day 2",
        "    2  2999-03-01 12:30  owner@example.com  Day 1",
    ]
    assert "Grüße" in show(stack, "1")


def show(stack: Stack, *words: str) -> str:
    environment = {**os.environ, "ECONSENT_HOME": str(stack.home.path)}
    done = subprocess.run(
        [sys.executable, "-m", "econsent_stack", "mail", *words], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
