"""The few things that a revision does: run the SQL beside it as the schema's owner or as the administrator, and refuse to go back."""

from pathlib import Path
from typing import NoReturn

from alembic import op


def run_as_owner(revision_file: str) -> None:
    """Run the ``.sql`` file beside ``revision_file`` (a revision's ``__file__``) as ``econsent_migrator``, who then owns what it makes."""
    _run(_sql_beside(revision_file))


def run_as_administrator(revision_file: str) -> None:
    """Run the ``.sql`` file beside ``revision_file`` as whoever called ``upgrade``: for roles, which belong to the whole cluster."""
    _run("RESET ROLE")
    _run(_sql_beside(revision_file))
    _run("SET LOCAL ROLE econsent_migrator")


def refuse_downgrade() -> NoReturn:
    """Raise: revisions only go forward."""
    raise NotImplementedError("Revisions only go forward: write a further revision that mends this one, or restore a backup.")


def _sql_beside(revision_file: str) -> str:
    return Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")


def _run(sql: str) -> None:
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(sql)
