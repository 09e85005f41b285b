"""Send what is due, the longest waiting first.

1. Lease one mail. One at a time, so that a worker that is killed holds up one mail only.
2. Give it to the mail server under its own Message-ID, which is the same at every try, so that a second copy is known for one.
3. Write down what became of it: sent; to be tried again after a wait; or set aside with the reason, when no try can help.
4. Begin again until nothing is due or the time is up. When the server itself is away, stop: the rest must not lose its attempts to that.

It can be killed at any line; a mail that was sent and not written down is sent again.
"""

import logging
from collections.abc import Mapping
from typing import Final, Protocol

from econsent_jobs.core.clock import Clock
from econsent_jobs.core.errors import BadItem, PermanentError, TransientError
from econsent_jobs.core.letter import Letter
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.smtp import ServerAway
from econsent_jobs.mail.model import MOST_ATTEMPTS, Mail, retry_delay
from econsent_jobs.mail.store import Outbox

LEASE_SECONDS: Final = 300.0  # longer than the longest talk with a server that answers each command just before its time is up

log = logging.getLogger(__name__)


class Transport(Protocol):
    def send(self, letter: Letter) -> Mapping[str, str]:
        """Hand one mail to the server. Returns the recipients that it refused, each with its reason, if it took the mail for others.

        Raises BadItem for a mail that it will never take, TransientError for one that it may take later, ServerAway, and PermanentError
        where nobody can use the server as it is configured.
        """
        ...


def send_due_mail(*, outbox: Outbox, transport: Transport, clock: Clock, run_seconds: float) -> JobResult:
    """Send for at most ``run_seconds``; nothing new begins after that.

    Raises ServerAway and PermanentError from the transport, and what the outbox's database raises. What was in hand waits for another try.
    """
    deadline = clock.monotonic() + run_seconds
    result = JobResult()
    while clock.monotonic() < deadline and (mail := outbox.claim(lease_seconds=LEASE_SECONDS)) is not None:
        result += send(mail, outbox, transport)
    left = outbox.backlog()
    return result + JobResult(backlog=left.due, oldest_seconds=left.oldest_seconds)


def send(mail: Mail, outbox: Outbox, transport: Transport) -> JobResult:
    """Take one mail through steps 2 and 3."""
    try:
        refused = transport.send(mail.letter)
    except BadItem as error:
        return give_up(mail, error, outbox)
    except PermanentError as error:
        outbox.back_off(mail, reason=str(error), delay=retry_delay(mail.attempts))
        raise
    except TransientError as error:
        if mail.attempts >= MOST_ATTEMPTS:
            given_up = give_up(mail, BadItem(error.error_class, f"{error.reason}; {MOST_ATTEMPTS} attempts failed"), outbox)
        else:
            outbox.back_off(mail, reason=str(error), delay=retry_delay(mail.attempts))
            given_up = None
        if isinstance(error, ServerAway):
            raise
        return given_up or JobResult(examined=1, failed=1, causes={error.error_class: 1})
    note = f"refused for {len(refused)} of {len(mail.recipients)} recipients: {'; '.join(refused.values())}" if refused else None
    outbox.sent(mail, note=note)
    return JobResult(examined=1, changed=1)


def give_up(mail: Mail, error: BadItem, outbox: Outbox) -> JobResult:
    log.warning("Mail %s is set aside: %s", mail.message_id, error)
    outbox.give_up(mail, reason=str(error))
    return JobResult(examined=1, quarantined=1, causes={error.error_class: 1})
