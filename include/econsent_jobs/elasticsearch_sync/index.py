"""The search index as the job sees it: documents in, answers out, one method a purpose."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from econsent_jobs.core.clock import Clock
from econsent_jobs.core.errors import BadItem, TransientError
from econsent_jobs.elasticsearch_sync import mapping
from econsent_jobs.elasticsearch_sync.model import SCHEMA_VERSION, Answer, Document, Found, Key, Result, Settings, Target
from econsent_jobs.elasticsearch_sync.rules import pacing
from econsent_jobs.elasticsearch_sync.rules.drift import BUCKET_KEYS, Sums
from econsent_jobs.elasticsearch_sync.rules.outcomes import read_item
from econsent_jobs.elasticsearch_sync.rules.projection import project
from econsent_jobs.io.search_index import SearchIndex

ABOUT: Final = ("projection_sha256", "row_version", "deleted", "digest_part")
PAGE: Final = 1_000
WHOLE_PAGE: Final = 200
"""Documents read at a time with their contents: a few megabytes at most."""
BUCKETS_READ: Final = 50
MOST_COMPANIES: Final = 1_000
MOST_IN_BULK: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document as a search found it. ``source`` is its content where that was asked for."""

    key: Key
    document_id: str
    routing: str | None
    found: Found
    source: Mapping[str, Any] | None


class Index(Protocol):
    def split(self, documents: Sequence[Document]) -> list[list[Document]]:
        """Cut documents, in order, into bulks of the size that the server took well lately."""
        ...

    def send(self, target: Target, documents: Sequence[Document]) -> Mapping[Key, Answer]:
        """Send one bulk under external versions. Raises PermanentError (config); all else becomes an answer of each document."""
        ...

    def look(self, target: Target, keys: Iterable[Key]) -> Mapping[Key, Found]:
        """Read what the index holds under these keys now."""
        ...

    def count(self, target: Target) -> int:
        """Count documents, tombstones included."""
        ...

    def refresh(self, target: Target) -> None:
        """Let what was written be seen by what follows."""
        ...

    def sums(self, target: Target, company_id: str, *, after: int, through: int) -> tuple[Mapping[int, Sums], int]:
        """Add up the parts of a company's documents by bucket of keys; and count the oddities among them."""
        ...

    def oddities(self, target: Target, company_id: str, *, after: int, through: int) -> list[Hit]:
        """Read a company's documents that lie where its searches do not look, and tombstones that hold more than they may."""
        ...

    def read(self, target: Target, company_id: str, *, after: int, through: int, buckets: Sequence[int] | None, whole: bool) -> list[Hit]:
        """Read a company's documents in these buckets, or all of the range, wherever they lie; ``whole``: with their contents."""
        ...

    def companies(self, target: Target) -> list[str]:
        """Return every company that the index has a document of."""
        ...

    def remove(self, target: Target, hits: Sequence[Hit]) -> None:
        """Remove documents from where they should not be, unless they changed since they were read."""
        ...

    def bury(self, target: Target, found: Mapping[Key, Found]) -> None:
        """Put tombstones over documents without a row."""
        ...

    def purge(self, target: Target, *, older_than_ms: int, keep: Callable[[Sequence[Key]], set[Key]]) -> int:
        """Remove tombstones that were written before a moment, but those that ``keep`` names. Return how many went."""
        ...

    def exists(self, target: Target) -> bool:
        """Say whether the index is there, and add what its mapping lacks. Raises PermanentError (config) where only a reindex helps."""
        ...

    def create(self, index_name: str) -> None:
        """Create an index that is not there."""
        ...

    def delete(self, index_name: str) -> None:
        """Delete an index; one that is gone already is no error."""
        ...

    def point_aliases(self, target: Target) -> bool:
        """Let both aliases name this index and no other, at once. Return whether anything had to be changed."""
        ...

    def free_name(self, taken: Iterable[str]) -> str:
        """Return the next index name that nobody has."""
        ...

    def strays(self, known: Iterable[str]) -> list[str]:
        """Return the indices under this job's names that are not among the known ones."""
        ...


class ElasticIndex:
    """Elasticsearch. May be used from several threads."""

    def __init__(self, search: SearchIndex, settings: Settings, clock: Clock) -> None:
        self._search = search
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._bulk_bytes = pacing.FIRST_BYTES

    @property
    def bulk_bytes(self) -> int:
        """How large a bulk may be at the moment."""
        return self._bulk_bytes

    def split(self, documents: Sequence[Document]) -> list[list[Document]]:
        bulks: list[list[Document]] = []
        size = 0
        for document in documents:
            size += len(document.body)
            if not bulks or size > self._bulk_bytes or len(bulks[-1]) >= MOST_IN_BULK:
                bulks.append([])
                size = len(document.body)
            bulks[-1].append(document)
        return bulks

    def send(self, target: Target, documents: Sequence[Document]) -> Mapping[Key, Answer]:
        started = self._clock.monotonic()
        try:
            items = self._search.bulk(operations(target, documents))
        except TransientError as error:
            self._pace(started, refused=True)
            busy = Answer(result=Result.BUSY, error_class=error.error_class, reason=error.reason)
            return {document.key: busy for document in documents}
        except BadItem as error:  # larger than the server takes: halves until one document is left, which then is the one
            self._pace(started, refused=True)
            if len(documents) == 1:
                return {documents[0].key: Answer(result=Result.REFUSED, error_class=error.error_class, reason=error.reason)}
            middle = len(documents) // 2
            return {**self.send(target, documents[:middle]), **self.send(target, documents[middle:])}
        answers = {document.key: read_item(item) for document, item in zip(documents, items, strict=True)}
        self._pace(started, refused=any(answer.result is Result.BUSY for answer in answers.values()))
        return answers

    def _pace(self, started: float, *, refused: bool) -> None:
        seconds = self._clock.monotonic() - started
        with self._lock:
            self._bulk_bytes = pacing.next_bulk_bytes(self._bulk_bytes, seconds=seconds, refused=refused)

    def look(self, target: Target, keys: Iterable[Key]) -> Mapping[Key, Found]:
        wanted = list(keys)
        found = self._search.get(target.index_name, [(key.document_id, key.company_id) for key in wanted], fields=ABOUT)
        return {key: found_of(hit) for key, hit in zip(wanted, found, strict=True) if hit is not None}

    def count(self, target: Target) -> int:
        return self._search.count(target.index_name, {"match_all": {}})

    def refresh(self, target: Target) -> None:
        self._search.refresh(target.index_name)

    def sums(self, target: Target, company_id: str, *, after: int, through: int) -> tuple[Mapping[int, Sums], int]:
        at_home = {"term": {"_routing": company_id}}
        sums_by_key = {"parts": {"sum": {"field": "digest_part"}}, "keys": {"sum": {"field": "certificate_pk"}}}
        by_key = {"histogram": {"field": "certificate_pk", "interval": BUCKET_KEYS, "min_doc_count": 1}, "aggs": sums_by_key}
        body = {
            "size": 0,
            "query": within(company_id, after, through),
            "aggs": {
                "shown": {"filter": {"bool": {"filter": [at_home, {"term": {"deleted": False}}]}}, "aggs": {"by_key": by_key}},
                "oddities": {"filter": odd(company_id)},
            },
        }
        wanted = [f"aggregations.shown.by_key.buckets.{name}" for name in ("key", "parts.value", "keys.value")]
        paths = ",".join([*wanted, "aggregations.oddities.doc_count"])
        found = self._search.search(target.index_name, body, filter_path=paths)["aggregations"]
        buckets: list[dict[str, Any]] = found.get("shown", {}).get("by_key", {}).get("buckets", [])
        return {int(bucket["key"]): sums_in(bucket) for bucket in buckets}, found["oddities"]["doc_count"]

    def oddities(self, target: Target, company_id: str, *, after: int, through: int) -> list[Hit]:
        query = {"bool": {"filter": [within(company_id, after, through), odd(company_id)]}}
        return self._read(target, company_id, query, whole=False)

    def read(self, target: Target, company_id: str, *, after: int, through: int, buckets: Sequence[int] | None, whole: bool) -> list[Hit]:
        if buckets is None:
            return self._read(target, company_id, within(company_id, after, through), whole=whole)
        hits: list[Hit] = []
        for first in range(0, len(buckets), BUCKETS_READ):
            some = buckets[first : first + BUCKETS_READ]
            ranges = [{"range": {"certificate_pk": {"gte": bucket, "lt": bucket + BUCKET_KEYS}}} for bucket in some]
            query = {"bool": {"filter": [within(company_id, after, through), {"bool": {"should": ranges}}]}}
            hits += self._read(target, company_id, query, whole=whole)
        return hits

    def _read(self, target: Target, company_id: str, query: Mapping[str, Any], *, whole: bool) -> list[Hit]:
        """Read all that matches of a company, a page at a time. What it is sorted by, key and part, need not be asked for."""
        size = WHOLE_PAGE if whole else PAGE
        contents: dict[str, Any] = {"_source": True} if whole else {"_source": False, "docvalue_fields": ["deleted"]}
        body: dict[str, Any] = {"size": size, "query": query, "version": True, "sort": ["certificate_pk", "digest_part"], **contents}
        body["track_total_hits"] = False
        paths = "hits.hits._id,hits.hits._routing,hits.hits._version,hits.hits.sort,hits.hits.fields,hits.hits._source"
        hits: list[Hit] = []
        seen: set[tuple[str, str | None]] = set()
        while found := self._search.search(target.index_name, body, filter_path=paths).get("hits", {}).get("hits", []):
            page = (hit_of(hit, company_id) for hit in found)
            hits += [hit for hit in page if (hit.document_id, hit.routing) not in seen]
            seen |= {(hit.document_id, hit.routing) for hit in hits[-len(found) :]}
            if len(found) < size:
                break
            body["search_after"] = found[-1]["sort"]
        return hits

    def companies(self, target: Target) -> list[str]:
        sources = [{"company": {"terms": {"field": "company_id"}}}]
        after: dict[str, Any] = {}
        found: list[str] = []
        while True:
            composite = {"size": MOST_COMPANIES, "sources": sources, **after}
            answer = self._search.search(target.index_name, {"size": 0, "aggs": {"all": {"composite": composite}}})["aggregations"]["all"]
            found += [bucket["key"]["company"] for bucket in answer["buckets"]]
            if "after_key" not in answer:
                return found
            after = {"after": answer["after_key"]}

    def remove(self, target: Target, hits: Sequence[Hit]) -> None:
        # under the version that was read, so that the row's next version is written where one shard holds both places
        lines = [delete_line(target, hit.document_id, hit.routing, hit.found.version) for hit in hits]
        for first in range(0, len(lines), MOST_IN_BULK):
            self._search.bulk(lines[first : first + MOST_IN_BULK])

    def bury(self, target: Target, found: Mapping[Key, Found]) -> None:
        if not found:
            return
        lines: list[bytes] = []
        for key, present in found.items():
            grave = project(key, None, row_version=present.version + 1, indexed_at_ms=int(time.time() * 1000))
            lines += [action_line(target, key, present.version + 1), grave.body]
        self._search.bulk(lines)

    def purge(self, target: Target, *, older_than_ms: int, keep: Callable[[Sequence[Key]], set[Key]]) -> int:
        filters = [{"term": {"deleted": True}}, {"range": {"indexed_at": {"lt": older_than_ms}}}]
        body = {
            "size": PAGE,
            "query": {"bool": {"filter": filters}},
            "version": True,
            "_source": False,
            "docvalue_fields": ["company_id", "certificate_pk"],
        }
        hits = self._search.search(target.index_name, body)["hits"]["hits"]
        keys = [Key(hit["fields"]["company_id"][0], int(hit["fields"]["certificate_pk"][0])) for hit in hits]
        kept = keep(keys)
        gone = [hit for key, hit in zip(keys, hits, strict=True) if key not in kept]
        lines = [delete_line(target, hit["_id"], hit.get("_routing"), hit["_version"]) for hit in gone]
        if lines:
            self._search.bulk(lines)
        return len(lines)

    def exists(self, target: Target) -> bool:
        found = self._search.mapping(target.index_name)
        if found is not None and lacks(found.get("properties", {}), mapping.PROPERTIES):
            # made by an older version, or by hand: a strict mapping would refuse every document that has the new field
            self._search.extend_mapping(target.index_name, mapping.MAPPINGS)
        return found is not None

    def create(self, index_name: str) -> None:
        made = mapping.settings(shards=self._settings.shards, replicas=self._settings.replicas)
        self._search.create(index_name, settings=made, mappings=mapping.MAPPINGS)

    def delete(self, index_name: str) -> None:
        self._search.delete_index(index_name)

    def point_aliases(self, target: Target) -> bool:
        alias = self._settings.alias
        wanted: dict[str, dict[str, Any]] = {alias: {"filter": mapping.READ_FILTER}, f"{alias}-write": {"is_write_index": True}}
        actions: list[dict[str, Any]] = []
        present = self._search.aliases(target.index_name)
        for name, about in wanted.items():
            strangers = [index for index in self._search.holders(name) if index != target.index_name]
            actions += [{"remove": {"index": index, "alias": name}} for index in strangers]
            if any(present.get(name, {}).get(setting) != value for setting, value in about.items()):
                actions.append({"add": {"index": target.index_name, "alias": name, **about}})
        if actions:
            self._search.change_aliases(actions)
        return bool(actions)

    def strays(self, known: Iterable[str]) -> list[str]:
        ours = re.compile(rf"{re.escape(self._settings.alias)}-v\d+-\d{{6,}}")
        found = filter(ours.fullmatch, self._search.indices(f"{self._settings.alias}-v*"))
        return sorted(set(found) - set(known))

    def free_name(self, taken: Iterable[str]) -> str:
        stem = f"{self._settings.alias}-v{SCHEMA_VERSION}-"
        builds = [int(name.removeprefix(stem)) for name in taken if name.removeprefix(stem).isdecimal()]
        return f"{stem}{max(builds, default=0) + 1:06d}"


def lacks(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether a field of ``wanted`` is missing, at any depth."""
    return any(
        name not in present or lacks(present[name].get("properties", {}), about.get("properties", {})) for name, about in wanted.items()
    )


def operations(target: Target, documents: Sequence[Document]) -> list[bytes]:
    """Return the lines of one bulk. External versions: the index takes a document only where what it holds is older."""
    lines: list[bytes] = []
    for document in documents:
        lines += [action_line(target, document.key, target.version_of(document.row_version)), document.body]
    return lines


def action_line(target: Target, key: Key, version: int) -> bytes:
    about = {"_index": target.index_name, "_id": key.document_id, "routing": key.company_id, "version": version}
    return msgspec.json.encode({"index": about | {"version_type": "external"}})


def delete_line(target: Target, document_id: str, routing: str | None, version: int) -> bytes:
    """Remove a document at this version or an older one."""
    about = {"_index": target.index_name, "_id": document_id, "routing": routing, "version": version, "version_type": "external_gte"}
    return msgspec.json.encode({"delete": about})


def sums_in(bucket: Mapping[str, Any]) -> Sums:
    return Sums(int(bucket["parts"]["value"]), int(bucket["keys"]["value"]))


def within(company_id: str, after: int, through: int) -> dict[str, Any]:
    """Match a company's documents in a range of keys, tombstones included."""
    return {"bool": {"filter": [{"term": {"company_id": company_id}}, {"range": {"certificate_pk": {"gt": after, "lte": through}}}]}}


def odd(company_id: str) -> dict[str, Any]:
    """Match what lies where a company's searches do not look, and what nobody is shown although it holds more than a tombstone may."""
    contents = [{"exists": {"field": name}} for name in (*sorted(mapping.PROPERTIES.keys() - mapping.TOMBSTONE), "_ignored")]
    hidden = {"bool": {"must_not": [mapping.READ_FILTER], "filter": [{"bool": {"should": contents}}]}}
    return {"bool": {"should": [{"bool": {"must_not": [{"term": {"_routing": company_id}}]}}, hidden]}}


def hit_of(hit: Mapping[str, Any], company_id: str) -> Hit:
    """Read a hit of a company's, sorted by key and part, of which either the contents or the word that it is deleted was asked for."""
    source: Mapping[str, Any] | None = hit.get("_source")
    told = {"deleted": hit.get("fields", {}).get("deleted", [False])[0]} if source is None else source
    certificate_pk, part = hit["sort"]
    found = Found(
        version=hit["_version"],
        sha256=told.get("projection_sha256"),
        row_version=told.get("row_version"),
        deleted=bool(told.get("deleted")),
        part=part,
    )
    return Hit(key=Key(company_id, certificate_pk), document_id=hit["_id"], routing=hit.get("_routing"), found=found, source=source)


def found_of(hit: Mapping[str, Any]) -> Found:
    source: Mapping[str, Any] = hit.get("_source") or {}
    return Found(
        version=hit["_version"],
        sha256=source.get("projection_sha256"),
        row_version=source.get("row_version"),
        deleted=bool(source.get("deleted")),
        part=source.get("digest_part"),
    )
