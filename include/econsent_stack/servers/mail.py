"""A mail server that sends nothing on: it keeps what it is given in a Maildir, where ``./econsent mail`` reads it."""

import json
import smtplib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from econsent_stack.errors import StackError
from econsent_stack.server import Launch, Place, Server

PACKAGE: Final = "aiosmtpd"
INBOX: Final = "inbox"
OK: Final = 250
MOST_BYTES: Final = 10 * 1024**2
SENDER: Final = "jobs@econsent.localhost"


class Mail(Server):
    name = "mail"
    port_names = ("listen",)

    def version(self) -> str:
        try:
            return version(PACKAGE)
        except PackageNotFoundError as error:
            raise StackError("The mail server's package is missing from .venv: delete the folder .venv and start again.") from error

    def launch(self, place: Place) -> Launch:
        self.version()
        place.folder.mkdir(mode=0o700, exist_ok=True)
        address = f"127.0.0.1:{place.ports['listen']}"
        words = ["--nosetuid", f"--listen={address}", f"--size={MOST_BYTES}", "--smtputf8"]
        keeper = ["--class", "aiosmtpd.handlers.Mailbox", str(inbox(place))]
        command = [sys.executable, "-m", PACKAGE, *words, *keeper]
        return Launch(command=command, environment={"HOME": str(place.folder)}, folder=place.folder)

    def is_ready(self, place: Place) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", place.ports["listen"], timeout=2) as client:
                return client.noop()[0] == OK
        except (OSError, smtplib.SMTPException):
            return False

    def variables(self, place: Place) -> dict[str, str]:
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": place.ports["listen"],
            "extra": {"from_email": SENDER, "disable_tls": True, "disable_ssl": True},
        }
        return {"AIRFLOW_CONN_ECONSENT_SMTP": json.dumps(connection)}


def inbox(place: Place) -> Path:
    """The Maildir of everything that was ever sent."""
    return place.folder / INBOX


SERVER: Final = Mail()
