"""Mail goes out at the end of a job's run, and never fails it: what could not be sent waits in the outbox for the next run."""

import logging
from typing import Final

from econsent_airflow.connections import mail_server, open_database
from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.io.smtp import SmtpTransport
from econsent_jobs.mail import send_due_mail
from econsent_jobs.mail.store import PostgresOutbox

RUN_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


def send_mail() -> None:
    """Send what is due for at most a minute, and log one line of counts, or why nothing can be sent."""
    try:
        with open_database("mail") as database, SmtpTransport(mail_server()) as transport:
            result = send_due_mail(outbox=PostgresOutbox(database), transport=transport, clock=SystemClock(), run_seconds=RUN_SECONDS)
    except EconsentError as error:
        log.warning("Mail waits in the outbox: %s", error)
    else:
        log.info("Mail: %s", result)
