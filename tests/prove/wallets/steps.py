"""Wallet reconciliation call by call: a store and a provider whose calls come to pass, fail, are lost, come late, or kill."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from econsent_jobs.core.errors import EconsentError, ErrorClass
from econsent_jobs.io.payments import PaymentProvider, ProviderPayment
from tests.prove.harness.steps import Fate, Worker, spoil

NOT_STEPPED = frozenset({"now", "is_broken"})


class SteppedStore:
    """A store whose calls each have a fate. A transaction is one step: its locks make it one."""

    def __init__(self, store: Any, worker: Worker) -> None:
        self._store, self._worker = store, worker
        self._left: int | None = None
        self._inside = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name in NOT_STEPPED:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                if self._left is not None:
                    self._left -= 1
                    spoil(self._left == 0, fatal=False)
                return method(*arguments, **named)
            fate = self._worker.pause(name)
            spoil(fate in {Fate.FAIL, Fate.MIDST}, fate is Fate.DIE)
            answer = method(*arguments, **named)
            spoil(fate in {Fate.LOST, Fate.LATE}, fate is Fate.DIE_AFTER)
            return answer

        return call

    @contextmanager
    def transaction(self) -> Generator[None]:
        fate = self._worker.pause("transaction")
        spoil(fate is Fate.FAIL, fate is Fate.DIE)
        # from the second statement on, work has been done that must not stay
        self._inside, self._left = True, 2 + self._worker.number % 6 if fate is Fate.MIDST else None
        try:
            with self._store.transaction():
                yield
        finally:
            self._inside = False
        spoil(fate in {Fate.LOST, Fate.LATE}, fate is Fate.DIE_AFTER)


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
