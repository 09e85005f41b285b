"""``./econsent search``: how current the index is, one certificate in all three places, a search, and what was set aside.

They work with the job's own database role and its Connection to the index, which the running stack names in the environment. All but
``redrive`` and ``rollback`` only read.
"""

import argparse
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from econsent_jobs.core.dated_lines import clock_text
from econsent_jobs.core.errors import BadItem, EconsentError
from econsent_jobs.elasticsearch_sync.model import Key, Settings
from econsent_jobs.elasticsearch_sync.queries import for_company
from econsent_jobs.elasticsearch_sync.reindex import kept_for_rollback, roll_back
from econsent_jobs.elasticsearch_sync.rules.drift import taken_apart
from econsent_jobs.elasticsearch_sync.rules.projection import digest_of, project
from econsent_jobs.elasticsearch_sync.store import PACKAGE, PostgresStore
from econsent_jobs.elasticsearch_sync.tools import real_tools
from econsent_jobs.io import command_line
from econsent_jobs.io.command_line import limit_up_to, open_database, tell
from econsent_jobs.io.database import Connection
from econsent_jobs.io.search_index import SearchIndex, index_of

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_ELASTICSEARCH_SYNC_DATABASE"
SEARCH: Final = "AIRFLOW_CONN_ECONSENT_SEARCH"
ALIAS: Final = "AIRFLOW_VAR_ECONSENT_SEARCH_ALIAS"
MOST: Final = 1_000

rows_of = command_line.rows_of(PACKAGE)
limit_of = limit_up_to(MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where commands look. ``alias``: what readers search."""

    database: Connection
    index: SearchIndex
    alias: str


def search(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """The search index: status, explain CERTIFICATE, certificates --company C "words", dead, redrive, rollback

    Exit code 0: done, and all is well. 1: nothing was found, something is wrong, or eConsent cannot be asked. 2: a wrong command line.
    """
    options = parser().parse_args(argv)
    try:
        with open_places(environment) as places:
            return options.run(places, options)
    except EconsentError as error:
        return tell(error.reason)


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="./econsent search", description="Look into the search index, and retry what was set aside.")
    actions = words.add_subparsers(required=True, metavar="status | explain | certificates | dead | redrive | rollback")

    status = actions.add_parser("status", help="lag, what waits, what was set aside, and what the proof of each index found")
    status.set_defaults(run=run_status)

    explain = actions.add_parser("explain", help="one certificate in the database, the outbox and every index, side by side")
    explain.add_argument("id", metavar="CERTIFICATE", help="its id, or company/number")
    explain.set_defaults(run=run_explain)

    found = actions.add_parser("certificates", help="search one company's certificates as the dashboard does")
    found.add_argument("--company", required=True, metavar="ID", help="the company; no search goes over several")
    found.add_argument("words", help="words of the consent's text or the consumer's name; or an id, phone number, e-mail address or domain")
    found.add_argument("--limit", metavar="N", type=limit_of, default=20, help="at most so many, 20 unless said")
    found.set_defaults(run=run_certificates)

    dead = actions.add_parser("dead", help="documents that were set aside, with class and sentence, the oldest first")
    redrive = actions.add_parser("redrive", help="let documents that were set aside be tried again by the next run")
    for action, run in ((dead, run_dead), (redrive, run_redrive)):
        action.add_argument("--company", metavar="ID", help="one company instead of all")
        action.add_argument("--limit", metavar="N", type=limit_of, default=MOST, help=f"at most so many, {MOST} unless said")
        action.set_defaults(run=run)

    back = actions.add_parser("rollback", help="let readers search the index again that was live before the last reindex")
    back.add_argument("--dry-run", action="store_true", help="only say which index that is, and how many of its documents wait")
    back.set_defaults(run=run_rollback)
    return words


def run_status(places: Places, options: argparse.Namespace) -> int:  # noqa: ARG001 all actions are called alike
    """Return 1 when something needs a person: a row set aside, no live index, or an alias that names another one."""
    backlog = PostgresStore(places.database).backlog()
    print(f"lag        {backlog.oldest_seconds} s, the age of the oldest change that is not in the index")
    print(f"waiting    {backlog.due}")
    print(f"set aside  {backlog.dead}{'; ./econsent search dead lists them' if backlog.dead else ''}")
    wrong = backlog.dead > 0
    targets = rows_of(places.database, "show_targets")
    named = places.index.holders(places.alias)
    for target in targets:
        name = target["index_name"]
        count = places.index.count(name, {"term": {"deleted": False}}) if places.index.mapping(name) is not None else None
        print(f"{target['state']:<10} {name}: {'it is not there' if count is None else f'{count} certificates'}")
        proven = clock_text(target["last_reconciled_at"]) if target["last_reconciled_at"] else "not yet"
        print(f"           proven whole {proven}; this round is at {target['checked_through'] or 'its start'}")
        found = ", ".join(f"{number} {kind}" for kind, number in sorted(target["drift_kinds"].items())) or "nothing"
        print(f"           wrong and repaired so far: {found}")
        wrong = wrong or count is None
    live = [target["index_name"] for target in targets if target["state"] == "live"]
    if not live:
        return tell("There is no index yet: the next run of elasticsearch_sync makes it.")
    if named != live:
        instead = ", ".join(named) or "nothing"
        return tell(f"The alias {places.alias} names {instead}, not {live[0]}: the next run of elasticsearch_sync mends that.")
    return 1 if wrong else 0


def run_explain(places: Places, options: argparse.Namespace) -> int:
    """Return 1 when an index does not hold what the row gives, whether that is on its way or not."""
    keys = find(places.database, options.id)
    if not keys:
        return tell(f"No certificate is named {options.id}: give its id, or company/number.")
    return max(explain(places, key) for key in keys)


def explain(places: Places, key: Key) -> int:
    store = PostgresStore(places.database)
    (row,) = store.load(key.company_id, [key.certificate_pk])
    print(f"certificate {key.company_id}/{key.certificate_pk}")
    try:
        document = project(key, row, row_version=row.row_version, indexed_at_ms=0)
    except BadItem as error:
        return tell(f"  database   version {row.row_version}, {row.status}; it can be no document: {error.reason}")
    shown = "belongs into the index" if not document.deleted else "belongs into no index"
    print(f"  database   version {row.row_version}, {row.status}, digest {document.sha256[:12]}; {shown}")
    for queued in rows_of(places.database, "find_queued", company_id=key.company_id, doc_key=str(key.certificate_pk)):
        why = f": {queued['error_class']}: {queued['last_error']}" if queued["last_error"] else ""
        state = "set aside" if queued["state"] == "dead" else f"due {clock_text(queued['next_attempt_at'])}"
        wants = f"wants version {queued['wanted_version']} since {clock_text(queued['changed_at'])}"
        print(f"  outbox     {wants}, {state}, tries {queued['attempts']}{why}")
    same = True
    for target in store.targets():
        (hit,) = places.index.get(target.index_name, [(key.document_id, key.company_id)], fields=["*"])
        line, holds = told_of(hit, sha256=document.sha256, deleted=document.deleted)
        print(f"  {target.state:<10} {target.index_name}: {line}")
        same = same and holds
    print(f"  {'The index holds what the row gives.' if same else 'The index does not hold what the row gives yet.'}")
    return 0 if same else 1


def told_of(hit: Mapping[str, Any] | None, *, sha256: str, deleted: bool) -> tuple[str, bool]:
    """Say what an index holds, and whether that is what it should hold."""
    if hit is None:
        return "nothing", deleted
    source: Mapping[str, Any] = hit["_source"]
    epoch, row_version = taken_apart(hit["_version"])
    version = f"version {row_version} of epoch {epoch}"
    if source.get("deleted"):
        return f"a tombstone, {version}", deleted
    digest = digest_of(source)
    altered = "" if digest == source.get("projection_sha256") else ", which is not the one that it carries"
    return f"{version}, digest {digest[:12]}{altered}", digest == sha256 and not altered and not deleted


def run_certificates(places: Places, options: argparse.Namespace) -> int:
    answer = places.index.search(places.alias, for_company(options.company, options.words, most=options.limit))
    hits: Sequence[Mapping[str, Any]] = answer["hits"]["hits"]
    for hit in hits:
        found = hit["_source"]
        at = moment_text(found.get("consent_at"))
        revoked = "  revoked" if found.get("opt_out", {}).get("revoke") else ""
        print(f"{at}  {found['company_id']}/{found['certificate_pk']}  {found.get('certificate_id', '-')}{revoked}")
    total = answer["hits"]["total"]["value"]
    print(f"{total} found{f', {len(hits)} shown' if len(hits) < total else ''}.")
    return 0 if hits else 1


def run_dead(places: Places, options: argparse.Namespace) -> int:
    rows = rows_of(places.database, "list_dead", company_id=options.company, most=options.limit)
    for row in rows:
        print(f"{clock_text(row['changed_at'])}  {row['company_id']}/{row['doc_key']}  {row['error_class']}: {row['last_error']}")
    print(f"{len(rows)} set aside.")
    return 0


def run_redrive(places: Places, options: argparse.Namespace) -> int:
    rows = rows_of(places.database, "redrive", company_id=options.company, most=options.limit)
    for row in rows:
        print(f"{row['company_id']}/{row['doc_key']}")
    print(f"{len(rows)} are tried again by the next run of elasticsearch_sync.")
    return 0 if rows else 1


def run_rollback(places: Places, options: argparse.Namespace) -> int:
    """Both indices follow the database, so nothing is lost by going back, nor by going forth again."""
    tools = real_tools(database=places.database, search=places.index, settings=Settings(alias=places.alias))
    if options.dry_run:
        print(
            f"Readers would search {kept_for_rollback(tools)}; {tools.store.backlog().due} changes wait for it and for the live one alike."
        )
        return 0
    print(f"Readers search {roll_back(tools=tools)} again; the other one is kept, and the same command goes back to it.")
    return 0


def find(database: Connection, name: str) -> list[Key]:
    """Find certificates by id, or by ``company/number``. Companies are asked one after the other."""
    company_id, slash, number = name.rpartition("/")
    store = PostgresStore(database)
    if slash and number.isdecimal() and len(number) < 19:
        return [Key(company_id, row.certificate_pk) for row in store.load(company_id, [int(number)])]
    found: list[Key] = []
    after = ""
    while companies := store.companies(after=after, most=MOST):
        for company_id in companies:
            rows = rows_of(database, "find_certificates", company_id=company_id, certificate_id=name)
            found += [Key(company_id, row["certificate_pk"]) for row in rows]
        after = companies[-1]
    return found


def moment_text(at_ms: int | None) -> str:
    """Return a time of the index, milliseconds since 1970, which may lie beyond every calendar of ours."""
    if at_ms is None:
        return "-"
    try:
        return clock_text(datetime.fromtimestamp(at_ms / 1000, UTC))
    except (ValueError, OverflowError):
        return "outside the years 1 to 9999"


@contextmanager
def open_places(environment: Mapping[str, str]) -> Generator[Places]:
    """Open the database as the job's role, and the index. Raises PermanentError (config) where nothing tells where they are."""
    with (
        open_database(environment, DATABASE) as database,
        index_of(environment, SEARCH) as index,
    ):
        yield Places(database=database, index=index, alias=environment.get(ALIAS, "certificates"))


COMMANDS: Final = {"search": search}
