"""Certificate processing call by call: a store and a put that each come to pass, fail, are lost or kill."""

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from econsent_jobs.certificate_processing.model import Key, Sealed, SealedDocument
from econsent_jobs.core.errors import EconsentError, ErrorClass
from tests.prove.harness.steps import Fate, Worker, spoil


@dataclass(slots=True)
class Log:
    """What happened to each certificate, for the judgement. ``in_hand``: lost leases to expect; ``troubles``: runs that S3 failed."""

    dropped: Counter[Key] = field(default_factory=Counter[Key])
    troubles: dict[Key, set[int]] = field(default_factory=dict[Key, set[int]])
    sealings: Counter[Key] = field(default_factory=Counter[Key])
    sealed: dict[str, str] = field(default_factory=dict[str, str])
    late: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])


class SteppedStore:
    """A store whose calls each come to pass, fail, are lost or kill. A transaction is one step: its locks make it one."""

    def __init__(self, store: Any, worker: Worker, log: Log, *, seconds: Callable[[], float], lease_seconds: float) -> None:
        self._store, self._worker, self._log, self._seconds, self._lease = store, worker, log, seconds, lease_seconds
        self._left: int | None = None
        self._inside = False
        self._sealing: list[Sealed] = []
        self._held_since = 0.0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return self._call_inside(name, method, arguments, named)
            fate = self._worker.pause(name)
            spoil(fate in {Fate.FAIL, Fate.MIDST}, fate is Fate.DIE)
            answer = method(*arguments, **named)
            if name == "claim" or (name == "renew" and self._still_held()):
                self._held_since = self._seconds()
            elif name == "take_in_hand":
                self._note_hand(**named)
            spoil(fate in {Fate.LOST, Fate.LATE}, fate is Fate.DIE_AFTER)
            return answer

        return call

    def _call_inside(self, name: str, method: Callable[..., Any], arguments: Any, named: Any) -> Any:
        if self._left is not None:
            self._left -= 1
            spoil(self._left == 0, fatal=False)
        if name == "seal":
            self._sealing = [each.sealed for each in arguments[1]]
        return method(*arguments, **named)

    @contextmanager
    def transaction(self) -> Generator[None]:
        fate = self._worker.pause("transaction")
        spoil(fate is Fate.FAIL, fate is Fate.DIE)
        # from the third statement on, work has been done that must not stay
        self._inside, self._left, self._sealing = True, 3 + self._worker.number % 5 if fate is Fate.MIDST else None, []
        try:
            with self._store.transaction():
                yield
        finally:
            self._inside = False
        for sealed in self._sealing:
            self._log.sealings[sealed.key] += 1
            self._log.sealed |= {document.object_key: document.sha256 for document in sealed.documents}
        spoil(fate in {Fate.LOST, Fate.LATE}, fate is Fate.DIE_AFTER)

    def _still_held(self) -> bool:
        return self._seconds() - self._held_since < self._lease

    def _note_hand(self, *, key: Key | None, before: Key | None) -> None:
        """A certificate counts as dropped until it is put down under a lease that is surely still held."""
        if before is not None and self._still_held():
            self._log.dropped[before] -= 1
        if key is not None:
            self._log.dropped[key] += 1


class SteppedPut:
    """Putting one document, which may fail before or after its effect, come late, or be the worker's last."""

    def __init__(self, put: Callable[[Sealed, SealedDocument], str], worker: Worker, log: Log) -> None:
        self._put, self._worker, self._log = put, worker, log

    def __call__(self, sealed: Sealed, document: SealedDocument) -> str:
        fate = self._worker.pause("put")
        spoil(failed=False, fatal=fate is Fate.DIE)
        if fate in {Fate.FAIL, Fate.MIDST, Fate.LOST, Fate.LATE}:
            self._log.troubles.setdefault(sealed.key, set()).add(self._worker.number)
        if fate is Fate.LATE:
            self._log.late.append(lambda: self._arrive(sealed, document))
        spoil(fate in {Fate.FAIL, Fate.MIDST, Fate.LATE}, fatal=False, error_class=ErrorClass.S3_WRITE)
        version_id = self._put(sealed, document)
        spoil(fate is Fate.LOST, fate is Fate.DIE_AFTER, error_class=ErrorClass.S3_WRITE)
        return version_id

    def _arrive(self, sealed: Sealed, document: SealedDocument) -> None:
        """A request that its sender gave up reaches S3 after all; what S3 answers reaches nobody."""
        try:
            self._put(sealed, document)
        except EconsentError:
            return
