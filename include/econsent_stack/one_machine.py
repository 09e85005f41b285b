"""Airflow on one machine: its four components with the LocalExecutor, and the watch.

1. Prepare Airflow's own database, unless it is prepared already.
2. Start the api-server, dag-processor and triggerer; the scheduler only when the api-server answers, because one that starts earlier has
   its first tasks refused.
3. Wait for heartbeats.
"""

import time
from collections.abc import Sequence
from typing import Final

from econsent_stack import airflow_settings, components
from econsent_stack.supervisor import Supervisor

HEALTHY_SECONDS: Final = 120.0


class OneMachine:
    """The shape that ``up`` has by itself."""

    people = airflow_settings.PEOPLE
    first_click = "click Cron Management, then the job that failed: why it did, and what to do. Dags has every run and log"

    def start(self, supervisor: Supervisor) -> None:
        prepare_airflow(supervisor)
        since = time.time()
        for name in (components.API_SERVER, *components.EARLY):
            start_component(supervisor, name)
        supervisor.get_ready()
        wait_for(supervisor, [components.API_SERVER], since=since)
        start_component(supervisor, components.SCHEDULER)
        start_component(supervisor, components.WATCH)
        wait_for(supervisor, [components.SCHEDULER, *components.EARLY], since=since)

    def stop_order(self) -> Sequence[Sequence[str]]:
        """The scheduler and its helpers at once, then the api-server that its running tasks speak to."""
        return [[components.WATCH, components.SCHEDULER, *reversed(components.EARLY)], [components.API_SERVER]]


def prepare_airflow(supervisor: Supervisor) -> None:
    supervisor.stack.render_airflow()
    if supervisor.stack.airflow_is_prepared():
        supervisor.progress.say("  Airflow's database is up to date")
        return
    with supervisor.progress.step("Airflow's database: schema, pools"):
        supervisor.stack.prepare_airflow()


def start_component(supervisor: Supervisor, name: str) -> None:
    supervisor.supervise(name, lambda: components.launch(name, supervisor.stack.environment()))


def wait_for(supervisor: Supervisor, names: list[str], *, since: float) -> None:
    port = supervisor.stack.state.ports[airflow_settings.PORT]
    with supervisor.progress.step(f"Airflow: {', '.join(names)}"):
        for name in names:
            supervisor.stack.wait_until(
                name,
                lambda name=name: components.is_healthy(name, components.read_health(port), since=since),
                seconds=HEALTHY_SECONDS,
            )
