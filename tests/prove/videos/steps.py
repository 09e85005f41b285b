"""A lane that runs call by call: statements, puts and parts of a conversion each come to pass, fail, are lost, come late or kill."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from econsent_jobs.core.errors import EconsentError, ErrorClass
from econsent_jobs.io.object_store import LockedObject
from econsent_jobs.mp4_conversion.model import Claim, Key, Rendered, SealedFile, Session
from econsent_jobs.mp4_conversion.staging import Staging
from tests.prove.harness.steps import Death, Fate, Worker, spoil

ENDS: Final = frozenset({"complete", "fail", "back_off", "postpone", "give_back"})
"""What puts a claim down in order. A claim that none of them did was lost."""


@dataclass(slots=True)
class Log:
    """What must be explained in the end, by conversion. ``troubles``: spoilt parts and puts; ``sealed``: what was fixed, by key."""

    claims: Counter[Key] = field(default_factory=Counter[Key])
    ended: Counter[Key] = field(default_factory=Counter[Key])
    troubles: Counter[Key] = field(default_factory=Counter[Key])
    sealed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    late: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    wrong: list[str] = field(default_factory=list[str])

    def lost(self, key: Key) -> int:
        return self.claims[key] - self.ended[key]


class Mortal:
    """A worker, as its tools see it: after its death nothing of it runs, not even what it would do on its way out."""

    def __init__(self, worker: Worker, log: Log) -> None:
        self.worker, self.log, self.number = worker, log, worker.number
        self.claim: Claim | None = None
        self._dead = False

    def pause(self, call: str) -> Fate:
        if self._dead:
            raise Death
        return self.worker.pause(call)

    def spoil(self, failed: bool, fatal: bool, *, error_class: ErrorClass = ErrorClass.DB_CONNECTIVITY) -> None:
        self._dead |= fatal
        spoil(failed, fatal, error_class=error_class)

    def part(self, name: str) -> None:
        """A part of a conversion comes to pass, or its program fails, or the worker is killed in it."""
        fate = self.pause(name)
        self.note_trouble(fate)
        self.spoil(fate in {Fate.FAIL, Fate.MIDST, Fate.LOST, Fate.LATE}, fate in {Fate.DIE, Fate.DIE_AFTER}, error_class=ErrorClass.RENDER)

    def note_trouble(self, fate: Fate) -> None:
        if self.claim is not None and fate in {Fate.FAIL, Fate.MIDST, Fate.LOST, Fate.LATE}:
            self.log.troubles[self.claim.key] += 1


class Noting:
    """A store that notes in the log what really came to pass; what a transaction undid did not."""

    def __init__(self, store: Any, log: Log, mortal: Mortal | None) -> None:
        self._store, self._log, self._mortal = store, log, mortal
        self._inside: list[Callable[[], None]] | None = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        return (lambda claim, *more, **named: self._end(method, claim, *more, **named)) if name in ENDS else method

    def claim(self, **named: Any) -> Claim | None:
        claim = self._store.claim(**named)
        if claim is not None:
            self._log.claims[claim.key] += 1
            if self._mortal is not None:
                self._mortal.claim = claim
        return claim

    def seal(self, claim: Claim, files: Sequence[SealedFile], facts: Any) -> None:
        self._store.seal(claim, files, facts)
        for file in files:
            self._note(lambda file=file: self._log.sealed.setdefault(file.object_key, []).append(file.sha256))

    def _end(self, method: Callable[..., Any], claim: Claim, *more: Any, **named: Any) -> Any:
        held = self._store.hold(claim)
        answer = method(claim, *more, **named)
        if held:
            self._note(lambda: self._log.ended.update([claim.key]))
        return answer

    def _note(self, note: Callable[[], None]) -> None:
        if self._inside is None:
            note()
        else:
            self._inside.append(note)

    @contextmanager
    def transaction(self) -> Generator[None]:
        self._inside = []
        try:
            with self._store.transaction():
                yield
            for note in self._inside:
                note()
        finally:
            self._inside = None


class SteppedObjects:
    """Putting one object, which may fail before or after its effect, come late, or be the worker's last. ``read`` gives a staged file.

    Where another worker has done all of it meanwhile, the file is gone and the worker breaks down: wrong while the lease is its own.
    """

    def __init__(self, objects: Any, mortal: Mortal | None, *, read: Callable[[Path], bytes], is_held: Callable[[Claim], bool]) -> None:
        self._objects, self._mortal, self._read, self._is_held = objects, mortal, read, is_held
        self.bucket: str = objects.bucket

    def put_once(self, stored: LockedObject) -> str:
        assert isinstance(stored.body, Path)
        mortal = self._mortal
        if mortal is None:
            return self._objects.put_once(replace(stored, body=self._read(stored.body)))
        fate = mortal.pause("put")
        mortal.note_trouble(fate)
        mortal.spoil(failed=False, fatal=fate is Fate.DIE)
        ready = replace(stored, body=self._open(stored.body, mortal))
        if fate is Fate.LATE:
            mortal.log.late.append(lambda: self._arrive(ready))
        mortal.spoil(fate in {Fate.FAIL, Fate.MIDST, Fate.LATE}, fatal=False, error_class=ErrorClass.S3_WRITE)
        version_id: str = self._objects.put_once(ready)
        mortal.spoil(fate is Fate.LOST, fate is Fate.DIE_AFTER, error_class=ErrorClass.S3_WRITE)
        return version_id

    def _open(self, path: Path, mortal: Mortal) -> bytes:
        try:
            return self._read(path)
        except FileNotFoundError:
            claim = mortal.claim
            if claim is not None and self._is_held(claim):
                mortal.log.wrong.append(f"{claim.key}: what was staged is gone under the worker that holds the lease")
            mortal.spoil(failed=False, fatal=True)
            raise

    def _arrive(self, stored: LockedObject) -> None:
        """A request that its sender gave up reaches S3 after all; what S3 answers reaches nobody."""
        try:
            self._objects.put_once(stored)
        except EconsentError:
            return


class SteppedStaging:
    """Staging is a part of a conversion: the file system may fail, and the worker may stand still before it."""

    def __init__(self, staging: Staging, mortal: Mortal) -> None:
        self._staging, self._mortal = staging, mortal

    def stage(self, claim: Claim, session: Session, rendered: Rendered) -> list[SealedFile]:
        self._mortal.part("stage")
        return self._staging.stage(claim, session, rendered)

    def is_whole(self, files: Sequence[SealedFile]) -> bool:
        return self._staging.is_whole(files)

    def clear(self, claim: Claim) -> None:
        self._staging.clear(claim)
