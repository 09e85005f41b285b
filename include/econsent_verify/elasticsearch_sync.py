"""``./econsent verify elasticsearch_sync``: prove that the search index equals a fresh projection of the database.

It projects every certificate by code of its own, reads every document whole, and compares field by field, with version, digest and routing.
A certificate whose change still waits in the outbox is left out, and counted. It only reads.

Exit code 0: everything holds. 1: there are findings. 2: it could not run, or a store could not be read to the end.
"""

import argparse
import hashlib
import json
import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final, cast

import psycopg
from psycopg.rows import dict_row

from econsent_jobs.io.database import Connection, first_line
from econsent_jobs.io.environment import NotConfigured, conninfo_of
from econsent_jobs.io.search_index import PermanentError, SearchIndex, TransientError, index_of
from econsent_verify.canonical import canonical

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_VERIFY_DATABASE"
SEARCH: Final = "AIRFLOW_CONN_ECONSENT_SEARCH"
ALIAS: Final = "AIRFLOW_VAR_ECONSENT_SEARCH_ALIAS"
WRITTEN: Final = ("digest_part", "indexed_at", "projection_sha256", "row_version")
PAGE: Final = 500
MOST_SHOWN: Final = 100
LONGEST_TEXT: Final = 200_000
EPOCH: Final = 2**40
SAME: Final = (
    "certificate_id",
    "certificate_pk",
    "consent_at",
    "disclosure_sha256",
    "domain",
    "expires_at",
    "finalized_at",
    "has_replay",
    "has_video",
    "ip",
    "origin",
    "property_id",
    "retention_status",
    "session_id",
    "source",
    "status",
    "template_id",
    "template_version",
    "wcag_level",
)
LETTERS: Final = {"đ": "d", "Đ": "D", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
LETTERS_TABLE: Final = str.maketrans({**LETTERS, "\u0131": "i"})

Row = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Report:
    """``findings`` holds the first hundred, ``found`` counts all; ``waiting`` certificates were left out."""

    certificates: int = 0
    documents: int = 0
    waiting: int = 0
    found: int = 0
    findings: list[str] = field(default_factory=list[str])

    def add(self, place: str, what: str) -> None:
        """Note a finding. It names fields, never a field's value."""
        self.found += 1
        if len(self.findings) < MOST_SHOWN:
            self.findings.append(f"{place}: {what}")


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    words = argparse.ArgumentParser(prog="./econsent verify elasticsearch_sync", description="Proves the search index. It only reads.")
    words.add_argument("--company", metavar="ID", help="one company instead of all")
    words.add_argument("--json", action="store_true", help="print one JSON object on one line")
    options = words.parse_args(argv)
    try:
        with psycopg.connect(conninfo_of(environment, DATABASE), autocommit=True) as database, index_of(environment, SEARCH) as index:
            report = verify(database, index, alias=environment.get(ALIAS, "certificates"), company_id=options.company)
    except NotConfigured as error:
        return tell(error.reason)
    except psycopg.Error as error:
        return tell(f"eConsent's database could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    except (PermanentError, TransientError) as error:
        return tell(f"The index could not be read ({error.reason}): look at ./econsent doctor and verify again.")
    print(as_json(report) if options.json else in_words(report))
    return 1 if report.found else 0


def verify(database: Connection, index: SearchIndex, *, alias: str, company_id: str | None = None) -> Report:
    """Compare everything, index by index. Raises psycopg.Error, and what ``SearchIndex`` raises."""
    report = Report()
    targets = rows_of(database, "list_targets")
    live = [target["index_name"] for target in targets if target["state"] == "live"]
    if index.holders(alias) != live:
        report.add(alias, f"the alias does not name the live index {live}")
    companies = [row["company_id"] for row in rows_of(database, "list_companies", company_id=company_id)]
    for target in targets:
        index.refresh(target["index_name"])
        for company in companies:
            compare_company(database, index, target, company, report)
        if company_id is None:
            check_strangers(index, target["index_name"], companies, report)
    return report


def compare_company(database: Connection, index: SearchIndex, target: Row, company_id: str, report: Report) -> None:
    """Walk rows and documents side by side, both in the order of their keys."""
    documents = walk_documents(index, target["index_name"], company_id)
    document = next(documents, None)
    for row in walk_rows(database, company_id):
        pk = row["certificate_pk"]
        report.certificates += 1
        held: list[Row] = []
        while document is not None and key_of(document) <= pk:
            if key_of(document) == pk:
                held.append(document)
            else:
                check_without_row(database, document, company_id, target, report)
            report.documents += 1
            document = next(documents, None)
        if row["waits"]:
            report.waiting += 1
        else:
            compare(row, held, company_id, target, report)
    while document is not None:
        report.documents += 1
        check_without_row(database, document, company_id, target, report)
        document = next(documents, None)


def key_of(document: Row) -> int:
    """The key under which the server holds a document, whatever the document itself says."""
    return document["sort"][0]


def compare(row: Row, held: list[Row], company_id: str, target: Row, report: Report) -> None:
    """Compare one certificate with what is there of it."""
    place = f"{target['index_name']} {company_id}/{row['certificate_pk']}"
    for document in held[1:]:
        report.add(place, f"a further document {document['_id']!r}")
    if not held:
        if row["status"] == "finalized":
            report.add(place, "the document is missing")
        return
    document, content = held[0], content_of(held[0])
    if row["status"] == "finalized":
        expected = projection(company_id, row)
        differing = sorted(name for name in expected.keys() | content.keys() if expected.get(name) != content.get(name))
        if differing:
            report.add(place, f"these fields differ: {', '.join(differing)}")
        if document["_version"] % EPOCH != row["row_version"]:
            report.add(place, f"version {document['_version']} is not the row's, {row['row_version']}")
    elif content != tombstone(company_id, row["certificate_pk"]):
        report.add(place, f"the certificate is {row['status']}, and its document is no bare tombstone")
    check_writing(document, company_id, target, place, report)


def check_without_row(database: Connection, document: Row, company_id: str, target: Row, report: Report) -> None:
    """A tombstone outlives its row for a day; anything else without a row is a phantom, unless its deletion still waits."""
    place = f"{target['index_name']} {company_id}/{key_of(document)}"
    if rows_of(database, "find_waiting", company_id=company_id, doc_key=str(key_of(document))):
        report.waiting += 1
        return
    if content_of(document) != tombstone(company_id, key_of(document)):
        report.add(place, "there is no such certificate")
    check_writing(document, company_id, target, place, report)


def check_writing(document: Row, company_id: str, target: Row, place: str, report: Report) -> None:
    """Compare where a document lies, and what it says of its own writing, with its key, version and content. The time says nothing."""
    if document["_id"] != f"{company_id}:{key_of(document)}" or document.get("_routing") != company_id:
        report.add(place, "it lies where no search of its company looks")
    source, version = document["_source"], document["_version"]
    if version // EPOCH > target["version_epoch"] or source.get("row_version") not in (version, version % EPOCH):
        report.add(place, f"version {version} belongs to no write of the job")
    body = canonical(content_of(document))
    if body is None:
        report.add(place, "it has no canonical form, so no digest can be its own")
        return
    digest = hashlib.sha256(body).hexdigest()
    part = int(hashlib.sha256(f"{digest}:{source.get('row_version')}".encode()).hexdigest()[:10], 16)
    if (source.get("projection_sha256"), source.get("digest_part")) != (digest, part):
        report.add(place, "the digest that it carries is not its own")


def content_of(document: Row) -> dict[str, Any]:
    return {name: value for name, value in document["_source"].items() if name not in WRITTEN}


def tombstone(company_id: str, certificate_pk: int) -> dict[str, Any]:
    """What may be left of a certificate that no longer counts."""
    return {"certificate_pk": certificate_pk, "company_id": company_id, "deleted": True}


def check_strangers(index: SearchIndex, index_name: str, companies: list[str], report: Report) -> None:
    """What belongs to no company is in no walk; so the sum of all walks is compared with the whole."""
    known = {"bool": {"must_not": [{"terms": {"company_id": companies}}], "filter": [{"term": {"deleted": False}}]}}
    if strangers := index.count(index_name, known):
        report.add(index_name, f"{strangers} documents of companies that do not exist")


def walk_rows(database: Connection, company_id: str) -> Iterator[Row]:
    after = -1
    while page := rows_of(database, "page_rows", company_id=company_id, after=after):
        yield from page
        after = page[-1]["certificate_pk"]


def walk_documents(index: SearchIndex, index_name: str, company_id: str) -> Iterator[Row]:
    """Read a company's documents whole, wherever they lie, in the order of their keys."""
    body: dict[str, Any] = {
        "size": PAGE,
        "query": {"term": {"company_id": company_id}},
        "version": True,
        "sort": ["certificate_pk", "projection_sha256", "digest_part"],
    }
    while hits := index.search(index_name, body)["hits"]["hits"]:
        yield from hits
        body["search_after"] = hits[-1]["sort"]


def projection(company_id: str, row: Row) -> dict[str, Any]:
    """Derive what the index has to show, by the rules of docs/runbooks/elasticsearch_sync.md and nothing of the job's code."""
    records = [object_of(each) for each in list_of(row["consent_records"])]
    texts = list(dict.fromkeys(each["value"] for each in records if isinstance(each.get("value"), str) and each["value"]))
    opt_out = object_of(row["opt_out"]) if isinstance(row["opt_out"], dict) else {"revoke": row["opt_out"]}
    revoke = opt_out.get("revoke")
    revoked = revoke is not None and revoke is not False
    revoked_at = moment(opt_out.get("revoked_at") or opt_out.get("revokedAt")) if revoked else None
    geo = object_of(row["geo"])
    shown = {name: row[name] for name in SAME} | {
        "company_id": company_id,
        "consent_text": folded("\n".join(texts)[:LONGEST_TEXT]),
        "consent_types": sorted({each["type"] for each in records if isinstance(each.get("type"), str)}),
        "consumer": filled({"email": row["consumer_email"], "name": folded(row["consumer_name"] or ""), "phone": row["consumer_phone"]}),
        "deleted": False,
        "disclosure_visible": {"true": True, "false": False}.get(row["disclosure_visible"]),
        "geo": {name: geo[name] for name in ("city", "country", "region") if isinstance(geo.get(name), str) and geo[name]},
        "language": row["language_detected"],
        "opt_out": filled({"revoke": revoked, "revoked_at": revoked_at}),
    }
    return filled(shown)


def object_of(value: Any) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Return a JSON list; an empty one for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty; a no is not."""
    return {name: value for name, value in fields.items() if value is False or value == 0 or value}


def folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text) if not text.isascii() else text
    return unicodedata.normalize("NFC", "".join(each for each in apart if not 0x300 <= ord(each) <= 0x36F)).translate(LETTERS_TABLE)


def moment(text: Any) -> int | None:
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def rows_of(database: Connection, name: str, **parameters: Any) -> list[dict[str, Any]]:
    query = (files("econsent_verify.elasticsearch_sync_checks") / "sql" / f"{name}.sql").read_bytes()
    with database.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchall()


def as_json(report: Report) -> str:
    counts = {name: getattr(report, name) for name in ("certificates", "documents", "waiting", "found", "findings")}
    return json.dumps(counts)


def in_words(report: Report) -> str:
    more = [f"… and {report.found - len(report.findings)} more"] if report.found > len(report.findings) else []
    verdict = f"{report.found} findings" if report.found else "everything holds"
    waiting = f"; {report.waiting} wait in the outbox and were left out" if report.waiting else ""
    return "\n".join([*report.findings, *more, f"{report.certificates} certificates, {report.documents} documents: {verdict}{waiting}."])


def tell(sentence: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{sentence}\n")
    return 2
