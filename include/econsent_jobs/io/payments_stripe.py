"""Stripe, by its own library. A company is a customer whose metadata say ``company_id``, with a default payment method."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import stripe

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError
from econsent_jobs.io.payments import ProviderPayment, ProviderRefund, Status

CENTS: Final = Decimal(100)
PLACES: Final = Decimal("0.0001")
STATUSES: Final[dict[str, Status]] = {"succeeded": "succeeded", "processing": "pending"}
"""All other states of a payment intent wait for the customer, who is not there: for us they failed."""


class StripeProvider:
    """Payment intents, confirmed at once without the customer. The library does not try again by itself: the job decides that."""

    def __init__(self, *, api_key: str, timeout_seconds: float = 20, api_base: str | None = None) -> None:
        self._client = stripe.StripeClient(
            api_key,
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout_seconds),
            base_addresses={"api": api_base} if api_base else {},
        )

    def charge(self, *, payment_id: str, company_id: str, amount: Decimal) -> ProviderPayment:
        """Raises as the protocol says, and BadItem (integrity) where Stripe knows this id with other content."""
        try:
            customer, method = self._card_of(company_id)
            if customer is None or method is None:
                return ProviderPayment(
                    reference=f"none:{payment_id}",
                    payment_id=payment_id,
                    company_id=company_id,
                    amount=amount,
                    currency="USD",
                    status="failed",
                    failure_reason="the company has no card at the payment provider",
                )
            intent = self._client.v1.payment_intents.create(
                {
                    "amount": int(amount * CENTS),
                    "currency": "usd",
                    "customer": customer,
                    "payment_method": method,
                    "confirm": True,
                    "off_session": True,
                    "metadata": {"payment_id": payment_id, "company_id": company_id},
                },
                {"idempotency_key": payment_id},
            )
            return self._payment_of(intent)
        except stripe.CardError as error:
            intent = getattr(error.error, "payment_intent", None)
            if intent is None:
                raise unanswered(error) from error
            return self._payment_of(intent, failure_reason=error.user_message or error.code or "the card was declined")
        except stripe.IdempotencyError as error:
            raise BadItem(ErrorClass.INTEGRITY, f"Stripe knows the payment {payment_id} with other content; ask Stripe") from error
        except stripe.StripeError as error:
            raise translated(error) from error

    def find(self, payment_id: str) -> ProviderPayment | None:
        """Stripe's search lags behind by about a minute, and its idempotency keys last a day: together they leave no gap."""
        try:
            found = self._client.v1.payment_intents.search({"query": f"metadata['payment_id']:'{quoted(payment_id)}'", "limit": 1})
            return self._payment_of(found.data[0]) if found.data else None
        except stripe.StripeError as error:
            raise translated(error) from error

    def _card_of(self, company_id: str) -> tuple[str | None, str | None]:
        found = self._client.v1.customers.search({"query": f"metadata['company_id']:'{quoted(company_id)}'", "limit": 1}).data
        if not found:
            return None, None
        settings = found[0].invoice_settings
        method = settings.default_payment_method if settings else None
        return found[0].id, method if isinstance(method, str) or method is None else method.id

    def _payment_of(self, intent: Any, *, failure_reason: str | None = None) -> ProviderPayment:
        status = STATUSES.get(intent.status, "failed")
        return ProviderPayment(
            reference=intent.id,
            payment_id=intent.metadata["payment_id"],
            company_id=intent.metadata["company_id"],
            amount=dollars_of(intent.amount),
            currency=intent.currency.upper(),
            status=status,
            refunds=self._refunds_of(intent.id) if status == "succeeded" else (),
            failure_reason=failure_reason or (f"the payment is {intent.status}" if status == "failed" else None),
        )

    def _refunds_of(self, intent_id: str) -> list[ProviderRefund]:
        refunds = self._client.v1.refunds.list({"payment_intent": intent_id, "limit": 100}).auto_paging_iter()
        disputes = self._client.v1.disputes.list({"payment_intent": intent_id, "limit": 100}).auto_paging_iter()
        return [
            *(refund_of(each, "refund") for each in refunds if each.status == "succeeded"),
            *(refund_of(each, "dispute") for each in disputes if each.status != "won"),
        ]


def refund_of(each: Any, kind: Any) -> ProviderRefund:
    return ProviderRefund(reference=each.id, kind=kind, amount=dollars_of(each.amount), created_at=time_of(each.created))


def time_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def dollars_of(cents: int) -> Decimal:
    return (Decimal(cents) / CENTS).quantize(PLACES)


def quoted(text: str) -> str:
    """Return ``text`` for the inside of a quoted word of Stripe's search language."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def translated(error: stripe.StripeError) -> TransientError | PermanentError:
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return PermanentError(ErrorClass.CONFIG, "Stripe refuses our key; mend the Connection econsent_payments")
    if isinstance(error, stripe.InvalidRequestError):
        return PermanentError(ErrorClass.CONFIG, f"Stripe refuses our request ({error.code}); look at its library's version")
    return unanswered(error)


def unanswered(error: stripe.StripeError) -> TransientError:
    return TransientError(
        ErrorClass.HTTP_DELIVERY, f"Stripe gave no answer ({type(error).__name__}); the next run asks what became of the payment"
    )
