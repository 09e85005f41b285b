"""What webhook delivery finds before a run of its DAG, and what it leaves behind."""

import json
from pathlib import Path
from typing import Any

from econsent_jobs.webhook_delivery_retry.model import SecretKeys
from econsent_jobs.webhook_delivery_retry.secret_box import seal_secret
from econsent_stack.stores import Stores

COMPANY = "dag-run-webhooks"
BODY = b'{"event":"consent.granted","timestamp":"2026-03-02T14:00:00.000Z","data":{"certificateId":"EC-dag-run"}}'
KNOWN = "wh-demo-01-crm"  # an endpoint whose secret the embedded receiver has
ENDPOINTS = {
    "wh-dag-run-good": "{receiver}/healthy/" + KNOWN,
    "wh-dag-run-down": "{receiver}/down/" + KNOWN,
    "wh-dag-run-inside": "https://169.254.169.254/latest/meta-data",
}


def given(stores: Stores) -> None:
    """Insert an event and three endpoints: a healthy one, one whose server is down, and one whose address lies inside a network."""
    receiver = json.loads(stores.environment["ECONSENT_DEMO_RECEIVER"])
    key = json.loads(stores.environment["AIRFLOW_CONN_ECONSENT_WEBHOOK_KEY"])
    secret = json.loads(Path(receiver["secrets_file"]).read_text(encoding="utf-8"))[KNOWN]
    stores.database.execute("SELECT econsent.create_company(%s, 'Webhooks of a run', 'starter')", [COMPANY])
    for endpoint_id, url in ENDPOINTS.items():
        stores.database.execute(
            "INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url) VALUES (%s, %s, %s)",
            [endpoint_id, COMPANY, url.format(receiver=receiver["url"])],
        )
        keys = SecretKeys(key_id=key["login"], key=key["password"].encode())
        sealed = seal_secret(keys, endpoint_id=endpoint_id, secret_no=1, secret=secret)
        stores.database.execute(
            "INSERT INTO econsent.webhook_secrets VALUES (%s, 1, %s, %s, true)",
            [endpoint_id, sealed.ciphertext, sealed.key_id],
        )
    stores.database.execute(
        "INSERT INTO econsent.webhook_events (company_id, event_type, subject_id, dedupe_key, body)"
        " VALUES (%s, 'consent.granted', 'EC-dag-run', 'dag-run', %s)",
        [COMPANY, BODY],
    )


def expect(stores: Stores) -> None:
    """Each endpoint got its delivery, and each attempt is written down with its word."""
    found = {row["endpoint_id"]: row for row in deliveries(stores)}

    assert {name: (row["status"], row["outcome"], row["attempts"]) for name, row in found.items()} == {
        "wh-dag-run-good": ("delivered", "success", 1),
        "wh-dag-run-down": ("retrying", "http_error", 1),
        "wh-dag-run-inside": ("retrying", "blocked", 1),
    }
    assert found["wh-dag-run-good"]["run_id"]
    assert found["wh-dag-run-inside"]["resolved_ip"] is None
    receiver = json.loads(stores.environment["ECONSENT_DEMO_RECEIVER"])
    receipts = [
        json.loads(line) for line in (Path(receiver["secrets_file"]).parent / "receipts.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    ours = {str(found[name]["delivery_id"]) for name in ("wh-dag-run-good", "wh-dag-run-down")}
    assert {receipt["delivery_id"] for receipt in receipts} >= ours


def deliveries(stores: Stores) -> list[dict[str, Any]]:
    columns = ["endpoint_id", "delivery_id", "status", "attempts", "outcome", "run_id", "resolved_ip"]
    rows = stores.database.execute(
        "SELECT endpoint_id, delivery_id, status, attempts, outcome, run_id, resolved_ip FROM econsent.webhook_deliveries"
        " JOIN econsent.webhook_attempts USING (delivery_id) WHERE company_id = %s",
        [COMPANY],
    ).fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]
