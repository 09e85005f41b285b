"""The browser: which one is taken, how it is pinned, and what is told when it is not the pinned one."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from econsent_stack.chromium import CHOSEN, LOCK_FILES, LOCK_FOLDER, PROGRAM, chromium, decompress, refusal, take_files
from econsent_stack.errors import StackError
from econsent_stack.paths import Home
from econsent_stack.progress import Progress

BARE = {**{name: value for name, value in os.environ.items() if name != CHOSEN}, "PATH": "/nowhere"}
"""A machine without Node, npm or any other program."""


def lock(folder: Path = LOCK_FOLDER) -> dict[str, Any]:
    return json.loads((folder / LOCK_FILES[1]).read_text())


def names_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_package_is_pinned_by_sha512_and_no_registry_is_named() -> None:
    packages = {name: package for name, package in lock()["packages"].items() if name}

    assert "node_modules/@sparticuz/chromium" in packages
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package or "link" in package] == []


def test_what_is_asked_for_is_exact_and_is_what_the_lock_pins() -> None:
    asked = json.loads((LOCK_FOLDER / LOCK_FILES[0]).read_text())["dependencies"]

    assert lock()["packages"][""]["dependencies"] == asked
    assert {name: lock()["packages"][f"node_modules/{name}"]["version"] for name in asked} == asked


def test_a_chosen_browser_wins_and_nothing_is_fetched(tmp_path: Path) -> None:
    mine = tmp_path / "my-chromium"
    mine.touch(mode=0o755)

    found = chromium(Home(tmp_path / "home"), Progress(), environment={CHOSEN: str(mine)})

    assert (found.program, found.variables) == (mine, {})
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", ["absent", "folder", "text"])
def test_a_chosen_browser_that_is_no_program_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").touch(mode=0o644)

    with pytest.raises(StackError, match=rf"{CHOSEN}=.*/{name} is no program: .*unset {CHOSEN}"):
        chromium(Home(tmp_path), Progress(), environment={CHOSEN: str(tmp_path / name)})


@pytest.mark.parametrize(
    ("complaint", "told"),
    [
        pytest.param(
            "npm error code EINTEGRITY\nnpm error sha512-a integrity checksum failed", "is not the one that", id="another package"
        ),
        pytest.param(
            "npm error code ENOTFOUND\nnpm error network no such host", r"\(code ENOTFOUND network no such host\)", id="no way there"
        ),
        pytest.param("", r"\(npm said nothing\)", id="silence"),
    ],
)
def test_npm_s_complaints_become_one_sentence(tmp_path: Path, complaint: str, told: str) -> None:
    sentence = refusal(complaint, tmp_path)

    assert re.search(told, sentence)
    assert "\n" not in sentence


def test_a_broken_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.br").write_bytes(b"no Brotli at all")

    with pytest.raises(StackError, match=r"broken\.br could not be unpacked"):
        decompress(tmp_path / "broken.br", tmp_path / "out")


def test_an_archive_s_files_stay_in_their_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.so").write_text("a library")
    (tmp_path / "in" / "readme").write_text("no library")
    (tmp_path / "in" / "b.so").symlink_to("/etc/passwd")
    subprocess.run(["tar", "--absolute-names", "--transform", "s,^,../,", "-cf", "x.tar", "in"], cwd=tmp_path, check=True)
    (tmp_path / "out").mkdir()

    take_files(tmp_path / "x.tar", (".so",), tmp_path / "out")

    assert names_below(tmp_path / "out") == ["a.so"]


@pytest.mark.slow
def test_two_who_ask_at_once_get_one_whole_browser_on_a_bare_machine(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "cache" / "chromium.half" / "unpacked").mkdir(parents=True)  # what a killed attempt leaves

    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda _: chromium(home, Progress(), environment=BARE), range(2))

    assert first == second
    assert names_below(tmp_path / "cache") == [first.program.parent.name, "chromium.lock"]
    closed = [path for path in first.program.parent.rglob("*") if path.stat().st_mode & 0o444 != 0o444]
    assert closed == []
    version = subprocess.run([first.program, "--version"], env=first.variables, capture_output=True, text=True, check=True).stdout
    assert version.startswith("Chromium 153.")
    assert first.program.name == PROGRAM


@pytest.mark.slow
def test_a_package_that_is_not_the_pinned_one_is_refused_and_nothing_of_it_kept(tmp_path: Path) -> None:
    folder = tmp_path / "npm"
    shutil.copytree(LOCK_FOLDER, folder)
    tampered = lock()
    pinned = tampered["packages"]["node_modules/@sparticuz/chromium"]["integrity"]
    tampered["packages"]["node_modules/@sparticuz/chromium"]["integrity"] = pinned.replace(pinned[7:11], pinned[11:15])
    (folder / LOCK_FILES[1]).write_text(json.dumps(tampered))

    with pytest.raises(StackError, match=r"is not the one that .* pins, so nothing of it was kept"):
        chromium(Home(tmp_path / "home"), Progress(), environment=BARE, lock_folder=folder)

    assert names_below(tmp_path / "home" / "cache") == ["chromium.lock"]
