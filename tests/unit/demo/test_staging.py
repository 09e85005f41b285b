"""Files appear whole, and leave nothing behind."""

from pathlib import Path

import pytest

from demo.staging import StagedFile, write_file


@pytest.mark.parametrize("durable", [True, False])
def test_writes_the_folders_and_the_file_and_nothing_else(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "company" / "property" / "session.json"
    write_file(StagedFile(path=path, contents=b"[1]"), durable=durable)
    write_file(StagedFile(path=path, contents=b"[1,2]"), durable=durable)

    assert path.read_bytes() == b"[1,2]"
    assert [found.name for found in path.parent.iterdir()] == ["session.json"]


def test_writes_a_link_that_may_lead_anywhere(tmp_path: Path) -> None:
    path, target = tmp_path / "a" / "link.json", tmp_path / "elsewhere.json"
    write_file(StagedFile(path=path, link_to=target))
    write_file(StagedFile(path=path, link_to=target))

    assert path.readlink() == target


def test_a_file_in_the_way_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "company").write_bytes(b"")

    with pytest.raises(FileExistsError):
        write_file(StagedFile(path=tmp_path / "company" / "session.json"))
