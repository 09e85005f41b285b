"""Airflow in its distributed shape, as processes beside the embedded servers: what docker-compose.yaml says, and nothing beside it.

1. Read the file's own services with this stack's addresses and secrets as its variables.
2. Run to their ends those that end (``init``), and start the others, each when what it waits for holds: commands, environment, health
   checks and dependencies are the file's.
3. Say that all are healthy when their health checks say so.

A process sees its service's environment and the bare surroundings, so a variable that the file forgets is missing here too.
"""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Final

from econsent_stack import airflow_settings, components, compose
from econsent_stack.compose import COMPLETED, HEALTHY, Service
from econsent_stack.errors import StackError
from econsent_stack.health import SINCE
from econsent_stack.project import ROOT
from econsent_stack.server import Launch
from econsent_stack.servers import broker, object_store
from econsent_stack.stack import Stack, bare_environment
from econsent_stack.supervisor import Supervisor

HEALTHY_SECONDS: Final = 180.0
CHECK_SECONDS: Final = 30.0
LOOPBACK: Final = "127.0.0.1"
METRICS: Final = ("METRICS_ON", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Who collects metrics is the surroundings' to say."""


def variables(stack: Stack, *, workers: int, replica: int | None = None) -> dict[str, str]:
    """Return the file's variables for this stack. ``replica``: the number of the process, where one machine runs several of a service.

    Celery tells workers apart by their names, and here all have the machine's.
    """
    port = stack.state.ports[airflow_settings.PORT]
    values = stack.secrets
    return {
        **stack.variables(),
        **{name: os.environ[name] for name in METRICS if name in os.environ},
        "AIRFLOW_DATABASE_URL": stack.metadata_url(),
        "AIRFLOW_FERNET_KEY": values.get("airflow.fernet_key", airflow_settings.fernet_key),
        "AIRFLOW_JWT_SECRET": values.get("airflow.jwt_secret", airflow_settings.long_key),
        "AIRFLOW_SECRET_KEY": values.get("airflow.secret_key", airflow_settings.long_key),
        "API_SERVER_BIND": LOOPBACK,
        "API_SERVER_HOST": LOOPBACK,
        "API_SERVER_PORT": str(port),
        "BROKER_URL": broker.SERVER.url(stack.place(broker.SERVER)),
        "ECONSENT_ADMIN_PASSWORD": values.get(airflow_settings.user_secret("admin")),
        "ECONSENT_OBJECT_STORE_ADMIN": object_store.SERVER.connection_json(stack.place(object_store.SERVER), object_store.ADMIN),
        "ECONSENT_DATABASE_URL": stack.postgres_url("econsent"),
        "REPLICA": f"-{replica}" if replica else "",
        "WEB_ADDRESS": f"http://{LOOPBACK}:{port}",
        "WORKERS": str(workers),
        "WORKER_OPTIONS": "--skip-serve-logs",  # a worker's log server listens to the whole network; here all logs lie in one folder
    }


def variables_of(stack: Stack) -> dict[str, str]:
    """Return what commands of Airflow need beside this stack: a fleet's ``airflow.cfg`` leaves to the environment what it has elsewhere."""
    if not stack.state.is_fleet:
        return stack.variables()
    scheduler = compose.own_services(variables(stack, workers=1))[components.SCHEDULER]
    return {**stack.variables(), **scheduler.environment}


class Fleet:
    """The shape that docker-compose.yaml describes. ``workers``: how many of its service ``worker`` run."""

    people = ("admin",)
    first_click = "click Cron Management; more users are made below Security. Logs of all components are below logs"

    def __init__(self, *, workers: int) -> None:
        self._workers = workers
        self._services: dict[str, Service] = {}
        self._since: dict[str, float] = {}

    def start(self, supervisor: Supervisor) -> None:
        stack = supervisor.stack
        stack.render_airflow()
        self._services = compose.own_services(variables(stack, workers=self._workers))
        is_ready = False
        for service in in_order(self._services):
            if not is_ready and service.waits_for and HEALTHY in service.waits_for.values():
                supervisor.get_ready()
                is_ready = True
            self._wait_for_needs(supervisor, service)
            if service.health is None:
                with supervisor.progress.step(f"{service.name}: databases, pools, users"):
                    stack.run_to_end(self._launch(stack, service), log=service.name, what=f"{service.name} failed")
            else:
                self._start_replicas(supervisor, service)
        for service in self._services.values():
            if service.health is not None:
                self._wait_until_healthy(supervisor, service)

    def stop_order(self) -> Sequence[Sequence[str]]:
        """Everything at once but what running tasks speak to, then that."""
        running = [name for service in self._services.values() if service.health for name in names_of(service)]
        return [[name for name in running if name != components.API_SERVER], [components.API_SERVER]]

    def _start_replicas(self, supervisor: Supervisor, service: Service) -> None:
        for number, name in enumerate(names_of(service), start=1):
            replica = number if service.replicas > 1 else None
            supervisor.supervise(name, lambda replica=replica: self._launch(supervisor.stack, service, replica))
            self._since[name] = time.time()

    def _launch(self, stack: Stack, service: Service, replica: int | None = None) -> Launch:
        own = self._replica(stack, service, replica)
        return Launch(command=own.command, environment={**bare_environment(), **own.environment}, folder=ROOT)

    def _replica(self, stack: Stack, service: Service, replica: int | None) -> Service:
        return compose.own_services(variables(stack, workers=self._workers, replica=replica))[service.name] if replica else service

    def _wait_for_needs(self, supervisor: Supervisor, service: Service) -> None:
        for name, condition in service.waits_for.items():
            if condition == HEALTHY:
                self._wait_until_healthy(supervisor, self._services[name])
            elif condition != COMPLETED:
                raise StackError(f"{service.name} waits for {name} to be {condition}, which up does not know: {COMPLETED} or {HEALTHY}.")

    def _wait_until_healthy(self, supervisor: Supervisor, service: Service) -> None:
        """Ask the file's own health check until it is well. What was healthy once is not asked again: what dies later is started again."""
        for number, name in enumerate(names_of(service), start=1):
            if (since := self._since.pop(name, None)) is None:
                continue
            own = self._replica(supervisor.stack, service, number if service.replicas > 1 else None)
            with supervisor.progress.step(f"healthy: {name}"):
                supervisor.stack.wait_until(name, lambda own=own, since=since: is_well(own, since=since), seconds=HEALTHY_SECONDS)


def names_of(service: Service) -> list[str]:
    """Return the names of the processes of a service."""
    return [service.name] if service.replicas == 1 else [f"{service.name}-{number}" for number in range(1, service.replicas + 1)]


def in_order(services: Mapping[str, Service]) -> list[Service]:
    """Return the services so that each comes after all that it waits for; else by name. Raises StackError for a circle."""
    ordered: dict[str, Service] = {}
    while len(ordered) < len(services):
        free = [name for name, service in services.items() if name not in ordered and service.waits_for.keys() <= ordered.keys()]
        if not free:
            raise StackError(f"These services wait for each other: {', '.join(sorted(services.keys() - ordered.keys()))}.")
        ordered |= {name: services[name] for name in free}
    return list(ordered.values())


def is_well(service: Service, *, since: float) -> bool:
    """Ask the service's health check once."""
    assert service.health is not None
    environment = {**bare_environment(), **service.environment, SINCE: str(since)}
    try:
        done = subprocess.run(service.health, cwd=ROOT, env=environment, capture_output=True, timeout=CHECK_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
