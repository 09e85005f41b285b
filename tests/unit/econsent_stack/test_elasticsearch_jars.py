"""Elasticsearch's jars: how they are pinned, where they come from, and what is told when they are not the pinned ones."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from econsent_stack.elasticsearch_jars import LOCK_FILE, REPOSITORY, jars
from econsent_stack.errors import StackError

SERVER = "org/x/elasticsearch/1/elasticsearch-1.jar"
TRANSPORT = "org/x/transport-netty4/1/transport-netty4-1.jar"


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    """A repository of two jars and the lock for it."""
    pinned: list[dict[str, Any]] = []
    for path in (SERVER, TRANSPORT):
        file = tmp_path / "repository" / path
        file.parent.mkdir(parents=True)
        file.write_bytes(path.encode())
        pinned.append({"path": path, "bytes": len(path), "sha512": hashlib.sha512(path.encode()).hexdigest()})
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"version": "1", "asked": [], "jars": pinned}))
    return lock


@pytest.fixture
def mirror(tmp_path: Path) -> dict[str, str]:
    return {REPOSITORY: (tmp_path / "repository").as_uri()}


def test_every_jar_is_pinned_by_sha512_and_no_repository_is_named() -> None:
    lock = json.loads(LOCK_FILE.read_text())

    assert {len(jar["sha512"]) for jar in lock["jars"]} == {128}
    assert "://" not in LOCK_FILE.read_text()
    assert all(asked.endswith(f":{lock['version']}") for asked in lock["asked"])
    assert {f"{name}-{lock['version']}.jar" for name in ("elasticsearch", "transport-netty4")} <= {
        jar["path"].rpartition("/")[2] for jar in lock["jars"]
    }


def test_the_chosen_repository_is_asked_once_by_all(tmp_path: Path, lock_file: Path, mirror: dict[str, str]) -> None:
    (tmp_path / "share" / "elasticsearch.half").mkdir(parents=True)  # what a killed attempt leaves

    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda _: jars(environment=mirror, lock_file=lock_file, share=tmp_path / "share"), range(2))

    assert first == second
    assert [path.name for path in first.class_path] == ["elasticsearch-1.jar"]
    module = first.home / "modules" / "transport-netty4"
    assert sorted(path.name for path in module.iterdir()) == ["plugin-descriptor.properties", "transport-netty4-1.jar"]
    assert sorted(path.name for path in (tmp_path / "share").iterdir()) == [first.home.name, "elasticsearch.lock"]


def test_a_second_start_needs_no_repository(tmp_path: Path, lock_file: Path, mirror: dict[str, str]) -> None:
    first = jars(environment=mirror, lock_file=lock_file, share=tmp_path / "share")
    nowhere = {REPOSITORY: (tmp_path / "nowhere").as_uri()}

    assert jars(environment=nowhere, lock_file=lock_file, share=tmp_path / "share") == first


def test_a_jar_that_is_not_the_pinned_one_is_refused_and_nothing_kept(tmp_path: Path, lock_file: Path, mirror: dict[str, str]) -> None:
    (tmp_path / "repository" / SERVER).write_bytes(b"another")

    with pytest.raises(StackError, match=r"elasticsearch-1\.jar is not the one that .*lock\.json pins, so nothing was kept"):
        jars(environment=mirror, lock_file=lock_file, share=tmp_path / "share")

    assert [path.name for path in (tmp_path / "share").iterdir()] == ["elasticsearch.lock"]


def test_a_repository_without_the_jar_is_told_with_the_way_out(tmp_path: Path, lock_file: Path) -> None:
    with pytest.raises(StackError, match=rf"elasticsearch-1\.jar could not be fetched .* name another one in {REPOSITORY}"):
        jars(environment={REPOSITORY: tmp_path.as_uri()}, lock_file=lock_file, share=tmp_path / "share")
