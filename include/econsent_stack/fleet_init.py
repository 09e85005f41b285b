"""What has to be there before a fleet's first component starts: the service ``init`` of docker-compose.yaml.

1. Bring eConsent's database to its newest schema, and let the role of each ``AIRFLOW_CONN_…_DATABASE`` log in with its password.
2. Bring Airflow's database to its newest schema, create the pools, and let the watch read what it needs.
3. Create the first administrator and the watch's user, and let viewers and users see Cron Management.
4. Create the buckets, where the S3 server is one's own and its administrator is told.

Every step changes nothing when it is run again, so a deployment runs it each time. Passwords that people changed in Airflow stay.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import psycopg
from botocore.session import get_session
from psycopg import sql

import econsent_jobs.migrations
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.io.environment import connection_of
from econsent_stack import airflow_prepare
from econsent_stack.errors import StackError
from econsent_stack.health import metadata_address
from econsent_stack.servers.object_store import make_missing_buckets
from econsent_stack.servers.postgres import admit, give_login

DATABASE: Final = "ECONSENT_DATABASE_URL"
STORE: Final = "ECONSENT_OBJECT_STORE_ADMIN"
METADATA: Final = "AIRFLOW_CONN_ECONSENT_AIRFLOW_METADATA"
API: Final = "AIRFLOW_CONN_ECONSENT_AIRFLOW_API"
TASK_LOGS: Final = "TASK_LOGS_BUCKET"
BUCKETS: Final = ("AIRFLOW_VAR_ECONSENT_ARCHIVE_BUCKET", "AIRFLOW_VAR_ECONSENT_AUDIT_BUCKET")
MAY_MAKE_ROLES: Final = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
SEES_PLUGINS: Final = ("Viewer", "User", "Op")
"""FAB gives these no right to any plugin's page by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A role of PostgreSQL, or a user of Airflow."""

    name: str
    password: str


def main(environment: Mapping[str, str] = os.environ) -> int:
    try:
        for told in prepare(environment):
            sys.stdout.write(f"{told}\n")
            sys.stdout.flush()
    except (EconsentError, StackError, psycopg.Error, KeyError) as error:
        sys.stderr.write(f"The fleet could not be prepared: {str(error).strip()}\n")
        return 1
    return 0


def prepare(environment: Mapping[str, str]) -> Iterator[str]:
    """Do all steps, and tell of each when it is done. Raises EconsentError, StackError, psycopg.Error."""
    logins = list(job_logins(environment))
    prepare_database(environment[DATABASE], logins)
    yield f"eConsent's database has the newest schema, and {len(logins)} roles may log in"
    airflow_prepare.prepare()
    address = metadata_address(environment)
    admit_watch(address, login_of(environment, METADATA))
    airflow_prepare.write_down(address)
    yield "Airflow's database has the newest schema, the pools and the watch's rights"
    admin = Login(name=environment["ECONSENT_ADMIN_USER"], password=environment["ECONSENT_ADMIN_PASSWORD"])
    yield from prepare_users(admin, login_of(environment, API))
    if environment.get(STORE):
        store = client_of(connection_of(environment, STORE))
        made = make_missing_buckets(store, [environment[name] for name in BUCKETS])
        made += make_missing_buckets(store, [environment[TASK_LOGS]], lock=False)
        yield f"buckets made: {', '.join(made) or 'none, all are there'}"


def job_logins(environment: Mapping[str, str]) -> Iterator[Login]:
    """The roles that the Connections log in as; each job has its own."""
    for variable in sorted(environment):
        if variable.startswith("AIRFLOW_CONN_ECONSENT_") and variable.endswith("_DATABASE"):
            yield login_of(environment, variable)


def login_of(environment: Mapping[str, str], variable: str) -> Login:
    """Read a Connection's login. Raises NotConfigured (an EconsentError) where it says none, StackError where it is half a one."""
    found = connection_of(environment, variable)
    if not found.get("login") or not found.get("password"):
        raise StackError(f"{variable} needs a login and a password: add them and start again.")
    return Login(name=found["login"], password=found["password"])


def prepare_database(url: str, logins: list[Login]) -> None:
    econsent_jobs.migrations.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        for login in logins:
            admit(connection, login.name, login.password)


def admit_watch(address: str, watch: Login) -> None:
    """Let the watch's role log in where Airflow's database is a server of its own; on eConsent's server it can already.

    Raises StackError where the role is not there and Airflow's own user may not make it.
    """
    with psycopg.connect(address, autocommit=True) as connection:
        (may_make_roles,) = connection.execute(MAY_MAKE_ROLES).fetchone() or (False,)
        is_there = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [watch.name]).fetchone() is not None
        if not is_there and not may_make_roles:
            raise StackError(f"Airflow's database has no role {watch.name}, and its owner may not make one: make it, then start again.")
        if not is_there:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(watch.name)))
        if may_make_roles:
            give_login(connection, watch.name, watch.password)


def prepare_users(admin: Login, watch: Login) -> Iterator[str]:
    # importing FAB takes seconds and reads Airflow's configuration, so it waits until the databases are ready
    fab: Any = import_module("airflow.providers.fab.auth_manager.cli_commands.utils")
    with fab.get_application_builder() as builder:
        users = builder.sm
        users.sync_roles()
        for login, role in ((admin, "Admin"), (watch, "User")):
            if users.find_user(username=login.name) is None:
                users.add_user(login.name, "eConsent", login.name, f"{login.name}@localhost", users.find_role(role), login.password)
                yield f"Airflow's user {login.name} was made, with the role {role}"
        for name in SEES_PLUGINS:
            users.add_permission_to_role(users.find_role(name), users.create_permission("can_read", "Plugins"))
        yield f"{', '.join(SEES_PLUGINS)} see Cron Management"


def client_of(store: Mapping[str, Any]) -> Any:
    """Return an S3 client with the rights of a Connection."""
    extra: Any = store.get("extra") or {}
    settings: dict[str, Any] = json.loads(extra) if isinstance(extra, str) else extra
    return get_session().create_client(
        "s3",
        endpoint_url=settings.get("endpoint_url"),
        region_name=settings.get("region_name"),
        aws_access_key_id=store["login"],
        aws_secret_access_key=store["password"],
    )


if __name__ == "__main__":
    sys.exit(main())
