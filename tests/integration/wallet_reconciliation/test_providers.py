"""What a job may rely on, of whichever payment provider: the sandbox by its own words, Stripe by Stripe's library, one book behind both."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError
from econsent_jobs.io.payments import PaymentProvider
from econsent_jobs.io.payments_sandbox import SandboxProvider
from econsent_jobs.io.payments_stripe import StripeProvider
from econsent_stack.payments_sandbox import Book, serve
from tests.integration.wallet_reconciliation.stripe_front import WITHOUT_CARD, serve_stripe

TOKEN: Final = "sk_test_of_the_tests"
SECONDS: Final = 2.0
FIFTY: Final = Decimal("50.0000")


@dataclass(frozen=True, slots=True)
class Bank:
    """A provider that listens, and the book behind it. ``open`` makes an adapter that shows the token it is given."""

    book: Book
    open: Callable[[str], PaymentProvider]

    @property
    def provider(self) -> PaymentProvider:
        return self.open(TOKEN)

    def charges(self) -> list[dict[str, Any]]:
        with self.book.lock:
            return self.book.charges()


@pytest.fixture(params=["sandbox", "stripe"])
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bank]:
    state = tmp_path / "charges.sqlite"
    if request.param == "sandbox":
        server = serve(port=0, state=state, token=TOKEN)
        book: Book = getattr(server.RequestHandlerClass, "book")  # noqa: B009 the class is made while the test runs
        url = f"http://127.0.0.1:{server.server_address[1]}"
        bank = Bank(book, lambda token: SandboxProvider(url=url, token=token, timeout_seconds=SECONDS))
    else:
        server, book = serve_stripe(state=state, token=TOKEN)
        url = f"http://127.0.0.1:{server.server_address[1]}"
        bank = Bank(book, lambda token: StripeProvider(api_key=token, timeout_seconds=SECONDS, api_base=url))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield bank
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_charge_is_made_once_for_one_id_and_found_by_it(bank: Bank) -> None:
    first = bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY)
    again = bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY)
    other = bank.provider.charge(payment_id="auto:o'neill:1", company_id="o'neill", amount=Decimal("9.9900"))

    assert first == again == bank.provider.find("auto:acme:1")
    assert other == bank.provider.find("auto:o'neill:1")
    assert (first.payment_id, first.company_id, first.amount, first.currency) == ("auto:acme:1", "acme", FIFTY, "USD")
    assert (first.status, first.failure_reason, list(first.refunds)) == ("succeeded", None, [])
    assert [each["payment_id"] for each in bank.charges()] == ["auto:acme:1", "auto:o'neill:1"]


def test_what_was_never_sent_is_not_found(bank: Bank) -> None:
    assert bank.provider.find("auto:acme:1") is None


@pytest.mark.parametrize(("fault", "charged"), [("error", 0), ("timeout", 1), ("drop", 1)])
def test_without_an_answer_nobody_knows_until_the_provider_is_asked(bank: Bank, fault: str, charged: int) -> None:
    bank.book.plan([fault])

    with pytest.raises(TransientError) as raised:
        bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY)
    found = bank.provider.find("auto:acme:1")

    assert raised.value.error_class is ErrorClass.HTTP_DELIVERY
    assert len(bank.charges()) == charged
    assert (found is not None) == bool(charged)


def test_a_call_that_is_repeated_after_no_answer_is_one_charge(bank: Bank) -> None:
    bank.book.plan(["drop"])
    with pytest.raises(TransientError):
        bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY)

    assert bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY).status == "succeeded"
    assert len(bank.charges()) == 1


def test_a_declined_card_is_a_failed_payment_with_its_reason(bank: Bank) -> None:
    bank.book.plan(["decline"])

    declined = bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY)
    found = bank.provider.find("auto:acme:1")

    assert (declined.status, declined.amount) == ("failed", FIFTY)
    assert declined.failure_reason is not None
    assert "declined" in declined.failure_reason
    assert found is not None
    assert (found.reference, found.status) == (declined.reference, "failed")


def test_what_went_back_is_told_with_its_kind(bank: Bank) -> None:
    charged = bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY)
    with bank.book.lock:
        bank.book.refund(charged.reference, "10.00", "refund")
        bank.book.refund(charged.reference, "5.50", "dispute")

    found = bank.provider.find("auto:acme:1")

    assert found is not None
    assert [(each.kind, each.amount) for each in found.refunds] == [("refund", Decimal(10)), ("dispute", Decimal("5.50"))]
    assert len({each.reference for each in found.refunds}) == 2
    assert all(each.created_at.tzinfo is not None for each in found.refunds)


def test_whom_the_provider_does_not_let_in_is_told_to_mend_the_connection(bank: Bank) -> None:
    stranger = bank.open("sk_test_of_a_stranger")

    for ask in (lambda: stranger.find("auto:acme:1"), lambda: stranger.charge(payment_id="1", company_id="acme", amount=FIFTY)):
        with pytest.raises(PermanentError, match="econsent_payments") as raised:
            ask()
        assert raised.value.error_class is ErrorClass.CONFIG
    assert bank.charges() == []


@pytest.mark.parametrize("bank", ["stripe"], indirect=True)
def test_a_company_without_a_card_fails_and_nothing_is_charged(bank: Bank) -> None:
    failed = bank.provider.charge(payment_id="auto:1", company_id=WITHOUT_CARD, amount=FIFTY)

    assert (failed.status, failed.failure_reason) == ("failed", "the company has no card at the payment provider")
    assert bank.charges() == []


@pytest.mark.parametrize("bank", ["stripe"], indirect=True)
def test_an_id_that_stripe_knows_with_another_amount_is_named(bank: Bank) -> None:
    bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=FIFTY)

    with pytest.raises(BadItem, match="auto:acme:1 with other content") as raised:
        bank.provider.charge(payment_id="auto:acme:1", company_id="acme", amount=Decimal("51.0000"))

    assert raised.value.error_class is ErrorClass.INTEGRITY
