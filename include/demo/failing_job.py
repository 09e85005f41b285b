"""The demo's failed job: a DAG file that fails once a run, for people who want to see what a failure looks like before they have one."""

from importlib.resources import files
from pathlib import Path
from typing import Final

NAME: Final = "demo_partner_report.py"
FOLDER: Final = "demo_dags"
"""Below Airflow's home; a bundle of its own in Airflow's configuration, so that the project's dags/ holds nothing but jobs."""


def place_failing_job(airflow_home: Path) -> None:
    """Write the DAG file to where Airflow looks for the demo's. Raises OSError."""
    folder = airflow_home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    text = (files("demo") / "dags" / f"{NAME}.template").read_text(encoding="utf-8")
    (folder / NAME).write_text(text, encoding="utf-8")
