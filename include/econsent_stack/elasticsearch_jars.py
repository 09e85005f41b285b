"""Elasticsearch's jars: published Maven artefacts, pinned by SHA-512, fetched at first use into the environment that runs them.

1. ``maven/elasticsearch-lock.json`` names every jar by its path in a Maven repository, with its size and SHA-512.
2. ``$ECONSENT_MAVEN_REPOSITORY`` is the repository to ask, such as a company's mirror; else it is Maven's central one.
3. All jars are fetched, checked and laid out in ``.venv/share/econsent/elasticsearch-<digest of the lock>``, which appears there at once or
   not at all. From then on no network is needed.

``python -m econsent_stack.elasticsearch_jars`` pins anew what the lock's ``asked`` names.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext, PythonResolver

from econsent_stack.errors import StackError
from econsent_stack.lock import wait_for

LOCK_FILE: Final = Path(__file__).with_name("maven") / "elasticsearch-lock.json"
REPOSITORY: Final = "ECONSENT_MAVEN_REPOSITORY"
SHARE: Final = Path(sys.prefix) / "share" / "econsent"
FETCH_THREADS: Final = 8
FETCH_SECONDS: Final = 60.0
NEEDED_BYTES: Final = 200 * 1024**2
LAYOUT: Final = b"1"
"""Raise it when the jars are laid out in another way, so that no folder of the old way is used."""
MODULE: Final = "transport-netty4"
MODULE_JARS: Final = ("netty-", "transport-netty4-", "elasticsearch-ssl-config-")
"""The transport is loaded as a module of the server: these lie in its folder and not on the class path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """``path``: below any Maven repository. ``sha512``: lower-case hexadecimal."""

    path: str
    bytes: int
    sha512: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jars:
    """Where the jars lie: ``class_path`` in order, and ``home`` with its folder ``modules``, which the server takes for its own home."""

    home: Path
    version: str

    @property
    def class_path(self) -> list[Path]:
        return sorted((self.home / "lib").iterdir())


def version(lock_file: Path = LOCK_FILE) -> str:
    """Return Elasticsearch's version, as pinned."""
    return read_lock(lock_file)["version"]


def jars(*, environment: Mapping[str, str] = os.environ, lock_file: Path = LOCK_FILE, share: Path = SHARE) -> Jars:
    """Return the jars, fetching them when this is their first use. Several may ask at once: one fetches, the others wait for it.

    Raises StackError when they cannot be fetched or are not the pinned ones.
    """
    digest = hashlib.sha256(LAYOUT + lock_file.read_bytes()).hexdigest()[:12]
    home = share / f"elasticsearch-{digest}"
    if not home.exists():
        fetch(home, lock_file=lock_file, repository=environment.get(REPOSITORY) or MAVEN_CENTRAL_URL)
    return Jars(home=home, version=version(lock_file))


def read_lock(lock_file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lock_file.read_text(encoding="utf-8"))
    return found


def fetch(home: Path, *, lock_file: Path, repository: str) -> None:
    """Fetch every jar, lay them out and put the folder in its place as a whole. Whatever a killed attempt left is cleared away."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with wait_for(home.with_name("elasticsearch.lock")):
        if home.exists():
            return
        free = shutil.disk_usage(home.parent).free
        if free < NEEDED_BYTES:
            raise StackError(f"Only {free // 1024**2} MB are free for Elasticsearch's jars and {NEEDED_BYTES // 1024**2} are needed.")
        half = home.with_name("elasticsearch.half")
        shutil.rmtree(half, ignore_errors=True)
        lock = read_lock(lock_file)
        try:
            lay_out(half, [Jar(**jar) for jar in lock["jars"]], repository=repository.rstrip("/"), lock_file=lock_file)
            write_descriptor(half / "modules" / MODULE, lock["version"])
            os.sync()
            half.rename(home)
        finally:
            shutil.rmtree(half, ignore_errors=True)


def lay_out(folder: Path, pinned: Iterable[Jar], *, repository: str, lock_file: Path) -> None:
    """Fetch all jars at once into ``lib`` and into the module's folder."""
    library, module = folder / "lib", folder / "modules" / MODULE
    for made in (library, module):
        made.mkdir(parents=True)

    def place(jar: Jar) -> None:
        target = (module if jar.name.startswith(MODULE_JARS) else library) / jar.name
        target.write_bytes(checked(jar, fetched(jar, repository), lock_file=lock_file))

    with ThreadPoolExecutor(FETCH_THREADS) as pool:
        list(pool.map(place, pinned))


def fetched(jar: Jar, repository: str) -> bytes:
    """Return one jar's bytes. Raises StackError with the way out when the repository does not give it."""
    try:
        with urllib.request.urlopen(f"{repository}/{jar.path}", timeout=FETCH_SECONDS) as answer:  # noqa: S310 a mirror may be a folder
            return answer.read(jar.bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise StackError(
            f"Elasticsearch's {jar.name} could not be fetched ({reason}): mend the way to Maven's central repository, or name"
            f" another one in {REPOSITORY}."
        ) from error


def checked(jar: Jar, found: bytes, *, lock_file: Path) -> bytes:
    if hashlib.sha512(found).hexdigest() != jar.sha512:
        raise StackError(
            f"{jar.name} is not the one that {lock_file} pins, so nothing was kept: undo any change of that file and try again; if it"
            " happens again, the repository serves another jar and nobody should use it."
        )
    return found


def write_descriptor(module: Path, server_version: str) -> None:
    """The module is published without the descriptor that a distribution has beside it. ``java.version`` is the oldest that will do."""
    lines = {
        "name": MODULE,
        "description": "HTTP and transport over Netty",
        "version": server_version,
        "elasticsearch.version": server_version,
        "java.version": "21",
        "classname": "org.elasticsearch.transport.netty4.Netty4Plugin",
    }
    (module / "plugin-descriptor.properties").write_text("".join(f"{key}={value}\n" for key, value in lines.items()), encoding="utf-8")


def pin(lock_file: Path) -> None:
    """Write the lock for what it asks for: every jar that Maven's rules bring along, by path, size and SHA-512; no repository's address."""
    lock = read_lock(lock_file)
    asked: list[str] = lock["asked"]
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        context = MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=int(FETCH_SECONDS))
        EnvironmentBuilder(context=context, cache_dir=Path(folder) / "unused").from_endpoint("+".join(asked))
        found = [
            Jar(path=str(path.relative_to(repository)), bytes=path.stat().st_size, sha512=hashlib.sha512(path.read_bytes()).hexdigest())
            for path in sorted(repository.rglob("*.jar"))
        ]
    lock = {"version": asked[0].rpartition(":")[2], "asked": asked, "jars": [asdict(jar) for jar in found]}
    lock_file.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    pin(LOCK_FILE)
