"""The demo companies' webhook endpoints: most of them well, some slow, down, gone or not to be reached at all.

Their receiver runs beside the stack, where one is told by ``ECONSENT_DEMO_RECEIVER``. An endpoint that exists keeps its secret; its address
follows the receiver's port.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection
from econsent_jobs.io.environment import NotConfigured, connection_of
from econsent_jobs.webhook_delivery_retry.model import SecretKeys
from econsent_jobs.webhook_delivery_retry.secret_box import seal_secret

PACKAGE: Final = "demo"
RECEIVER: Final = "ECONSENT_DEMO_RECEIVER"
KEY: Final = "AIRFLOW_CONN_ECONSENT_WEBHOOK_KEY"
CREATED: Final = "session.certificate.created"
GRANTED: Final = "consent.granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEndpoint:
    """``way``: how its receiver feels (healthy, flaky, down, slow, gone). ``elsewhere``: another address, which nobody answers at."""

    endpoint_id: str
    company_id: str
    way: str = "healthy"
    method: str = "POST"
    events: tuple[str, ...] = ()
    elsewhere: str | None = None


ENDPOINTS: Final = (
    DemoEndpoint(endpoint_id="wh-demo-01-crm", company_id="demo-01"),
    DemoEndpoint(endpoint_id="wh-demo-01-backup", company_id="demo-01", method="PUT", events=(CREATED,)),
    DemoEndpoint(endpoint_id="wh-demo-02-crm", company_id="demo-02", events=(CREATED,)),
    DemoEndpoint(endpoint_id="wh-demo-02-flaky", company_id="demo-02", way="flaky", events=(GRANTED,)),
    DemoEndpoint(endpoint_id="wh-demo-02-analytics", company_id="demo-02", method="GET", events=(GRANTED,)),
    DemoEndpoint(endpoint_id="wh-demo-03-partner", company_id="demo-03", events=(CREATED,)),
    DemoEndpoint(endpoint_id="wh-demo-03-down", company_id="demo-03", way="down", events=(GRANTED,)),
    DemoEndpoint(endpoint_id="wh-demo-03-slow", company_id="demo-03", way="slow", events=(GRANTED,)),
    DemoEndpoint(endpoint_id="wh-demo-03-gone", company_id="demo-03", way="gone", events=(GRANTED,)),
    DemoEndpoint(
        endpoint_id="wh-demo-03-inside", company_id="demo-03", events=(GRANTED,), elsewhere="https://169.254.169.254/latest/meta-data"
    ),
)


def load_endpoints(database: Connection, environment: Mapping[str, str]) -> int:
    """Add the endpoints that are missing and return how many. Nothing is added where no receiver runs.

    Raises psycopg.Error, and NotConfigured where there is a receiver and no key to seal its secrets with.
    """
    if RECEIVER not in environment:
        return 0
    told: dict[str, str] = json.loads(environment[RECEIVER])
    secrets: dict[str, str] = json.loads(Path(told["secrets_file"]).read_text(encoding="utf-8"))
    key = connection_of(environment, KEY)
    if not key.get("login") or not key.get("password"):
        raise NotConfigured(f"{KEY} needs a key id as login and the key as password: add them and load again.")
    keys = SecretKeys(key_id=key["login"], key=key["password"].encode())
    return sum(add(database, endpoint, told["url"], keys, secrets) for endpoint in ENDPOINTS)


def add(database: Connection, endpoint: DemoEndpoint, url: str, keys: SecretKeys, secrets: Mapping[str, str]) -> int:
    row = {
        "endpoint_id": endpoint.endpoint_id,
        "company_id": endpoint.company_id,
        "url": endpoint.elsewhere or f"{url}/{endpoint.way}/{endpoint.endpoint_id}",
        "http_method": endpoint.method,
        "events": list(endpoint.events),
    }
    if database.execute(statement(PACKAGE, "insert_endpoint"), row).rowcount == 0:
        database.execute(statement(PACKAGE, "move_endpoint"), row)
        return 0
    secret = secrets.get(endpoint.endpoint_id, "whsec_of_nobody")
    sealed = seal_secret(keys, endpoint_id=endpoint.endpoint_id, secret_no=1, secret=secret)
    sealed_row = {"endpoint_id": endpoint.endpoint_id, "ciphertext": sealed.ciphertext, "key_id": sealed.key_id}
    database.execute(statement(PACKAGE, "insert_endpoint_secret"), sealed_row)
    return 1
