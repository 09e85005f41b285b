"""Free ports on 127.0.0.1, kept from one start to the next where they are still free."""

import random
import socket
from collections.abc import Iterable, Mapping
from typing import Final

FIRST_PORT: Final = 18_000
LAST_PORT: Final = 31_999  # Linux hands out 32768 and up to outgoing connections, which could take a server's port while it restarts
MOST_TRIES: Final = 2_000


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at ``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(names: Iterable[str], kept: Mapping[str, int], *, twins: Mapping[str, int]) -> dict[str, int]:
    """Give each name its kept port if that is free, else a free one; no two names share a port.

    ``twins``: names whose server also takes the port at that distance above. Raises RuntimeError when no port is free.
    """
    chosen: dict[str, int] = {}
    used: set[int] = set()
    for name in names:
        twin = twins.get(name, 0)
        candidates = [kept[name]] if name in kept else []
        candidates += [port for port in _candidates() if port not in kept.values()]
        port = next((port for port in candidates if not {port, port + twin} & used and is_free(port) and is_free(port + twin)), None)
        if port is None:
            raise RuntimeError(f"no free port on 127.0.0.1 between {FIRST_PORT} and {LAST_PORT}")
        chosen[name] = port
        used |= {port, port + twin}
    return chosen


def _candidates() -> list[int]:
    """A random choice, so that two stacks that start at once hardly meet."""
    return random.sample(range(FIRST_PORT, LAST_PORT + 1), MOST_TRIES)
