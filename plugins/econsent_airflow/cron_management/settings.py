"""What may differ where the plugin is installed: Airflow's own configuration, section ``[cron_management]``."""

from typing import Final

from airflow.configuration import conf

from econsent_airflow.defaults import TAGS

SECTION: Final = "cron_management"
SUPPORT: Final = "support@econsent.org"


def tag() -> str:
    """Return the tag of the DAGs that are jobs (``AIRFLOW__CRON_MANAGEMENT__TAG``)."""
    return conf.get(SECTION, "tag", fallback=TAGS[0])


def support() -> str:
    """Return whom administrators write to when a failure persists (``AIRFLOW__CRON_MANAGEMENT__SUPPORT``)."""
    return conf.get(SECTION, "support", fallback=SUPPORT)
