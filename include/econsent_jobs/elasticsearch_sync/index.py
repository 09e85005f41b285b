"""The search index as the job sees it: documents in, answers out, one method a purpose."""

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from econsent_jobs.core.clock import Clock
from econsent_jobs.core.errors import BadItem, TransientError
from econsent_jobs.elasticsearch_sync import mapping
from econsent_jobs.elasticsearch_sync.model import SCHEMA_VERSION, Answer, Document, Found, Key, Result, Settings, Target
from econsent_jobs.elasticsearch_sync.rules import pacing
from econsent_jobs.elasticsearch_sync.rules.outcomes import read_item
from econsent_jobs.io.search_index import SearchIndex

ABOUT: Final = ("projection_sha256", "row_version", "deleted")
MOST_IN_BULK: Final = 2_000


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

    def exists(self, target: Target) -> bool:
        """Say whether the index is there, and add what its mapping lacks. Raises PermanentError (config) where only a reindex helps."""
        ...

    def create(self, index_name: str) -> None:
        """Create an index that is not there."""
        ...

    def point_aliases(self, target: Target) -> bool:
        """Let both aliases name this index and no other, at once. Return whether anything had to be changed."""
        ...

    def free_name(self, taken: Iterable[str]) -> str:
        """Return the next index name that nobody has."""
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

    def exists(self, target: Target) -> bool:
        found = self._search.mapping(target.index_name)
        if found is not None and lacks(found.get("properties", {}), mapping.PROPERTIES):
            # made by an older version, or by hand: a strict mapping would refuse every document that has the new field
            self._search.extend_mapping(target.index_name, mapping.MAPPINGS)
        return found is not None

    def create(self, index_name: str) -> None:
        made = mapping.settings(shards=self._settings.shards, replicas=self._settings.replicas)
        self._search.create(index_name, settings=made, mappings=mapping.MAPPINGS)

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
        about = {
            "_index": target.index_name,
            "_id": document.key.document_id,
            "routing": document.key.company_id,
            "version": target.version_of(document.row_version),
            "version_type": "external",
        }
        lines += [json.dumps({"index": about}, ensure_ascii=False, separators=(",", ":")).encode(), document.body]
    return lines


def found_of(hit: Mapping[str, Any]) -> Found:
    source: Mapping[str, Any] = hit.get("_source") or {}
    return Found(
        version=hit["_version"],
        sha256=source.get("projection_sha256"),
        row_version=source.get("row_version"),
        routing=hit.get("_routing"),
        deleted=bool(source.get("deleted")),
    )
