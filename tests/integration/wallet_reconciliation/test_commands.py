"""``./econsent wallet`` on the real PostgreSQL, with the job's own role."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from econsent_jobs.core.results import JobResult
from econsent_jobs.wallet_reconciliation.commands import CONNECTION, wallet
from econsent_stack.stack import Stack
from tests.integration.wallet_reconciliation.conftest import Moment, World

Run = Callable[..., JobResult]


class Ask:
    """Types ``./econsent wallet …`` and keeps what is printed."""

    def __init__(self, environment: Mapping[str, str], printed: pytest.CaptureFixture[str]) -> None:
        self._environment, self._printed = environment, printed

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, output and errors."""
        self._printed.readouterr()
        code = wallet(list(words), self._environment)
        printed = self._printed.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def ask(stack: Stack, database: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]) -> Ask:
    known = json.loads(stack.environment()[CONNECTION])
    return Ask({CONNECTION: json.dumps({**known, "schema": database.info.dbname})}, capsys)


@pytest.fixture
def october(world: World, run: Run, moment: Moment) -> World:
    """A wallet with a payment and two charges in October, and one charge in November."""
    moment.at = datetime(2026, 11, 2, tzinfo=UTC)
    world.company()
    world.paid("p-1", "50.00", settled_at=datetime(2026, 10, 5, tzinfo=UTC))
    world.usage("r-1", sku="verification", at=datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    world.usage("r-2", sku="debt_lookup", quantity=2, at=datetime(2026, 10, 6, tzinfo=UTC))
    world.usage("r-3", at=datetime(2026, 11, 1, tzinfo=UTC))
    run()
    return world


def test_explain_adds_the_balance_up(october: World, ask: Ask) -> None:
    code, out, _ = ask("explain", "acme")

    assert code == 0
    assert "49.1850 USD, 4 entries" in out
    assert "2026-10  recharge +50.0000 (1)  usage_charge -0.7150 (2)  = 49.2850" in out
    assert "2026-11  usage_charge -0.1000 (1)  = 49.1850" in out
    assert "Usage: debt_lookup, 2 at 0.3500" in out
    assert "acme: nothing to do" in out


def test_explain_goes_back_in_time(october: World, ask: Ask) -> None:
    assert "0.0000 USD, 0 entries" in ask("explain", "acme", "--at", "2026-01-01")[1]


def test_plan_says_what_a_run_would_do_and_changes_nothing(october: World, ask: Ask, run: Run) -> None:
    october.usage("r-4")
    october.usage("r-5", sku="teleport")
    october.paid("p-2", "5.00")
    october.retained(1_003, period="2026-11-01")
    october.database.execute("UPDATE econsent.wallets SET balance = balance + 1")
    before = october.entries()

    code, out, _ = ask("plan")

    assert code == 0
    assert out == (
        "acme: 1 charge of 0.1000, 1 usage row without a price to set aside, 1 payment, 3 retentions above the quota, "
        "a drift of +1.0000 to explain and repair\n"
    )
    assert october.entries() == before
    run()
    assert ask("plan", "acme")[1] == "acme: nothing to do\n"


def test_a_statement_adds_up_to_the_ledger(october: World, ask: Ask, tmp_path: Path) -> None:
    lines = list(csv.DictReader(io.StringIO(ask("statement", "acme", "2026-10")[1])))
    assert [line["kind"] for line in lines] == ["opening", "usage_charge", "usage_charge", "recharge", "closing"]
    assert sum(Decimal(line["amount"]) for line in lines if line["amount"]) == Decimal(lines[-1]["balance"]) == Decimal("49.2850")
    november = list(csv.DictReader(io.StringIO(ask("statement", "acme", "2026-11")[1])))
    assert (november[0]["balance"], november[-1]["balance"]) == ("49.2850", "49.1850")

    page = tmp_path / "page.html"
    assert ask("statement", "acme", "2026-10", "--html", "--out", str(page))[0] == 0
    assert "Closing balance" in page.read_text()
    assert "open: further entries may come" in page.read_text()


def test_a_month_is_closed_once_and_what_comes_late_is_booked_after_it(october: World, ask: Ask, run: Run) -> None:
    late = october.usage("late", at=datetime(2026, 10, 30, tzinfo=UTC))
    assert ask("close", "acme", "2026-10", "--by", "ann")[2].startswith("Not in the ledger yet: 1 usage row to the end of 2026-10.")
    october.database.execute("UPDATE econsent.usage_events SET status = 'voided' WHERE usage_id = %s", [late])

    assert ask("close", "acme", "2026-10", "--by", "ann") == (0, "acme: 2026-10 is closed, from 0.0000 to 49.2850\n", "")
    assert ask("close", "acme", "2026-10")[2].startswith("2026-10 is closed already")
    assert "wallet.period_closed" in october.audited()
    october.usage("later", at=datetime(2026, 10, 29, tzinfo=UTC))
    run()

    november = list(csv.DictReader(io.StringIO(ask("statement", "acme", "2026-11")[1])))
    assert [(line["late_from"], line["amount"]) for line in november[1:-1]] == [("", "-0.1000"), ("2026-10", "-0.1000")]
    kept = october.one("SELECT closing_balance FROM econsent.wallet_periods")
    assert list(csv.DictReader(io.StringIO(ask("statement", "acme", "2026-10")[1])))[-1]["balance"] == f"{kept:.4f}"


def test_the_running_month_cannot_be_closed(october: World, ask: Ask) -> None:
    now = datetime.now(UTC)
    assert ask("close", "acme", f"{now:%Y-%m}")[2].startswith(f"{now:%Y-%m} is not over")


def test_a_report_is_made_again(october: World, ask: Ask, run: Run) -> None:
    october.database.execute("UPDATE econsent.wallets SET balance = balance + 0.1")
    run()
    number = october.one("SELECT max(reconciliation_id) FROM econsent.wallet_reconciliations")

    code, out, _ = ask("report", str(number))

    assert code == 0
    assert '"kind":"missing"' in out
    assert "It is the report that was kept, to the byte." in out


STRANGERS = ["explain nobody", "plan nobody", "statement nobody 2026-10", "close nobody 2026-10", "report 1"]


@pytest.mark.parametrize("words", STRANGERS)
def test_what_is_not_there_is_said(world: World, ask: Ask, words: str) -> None:
    code, out, err = ask(*words.split())

    assert (code, out) == (1, "")
    assert err.startswith("There is no ")
