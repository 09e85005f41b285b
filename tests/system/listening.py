"""Which sockets a running stack listens on."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.system.running import Up

LISTENING = "0A"
LOOPBACK = "0100007F"


def sockets_of(pids: list[int]) -> set[str]:
    """The inodes of the sockets that these processes hold; a process that has ended by now holds none."""
    targets: list[str] = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for descriptor in list(Path(f"/proc/{pid}/fd").iterdir()):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    targets.append(str(descriptor.readlink()))
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


def listening() -> Iterator[tuple[str, int, str]]:
    """Every listening TCP socket of the machine: hexadecimal address, port, inode."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING:
                address, _, port = fields[1].partition(":")
                yield address, int(port, 16), fields[9]


def assert_only_loopback(up: Up) -> None:
    inodes = sockets_of([found.pid for found in up.stack().left_over()])
    found = {(address, port) for address, port, inode in listening() if inode in inodes}

    assert {port for _, port in found} >= set(up.stack().state.ports.values()), "the test must see the ports it judges"
    assert {address for address, _ in found} == {LOOPBACK}
