"""What is done to an index behind the sync's back, and what its repair transfers."""

import json
from collections.abc import Mapping
from typing import Any, Final

from elasticsearch import Elasticsearch

from econsent_jobs.elasticsearch_sync.rules.projection import part_of
from econsent_jobs.io.search_index import SearchIndex
from tests.prove.search.platform import Platform
from tests.system.running import wait_for

PLANTED: Final = "f" * 64
FORGET_CHANGE: Final = "DELETE FROM econsent.search_outbox WHERE company_id = %s AND doc_key = %s"
KINDS: Final = ("missing", "stale", "content", "newer", "phantom", "misrouted")


def write(
    platform: Platform,
    pk: int,
    document: dict[str, Any],
    version: int,
    *,
    company_id: str = "acme",
    routing: str | None = None,
    document_id: str | None = None,
) -> None:
    """Write into the index past the job, as a stranger would."""
    document = {name: value for name, value in document.items() if name != "_version"}
    platform.client.index(
        index=platform.index_name(),
        id=document_id or f"{company_id}:{pk}",
        routing=routing or company_id,
        document=document,
        version=version,
        version_type="external_gte",
    )


def other_content(document: dict[str, Any]) -> dict[str, Any]:
    """Another content with the digest and part that belong to some other content."""
    changed = {"origin": "https://evil.example", "projection_sha256": PLANTED, "digest_part": part_of(PLANTED, document["row_version"])}
    return document | changed


def plant(platform: Platform, kind: str, pk: int, *, company_id: str = "acme") -> None:
    """Do to one document what the kind says."""
    stored = platform.stored(pk, company_id=company_id)
    assert stored is not None
    version = stored["_version"]
    match kind:
        case "missing":
            # Elasticsearch remembers a deletion's version for a minute, and a while longer when it is told not to at all
            index, name = platform.index_name(), f"{company_id}:{pk}"
            platform.client.indices.put_settings(index=index, settings={"index.gc_deletes": "0s"})
            platform.client.delete(index=index, id=name, routing=company_id)
            wait_for(lambda: forgets(platform.client, index, name, routing=company_id), what="a deletion that Elasticsearch forgets")
        case "stale":
            # the database goes on, and nobody tells the index
            platform.change(pk, company_id=company_id, consumer_name="Somebody else")
            platform.database.execute(FORGET_CHANGE, [company_id, str(pk)])
        case "content":
            write(platform, pk, other_content(stored), version, company_id=company_id)
        case "newer":
            write(platform, pk, other_content(stored) | {"row_version": version + 5}, version + 5, company_id=company_id)
        case "phantom":
            platform.change(pk, company_id=company_id, status="deleted")
            platform.database.execute(FORGET_CHANGE, [company_id, str(pk)])
        case "misrouted":
            platform.client.delete(
                index=platform.index_name(), id=f"{company_id}:{pk}", routing=company_id, version=version, version_type="external_gte"
            )
            write(platform, pk, stored, version, routing="elsewhere", company_id=company_id)
        case "altered":
            write(platform, pk, stored | {"origin": "https://evil.example"}, version, company_id=company_id)
        case _:
            raise AssertionError(kind)


def forgets(client: Elasticsearch, index: str, document_id: str, *, routing: str) -> bool:
    """Ask for another deletion, of version 0: it is a conflict for as long as a later one is remembered."""
    client.indices.refresh(index=index)
    answer = client.options(ignore_status=[404, 409]).delete(
        index=index, id=document_id, routing=routing, version=0, version_type="external"
    )
    return answer.body.get("result") == "not_found"


class Counting(SearchIndex):
    """Counts the bytes of the answers that comparing needs."""

    received = 0

    def search(self, index: str, body: Mapping[str, Any], *, filter_path: str | None = None) -> dict[str, Any]:
        answer = super().search(index, body, filter_path=filter_path)
        self.received += len(json.dumps(answer, separators=(",", ":")))
        return answer

    def get(self, *words: Any, **named: Any) -> list[Mapping[str, Any] | None]:
        found = super().get(*words, **named)
        self.received += len(json.dumps(found, separators=(",", ":")))
        return found
