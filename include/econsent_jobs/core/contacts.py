"""Phone numbers and e-mail addresses in the one form in which they are hashed and compared."""

from typing import Final

import phonenumbers

from econsent_jobs.core.text import norm_text

HOME_REGION: Final = "US"  # the platform's forms are American; a number written with its country code needs no region


def phone_text(text: str) -> str:
    """Return the E.164 form, such as ``+12025550123``; what no country can dial stays as it was typed, normalised.

    A mistyped number is still what the consumer typed, and its certificate is still evidence of that.
    """
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return norm_text(text)
    if not phonenumbers.is_possible_number(number):
        return norm_text(text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email_text(text: str) -> str:
    """Return the address lower-case and trimmed."""
    return text.strip().lower()
