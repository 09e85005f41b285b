"""What retention asks of the archive and of the shared file system, and the same for a plan, which touches neither."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, Self

from econsent_jobs.core.archive_layout import STAGED_RECORDINGS, STAGED_VIDEOS
from econsent_jobs.core.errors import BadItem
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_jobs.io.object_versions import Head, ObjectVersions, Undeleted, Version
from econsent_jobs.io.old_files import older_files
from econsent_jobs.retention_enforcement.rules.tiers import Capability, LifecycleRule, capability

BLOCK_BYTES: Final = 1024 * 1024
LINES_AN_OBJECT: Final = 20  # a listing that finds so many others between the keys is no way to look for these
LISTED_AT_LEAST: Final = 2_000
FEW: Final = 50  # lines that a look for what should be gone asks for at first: what lies behind it is nobody's concern


class Archive(Protocol):
    @property
    def bucket(self) -> str: ...

    def put_once(self, stored: LockedObject) -> str:
        """Store or adopt; return the version id. Raises TransientError, PermanentError or BadItem."""
        ...

    def delete(self, versions: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Undeleted]:
        """Delete versions, at most 1,000, and return those that were refused."""
        ...

    def left_of(self, keys: Iterable[str]) -> list[Version]:
        """List what is still there under any of the keys, whatever its version."""
        ...

    def listed_from(self, after_key: str) -> Iterator[Version]:
        """List every version in the bucket behind a key, in the order of keys."""
        ...

    def head(self, key: str, version_id: str) -> Head | None: ...

    def sha256(self, key: str, version_id: str) -> tuple[int, str]: ...

    def lock_until(self, key: str, version_id: str, retain_until: datetime) -> None: ...

    def hold(self, key: str, version_id: str, *, on: bool) -> None: ...

    def cool(self, key: str, version_id: str) -> None:
        """Tag a version for the cold tier."""
        ...

    def cold_tier(self) -> Capability:
        """Ask the archive whether it moves what is tagged."""
        ...


class S3Archive:
    """The real archive."""

    def __init__(self, objects: LockedObjectStore, versions: ObjectVersions) -> None:
        self._objects, self._versions = objects, versions

    @property
    def bucket(self) -> str:
        return self._versions.bucket

    def put_once(self, stored: LockedObject) -> str:
        return self._objects.put_once(stored)

    def delete(self, versions: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Undeleted]:
        return self._versions.delete(versions)

    def left_of(self, keys: Iterable[str]) -> list[Version]:
        """One listing from the first key to the last; where too much lies between, one for each key."""
        wanted = sorted(set(keys), key=str.encode)
        if not wanted:
            return []
        found: list[Version] = []
        most, among = LISTED_AT_LEAST + LINES_AN_OBJECT * len(wanted), set(wanted)
        for place, version in enumerate(self.listed(wanted[0][:-1], wanted[-1])):
            if version.key in among:
                found.append(version)
            if place >= most:
                seen = version.key.encode()
                rest = (key for key in wanted if key.encode() > seen)
                return found + [each for key in rest for each in self._versions.listed(key) if each.key == key]
        return found

    def listed_from(self, after_key: str) -> Iterator[Version]:
        return self._versions.listed("", after_key=after_key)

    def listed(self, after_key: str, until_key: str) -> Iterator[Version]:
        return self._versions.listed("", after_key=after_key, until_key=until_key, first_page=FEW)

    def head(self, key: str, version_id: str) -> Head | None:
        return self._versions.head(key, version_id)

    def sha256(self, key: str, version_id: str) -> tuple[int, str]:
        return self._versions.sha256(key, version_id)

    def lock_until(self, key: str, version_id: str, retain_until: datetime) -> None:
        self._versions.lock_until(key, version_id, retain_until)

    def hold(self, key: str, version_id: str, *, on: bool) -> None:
        self._versions.hold(key, version_id, on=on)

    def cool(self, key: str, version_id: str) -> None:
        self._versions.tag(key, version_id, name="tier", value="3")

    def cold_tier(self) -> Capability:
        answer = self._versions.lifecycle_rules()
        if isinstance(answer, str):
            return capability(None, refusal=answer)
        return capability([rule_of(rule) for rule in answer])


def rule_of(rule: Mapping[str, Any]) -> LifecycleRule:
    """Read one lifecycle rule: the tags it selects by, alone or among several conditions, and the classes it moves to."""
    selected: dict[str, Any] = rule.get("Filter") or {}
    both: dict[str, Any] = selected.get("And") or selected
    tags: list[dict[str, str]] = both.get("Tags") or ([both["Tag"]] if "Tag" in both else [])
    moves: list[dict[str, Any]] = rule.get("Transitions") or []
    return LifecycleRule(
        enabled=rule.get("Status") == "Enabled",
        tags=[(tag["Key"], tag["Value"]) for tag in tags],
        classes=[str(move.get("StorageClass")) for move in moves],
    )


class PlannedArchive:
    """An archive for a plan: it reads, and takes everything that it is told to do as done."""

    def __init__(self, real: Archive) -> None:
        self._real = real

    @property
    def bucket(self) -> str:
        return self._real.bucket

    def put_once(self, stored: LockedObject) -> str:
        return "planned"

    def delete(self, versions: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Undeleted]:
        return {}

    def left_of(self, keys: Iterable[str]) -> list[Version]:
        return []

    def listed_from(self, after_key: str) -> Iterator[Version]:
        return self._real.listed_from(after_key)

    def head(self, key: str, version_id: str) -> Head | None:
        return self._real.head(key, version_id)

    def sha256(self, key: str, version_id: str) -> tuple[int, str]:
        return self._real.sha256(key, version_id)

    def lock_until(self, key: str, version_id: str, retain_until: datetime) -> None:
        """Nothing is locked by a plan."""

    def hold(self, key: str, version_id: str, *, on: bool) -> None:
        """Nothing is held by a plan."""

    def cool(self, key: str, version_id: str) -> None:
        """Nothing is tagged by a plan."""

    def cold_tier(self) -> Capability:
        return self._real.cold_tier()


class EfsFiles:
    """Files on the shared file system, named by their path below its base; with ``folder`` only those of one company's folder."""

    def __init__(self, files: SharedFiles, *, folder: str | None = None) -> None:
        self._files, self._folder = files, folder

    def of(self, company_id: str) -> Self:
        """Return the same for one company: a path that leads into another one's folder is refused. Raises BadItem (data)."""
        return type(self)(self._files, folder=path_segment(company_id))

    def check(self) -> None:
        """Raise PermanentError (config) when the file system is not there: nothing must look deleted then."""
        self._files.check()

    def key_of(self, path: str) -> str:
        """Return a stored path, absolute or relative, as a key. Whether it leads away is looked at when it is opened."""
        return path.removeprefix(f"{self._files.base}/")

    def read(self, key: str) -> bytes:
        """Read a whole file by its key below the base. Raises BadItem where it is missing, TransientError where the file system fails."""
        with self._files.open(*self._segments(key), what=f"the file {key[:200]}") as stream:
            return stream.read()

    def sha256(self, key: str) -> tuple[int, str]:
        """Return size and hash. Raises like ``read``."""
        digest, size = hashlib.sha256(), 0
        with self._files.open(*self._segments(key), what=f"the file {key[:200]}") as stream:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
        return size, digest.hexdigest()

    def is_there(self, key: str) -> bool:
        """Whether there is anything of this name, or what is no name of the company's. Raises TransientError."""
        try:
            with self._files.open(*self._segments(key), what=f"the file {key[:200]}"):
                return True
        except BadItem as error:
            return not isinstance(error.__cause__, FileNotFoundError)

    def write(self, key: str, contents: bytes) -> None:
        self._files.write(*self._segments(key), contents=contents, what=f"the file {key[:200]}")

    def remove(self, key: str) -> None:
        """Remove a file; one that is gone is removed. Raises BadItem for a link, TransientError."""
        self._files.remove(*self._segments(key), what=f"the file {key[:200]}")

    def staged(self, *, before: datetime) -> Iterator[str]:
        """Yield the keys of copies on their way to the archive that were last written before that moment."""
        for folder in sorted(self._files.base.iterdir()):
            place = folder if folder.name == STAGED_VIDEOS else folder / STAGED_RECORDINGS
            if not folder.is_symlink() and not place.is_symlink() and place.is_dir():
                yield from (self.key_of(str(path)) for path in older_files(place, before=before))

    def path_of(self, key: str) -> str:
        return f"{self._files.base}/{key}"

    def _segments(self, key: str) -> tuple[str, ...]:
        return self._files.segments(key, company_segment=self._folder or key.split("/")[0], what="the file")


class PlannedFiles(EfsFiles):
    """The shared file system for a plan: it is only read."""

    def write(self, key: str, contents: bytes) -> None:
        """Nothing is written by a plan."""

    def remove(self, key: str) -> None:
        """Nothing is removed by a plan."""
