"""The real PostgreSQL and the sandbox payment provider with everything a case needs: a clock, workers, proxies, and the verifier."""

import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from econsent_stack.payments_sandbox import serve
from econsent_stack.stack import Stack
from econsent_verify.wallet_reconciliation_checks.walk import Database as Verified
from econsent_verify.wallet_reconciliation_checks.walk import Report, connect, verify
from tests.prove.harness.rows import Asking
from tests.prove.wire.http_talk import HttpTalk
from tests.prove.wire.nursery import Nursery
from tests.prove.wire.postgres_talk import PostgresTalk
from tests.prove.wire.proxy import Proxy, place_of, through
from tests.prove.wire.switchboard import Switchboard

ROLE: Final = "econsent_wallet_reconciliation"
TOKEN: Final = "the token of the proof"
BEGINNING: Final = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
COMPANY: Final = """
INSERT INTO econsent.companies (company_id, name, plan) VALUES (%(company)s, %(company)s, 'starter');
INSERT INTO econsent.wallets (company_id) VALUES (%(company)s);
INSERT INTO econsent.retention_settings (company_id, monthly_quota) VALUES (%(company)s, %(quota)s);
INSERT INTO econsent.memberships (company_id, email, role) VALUES (%(company)s, 'owner@example.com', 'owner');
"""
FRACTIONS: Final = "INSERT INTO econsent.price_book (sku, unit_price, tier_from) VALUES ('retention_overage', 0.0640, 2)"
"""The documented price with a fraction of a cent, within the reach of a case: from the third unit beyond the quota on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one worker is told. ``lock_seconds`` and ``batch_size`` say how large its slices are."""

    database: str
    provider: str
    clock: str
    token: str = TOKEN
    run_id: str = "a run of the proof"
    batch_size: int = 100
    lock_seconds: float = 0.08

    def told(self) -> dict[str, Any]:
        return asdict(self)


class Moment:
    """The clock of all workers, kept in a file. It only moves forward, and only when told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = BEGINNING
        self.forward(timedelta())

    def forward(self, by: timedelta) -> datetime:
        self.at += by
        beside = self.path.with_suffix(".new")
        beside.write_text(self.at.isoformat(), encoding="utf-8")
        beside.replace(self.path)
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """The provider as its owner sees it: what was charged, whatever the job believes."""

    url: str

    def charges(self, payment_prefix: str) -> list[dict[str, Any]]:
        with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            found = client.get(f"{self.url}/v1/charges").raise_for_status().json()["charges"]
        return [charge for charge in found if charge["payment_id"].startswith(payment_prefix)]


@dataclass(frozen=True, slots=True, kw_only=True)
class World(Asking):
    """``direct`` is an errand that meets no proxy, ``proxied`` one whose every call passes the switchboard."""

    database: psycopg.Connection[Any]
    nursery: Nursery
    switchboard: Switchboard
    moment: Moment
    bank: Bank
    direct: Errand
    proxied: Errand
    verifying: str

    def company(self, company_id: str, *, quota: int = 2, **wallet: Any) -> str:
        """Insert a company with its wallet, as ``create_company`` does, but without partitions: a case has no sessions."""
        parameters = {"company": company_id, "quota": quota}
        with self.database.transaction():
            for query in COMPANY.strip().split("\n"):
                self.database.execute(query.encode(), {name: value for name, value in parameters.items() if f"%({name})s" in query})
        if wallet:
            columns = ", ".join(f"{name} = %({name})s" for name in wallet)
            query = f"UPDATE econsent.wallets SET {columns} WHERE company_id = %(company_id)s"
            self.database.execute(query.encode(), {**wallet, "company_id": company_id})
        return company_id

    def insert(self, table: str, **row: Any) -> dict[str, Any]:
        names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        return self.one(f"INSERT INTO econsent.{table} ({names}) VALUES ({places}) RETURNING *", **row)

    def rest(self, *, all_of_them: bool = False) -> None:
        """No wallet that had its turn has another one: a case is alone in its runs, so that they stay as long as the first one."""
        self.database.execute(
            "UPDATE econsent.wallets SET last_turn_at = '2100-01-01Z', leased_until = NULL, lease_token = NULL"
            " WHERE %s OR last_turn_at IS NOT NULL",
            [all_of_them],
        )

    def verify(self, companies: Sequence[str] | None = None) -> list[Report]:
        """Run the verifier with its own read-only role, over all or over some companies."""
        with connect(self.verifying) as connection:
            return [verify(Verified(connection), company_id=company) for company in (companies or [None])]


@contextmanager
def open_world(stack: Stack, *, database: str, folder: Path) -> Generator[World]:
    """Prepare ``database`` (migrated, without companies) and start what stands around it. Everything stops at the end."""
    folder.mkdir(exist_ok=True)
    switchboard = Switchboard()
    owner, role = stack.postgres_url(database), stack.postgres_url(database, user=ROLE)
    with ExitStack() as opened:
        provider = opened.enter_context(payment_server(folder / "charges.sqlite"))
        places = {"postgres": place_of(role), "provider": place_of(provider)}
        proxies = {
            talk.server: opened.enter_context(Proxy(talk, upstream=places[talk.server], switchboard=switchboard))
            for talk in (PostgresTalk(), HttpTalk("provider"))
        }
        connection = opened.enter_context(psycopg.connect(owner, autocommit=True, options="-c timezone=UTC"))
        connection.execute(FRACTIONS)
        moment = Moment(folder / "clock")
        direct = Errand(database=role, provider=provider, clock=str(moment.path))
        proxied = replace(
            direct,
            database=through(role, proxies["postgres"].port),
            provider=f"http://127.0.0.1:{proxies['provider'].port}",
        )
        yield World(
            database=connection,
            nursery=opened.enter_context(Nursery("tests.prove.wallets.worker", {})),
            switchboard=switchboard,
            moment=moment,
            bank=Bank(url=provider),
            direct=direct,
            proxied=proxied,
            verifying=stack.postgres_url(database, user="econsent_verify"),
        )


@contextmanager
def payment_server(state: Path) -> Generator[str]:
    """The sandbox provider in a thread of this process; yields its address."""
    server = serve(port=0, state=state, token=TOKEN)
    server.RequestHandlerClass.log_message = lambda *_: None  # its lines would hide the rest
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()
