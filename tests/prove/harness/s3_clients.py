"""S3 clients for workers that may be killed: defined once in the warmed parent, without a connection, and inherited by every fork."""

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.config import Config
from botocore.session import get_session

Clients = Mapping[tuple[str, int], Any]
"""By endpoint, and by how often a client tries a request by itself."""


def setting_of(client: Any, endpoints: Iterable[str]) -> dict[str, Any]:
    """Return what ``warmed_clients`` needs in the parent: the login of ``client``, and where it is to lead."""
    credentials = client._request_signer._credentials
    return {"endpoints": list(endpoints), "login": credentials.access_key, "password": credentials.secret_key}


def warmed_clients(setting: Mapping[str, Any]) -> Clients:
    """Make a client for each endpoint, one that tries once and one that tries twice."""
    session = get_session()
    return {
        (endpoint, attempts): session.create_client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=setting["login"],
            aws_secret_access_key=setting["password"],
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=5, read_timeout=120),
        )
        for endpoint in setting["endpoints"]
        for attempts in (1, 2)
    }
