"""The verifier proves the index by a projection of its own, and names whatever was changed."""

import json
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from random import Random
from typing import Any

import psycopg
import pytest

from econsent_jobs.io.search_index import SearchIndex
from econsent_stack.stack import Stack
from econsent_verify.elasticsearch_sync import ALIAS, DATABASE, SEARCH, Report, main, verify
from tests.integration.elasticsearch_sync.test_faults import HOSTILE

Run = Callable[..., Any]


@pytest.fixture
def verified(stack: Stack, database: Any, world: Any) -> Callable[[], Report]:
    """Verify everything with the rights that the verifier has. ``through``: another way to the index."""

    def verified(through: Any = None) -> Report:
        with psycopg.connect(stack.postgres_url(database.info.dbname, user="econsent_verify"), autocommit=True) as own:
            return verify(own, through or SearchIndex(world.client), alias=world.alias)

    return verified


def hide_and_revoke(world: Any, run: Run) -> None:
    """Bring three certificates into the index, and then what became of them: one is gone, one expired, one revoked."""
    gone, expired, revoked = world.certificates(3)
    run()
    world.database.execute("DELETE FROM econsent.certificates WHERE company_id = 'acme' AND certificate_pk = %s", [gone])
    world.change(expired, status="expired")
    world.revoke(revoked)
    run()


def test_everything_holds_for_hostile_rows_too(world: Any, run: Run, verified: Callable[[], Report]) -> None:
    for columns in HOSTILE.values():
        world.certificates(1, **columns)
    hide_and_revoke(world, run)

    report = verified()

    assert report.findings == []
    assert (report.certificates, report.documents, report.waiting) == (len(HOSTILE) + 2, len(HOSTILE) + 3, 0)


def test_what_waits_is_left_out_and_counted(world: Any, run: Run, verified: Callable[[], Report]) -> None:
    pks = world.certificates(3)
    run()
    world.revoke(pks[0])

    assert (verified().waiting, verified().found) == (1, 0)


CHANGED: dict[str, Any] = {
    "certificate_id": "EC-other",
    "consent_at": 1,
    "consent_text": "other",
    "consent_types": ["text"],
    "consumer": {"phone": "+1"},
    "deleted": True,
    "digest_part": 1,
    "has_replay": True,
    "opt_out": {"revoke": True},
    "origin": "https://evil.example",
    "projection_sha256": "f" * 64,
    "property_id": "other",
    "row_version": 9,
    "session_id": "s",
    "status": "expired",
}


@pytest.mark.parametrize("field", sorted(CHANGED))
def test_every_changed_field_is_named(field: str, world: Any, run: Run, verified: Callable[[], Report]) -> None:
    pks = world.certificates(3)
    run()
    document = world.stored(pks[1])
    version = document.pop("_version")
    document[field] = CHANGED[field]
    world.client.index(
        index=world.index_name(), id=f"acme:{pks[1]}", routing="acme", document=document, version=version, version_type="external_gte"
    )

    report = verified()

    assert report.found >= 1
    assert all(f"acme/{pks[1]}: " in finding for finding in report.findings)
    if field not in {"digest_part", "projection_sha256", "row_version"}:
        assert any(field in finding for finding in report.findings)


SEED = 6
BIT_FLIPS = 200
COMPARED = ("_id", "_routing", "_version", "_source")
TELLS_NOTHING = "indexed_at"
"""When a document was written is nobody's to say but its own."""


class Flipping:
    """A way to the index on which one bit of one document is turned. The index itself is asked once for each question."""

    def __init__(self, real: SearchIndex, random: Random) -> None:
        self._real, self._random = real, random
        self._answers: dict[str, dict[str, Any]] = {}
        self._left = -1
        self.flipped = ""

    def next_flip(self, documents: int) -> None:
        self._left, self.flipped = self._random.randrange(documents), ""

    def search(self, index: str, body: Mapping[str, Any]) -> dict[str, Any]:
        question = json.dumps([index, body])
        if question not in self._answers:
            self._answers[question] = dict(self._real.search(index, body))
        hits = list(self._answers[question]["hits"]["hits"])
        if not self.flipped and self._left < len(hits):
            hits[self._left] = self._flip(hits[self._left])
        elif not self.flipped:
            self._left -= len(hits)
        return {"hits": {"hits": hits}}

    def _flip(self, hit: dict[str, Any]) -> dict[str, Any]:
        source = {name: value for name, value in hit["_source"].items() if name != TELLS_NOTHING}
        before = json.dumps([{**hit, "_source": source}[name] for name in COMPARED], ensure_ascii=False).encode()
        while True:
            after, bit = bytearray(before), self._random.randrange(len(before) * 8)
            after[bit // 8] ^= 1 << bit % 8
            near = slice(max(0, bit // 8 - 30), bit // 8 + 10)
            try:
                self.flipped = f"{before[near]!r} of {hit['_id']} became {bytes(after[near])!r}"
                return {**hit, **dict(zip(COMPARED, json.loads(after), strict=True))}
            except ValueError:  # no JSON any more: the client refuses the whole answer
                continue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_every_flipped_bit_is_named(world: Any, run: Run, verified: Callable[..., Report]) -> None:
    for columns in HOSTILE.values():
        world.certificates(1, **{name: value[:400] if name in {"origin", "domain"} else value for name, value in columns.items()})
    hide_and_revoke(world, run)
    documents = verified().documents
    flipping, silent = Flipping(SearchIndex(world.client), Random(SEED)), []

    for _ in range(BIT_FLIPS):
        flipping.next_flip(documents)
        if not verified(flipping).found:
            silent.append(flipping.flipped)
        assert flipping.flipped

    assert silent == []


ANOTHER: dict[str, str] = {
    "certificates.certificate_id": "'EC-other'",
    "certificates.consent_at": "consent_at + interval '1 millisecond'",
    "certificates.consent_records": """'[{"type": "call", "value": "other"}]'""",
    "certificates.consumer_email": "'other@example.com'",
    "certificates.consumer_name": "'Other'",
    "certificates.consumer_phone": "'+12025550199'",
    "certificates.domain": "'other.example'",
    "certificates.expires_at": "expires_at + interval '1 day'",
    "certificates.finalized_at": "NULL",
    "certificates.geo": """'{"country": "FR"}'""",
    "certificates.ip": "'192.0.2.77'",
    "certificates.opt_out": """'{"revoke": true}'""",
    "certificates.origin": "'https://other.example'",
    "certificates.property_id": "'second'",
    "certificates.recording_hashes": "'[]'",
    "certificates.row_version": "row_version + 1",
    "certificates.session_id": "'other'",
    "certificates.source": "'sms'",
    "certificates.status": "'expired'",
    "sessions.retention_status": "'expired'",
    "sessions.rrweb_to_video_status": "'failed'",
    "attestations.disclosure_sha256": "repeat('b', 64)",
    "attestations.language_detected": "'fr'",
    "attestations.template_id": "'other'",
    "attestations.template_version": "'9'",
    "attestations.visibility": """'{"disclosureVisible": "false"}'""",
    "attestations.wcag_level": "'AAA'",
}


def test_every_column_that_is_shown_is_compared(world: Any, run: Run, verified: Callable[..., Report]) -> None:
    """Each is changed past the triggers, so that nothing waits in the outbox."""
    statement = (files("econsent_verify.elasticsearch_sync_checks") / "sql" / "page_rows.sql").read_text()
    tables = {"a": "attestations", "c": "certificates", "s": "sessions"}
    read = {f"{tables[alias]}.{column}" for alias, column in re.findall(r"\b([acs])\.([a-z0-9_]+)", statement)}
    assert {place for place in read if not place.endswith((".company_id", ".certificate_pk", "sessions.session_id"))} == set(ANOTHER)
    complete_certificate(world)
    run()
    assert verified().found == 0
    silent: list[str] = []

    world.database.execute("SET session_replication_role = replica")
    world.database.execute("ALTER TABLE econsent.certificates DROP CONSTRAINT certificates_check, DROP CONSTRAINT certificates_check1")
    for place, value in ANOTHER.items():
        table, _, column = place.partition(".")
        world.database.execute(f"CREATE TEMP TABLE kept AS SELECT {column} AS value FROM econsent.{table}")
        world.database.execute(f"UPDATE econsent.{table} SET {column} = {value}")
        if not verified().found:
            silent.append(place)
        world.database.execute(f"UPDATE econsent.{table} SET {column} = kept.value FROM kept; DROP TABLE kept")

    assert silent == []
    assert verified().found == 0


def complete_certificate(world: Any) -> None:
    """Insert one certificate that has everything that the index can show."""
    session_id = world.session(retention_status="retained")
    world.database.execute("UPDATE econsent.sessions SET rrweb_to_video_status = 'completed'")
    where = {"ip": "192.0.2.1", "geo": '{"country": "DE", "city": "Ulm"}', "origin": "https://shop.example", "domain": "shop.example"}
    (pk,) = world.certificates(1, source="session", session_id=session_id, recording_hashes=json.dumps(["a" * 64]), **where)
    world.database.execute(
        """
        INSERT INTO econsent.attestations (company_id, certificate_pk, disclosure_sha256, visibility, wcag_level, language_detected,
        template_id, template_version, document, attestation_sha256)
        VALUES ('acme', %s, repeat('a', 64), '{"disclosureVisible": "true"}', 'AA', 'de', 't', '1', '{}', repeat('c', 64))
        """,
        [pk],
    )
    world.change(pk, consumer_name="Ann")


def test_missing_further_and_foreign_documents_are_named(world: Any, run: Run, verified: Callable[[], Report]) -> None:
    pks = world.certificates(4)
    run()
    index, document = world.index_name(), world.stored(pks[0])
    document.pop("_version")
    world.client.delete(index=index, id=f"acme:{pks[1]}", routing="acme")
    world.client.index(index=index, id="acme:further", routing="acme", document=document)
    world.client.index(index=index, id="nobody:1", routing="nobody", document=document | {"company_id": "nobody"})
    world.client.index(index=index, id="acme:99999", routing="acme", document=document | {"certificate_pk": 99_999})

    findings = "\n".join(verified().findings)

    for what in ("the document is missing", "a further document", "companies that do not exist", "there is no such certificate"):
        assert what in findings


def test_the_command_ends_with_what_it_found(stack: Stack, database: Any, world: Any, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    connection = json.loads(stack.variables()["AIRFLOW_CONN_ECONSENT_VERIFY_DATABASE"]) | {"schema": database.info.dbname}
    environment = {DATABASE: json.dumps(connection), SEARCH: stack.variables()[SEARCH], ALIAS: world.alias}
    (pk,) = world.certificates()
    run()

    assert main([], environment) == 0
    assert capsys.readouterr().out == "1 certificates, 1 documents: everything holds.\n"
    world.client.delete(index=world.index_name(), id=f"acme:{pk}", routing="acme")
    assert main(["--json"], environment) == 1
    assert json.loads(capsys.readouterr().out)["found"] == 1
    assert main([], {}) == 2
