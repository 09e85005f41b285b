"""Everything that a job opens, through the providers' hooks. Every Airflow connection id is spelled here, once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.elasticsearch.hooks.elasticsearch import ElasticsearchSQLHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from botocore.config import Config
from elasticsearch import Elasticsearch

from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.io.database import Connection as Database
from econsent_jobs.io.database import database_errors
from econsent_jobs.io.payments import PaymentProvider
from econsent_jobs.io.payments_sandbox import SandboxProvider
from econsent_jobs.io.payments_stripe import StripeProvider
from econsent_jobs.io.smtp import MailServer

DATABASE: Final = "econsent_{stem}_database"  # one per role: a job can do in PostgreSQL what its own role may, and no more
ARCHIVE: Final = "econsent_archive"  # reads, puts with a lock, sets retention and legal hold; deletes nothing
ARCHIVE_RETENTION: Final = "econsent_archive_retention"  # may delete versions; the retention job's alone
ARCHIVE_VERIFY: Final = "econsent_archive_verify"  # reads only
SEARCH: Final = "econsent_search"
SIGNING_KEY: Final = "econsent_signing_key"
SUPPRESSION_KEY: Final = "econsent_suppression_key"  # opt-outs of people who were erased are kept as hashes under it
WEBHOOK_KEY: Final = "econsent_webhook_key"  # seals the endpoints' signing secrets
WEBHOOKS: Final = "econsent_webhooks"  # where deliveries may go beyond the public internet; not there in production
SMTP: Final = "econsent_smtp"
PAYMENTS: Final = "econsent_payments"
SMTP_PORT: Final = 587

SHORTEST_KEY_BYTES: Final = 32
S3_LIMITS: Final = Config(
    connect_timeout=5,
    read_timeout=30,  # the default of 60 s, five times, outlives a lease
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=32,  # a job's threads, with room
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """``key_id`` and ``key`` sign; ``retired`` keys, by id, go on verifying what they signed."""

    key_id: str
    key: bytes = field(repr=False)
    retired: Mapping[str, bytes] = field(repr=False)


@contextmanager
def open_database(stem: str) -> Iterator[Database]:
    """Open eConsent's PostgreSQL as the role of ``stem``, in autocommit mode: the job says where its transactions begin and end.

    What PostgreSQL raises inside becomes a TransientError or a PermanentError here, if nothing nearer to the statement did it.
    """
    hook = PostgresHook(postgres_conn_id=existing(DATABASE.format(stem=stem)))
    with database_errors():
        database = cast("Database", hook.get_conn())
        database.autocommit = True
        with database:
            yield database


@contextmanager
def open_object_store(conn_id: str = ARCHIVE) -> Iterator[Any]:
    """Open an S3 client (boto3) with the rights of ``conn_id``. It may be used from several threads."""
    client = cast("Any", S3Hook(aws_conn_id=existing(conn_id), config=S3_LIMITS).get_conn())
    try:
        yield client
    finally:
        client.close()


@contextmanager
def open_search() -> Iterator[Elasticsearch]:
    """Open the search index's client."""
    with ElasticsearchSQLHook(elasticsearch_conn_id=existing(SEARCH)).get_conn().es as client:
        yield client


def mail_server() -> MailServer:
    """Return where mail goes: host, port, login and password of the Connection, ``from_email``, ``disable_tls`` (no STARTTLS) and
    ``disable_ssl`` (false: TLS from the first byte) of its extra, as Airflow's own provider of mail reads them.

    Raises PermanentError (config) where the Connection is missing, or has no host or no sender.
    """
    found = connection_named(SMTP)
    extra = found.extra_dejson
    if not found.host or "@" not in str(extra.get("from_email")):
        raise PermanentError(ErrorClass.CONFIG, f"the Connection {SMTP} needs a host, and from_email in its extra")
    return MailServer(
        host=found.host,
        port=found.port or SMTP_PORT,
        sender=extra["from_email"],
        user=found.login,
        password=found.password,
        starttls=not extra.get("disable_tls", False),
        tls=not extra.get("disable_ssl", True),
    )


def payment_provider() -> PaymentProvider:
    """Return the payment provider that the Connection's extra names: ``{"provider": "stripe"}`` with the secret key as password, or
    ``{"provider": "sandbox"}`` with host, port and token.

    Raises PermanentError (config) where the Connection is missing or names neither.
    """
    found = connection_named(PAYMENTS)
    named = found.extra_dejson.get("provider")
    if named == "stripe" and found.password:
        return StripeProvider(api_key=found.password)
    if named == "sandbox" and found.host and found.password:
        return SandboxProvider(url=f"http://{found.host}:{found.port}", token=found.password)
    raise PermanentError(
        ErrorClass.CONFIG, f"the Connection {PAYMENTS} needs a provider, stripe or sandbox, in its extra, and a key or token as password"
    )


def signing_keys() -> SigningKeys:
    """Return the keys of certificates' signatures. Raises PermanentError (config) where the Connection holds no usable key."""
    return keys_of(connection_named(SIGNING_KEY))


def suppression_keys() -> SigningKeys:
    """Return the keys of suppressions' hashes. Raises like ``signing_keys``."""
    return keys_of(connection_named(SUPPRESSION_KEY))


def webhook_keys() -> SigningKeys:
    """Return the keys that seal webhook endpoints' secrets. Raises like ``signing_keys``."""
    return keys_of(connection_named(WEBHOOK_KEY))


def webhook_network() -> Mapping[str, Any]:
    """Return what differs from the public internet: ``allow_loopback``, ``ca_file``, ``nameservers``, ``dns_port``. Usually empty."""
    try:
        return BaseHook.get_connection(WEBHOOKS).extra_dejson
    except AirflowNotFoundException:
        return {}


def keys_of(connection: Connection) -> SigningKeys:
    """Read login as the key's id, password as the key, and ``{"retired": {id: key}}`` in the extra. Raises like ``signing_keys``."""
    retired: dict[str, str] = connection.extra_dejson.get("retired", {})
    key = (connection.password or "").encode()
    if not connection.login or len(key) < SHORTEST_KEY_BYTES:
        raise PermanentError(
            ErrorClass.CONFIG,
            f"the Connection {connection.conn_id} needs a key id as login and at least {SHORTEST_KEY_BYTES} bytes of key as password",
        )
    return SigningKeys(key_id=connection.login, key=key, retired={name: secret.encode() for name, secret in retired.items()})


def existing(conn_id: str) -> str:
    """Return ``conn_id`` if Airflow knows it, so that a missing one is told in words and not as whatever the hook makes of it."""
    connection_named(conn_id)
    return conn_id


def connection_named(conn_id: str) -> Connection:
    """Return Airflow's Connection. Raises PermanentError (config) where there is none."""
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise PermanentError(
            ErrorClass.CONFIG,
            f"the Connection {conn_id} is missing; set AIRFLOW_CONN_{conn_id.upper()} or add it to the secrets backend",
        ) from error
