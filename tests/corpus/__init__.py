"""Sessions that were recorded with rrweb in a real browser, for what is slow, unusual or easily drawn wrong.

``record.py`` made them from ``pages/``; they are kept, gzipped, in ``data/``. The three of ``demo`` are real visits; these are one each of
what else a web form may do.
"""

import gzip
from pathlib import Path
from typing import Final

from demo.recordings import NAMES, encode, recording

DATA: Final = Path(__file__).with_name("data")
RECORDED: Final = tuple(sorted(path.name.removesuffix(".json.gz") for path in DATA.glob("*.json.gz")))


def contents_of(name: str) -> bytes:
    """Return one recording as JSON, by its name here or in ``demo``. Raises FileNotFoundError."""
    for known in NAMES:
        if known == name:
            return b"".join(encode(recording(known).events))
    return gzip.decompress((DATA / f"{name}.json.gz").read_bytes())


def all_recordings() -> dict[str, bytes]:
    """Return every recording by its name: the demo's three and all that were recorded here."""
    return {name: contents_of(name) for name in (*NAMES, *RECORDED)}
