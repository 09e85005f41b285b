"""A job's mail goes out at the end of its run, through the Connections of the stack, and never fails the run."""

import subprocess
import sys

import psycopg
import pytest

from econsent_stack.commands.mail import read
from econsent_stack.servers.mail import SERVER, inbox
from econsent_stack.stack import Stack

RUN = """
import logging, sys
logging.basicConfig(level="INFO", format="%(message)s")
from econsent_airflow.job_operator import JobOperator
from econsent_jobs.core.results import JobResult

class Mailing(JobOperator):
    sends_mail = True

    def run_job(self):
        if sys.argv[1:] == ["broken"]:
            raise RuntimeError("the job broke")
        return JobResult()

class Pushes:
    def xcom_push(self, key, value):
        pass

Mailing(task_id="mailing", run_seconds=60).execute({"ti": Pushes()})
"""


@pytest.fixture
def a_mail(stack: Stack) -> str:
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        database.execute(
            """
                INSERT INTO econsent.mail_outbox (message_id, recipients, subject, body)
                VALUES ('low-balance', '{owner@example.com}', 'Low balance', 'Text') ON CONFLICT DO NOTHING
                """
        )
    return "low-balance"


def run(stack: Stack, environment: dict[str, str], *how: str) -> str:
    words = [sys.executable, "-c", RUN, *how]
    done = subprocess.run(words, env=environment, cwd=stack.home.path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (not how), done.stderr
    return done.stdout + done.stderr


def test_it_waits_while_nothing_says_where_mail_goes_and_then_goes_out(airflow: dict[str, str], stack: Stack, a_mail: str) -> None:
    nowhere = {name: value for name, value in airflow.items() if name != "AIRFLOW_CONN_ECONSENT_SMTP"}

    assert "Mail waits in the outbox: config: the Connection econsent_smtp is missing" in run(stack, nowhere)
    assert "Mail: examined=1 changed=1" in run(stack, airflow)
    assert [str(letter["Message-ID"]) for letter in read(inbox(stack.place(SERVER)))][:1] == [f"<{a_mail}@econsent.localhost>"]


def test_it_goes_out_although_the_run_failed(airflow: dict[str, str], stack: Stack) -> None:
    told = run(stack, airflow, "broken")

    assert "RuntimeError: the job broke" in told
    assert "Mail: examined=" in told
