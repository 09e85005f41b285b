"""Cron Management, the one plugin of this project and the only file here that Airflow's scanner executes."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from econsent_airflow.cron_management import pages
from econsent_airflow.cron_management.audit_middleware import AuditMiddleware
from econsent_airflow.cron_management.mounting import KnowTheRoot, LateApp
from econsent_airflow.cron_management.run_guard import RunGuard


class CronManagementPlugin(AirflowPlugin):
    """The list of jobs in the navigation, a tab on every job's DAG, a panel on the home page, and what serves them."""

    name = "cron_management"
    fastapi_apps: ClassVar[list[Any]] = [{"app": LateApp(), "url_prefix": f"/{pages.PREFIX}", "name": pages.TITLE}]
    fastapi_root_middlewares: ClassVar[list[Any]] = [
        {"middleware": KnowTheRoot, "name": "Cron Management: actions go through Airflow's API"},
        {"middleware": RunGuard, "name": "Cron Management: a paused job is not asked to run"},
        {"middleware": AuditMiddleware, "name": "Cron Management: what was asked for, and what came of it"},
    ]
    react_apps: ClassVar[list[Any]] = pages.react_apps()
