"""Wallet reconciliation call by call: a provider whose calls come to pass, fail, are lost, come late, or kill."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from econsent_jobs.core.errors import EconsentError, ErrorClass
from econsent_jobs.io.payments import PaymentProvider, ProviderPayment
from tests.prove.harness.steps import Fate, Worker, spoil

UNSTEPPED: Final = frozenset({"now", "is_broken"})
"""What the store is asked without a call at the database."""


class SteppedProvider:
    """A provider whose calls each have a fate. A late charge reaches it when ``late`` is told to arrive, and nobody gets its answer."""

    def __init__(self, provider: PaymentProvider, worker: Worker, late: list[Callable[[], None]]) -> None:
        self._provider, self._worker, self._late = provider, worker, late

    def charge(self, *, payment_id: str, company_id: str, amount: Decimal) -> ProviderPayment:
        fate = self._worker.pause("charge")
        spoil(failed=False, fatal=fate is Fate.DIE)
        if fate is Fate.LATE:
            self._late.append(lambda: self._arrive(payment_id=payment_id, company_id=company_id, amount=amount))
        spoil(fate in {Fate.FAIL, Fate.MIDST, Fate.LATE}, fatal=False, error_class=ErrorClass.HTTP_DELIVERY)
        answer = self._provider.charge(payment_id=payment_id, company_id=company_id, amount=amount)
        spoil(fate is Fate.LOST, fate is Fate.DIE_AFTER, error_class=ErrorClass.HTTP_DELIVERY)
        return answer

    def find(self, payment_id: str) -> ProviderPayment | None:
        fate = self._worker.pause("find")
        spoil(failed=False, fatal=fate is Fate.DIE)
        spoil(fate not in {Fate.GO, Fate.DIE_AFTER}, fatal=False, error_class=ErrorClass.HTTP_DELIVERY)
        answer = self._provider.find(payment_id)
        spoil(failed=False, fatal=fate is Fate.DIE_AFTER)
        return answer

    def _arrive(self, **asked: Any) -> None:
        try:
            self._provider.charge(**asked)
        except EconsentError:
            return
