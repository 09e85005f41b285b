"""A receiver of webhooks for the demo companies, and the two Connections by which the job signs and finds it.

Only here may a webhook go to this machine: ``allow_loopback`` stands in the embedded stack's Connection and nowhere else.
"""

import json
import os
import secrets
import socket
import sys
from importlib.metadata import version
from typing import Final

from econsent_stack.certificates import make_key_files
from econsent_stack.files import write_whole
from econsent_stack.project import ROOT
from econsent_stack.server import Launch, Place, Server

ENDPOINTS: Final = (
    "wh-demo-01-crm",
    "wh-demo-01-backup",
    "wh-demo-02-crm",
    "wh-demo-02-flaky",
    "wh-demo-02-analytics",
    "wh-demo-03-partner",
    "wh-demo-03-down",
    "wh-demo-03-slow",
    "wh-demo-03-gone",
)
"""The demo's endpoints, whose secrets both sides know."""


def long_key() -> str:
    return secrets.token_urlsafe(48)


def signing_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


class WebhookReceiver(Server):
    name = "webhook_receiver"
    port_names = ("receive", "page")

    def version(self) -> str:
        return version("aiohttp")

    def launch(self, place: Place) -> Launch:
        place.folder.mkdir(mode=0o700, exist_ok=True)
        make_key_files(place.folder / "keys")
        known = {endpoint_id: place.secrets.get(f"webhook.{endpoint_id}", signing_secret) for endpoint_id in ENDPOINTS}
        write_whole(place.folder / "secrets.json", json.dumps(known, indent=2) + "\n", mode=0o600)
        ports = [str(place.ports[name]) for name in self.port_names]
        return Launch(
            command=[sys.executable, "-m", "econsent_stack.webhook_receiver", str(place.folder), *ports],
            environment={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(place.folder)},
            folder=ROOT,
        )

    def is_ready(self, place: Place) -> bool:
        try:
            for port in place.ports.values():
                socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            return False
        return True

    def variables(self, place: Place) -> dict[str, str]:
        key = {"conn_type": "generic", "login": "key-1", "password": place.secrets.get("webhook_key", long_key)}
        authority = place.folder / "keys" / "authority.pem"
        webhooks = {"conn_type": "generic", "extra": {"allow_loopback": True, "ca_file": str(authority)}}
        receiver = {"url": self.receiving(place), "secrets_file": str(place.folder / "secrets.json")}
        return {
            "AIRFLOW_CONN_ECONSENT_WEBHOOK_KEY": json.dumps(key),
            "AIRFLOW_CONN_ECONSENT_WEBHOOKS": json.dumps(webhooks),
            "ECONSENT_DEMO_RECEIVER": json.dumps(receiver),
        }

    def receiving(self, place: Place) -> str:
        return f"https://127.0.0.1:{place.ports['receive']}"

    def page(self, place: Place) -> str:
        """Where a person can read what was received."""
        return f"http://127.0.0.1:{place.ports['page']}/"


SERVER: Final = WebhookReceiver()
