"""What Elasticsearch's answers mean, and how large the next bulk is."""

from typing import Any

import pytest

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.elasticsearch_sync.model import Document, Found, Key, Result, Target
from econsent_jobs.elasticsearch_sync.rules import pacing
from econsent_jobs.elasticsearch_sync.rules.outcomes import (
    MOST_ATTEMPTS,
    MOST_LOST_LEASES,
    epoch_after,
    judge_conflict,
    read_item,
    retry_delay,
)

DOCUMENT = Document(key=Key("acme", 1), row_version=5, sha256="ours", part=1, body=b"{}")


def target(epoch: int = 0) -> Target:
    return Target(
        index_name="i",
        schema_version=1,
        version_epoch=epoch,
        state="live",
        built_through=None,
        checked_through=None,
        check_round=0,
        drift_found=0,
        drift_repaired=0,
    )


@pytest.mark.parametrize(
    ("item", "result", "error_class"),
    [
        pytest.param({"status": 201, "result": "created"}, Result.WRITTEN, None, id="new"),
        pytest.param({"status": 200, "result": "updated", "_shards": {"failed": 1}}, Result.WRITTEN, None, id="a replica lags behind"),
        pytest.param({"status": 299}, Result.WRITTEN, None, id="whatever else says yes"),
        pytest.param({"status": 300}, Result.BUSY, ErrorClass.ES_WRITE, id="what says neither yes nor no"),
        pytest.param({"status": 409, "error": {"type": "version_conflict_engine_exception"}}, Result.CONFLICT, None, id="not newer"),
        pytest.param({"status": 429, "error": {"type": "es_rejected_execution_exception"}}, Result.BUSY, ErrorClass.ES_WRITE, id="full"),
        pytest.param({"status": 503, "error": {"type": "unavailable_shards_exception"}}, Result.BUSY, ErrorClass.ES_WRITE, id="no shard"),
        pytest.param({"status": 403, "error": {"type": "cluster_block_exception"}}, Result.BUSY, ErrorClass.ES_WRITE, id="read-only"),
        pytest.param({"status": 404, "error": {"type": "index_not_found_exception"}}, Result.BUSY, ErrorClass.ES_WRITE, id="no index"),
        pytest.param({"status": 400, "error": {"type": "document_parsing_exception"}}, Result.REFUSED, ErrorClass.DATA, id="never"),
    ],
)
def test_an_item_s_answer(item: dict[str, Any], result: Result, error_class: ErrorClass | None) -> None:
    answer = read_item(item)

    assert answer.result is result
    assert error_class is None or answer.error_class is error_class


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "[1:81] failed to parse field [ip] of type [ip] in document with id 'acme:1'. Preview of field's value: '555-1234'",
            "Elasticsearch refused the document (document_parsing_exception, field ip)",
        ),
        (
            "mapping set to strict, dynamic introduction of [secret] within [_doc] is not allowed",
            "Elasticsearch refused the document (document_parsing_exception, field secret)",
        ),
        ("something about 555-1234", "Elasticsearch refused the document (document_parsing_exception)"),
    ],
)
def test_a_refusal_names_the_field_and_never_its_value(said: str, told: str) -> None:
    assert read_item({"status": 400, "error": {"type": "document_parsing_exception", "reason": said}}).reason == told


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"status": 503, "error": {"type": "unavailable_shards_exception"}}, "(503, unavailable_shards_exception)"),
        ({"status": 503}, "(503, no type told)"),
    ],
)
def test_what_was_not_taken_now_is_told_with_its_kind(item: dict[str, Any], told: str) -> None:
    assert read_item(item).reason == f"Elasticsearch did not take the document now {told}"


def test_a_refusal_may_name_the_field_only_in_its_cause() -> None:
    error = {"type": "illegal_argument_exception", "caused_by": {"reason": "failed to parse field [geo] of type [geo_point]"}}
    assert read_item({"status": 400, "error": error}).reason == "Elasticsearch refused the document (illegal_argument_exception, field geo)"


@pytest.mark.parametrize(
    ("found", "now", "meaning"),
    [
        pytest.param(Found(version=5, sha256="ours"), 5, Result.WRITTEN, id="a try whose answer was lost"),
        pytest.param(Found(version=5, sha256="other"), 5, None, id="wrong content under the right version"),
        pytest.param(Found(version=6, sha256="newer"), 6, Result.WRITTEN, id="another worker wrote a newer state"),
        pytest.param(Found(version=7, sha256="newer"), 6, None, id="newer than the row ever was"),
        pytest.param(Found(version=6, sha256="t", deleted=True), None, Result.WRITTEN, id="the row is gone and so is the document"),
        pytest.param(Found(version=6, sha256="x"), None, None, id="the row is gone and the document is not"),
        pytest.param(Found(version=4, sha256="old"), 5, Result.BUSY, id="it changed while it was looked at"),
        pytest.param(None, 5, Result.BUSY, id="it went while it was looked at"),
    ],
)
def test_a_409_is_a_success_only_by_what_the_index_holds(found: Found | None, now: int | None, meaning: Result | None) -> None:
    assert judge_conflict(DOCUMENT, target(), found, row_version_now=now) is meaning


def test_a_newer_epoch_is_newer_than_all_that_was_written() -> None:
    newest = target(3).version_of(2**40 - 1)

    assert target(epoch_after(newest)).version_of(1) > newest >= target(epoch_after(newest) - 1).version_of(0)


def test_documents_are_set_aside_after_five_refusals_or_three_lost_workers() -> None:
    assert (MOST_ATTEMPTS, MOST_LOST_LEASES) == (5, 3)


def test_waits_double_up_to_half_an_hour() -> None:
    assert [retry_delay(attempts).total_seconds() for attempts in (1, 2, 3, 7, 900)] == [30, 60, 120, 1800, 1800]


@pytest.mark.parametrize(
    ("now", "seconds", "refused", "then"),
    [
        pytest.param(1_000_000, 0.1, False, 1_500_000, id="quick: more"),
        pytest.param(1_000_000, 1.0, False, 1_000_000, id="well enough: the same"),
        pytest.param(1_000_000, 0.5, False, 1_000_000, id="no longer quick: the same"),
        pytest.param(1_000_000, 5.0, False, 1_000_000, id="not yet slow: the same"),
        pytest.param(1_000_000, 6.0, False, 500_000, id="slow: half"),
        pytest.param(1_000_000, 0.1, True, 500_000, id="refused: half"),
        pytest.param(65_537, 0.1, True, 65_536, id="never less than the least"),
        pytest.param(8_388_607, 0.1, False, 8_388_608, id="never more than the most"),
        pytest.param(pacing.FIRST_BYTES, 1.0, False, 1_048_576, id="the first is a megabyte"),
    ],
)
def test_the_next_bulk(now: int, seconds: float, refused: bool, then: int) -> None:
    assert pacing.next_bulk_bytes(now, seconds=seconds, refused=refused) == then
