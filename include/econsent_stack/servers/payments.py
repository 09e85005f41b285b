"""The payment provider of this machine: no card is ever charged, and every charge can be looked at."""

import json
import sys
import urllib.request
from importlib.metadata import version
from typing import Final

from econsent_stack.files import write_whole
from econsent_stack.server import Launch, Place, Server

KEPT_AS: Final = "payments"  # the token, among the stack's secrets


class Payments(Server):
    name = "payments"
    port_names = ("listen",)

    def version(self) -> str:
        return version("econsent-jobs")

    def launch(self, place: Place) -> Launch:
        place.folder.mkdir(mode=0o700, exist_ok=True)
        token_file = place.folder / "token"
        write_whole(token_file, place.secrets.get(KEPT_AS) + "\n", mode=0o600)
        words = ["--port", str(place.ports["listen"]), "--state", str(place.folder / "charges.sqlite"), "--token-file", str(token_file)]
        command = [sys.executable, "-m", "econsent_stack.payments_sandbox", *words]
        return Launch(command=command, environment={"HOME": str(place.folder)}, folder=place.folder)

    def is_ready(self, place: Place) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{place.ports['listen']}/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def variables(self, place: Place) -> dict[str, str]:
        connection = {
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": place.ports["listen"],
            "password": place.secrets.get(KEPT_AS),
            "extra": {"provider": "sandbox"},
        }
        return {"AIRFLOW_CONN_ECONSENT_PAYMENTS": json.dumps(connection)}


SERVER: Final = Payments()
