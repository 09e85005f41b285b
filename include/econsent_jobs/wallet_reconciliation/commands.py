"""``./econsent wallet``: how a balance came to be, what a run would do, statements, and closing a month.

They work with the job's own database role, which the running stack names in the environment. All but ``close`` only read.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from psycopg.types.json import Jsonb

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.dated_lines import clock_text
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.statements import statement
from econsent_jobs.io import command_line
from econsent_jobs.io.command_line import Row, limit_up_to, open_database, tell, time_of
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.wallet_reconciliation.model import Entry, Settings
from econsent_jobs.wallet_reconciliation.rules.explanation import MonthSum, Plan, explain_balance, explain_plan
from econsent_jobs.wallet_reconciliation.rules.money import next_month
from econsent_jobs.wallet_reconciliation.rules.report import read_snapshot, report_text
from econsent_jobs.wallet_reconciliation.rules.statement import Statement, as_csv, as_page, why_not_closed

PACKAGE: Final = "econsent_jobs.wallet_reconciliation"
CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_WALLET_RECONCILIATION_DATABASE"
MOST: Final = 10_000

rows_of = command_line.rows_of(PACKAGE)
limit_of = limit_up_to(MOST)


def wallet(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Say how a balance came to be (explain), what a run would do (plan); statements, reports, closing a month

    Exit code 0: done. 1: nothing was found or changed, or eConsent cannot be asked. 2: a wrong command line.
    """
    options = parser().parse_args(argv)
    try:
        with open_database(environment, CONNECTION) as database:
            return options.run(database, options)
    except EconsentError as error:
        return tell(error.reason)


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="./econsent wallet", description="Look at companies' wallets. All but close only read.")
    actions = words.add_subparsers(required=True, metavar="explain | plan | statement | report | close")

    one = actions.add_parser("explain", help="how a balance came to be, entry by entry")
    one.add_argument("company", metavar="COMPANY", help="the company's id")
    one.add_argument("--at", metavar="TIME", type=time_of, help="as the ledger stood then, in ISO 8601; UTC unless it names a zone")
    one.add_argument("--last", metavar="N", type=limit_of, default=20, help="so many of the newest entries, 20 unless said")
    one.set_defaults(run=run_explain)

    plan = actions.add_parser("plan", help="what a run would do now, company by company")
    plan.add_argument("company", metavar="COMPANY", nargs="?", help="one company instead of all")
    plan.set_defaults(run=run_plan)

    sheet = actions.add_parser("statement", help="the statement of one month, as CSV or as a page")
    sheet.add_argument("company", metavar="COMPANY", help="the company's id")
    sheet.add_argument("month", metavar="MONTH", type=month_of, help="such as 2026-11")
    sheet.add_argument("--html", action="store_true", help="a page instead of CSV")
    sheet.add_argument("--out", metavar="FILE", type=Path, help="write it there")
    sheet.set_defaults(run=run_statement)

    report = actions.add_parser("report", help="make the report of a reconciliation again from its snapshot")
    report.add_argument("number", metavar="NUMBER", type=int, help="its reconciliation_id")
    report.set_defaults(run=run_report)

    close = actions.add_parser("close", help="close a month that is over: what still comes for it is booked in the next one")
    close.add_argument("company", metavar="COMPANY", help="the company's id")
    close.add_argument("month", metavar="MONTH", type=month_of, help="such as 2026-11")
    close.add_argument("--by", metavar="WHO", default=None, help="who asks, for the audit trail; your login unless said")
    close.set_defaults(run=run_close)
    return words


def month_of(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise argparse.ArgumentTypeError("a month is needed, such as 2026-11") from error


def run_explain(database: Connection, options: argparse.Namespace) -> int:
    now: datetime = rows_of(database, "read_clock")[0]["moment"]
    at = options.at or now
    found = rows_of(database, "load_wallet", company_id=options.company)
    if not found:
        return tell(f"There is no wallet of a company {options.company}: ./econsent wallet plan lists them all.")
    sums = [MonthSum(**row) for row in rows_of(database, "sum_months", company_id=options.company, moment=at)]
    last = [Entry(**row) for row in rows_of(database, "list_last_entries", company_id=options.company, moment=at, most=options.last)]
    print("\n".join(explain_balance(options.company, sums, last, at=at)))
    if options.at is None:
        print(f"The balance that customers see is {found[0]['balance']:.4f}. A run would do this:")
        print(f"  {explain_plan(planned(database, options.company, now)[0])}")
    return 0


def run_plan(database: Connection, options: argparse.Namespace) -> int:
    now: datetime = rows_of(database, "read_clock")[0]["moment"]
    plans = planned(database, options.company, now)
    if not plans:
        return tell(f"There is no wallet of a company {options.company}: leave it out to see all.")
    print("\n".join(explain_plan(plan) for plan in plans))
    return 0


def run_statement(database: Connection, options: argparse.Namespace) -> int:
    if not rows_of(database, "load_wallet", company_id=options.company):
        return tell(f"There is no wallet of a company {options.company}: ./econsent wallet plan lists them all.")
    with database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        sheet = load_statement(database, options.company, options.month)
    text = as_page(sheet) if options.html else as_csv(sheet)
    if options.out is None:
        sys.stdout.write(text)
        return 0
    options.out.write_text(text, encoding="utf-8", newline="")
    print(f"{options.out}: {len(sheet.entries)} entries, from {sheet.opening:.4f} to {sheet.closing:.4f}")
    return 0


def run_report(database: Connection, options: argparse.Namespace) -> int:
    found = rows_of(database, "load_report", reconciliation_id=options.number)
    if not found:
        return tell(f"There is no reconciliation {options.number}.")
    done = found[0]
    print(f"{done['company_id']}, {clock_text(done['created_at'])}: {done['result']}, drift {done['drift']:.4f}")
    if done["snapshot"] is None:
        print(done["error"] or "The balance was right: there is nothing to report.")
        return 0
    again = report_text(read_snapshot(done["snapshot"]))
    print(again)
    if again != done["report"] or sha256_hex(again.encode()) != done["report_sha256"]:
        return tell("It differs from the report that was kept: the rules have changed since, or the row was.")
    print("It is the report that was kept, to the byte.")
    return 0


def run_close(database: Connection, options: argparse.Namespace) -> int:
    who = options.by or f"operator:{getpass.getuser()}"
    with database_errors(), database.transaction():
        if not rows_of(database, "lock_wallet", company_id=options.company):
            return tell(f"There is no wallet of a company {options.company}: ./econsent wallet plan lists them all.")
        now: datetime = rows_of(database, "read_clock")[0]["moment"]
        state = state_of(database, options.company, options.month)
        today = now.astimezone(UTC).date()
        refusal = why_not_closed(options.month, today=today, closed_until=state["closed_until"], unposted=state["unposted"])
        if refusal:
            return tell(refusal)
        sheet = load_statement(database, options.company, options.month)
        amounts = {"opening": sheet.opening, "closing": sheet.closing}
        run(database, "close_month", company_id=options.company, period=options.month, moment=now, closed_by=who, **amounts)
        details = Jsonb({"period": f"{options.month:%Y-%m}", **{name: f"{amount:.4f}" for name, amount in amounts.items()}})
        run(
            database,
            "audit_wallet",
            company_id=options.company,
            action="wallet.period_closed",
            user=who,
            moment=now,
            details=details,
            dedupe_key=f"wallet.period_closed:{options.company}:{options.month}",
        )
    print(f"{options.company}: {options.month:%Y-%m} is closed, from {sheet.opening:.4f} to {sheet.closing:.4f}")
    return 0


def planned(database: Connection, company_id: str | None, now: datetime) -> list[Plan]:
    found = rows_of(database, "plan_wallets", company_id=company_id, occurred_until=now - Settings().usage_age, most=MOST)
    return [Plan(**row) for row in found]


def state_of(database: Connection, company_id: str, period: date) -> Row:
    next_period = datetime.combine(next_month(period), datetime.min.time(), tzinfo=UTC)
    return rows_of(database, "sum_before", company_id=company_id, period=period, next_period=next_period)[0]


def load_statement(database: Connection, company_id: str, period: date) -> Statement:
    state = state_of(database, company_id, period)
    return Statement(
        company_id=company_id,
        period=period,
        opening=state["opening"],
        is_closed=state["closed_until"] is not None and period <= state["closed_until"],
        entries=[Entry(**row) for row in rows_of(database, "load_statement", company_id=company_id, period=period)],
    )


def run(database: Connection, query: str, **parameters: Any) -> None:
    with database_errors():
        database.execute(statement(PACKAGE, query), parameters)


COMMANDS: Final = {"wallet": wallet}
