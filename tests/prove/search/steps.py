"""The sync call by call: an index whose calls come to pass, fail, are lost, come late, or kill. Bulks go out one by one."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Final

from econsent_jobs.core.errors import EconsentError, ErrorClass
from econsent_jobs.elasticsearch_sync.index import Index
from econsent_jobs.elasticsearch_sync.model import Answer, Document, Key, Result, Target
from tests.prove.harness.steps import Fate, SteppedStore, Worker, spoil

UNSTEPPED: Final = frozenset({"split", "free_name"})
"""What asks no server."""


class AtOnce(Executor):
    """Carries out what it is given before it returns, in the caller's own thread: a stepped worker has one."""

    def __init__(self, most: int) -> None:
        self.most = most

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*arguments, **named))
        except Exception as error:  # noqa: BLE001 whatever it is, it belongs to who asks for the result
            future.set_exception(error)
        return future


class SteppedIndex:
    """An index whose calls each have a fate. Within a transaction of ``store`` they are a part of that step."""

    def __init__(self, index: Index, worker: Worker, store: SteppedStore, late: list[Callable[[], None]]) -> None:
        self._index, self._worker, self._store, self._late = index, worker, store, late

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._index, name)
        if name in UNSTEPPED:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            if self._store.inside:
                self._store.count_inside()
                return method(*arguments, **named)
            fate = self._worker.pause(name)
            spoil(fate in {Fate.FAIL, Fate.MIDST}, fate is Fate.DIE, error_class=ErrorClass.ES_WRITE)
            answer = method(*arguments, **named)
            spoil(fate in {Fate.LOST, Fate.LATE}, fate is Fate.DIE_AFTER, error_class=ErrorClass.ES_WRITE)
            return answer

        return call

    def send(self, target: Target, documents: Sequence[Document]) -> Mapping[Key, Answer]:
        """A bulk of which the answer is lost, that comes late, or of which a part is not taken."""
        fate = self._worker.pause("send")
        spoil(failed=False, fatal=fate is Fate.DIE)
        busy = {document.key: Answer(result=Result.BUSY, reason="a fault of the proof") for document in documents}
        if fate is Fate.FAIL:
            return busy
        if fate is Fate.LATE:
            self._late.append(lambda: self._arrive(target, documents))
            return busy
        if fate is Fate.MIDST:
            return {**busy, **self._index.send(target, documents[: len(documents) // 2])}
        answers = self._index.send(target, documents)
        spoil(failed=False, fatal=fate is Fate.DIE_AFTER)
        return busy if fate is Fate.LOST else answers

    def _arrive(self, target: Target, documents: Sequence[Document]) -> None:
        """A request that its sender gave up reaches the index after all; its answers reach nobody."""
        try:
            self._index.send(target, documents)
        except EconsentError:
            return
