"""What wallet reconciliation works with, and how it is put together on the real stores."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from econsent_jobs.core.clock import Clock, SystemClock
from econsent_jobs.io.database import Connection
from econsent_jobs.io.payments import PaymentProvider
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.store import PostgresStore, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One worker's tools."""

    store: Store
    provider: PaymentProvider
    settings: Settings
    clock: Clock


def real_tools(
    *, database: Connection, provider: PaymentProvider, settings: Settings, moment: Callable[[], datetime] | None = None
) -> Tools:
    """Put the tools together on PostgreSQL (``database`` in autocommit mode) and a payment provider.

    ``moment`` replaces the database's clock, for whoever has to move it.
    """
    return Tools(store=PostgresStore(database, moment=moment), provider=provider, settings=settings, clock=SystemClock())
