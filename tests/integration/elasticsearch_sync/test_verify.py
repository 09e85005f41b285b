"""The verifier proves the index by a projection of its own, and names whatever was changed."""

import json
from collections.abc import Callable
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
    """Verify everything with the rights that the verifier has."""

    def verified() -> Report:
        with psycopg.connect(stack.postgres_url(database.info.dbname, user="econsent_verify"), autocommit=True) as own:
            return verify(own, SearchIndex(world.client), alias=world.alias)

    return verified


def test_everything_holds_for_hostile_rows_too(world: Any, run: Run, verified: Callable[[], Report]) -> None:
    for columns in HOSTILE.values():
        world.certificates(1, **columns)
    gone, expired, revoked = world.certificates(3)
    run()
    world.database.execute("DELETE FROM econsent.certificates WHERE company_id = 'acme' AND certificate_pk = %s", [gone])
    world.change(expired, status="expired")
    world.revoke(revoked)
    run()

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
