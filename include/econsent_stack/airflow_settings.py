"""How Airflow is set up: its configuration file, rendered from ``airflow.cfg.template``, and the environment of its processes."""

import base64
import json
import os
import secrets
import signal
from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from econsent_stack.chromium import video_programs
from econsent_stack.files import write_whole
from econsent_stack.paths import Home
from econsent_stack.project import ROOT
from econsent_stack.secret_values import SecretValues

PORT: Final = "airflow.web"
STOP_SIGNAL: Final = signal.SIGTERM
USERS: Final[Mapping[str, str]] = {"admin": "admin", "viewer": "viewer", "watch": "user"}  # each with its role; people have the first two
PEOPLE: Final = ("admin", "viewer")
WATCH: Final = "watch"


def user_secret(user: str) -> str:
    """The name of a user's password among the secrets."""
    return f"airflow.user.{user}"


def fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def long_key() -> str:
    """64 random bytes, which HS512 wants."""
    return secrets.token_urlsafe(64)


def variables(home: Home, values: SecretValues, *, web_port: int | None) -> dict[str, str]:
    """The environment variables that Airflow and the jobs need, besides those of the servers."""
    signing_key: dict[str, Any] = {
        "conn_type": "generic",
        "login": "key-1",
        "password": values.get("signing_key", long_key),
        "extra": {"retired": {}},
    }
    suppression_key = {"conn_type": "generic", "login": "key-1", "password": values.get("suppression_key", long_key)}
    api = {
        "conn_type": "http",
        "host": "127.0.0.1",
        "port": web_port,
        "login": WATCH,
        "password": values.get(user_secret(WATCH)),
    }
    return {
        "AIRFLOW_CONN_ECONSENT_AIRFLOW_API": json.dumps(api),
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW_CONN_ECONSENT_SIGNING_KEY": json.dumps(signing_key),
        "AIRFLOW_CONN_ECONSENT_SUPPRESSION_KEY": json.dumps(suppression_key),
        "AIRFLOW_VAR_ECONSENT_EFS_BASE": str(home.efs),
        "AIRFLOW_VAR_ECONSENT_VIDEO_PROGRAMS": json.dumps(video_programs()),
        "AIRFLOW_VAR_ECONSENT_VIDEO_FOLDER": str(home.path / "videos"),
        "ECONSENT_HOME": str(home.path),
    }


def render(home: Home, *, values: SecretValues, web_port: int, database_url: str, fleet: bool = False) -> None:
    """Write ``airflow.cfg`` and the users' passwords, both with mode 600. ``database_url``: PostgreSQL, for SQLAlchemy.

    ``fleet``: leave out what a fleet's components are told by their environment.
    """
    (home.airflow / "demo_dags").mkdir(exist_ok=True)
    if fleet:
        write_whole(home.airflow / "airflow.cfg", fleet_settings(home=str(home.airflow), project=str(ROOT)), mode=0o600)
        return
    passwords = home.airflow / "passwords.json"
    write_whole(passwords, json.dumps({user: values.get(user_secret(user)) for user in USERS}), mode=0o600)
    filled = {
        "project": str(ROOT),
        "home": str(home.airflow),
        "web_port": str(web_port),
        "database_url": database_url,
        "users": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "passwords_file": str(passwords),
        "fernet_key": values.get("airflow.fernet_key", fernet_key),
        "jwt_secret": values.get("airflow.jwt_secret", long_key),
        "secret_key": values.get("airflow.secret_key", long_key),
    }
    doubled = {name: value.replace("%", "%%") for name, value in filled.items()}
    write_whole(home.airflow / "airflow.cfg", template().format_map(doubled), mode=0o600)


def template() -> str:
    return (ROOT / "airflow.cfg.template").read_text(encoding="utf-8")


def fleet_settings(*, home: str, project: str) -> str:
    """Return ``airflow.cfg`` for a fleet: the template without the options that differ from one place to another.

    Those are secrets and addresses, and a fleet's components are told them by their environment.
    """
    kept: list[str] = []
    for line in template().splitlines():
        if not told_by_environment(line):
            kept.append(line)
            continue
        while kept[-1].startswith("#"):  # the reasons of what is left out
            kept.pop()
    return "\n".join(kept).format_map({"home": home, "project": project}) + "\n"


def told_by_environment(line: str) -> bool:
    """Whether a line of the template needs more than the folders to be filled in."""
    if line.startswith("#"):
        return False
    return not {name for _, name, _, _ in Formatter().parse(line) if name} <= {"home", "project"}
