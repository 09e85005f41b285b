"""Every route of the plugin refuses who may not, one by one."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi.routing import APIRoute

from econsent_airflow.cron_management.app import create_app
from econsent_stack import airflow_settings
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]

PREFIX = "/cron-management"
BODY = {"reason": "a test", "run_id": "scheduled__2026-01-01T00:00:00+00:00"}


def routes() -> Iterator[tuple[str, str]]:
    """Yield method and path of every route that the application has, of whatever kind."""
    for route in create_app().routes:
        assert isinstance(route, APIRoute), f"{route} asks for no user: serve it by a route of its own"
        for method in route.methods:
            filled = route.path.replace("{dag_id}", "certificate_processing").replace("{name}", "main.js")
            assert "{" not in filled, f"give {filled} a value here"
            yield method, PREFIX + filled


ROUTES = sorted(routes())
WRITES = [path for method, path in ROUTES if method == "POST"]


def send(up: Up, method: str, path: str, headers: dict[str, str], body: object | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", up.stack().state.ports[airflow_settings.PORT], timeout=60)
    connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def body_for(path: str) -> dict[str, str]:
    wanted = {"pause": ("reason",), "pause-all": ("reason",), "retry": ("run_id",)}
    return {name: BODY[name] for name in wanted.get(path.rsplit("/", 1)[-1], ())}


def token(up: Up, user: str) -> str:
    status, answer = up.request("/auth/token", body={"username": user, "password": up.password(user)})
    assert status == 201
    return answer["access_token"]


def test_there_are_routes() -> None:
    assert len(ROUTES) >= 12
    assert {path.rsplit("/", 1)[-1] for path in WRITES} == {"pause", "resume", "retry", "pause-all", "resume-all"}, "no schedule is edited"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_gets_in_without_a_login(up: Up, method: str, path: str) -> None:
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}

    assert send(up, method, path, headers, body_for(path) if method == "POST" else None)[0] == 401


@pytest.mark.parametrize("path", WRITES)
def test_a_viewer_is_refused_in_words(up: Up, path: str) -> None:
    wait_for(
        lambda: "certificate_processing" in send(up, "GET", f"{PREFIX}/api/jobs", {"Authorization": f"Bearer {token(up, 'viewer')}"})[1],
        what="the job",
    )
    cookie = {"Cookie": f"_token={token(up, 'viewer')}", "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}

    status, text = send(up, "POST", path, cookie, body_for(path))

    if path.endswith("/resume-all"):
        assert status in (200, 403)  # nothing was paused together, so there is nothing to refuse
    else:
        assert status == 403
        assert "Ask a platform administrator" in text


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}, 403, id="a neighbour"),
        pytest.param({"Content-Type": "application/json", "Sec-Fetch-Site": "none"}, 403, id="typed in"),
        pytest.param({"Content-Type": "application/json"}, 403, id="a cookie alone"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}, 415, id="a form"),
        pytest.param({"Content-Type": "text/plain", "Sec-Fetch-Site": "same-origin"}, 415, id="plain text"),
    ],
)
def test_what_another_site_could_send_is_refused(up: Up, path: str, headers: dict[str, str], status: int) -> None:
    assert send(up, "POST", path, {"Cookie": f"_token={token(up, 'admin')}", **headers}, body_for(path))[0] == status


def test_a_file_outside_the_pages_is_not_served(up: Up) -> None:
    headers = {"Authorization": f"Bearer {token(up, 'viewer')}"}

    assert send(up, "GET", f"{PREFIX}/web/..%2fapp.py", headers)[0] == 404
    assert send(up, "GET", f"{PREFIX}/web/app.py", headers)[0] == 404


def test_an_unchanged_answer_is_not_sent_again(up: Up) -> None:
    headers = {"Authorization": f"Bearer {token(up, 'viewer')}"}
    path = f"{PREFIX}/web/main.js"
    port = up.stack().state.ports[airflow_settings.PORT]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers=headers)
        first = connection.getresponse()
        first.read()
        connection.request("GET", path, headers={**headers, "If-None-Match": first.headers["ETag"]})
        second = connection.getresponse()
        content = second.read()

    assert second.status == 304
    assert content == b""
    assert re.fullmatch(r'"[0-9a-f]{16}"', first.headers["ETag"])
