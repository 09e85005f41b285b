"""The mail server, by the standard library's client: what its answers mean for one mail."""

import smtplib
import ssl
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError
from econsent_jobs.core.letter import Letter

SECONDS_PER_ANSWER: Final = 20.0
MOST_CHARACTERS: Final = 200
CLOSING: Final = 421
PERMANENT: Final = 500  # replies from here on say that trying again cannot help (RFC 5321, 4.2.1)


class ServerAway(TransientError):
    """The mail server cannot be spoken to at all, so no other mail can be sent now either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail goes, and as whom. ``starttls`` raises the connection to TLS before anything is said; ``tls`` begins with it."""

    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = True
    tls: bool = False


class SmtpTransport:
    """Sends over one connection, opened at the first mail and again after the server closed it. Use it as a context manager."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._client: smtplib.SMTP | None = None

    def __enter__(self) -> "SmtpTransport":
        return self

    def __exit__(self, *_: object) -> None:
        self._forget()

    def send(self, letter: Letter) -> Mapping[str, str]:
        """Hand one mail to the server. Returns the recipients that it refused, each with its answer, if it took the mail for others.

        Raises BadItem (data) for a mail that it will never take, TransientError for one that it may take later, ServerAway, and
        PermanentError (config) where it does not take our name and password.
        """
        message = compose(letter, sender=self._server.sender)
        with smtp_errors(self._forget):
            client = self._connected()
            refused = client.send_message(message)
        return {recipient: spoken(code, text) for recipient, (code, text) in refused.items()}

    def _connected(self) -> smtplib.SMTP:
        if self._client is None:
            self._client = connect(self._server)
        return self._client

    def _forget(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def connect(server: MailServer) -> smtplib.SMTP:
    """Open a connection that is ready to send. The server's certificate is checked wherever TLS is spoken."""
    context = ssl.create_default_context()
    if server.tls:
        client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS_PER_ANSWER, context=context)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=SECONDS_PER_ANSWER)
    try:
        if server.starttls and not server.tls:
            client.starttls(context=context)
        if server.user and server.password:
            client.login(server.user, server.password)
    except smtplib.SMTPNotSupportedError as error:
        client.close()
        raise misconfigured(f"it offers no TLS or no login ({error})") from error
    except BaseException:
        client.close()
        raise
    return client


def compose(letter: Letter, *, sender: str) -> EmailMessage:
    """Return the message. Raises BadItem (data) for what no header may hold, such as a line break in a subject."""
    message = EmailMessage(policy=SMTP)
    try:
        if not letter.recipients:
            raise ValueError("it has no recipient")
        message["From"] = Address(display_name="eConsent", addr_spec=sender)
        message["To"] = [Address(addr_spec=recipient) for recipient in letter.recipients]
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(letter.created_at)
        message["Message-ID"] = f"<{quote(letter.message_id, safe='')}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine should answer
        message.set_content(letter.body)
    except (ValueError, IndexError, HeaderParseError) as error:  # all three are what the standard library makes of a bad address
        reason = f"the mail cannot be written ({type(error).__name__}); look at its recipients and its subject"
        raise BadItem(ErrorClass.DATA, reason) from error
    return message


@contextmanager
def smtp_errors(forget: Callable[[], None]) -> Generator[None]:
    """Translate what the client raises inside; ``forget`` drops a connection that is of no use any more."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        forget()
        raise misconfigured(f"it refuses our name and password ({error.smtp_code})") from error
    except smtplib.SMTPNotSupportedError as error:
        raise BadItem(ErrorClass.DATA, f"the mail server cannot take this mail ({error})") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise refusal(list(error.recipients.values())) from error
    except (smtplib.SMTPConnectError, smtplib.SMTPHeloError, smtplib.SMTPServerDisconnected) as error:
        forget()
        raise ServerAway(ErrorClass.UNKNOWN, f"the mail server does not talk to us ({type(error).__name__})") from error
    except smtplib.SMTPResponseException as error:
        if error.smtp_code == CLOSING:
            forget()
            raise ServerAway(ErrorClass.UNKNOWN, f"the mail server closes ({CLOSING})") from error
        raise refusal([(error.smtp_code, error.smtp_error)]) from error
    except ssl.SSLCertVerificationError as error:
        forget()
        raise misconfigured(f"its certificate does not hold ({error})") from error
    except OSError as error:
        forget()
        raise ServerAway(ErrorClass.UNKNOWN, f"the mail server cannot be reached ({type(error).__name__})") from error


def refusal(answers: Sequence[tuple[int, bytes | str]]) -> BadItem | TransientError:
    """Return what a refused mail means: permanent only where no recipient may be taken later."""
    words = "; ".join(sorted({spoken(code, text) for code, text in answers}))
    reason = f"the mail server refuses this mail: {words}"
    permanent = all(code >= PERMANENT for code, _ in answers)
    return BadItem(ErrorClass.DATA, reason) if permanent else TransientError(ErrorClass.UNKNOWN, reason)


def misconfigured(what: str) -> PermanentError:
    return PermanentError(ErrorClass.CONFIG, f"the mail server cannot be used: {what}; mend the Connection econsent_smtp")


def spoken(code: int, text: bytes | str) -> str:
    """Return a server's answer for a log: one line, cut, and without the address that it may repeat."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join('…' if '@' in word else word for word in words.split())}"[:MOST_CHARACTERS]
