"""Files of a conversion that are larger than memory should hold."""

import hashlib
from pathlib import Path


def hash_of(path: Path) -> tuple[int, str]:
    """Return a file's size in bytes and its SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest
