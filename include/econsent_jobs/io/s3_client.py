"""An S3 client of a Connection in the environment, for commands."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@contextmanager
def client_of(connection: Mapping[str, Any]) -> "Generator[S3Client]":
    """Open a client with the Connection's key; endpoint and region stand in its extra, as Airflow's own hook reads them."""
    extra: dict[str, Any] = connection.get("extra") or {}
    client = get_session().create_client(
        "s3",
        endpoint_url=extra.get("endpoint_url"),
        region_name=extra.get("region_name"),
        aws_access_key_id=connection.get("login"),
        aws_secret_access_key=connection.get("password"),
        config=Config(retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=5, read_timeout=30),
    )
    try:
        yield cast("S3Client", client)
    finally:
        client.close()
