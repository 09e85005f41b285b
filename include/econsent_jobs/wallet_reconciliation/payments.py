"""The payment provider, as the job speaks to it: what became of a payment, in the job's own words."""

from datetime import timedelta
from typing import Final

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.io.payments import PaymentProvider, ProviderPayment
from econsent_jobs.wallet_reconciliation.model import Answer, Payment, Refund

GIVEN_UP_AFTER: Final = timedelta(days=1)
"""A person's payment of which the provider has not heard for so long will not come."""


def ask(provider: PaymentProvider, payment: Payment, *, age: timedelta) -> Answer | None:
    """Find out what became of a payment, and send one of ours that the provider never got, always under its own id.

    None: it is not decided yet. Raises as the provider does, and BadItem (integrity) where its answer is about something else: then no
    money is booked on its word.
    """
    sent_before = payment.attempts > 0 or not payment.ours
    answer = provider.find(payment.payment_id) if sent_before else None
    if answer is None and payment.ours:
        answer = provider.charge(payment_id=payment.payment_id, company_id=payment.company_id, amount=payment.amount)
    if answer is None and age > GIVEN_UP_AFTER:
        return Answer(reference=None, succeeded=False, failure_reason="the payment provider never got it")
    if answer is None or checked(answer, payment).status == "pending":
        return None
    return Answer(
        reference=answer.reference,
        succeeded=answer.status == "succeeded",
        failure_reason=answer.failure_reason,
        refunds=[
            Refund(reference=refund.reference, kind=refund.kind, amount=refund.amount, created_at=refund.created_at)
            for refund in answer.refunds
        ],
    )


def checked(answer: ProviderPayment, payment: Payment) -> ProviderPayment:
    """Return ``answer`` if it is about this payment. Raises BadItem (integrity)."""
    asked = {"payment": payment.payment_id, "company": payment.company_id, "amount": f"{payment.amount:.4f}", "currency": "USD"}
    told = {
        "payment": answer.payment_id,
        "company": answer.company_id,
        "amount": f"{answer.amount:.4f}",
        "currency": answer.currency.upper(),
    }
    for name, value in asked.items():
        if told[name] != value:
            reason = f"the provider's payment {answer.reference} has the {name} {told[name]}, and ours has {value}; ask the provider"
            raise BadItem(ErrorClass.INTEGRITY, reason)
    return answer
