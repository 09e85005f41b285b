"""``./econsent mail``: what the jobs of this machine have mailed, newest first, or one mail in full."""

import argparse
import mailbox
import sys
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from econsent_stack.errors import StackError
from econsent_stack.paths import chosen_home
from econsent_stack.servers import mail

HELP: Final = "list what the jobs mailed, newest first, or show one mail; nothing leaves this machine"
SHOWN: Final = ("From", "To", "Date", "Subject", "Message-ID")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./econsent mail", description=HELP)
    parser.add_argument("number", nargs="?", type=int, help="the number of a mail in the list: show it in full")
    parser.add_argument("-n", "--lines", type=int, default=50, help="how many to list (50)")
    options = parser.parse_args(argv)
    letters = read(chosen_home().server(mail.SERVER.name) / mail.INBOX)
    if options.number is None:
        for number, letter in list(enumerate(letters, start=1))[: options.lines]:
            sys.stdout.write(f"{number:>5}  {parsedate_to_datetime(letter['Date']):%Y-%m-%d %H:%M}  {letter['To']}  {letter['Subject']}\n")
        if not letters:
            sys.stdout.write("Nothing was mailed yet.\n")
        return 0
    if not 1 <= options.number <= len(letters):
        raise StackError(f"There is no mail {options.number}: ./econsent mail lists the {len(letters)} that there are.")
    letter = letters[options.number - 1]
    for name in SHOWN:
        sys.stdout.write(f"{name}: {letter[name]}\n")
    sys.stdout.write(f"\n{letter.get_content()}")
    return 0


def read(inbox: Path) -> list[Any]:
    """Return every mail (``EmailMessage``) of a Maildir, newest first; none where nothing was ever kept."""
    if not inbox.is_dir():
        return []
    parser = BytesParser(EmailMessage, policy=policy.default)
    letters: list[Any] = [parser.parsebytes(box.as_bytes()) for box in mailbox.Maildir(inbox, create=False)]
    return sorted(letters, key=lambda letter: parsedate_to_datetime(letter["Date"]), reverse=True)
