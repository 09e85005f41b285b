"""The payment provider of a machine without one: a local server that keeps charges, and can be told to misbehave."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from econsent_jobs.core.errors import ErrorClass, PermanentError, TransientError
from econsent_jobs.io.payments import ProviderPayment, ProviderRefund

REFUSED = (401, 403, 404)


class SandboxProvider:
    """A connection of its own for each call: what a server sends twice on one connection is never read as the answer to another call."""

    def __init__(self, *, url: str, token: str, timeout_seconds: float = 10) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        self._timeout_seconds = timeout_seconds

    def charge(self, *, payment_id: str, company_id: str, amount: Decimal) -> ProviderPayment:
        document = {"payment_id": payment_id, "company_id": company_id, "amount": f"{amount:.2f}", "currency": "USD"}
        return payment_of(self._call("POST", "/v1/charges", json=document, headers={"Idempotency-Key": payment_id}))

    def find(self, payment_id: str) -> ProviderPayment | None:
        found = self._call("GET", "/v1/charges", params={"payment_id": payment_id})["charges"]
        return payment_of(found[0]) if found else None

    def _call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Any:
        try:
            with httpx.Client(timeout=self._timeout_seconds, trust_env=False, headers=self._headers) as client:
                answer = client.request(method, f"{self._url}{path}", headers=headers, **options)
            if answer.status_code in REFUSED:
                raise PermanentError(
                    ErrorClass.CONFIG, f"the payment provider refuses us ({answer.status_code}); mend the Connection econsent_payments"
                )
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            raise unanswered(f"answered {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise unanswered(type(error).__name__) from error


def unanswered(what: str) -> TransientError:
    return TransientError(ErrorClass.HTTP_DELIVERY, f"the payment provider gave no answer ({what}); the next run asks what became of it")


def payment_of(document: dict[str, Any]) -> ProviderPayment:
    """Raises TransientError where the answer is none."""
    try:
        refunds = [
            ProviderRefund(
                reference=each["reference"],
                kind=each["kind"],
                amount=Decimal(each["amount"]),
                created_at=datetime.fromisoformat(each["created_at"]),
            )
            for each in document["refunds"]
        ]
        return ProviderPayment(
            reference=document["reference"],
            payment_id=document["payment_id"],
            company_id=document["company_id"],
            amount=Decimal(document["amount"]),
            currency=document["currency"],
            status=document["status"],
            refunds=refunds,
            failure_reason=document["failure_reason"],
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise unanswered(f"{type(error).__name__} in its answer") from error
