"""``./econsent webhooks``: see deliveries, send them again, and try an endpoint out.

They work with the job's own database role, which the running stack names in the environment. ``list`` and ``explain`` only read.
"""

import argparse
import asyncio
import getpass
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from econsent_jobs.core.canonical_json import canonical_json, timestamp_text
from econsent_jobs.core.dated_lines import clock_text
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.statements import statement
from econsent_jobs.io import command_line
from econsent_jobs.io.command_line import Row, limit_up_to, open_database, tell, time_of
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.io.environment import connection_of
from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, Attempted, Claimed, Request, SecretKeys, Settings, StoredSecret
from econsent_jobs.webhook_delivery_retry.rules.explanation import Attempt, Way, explain
from econsent_jobs.webhook_delivery_retry.rules.signatures import build_request
from econsent_jobs.webhook_delivery_retry.secret_box import open_secret
from econsent_jobs.webhook_delivery_retry.sender import HttpsSender

PACKAGE: Final = "econsent_jobs.webhook_delivery_retry"
CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_WEBHOOK_DELIVERY_RETRY_DATABASE"
KEY: Final = "AIRFLOW_CONN_ECONSENT_WEBHOOK_KEY"
NETWORK: Final = "AIRFLOW_CONN_ECONSENT_WEBHOOKS"
MOST: Final = 100_000
STATUSES: Final = ("pending", "delivering", "retrying", "delivered", "exhausted", "cancelled")
REPLAYED: Final = "exhausted"  # unless another status is named: what failed for good
TEST_EVENT: Final = "webhook.test"

rows_of = command_line.rows_of(PACKAGE)
limit_of = limit_up_to(MOST)


def webhooks(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """See webhook deliveries (list, explain), send them again (replay, recover), try an endpoint out (send-test)

    Exit code 0: done. 1: nothing was found or changed, or eConsent cannot be asked. 2: a wrong command line.
    """
    options = parser().parse_args(argv)
    options.environment = environment
    try:
        with open_database(environment, CONNECTION) as database:
            return options.run(database, options)
    except EconsentError as error:
        return tell(error.reason)


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="./econsent webhooks", description="See webhook deliveries, and send them again.")
    actions = words.add_subparsers(required=True, metavar="list | explain | replay | recover | send-test")

    one = actions.add_parser("explain", help="how one delivery got where it is, and when it is tried again, and why then")
    one.add_argument("delivery", metavar="DELIVERY", type=UUID, help="the delivery's id")
    one.set_defaults(run=run_explain)

    listing = actions.add_parser("list", help="deliveries, the newest first")
    add_choice(listing, most=50)
    listing.set_defaults(run=run_list)

    replay = actions.add_parser(
        "replay",
        help="send deliveries again, under the same ids",
        description="Reopens deliveries: dead letters unless --status names others. Each gets 16 more attempts. It is audited.",
    )
    replay.add_argument("delivery", metavar="DELIVERY", type=UUID, nargs="?", help="one delivery instead of a choice")
    add_choice(replay, most=MOST)
    add_acting(replay)
    replay.set_defaults(run=run_replay)

    recover = actions.add_parser(
        "recover",
        help="an endpoint is mended: enable it, and send what it missed",
        description="Enables an endpoint that was disabled for failing, closes its circuit, and makes what failed or waits due now.",
    )
    recover.add_argument("--endpoint", metavar="ID", required=True)
    recover.add_argument(
        "--since", metavar="TIME", type=time_of, required=True, help="events that occurred since, such as 2026-03-02T14:00Z"
    )
    add_acting(recover)
    recover.set_defaults(run=run_recover)

    test = actions.add_parser("send-test", help=f"send one signed {TEST_EVENT} to an endpoint now, and say how that went")
    test.add_argument("--endpoint", metavar="ID", required=True)
    test.set_defaults(run=run_send_test)
    return words


def add_choice(words: argparse.ArgumentParser, *, most: int) -> None:
    words.add_argument("--endpoint", metavar="ID")
    words.add_argument("--company", metavar="ID")
    words.add_argument("--event", metavar="NAME", help="an event's name, such as consent.granted, or its id")
    words.add_argument("--since", metavar="TIME", type=time_of, help="events that occurred since, such as 2026-03-02T14:00Z")
    words.add_argument("--status", choices=STATUSES)
    words.add_argument("--limit", metavar="N", type=limit_of, default=most, help=f"at most so many, {most} unless said")


def add_acting(words: argparse.ArgumentParser) -> None:
    words.add_argument("--by", metavar="WHO", help="who asks, for the audit trail; your login unless said")
    words.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")


def run_explain(database: Connection, options: argparse.Namespace) -> int:
    with database_errors(), database.cursor(row_factory=class_row(Way)) as cursor:
        way = cursor.execute(statement(PACKAGE, "explain_delivery"), {"delivery_id": options.delivery}).fetchone()
    if way is None:
        return tell(f"There is no delivery {options.delivery}: ./econsent webhooks list shows some.")
    attempts = [Attempt(**row) for row in rows_of(database, "load_attempts", delivery_id=options.delivery)]
    print(f"delivery {options.delivery}: {way.status}")
    print("\n".join(str(line) for line in explain(way, attempts)))
    return 0


def run_list(database: Connection, options: argparse.Namespace) -> int:
    found = chosen(database, options, status=options.status)
    for row in found:
        words = [
            clock_text(row["created_at"]),
            str(row["delivery_id"]),
            row["endpoint_id"],
            f"{row['event_type']} {row['subject_id'] or ''}".strip(),
            f"{row['status']} {row['attempts']}/{row['max_attempts']}",
            row["last_error"] or "-",
        ]
        print("  ".join(words))
    print(f"{len(found)} deliveries{', which is as many as --limit lets through' if len(found) == options.limit else ''}.")
    return 0


def run_replay(database: Connection, options: argparse.Namespace) -> int:
    if options.delivery is None and not (options.endpoint or options.company or options.event or options.since):
        return tell("Say which: a DELIVERY, or --endpoint, --company, --event or --since; --status alone would mean everybody's.")
    status = options.status or (None if options.delivery else REPLAYED)
    found = chosen(database, options, status=status, delivery_id=options.delivery)
    if not found:
        return tell("Nothing matches: ./econsent webhooks list shows what there is.")
    return put_back(database, found, options)


def run_recover(database: Connection, options: argparse.Namespace) -> int:
    endpoints = rows_of(database, "find_endpoint", endpoint_id=options.endpoint)
    if not endpoints:
        return tell(f"There is no endpoint {options.endpoint}.")
    if endpoints[0]["status"] not in {"enabled", "disabled_auto"}:
        return tell(f"{options.endpoint} is {endpoints[0]['status']} by its owner's will, and only the owner can enable it.")
    found = [
        row
        for status in ("exhausted", "retrying", "pending")
        for row in listed(database, endpoint_id=options.endpoint, since=options.since, status=status)
    ]
    if not options.dry_run:
        recover(database, endpoints[0], options)
    print(f"{options.endpoint} {'would be' if options.dry_run else 'is'} enabled, its circuit closed.")
    return put_back(database, found, options) if found else 0


def recover(database: Connection, endpoint: Row, options: argparse.Namespace) -> None:
    details = {"endpointId": endpoint["endpoint_id"], "since": options.since.isoformat(), "old": {"status": endpoint["status"]}}
    with database_errors(), database.transaction():
        rows_of(database, "recover_endpoint", endpoint_id=endpoint["endpoint_id"])
        database.execute(
            statement(PACKAGE, "audit_endpoints"),
            {
                "user": who(options),
                "company_ids": [endpoint["company_id"]],
                "actions": ["webhook.recovered"],
                "details": [Jsonb(details)],
                "dedupe_keys": [f"webhook.recovered:{uuid4()}"],
            },
        )


def put_back(database: Connection, found: Sequence[Row], options: argparse.Namespace) -> int:
    """Make deliveries due, in one transaction. Exit code 1 where none could be."""
    if options.dry_run:
        print("\n".join(f"would send {row['delivery_id']} ({row['status']}, {row['event_type']} to {row['endpoint_id']})" for row in found))
        return 0
    ids = [row["delivery_id"] for row in found]
    done = {row["delivery_id"] for row in rows_of(database, "replay_deliveries", delivery_ids=ids, user=who(options))}
    refused = [row for row in found if row["delivery_id"] not in done]
    for row in refused:
        print(f"{row['delivery_id']} cannot be sent again: its body was dropped, its endpoint was deleted, or it is in hand.")
    print(f"{len(done)} deliveries are due now; the next run of webhook_delivery_retry sends them.")
    return 0 if done else 1


def run_send_test(database: Connection, options: argparse.Namespace) -> int:
    """Nothing of it is stored: it is no event of anybody's."""
    endpoints = rows_of(database, "find_endpoint", endpoint_id=options.endpoint)
    if not endpoints:
        return tell(f"There is no endpoint {options.endpoint}.")
    settings = settings_of(options.environment)
    stored = [StoredSecret(**row) for row in rows_of(database, "load_secrets", endpoint_ids=[options.endpoint])]
    if not stored:
        return tell(f"{options.endpoint} has no signing secret: give it one first.")
    claimed = sample_delivery(endpoints[0])
    request = build_request(claimed, [open_secret(settings.keys, each) for each in stored], now=claimed.read_at, names=settings.headers)
    attempted = asyncio.run(send(settings, request))
    status = f" {attempted.status_code}" if attempted.status_code else ""
    place = f" by {attempted.address}" if attempted.address else ""
    print(f"{attempted.outcome}{status}{place} in {attempted.duration_ms} ms{f': {attempted.error}' if attempted.error else ''}")
    return 0 if attempted.delivered else 1


async def send(settings: Settings, request: Request) -> Attempted:
    async with HttpsSender(settings) as sender:
        return await sender.send(request)


def sample_delivery(endpoint: Row) -> Claimed:
    """Return a delivery of an event that nobody caused."""
    body = canonical_json({"event": TEST_EVENT, "timestamp": timestamp_text(endpoint["read_at"]), "data": {}})
    return Claimed(
        delivery_id=uuid4(),
        event_id=uuid4(),
        endpoint_id=endpoint["endpoint_id"],
        company_id=endpoint["company_id"],
        event_type=TEST_EVENT,
        subject_id=None,
        body=body,
        occurred_at=endpoint["read_at"],
        attempts=0,
        max_attempts=1,
        lost_leases=0,
        due_at=endpoint["read_at"],
        url=endpoint["url"],
        http_method=endpoint["http_method"],
        max_in_flight=1,
        proven=False,
        failing=False,
        read_at=endpoint["read_at"],
    )


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read the Connections. Raises PermanentError (config) where there is no key."""
    key = connection_of(environment, KEY)
    network = extra_of(connection_of(environment, NETWORK)) if environment.get(NETWORK) else {}
    retired: dict[str, str] = extra_of(key).get("retired", {})
    return Settings(
        keys=SecretKeys(key_id=key["login"], key=key["password"].encode(), retired={name: text.encode() for name, text in retired.items()}),
        policy=AddressPolicy(allow_loopback=network.get("allow_loopback") is True),
        ca_file=Path(network["ca_file"]) if "ca_file" in network else None,
        nameservers=network.get("nameservers", ()),
        dns_port=network.get("dns_port", 53),
    )


def extra_of(connection: Mapping[str, Any]) -> dict[str, Any]:
    extra: Any = connection.get("extra") or {}
    return json.loads(extra) if isinstance(extra, str) else extra


def chosen(database: Connection, options: argparse.Namespace, *, status: str | None, delivery_id: UUID | None = None) -> list[Row]:
    return listed(
        database,
        delivery_id=delivery_id,
        endpoint_id=options.endpoint,
        company_id=options.company,
        event=options.event,
        since=options.since,
        status=status,
        most=options.limit,
    )


def listed(database: Connection, **choice: Any) -> list[Row]:
    everything = dict.fromkeys(("delivery_id", "endpoint_id", "company_id", "event", "since", "status"))
    return rows_of(database, "list_deliveries", **{**everything, "most": MOST, **choice})


def who(options: argparse.Namespace) -> str:
    return options.by or f"operator:{getpass.getuser()}"


COMMANDS: Final = {"webhooks": webhooks}
