"""The demo's webhook endpoints: added once, sealed by the platform's key, and following their receiver."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.insert import insert_tenant
from demo.tenants import TENANTS
from demo.webhooks import ENDPOINTS, KEY, RECEIVER, load_endpoints
from econsent_jobs.io.environment import NotConfigured
from econsent_jobs.webhook_delivery_retry.model import SecretKeys, StoredSecret
from econsent_jobs.webhook_delivery_retry.secret_box import open_secret
from econsent_stack.servers import webhook_receiver

THE_KEY = "a key of the demo of 32 bytes and"


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({name: f"whsec_{name}" for name in webhook_receiver.ENDPOINTS}))
    return {
        RECEIVER: json.dumps({"url": "https://127.0.0.1:4000", "secrets_file": str(secrets)}),
        KEY: json.dumps({"conn_type": "generic", "login": "key-1", "password": THE_KEY}),
    }


@pytest.fixture
def tenants(platform: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    for owner in TENANTS:
        insert_tenant(platform, owner)
    return platform


def test_endpoints_are_added_once_and_follow_their_receiver(tenants: psycopg.Connection[Any], surroundings: dict[str, str]) -> None:
    assert load_endpoints(tenants, surroundings) == len(ENDPOINTS)
    moved = json.loads(surroundings[RECEIVER]) | {"url": "https://127.0.0.1:5000"}

    assert load_endpoints(tenants, surroundings | {RECEIVER: json.dumps(moved)}) == 0
    urls = [url for (url,) in tenants.execute("SELECT url FROM econsent.webhook_endpoints").fetchall()]
    assert sum(url.startswith("https://127.0.0.1:5000/") for url in urls) == len(ENDPOINTS) - 1


def test_the_receiver_knows_each_endpoint_s_secret(
    tenants: psycopg.Connection[Any], database: psycopg.Connection[Any], surroundings: dict[str, str]
) -> None:
    load_endpoints(tenants, surroundings)
    database.execute("RESET ROLE")

    rows = database.execute("SELECT endpoint_id, ciphertext, key_id FROM econsent.webhook_secrets").fetchall()
    keys = SecretKeys(key_id="key-1", key=THE_KEY.encode())
    opened = {
        endpoint_id: open_secret(
            keys,
            StoredSecret(endpoint_id=endpoint_id, secret_no=1, ciphertext=ciphertext, key_id=key_id, documented_header=True, ends_at=None),
        ).value.decode()
        for endpoint_id, ciphertext, key_id in rows
    }
    known = {endpoint.endpoint_id for endpoint in ENDPOINTS if endpoint.elsewhere is None}
    assert known == set(webhook_receiver.ENDPOINTS)
    assert {name: opened[name] for name in known} == {name: f"whsec_{name}" for name in known}


def test_without_a_receiver_there_are_none(tenants: psycopg.Connection[Any]) -> None:
    assert load_endpoints(tenants, {}) == 0


def test_without_a_key_it_says_what_to_do(tenants: psycopg.Connection[Any], surroundings: dict[str, str]) -> None:
    with pytest.raises(NotConfigured, match="ECONSENT_WEBHOOK_KEY"):
        load_endpoints(tenants, {RECEIVER: surroundings[RECEIVER]})
