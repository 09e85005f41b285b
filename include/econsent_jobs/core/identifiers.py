"""Ids are opaque text from outside, and become file paths and object keys. This is the only way from the one to the other."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

from econsent_jobs.core.errors import BadItem, ErrorClass

LONGEST_ID: Final = 200  # encoded bytes; six of them and a hash fit into the 1,024 bytes of an S3 key
SAFE: Final = "._-"


def path_segment(identifier: str) -> str:
    """Return one path or key segment: percent-encoded outside ``[A-Za-z0-9._-]``.

    Raises BadItem (data) for an id that names no file of its own: empty, ``.``, ``..``, over-long, or with NUL or a lone surrogate.
    """
    if identifier in {"", ".", ".."} or "\0" in identifier:
        raise BadItem(ErrorClass.DATA, f"the id {identifier!r} cannot name a file")
    try:
        segment = quote(identifier, safe=SAFE).replace("~", "%7E")
    except UnicodeEncodeError as error:
        raise BadItem(ErrorClass.DATA, f"the id {identifier!r} is not valid text") from error
    if len(segment) > LONGEST_ID:
        raise BadItem(ErrorClass.DATA, f"the id {identifier[:40]!r}… has {len(segment)} bytes, at most {LONGEST_ID} are allowed")
    return segment


def path_below(base: Path, *identifiers: str, suffix: str = "") -> Path:
    """Return ``base/id/id/…{suffix}`` with every id as one segment. Whether symlinks lead away from it is the reader's to check."""
    *folders, name = [path_segment(identifier) for identifier in identifiers]
    return base.joinpath(*folders, name + suffix)
