"""The pinned replayer, and the page that it runs in.

``rrwebReplay`` is @rrweb/replay (MIT licence). Its bundle is known by its hash, because the driver uses what it does not publish.
"""

from pathlib import Path
from typing import Final

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.errors import ErrorClass, PermanentError

VERSION: Final = "2.1.6"
SHA256: Final = "4ab2043bf8b77f5051c2b912f92feec7c22b9556718b04dddab8fdc09d8acce9"
SOURCE_MAP: Final = "//# sourceMappingURL"
PAGE: Final = Path(__file__).with_name("page")


def read_bundle(path: Path) -> str:
    """Return the replayer's script. Raises PermanentError (config) when it is not there, or another one than was tried."""
    try:
        bundle = path.read_bytes()
    except OSError as error:
        raise PermanentError(
            ErrorClass.CONFIG, f"the replayer {path} cannot be read ({error.strerror}); ./econsent doctor says how to get it"
        ) from error
    if (found := sha256_hex(bundle)) != SHA256:
        raise PermanentError(
            ErrorClass.CONFIG, f"{path} is not @rrweb/replay {VERSION} (its sha256 is {found}, not {SHA256}); fetch it again"
        )
    return bundle.decode("utf-8").rpartition(SOURCE_MAP)[0]


def host_page() -> str:
    return (PAGE / "host.html").read_text(encoding="utf-8")


def driver() -> str:
    return (PAGE / "driver.js").read_text(encoding="utf-8")
