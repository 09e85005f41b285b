"""Elasticsearch: one request a method, and what its errors mean for a run.

Only what every Elasticsearch 9 has is used: no scripts, no ``_reindex``, no delete by query, no language analysers. The client's own
retries are off: a job decides by class what is tried again, and when.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, SerializationError, TransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError
from econsent_jobs.io.environment import NotConfigured, connection_of

REFUSED: Final = {401, 403}
TOO_LARGE: Final = 413
READ_ONLY: Final = "cluster_block_exception"
BULK_PATHS: Final = "items.*.status,items.*.error"
"""All that is read of a bulk's answer: the rest is many times as long."""


class SearchIndex:
    """A cluster, asked through ``client``. Safe to call from several threads.

    Every method raises TransientError (es_write) where trying again can help, PermanentError (config) where credentials, version or index
    are wrong, and BadItem (data) for a request that is larger than the server takes.
    """

    def __init__(self, client: Elasticsearch, *, request_seconds: float = 30.0) -> None:
        self._client = client.options(request_timeout=request_seconds, max_retries=0, retry_on_status=(), retry_on_timeout=False)

    def bulk(self, operations: Sequence[bytes]) -> list[Mapping[str, Any]]:
        """Send lines of actions and documents; return one answer an action, in order, each with its ``status``."""
        with search_errors():
            answer = self._client.bulk(operations=cast("Any", operations), require_alias=False, filter_path=BULK_PATHS)
            items = cast("list[dict[str, dict[str, Any]]]", answer["items"])
            return [next(iter(item.values())) for item in items]

    def get(self, index: str, wanted: Sequence[tuple[str, str]], *, fields: Sequence[str]) -> list[Mapping[str, Any] | None]:
        """Read (id, routing) pairs as they are now, refreshed or not; None for what is not there."""
        if not wanted:
            return []
        docs = [{"_id": document_id, "routing": routing} for document_id, routing in wanted]
        with search_errors():
            answer = self._client.mget(index=index, docs=docs, source_includes=list(fields))
            found = cast("list[dict[str, Any]]", answer["docs"])
        errors = [each["error"] for each in found if "error" in each]
        if errors:
            raise TransientError(
                ErrorClass.ES_WRITE, f"Elasticsearch could not read documents ({errors[0].get('type')}); the next run continues"
            )
        return [each if each.get("found") else None for each in found]

    def search(self, index: str, body: Mapping[str, Any], *, filter_path: str | None = None) -> dict[str, Any]:
        """Search, and refuse what only some shards answered: half an answer would look like missing documents."""
        paths = f"{filter_path},timed_out,_shards.total,_shards.failed" if filter_path else None
        with search_errors():
            answer = cast("dict[str, Any]", self._client.search(index=index, filter_path=paths, **body).body)
        if answer["timed_out"] or answer["_shards"]["failed"]:
            raise TransientError(ErrorClass.ES_WRITE, "Elasticsearch answered for a part of its shards only; the next run asks again")
        return answer

    def count(self, index: str, query: Mapping[str, Any]) -> int:
        with search_errors():
            answer = self._client.count(index=index, query=dict(query))
        if answer["_shards"]["failed"]:
            raise TransientError(ErrorClass.ES_WRITE, "Elasticsearch counted a part of its shards only; the next run asks again")
        return int(answer["count"])

    def refresh(self, index: str) -> None:
        """Let searches see everything that was written."""
        with search_errors():
            self._client.indices.refresh(index=index)

    def create(self, index: str, *, settings: Mapping[str, Any], mappings: Mapping[str, Any]) -> None:
        """Create an index; one that is there stays as it is."""
        with search_errors():
            try:
                self._client.indices.create(index=index, settings=dict(settings), mappings=dict(mappings), wait_for_active_shards="1")
            except ApiError as error:
                if "resource_already_exists_exception" not in str(error):
                    raise

    def mapping(self, index: str) -> Mapping[str, Any] | None:
        """Return an index's mapping, None where there is no such index."""
        with search_errors():
            try:
                answer = self._client.indices.get_mapping(index=index)
            except ApiError as error:
                if error.status_code == 404:
                    return None
                raise
        return answer[index]["mappings"]

    def indices(self, pattern: str) -> list[str]:
        """Return the names of the indices that match a pattern with ``*``."""
        with search_errors():
            return list(self._client.indices.get_settings(index=pattern, allow_no_indices=True))

    def extend_mapping(self, index: str, mappings: Mapping[str, Any]) -> None:
        """Add what a mapping lacks. A field of another kind cannot be changed, and is a PermanentError."""
        with search_errors():
            self._client.indices.put_mapping(index=index, **{name.lstrip("_"): value for name, value in mappings.items()})

    def aliases(self, index: str) -> Mapping[str, Any]:
        """Return the aliases of an index with their settings."""
        with search_errors():
            return cast("Mapping[str, Any]", self._client.indices.get_alias(index=index)[index]["aliases"])

    def holders(self, alias: str) -> list[str]:
        """Return which indices an alias names; none where there is no such alias."""
        with search_errors():
            try:
                return sorted(self._client.indices.get_alias(name=alias))
            except ApiError as error:
                if error.status_code == 404:
                    return []
                raise

    def change_aliases(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Carry out all actions at once or none."""
        with search_errors():
            self._client.indices.update_aliases(actions=list(actions))

    def set_settings(self, index: str, settings: Mapping[str, Any]) -> None:
        with search_errors():
            self._client.indices.put_settings(index=index, settings=dict(settings))

    def delete_index(self, index: str) -> None:
        """Delete an index; one that is gone already is no error."""
        with search_errors():
            self._client.indices.delete(index=index, ignore_unavailable=True)


@contextmanager
def search_errors() -> Generator[None]:
    """Translate what the client raises inside, as ``SearchIndex`` says."""
    try:
        yield
    except UnsupportedProductError as error:
        raise PermanentError(
            ErrorClass.CONFIG, "what answers there is no Elasticsearch; check host and port of the Connection econsent_search"
        ) from error
    except ApiError as error:
        raise meaning_of(error) from error
    except ConnectionTimeout as error:
        raise TransientError(ErrorClass.ES_WRITE, "Elasticsearch did not answer in time; the next run finds out what it did") from error
    except (NoConnection, SerializationError, TransportError) as error:
        raise TransientError(
            ErrorClass.ES_WRITE, f"Elasticsearch cannot be reached ({type(error).__name__}); the next run continues"
        ) from error


def meaning_of(error: ApiError) -> TransientError | PermanentError | BadItem:
    """Say what a refused request means. The server's own words may quote a value, so only their type is told."""
    kind = kind_of(error)
    if error.status_code == TOO_LARGE:
        return BadItem(ErrorClass.DATA, "the request is larger than Elasticsearch takes")
    if error.status_code in REFUSED and kind != READ_ONLY:
        return PermanentError(
            ErrorClass.CONFIG, f"Elasticsearch refused the credentials ({error.status_code}); check the Connection econsent_search"
        )
    if error.status_code == 400:
        return PermanentError(
            ErrorClass.CONFIG, f"Elasticsearch does not take this request ({kind}); it does not fit this version of the job"
        )
    return TransientError(ErrorClass.ES_WRITE, f"Elasticsearch did not take a request ({error.status_code}, {kind}); it is tried again")


def kind_of(error: ApiError) -> str:
    """Return the type of a server's error; a proxy's answer has none."""
    body: Any = error.body
    if not isinstance(body, dict):
        return "no type told"
    told = cast("dict[str, Any]", body).get("error")
    return str(cast("dict[str, Any]", told).get("type", "no type told")) if isinstance(told, dict) else "no type told"


@contextmanager
def index_of(environment: Mapping[str, str], variable: str) -> Generator[SearchIndex]:
    """Open the index that a Connection in JSON names. Raises NotConfigured (config) where it is missing or says too little."""
    found = connection_of(environment, variable)
    try:
        url = f"{found.get('schema') or 'http'}://{found['host']}:{found['port']}"
    except KeyError as error:
        raise NotConfigured(f"{variable} has no {error.args[0]}: add it and try again.") from error
    login = (found["login"], found["password"]) if found.get("login") and found.get("password") else None
    with Elasticsearch(url, basic_auth=login) as client:
        yield SearchIndex(client)
