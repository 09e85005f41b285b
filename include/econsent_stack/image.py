"""The image's own files, made while it is built: ``python -m econsent_stack.image``.

1. Airflow's configuration, without what a fleet's components are told by their environment.
2. The browser and the replayer of videos, at a place that the Dockerfile can name.
"""

import os
from pathlib import Path
from typing import Final

from econsent_stack.airflow_settings import fleet_settings
from econsent_stack.chromium import SHARED, fetched
from econsent_stack.progress import Progress
from econsent_stack.project import ROOT

BROWSER: Final = ROOT / "browser"


def main() -> None:
    home = Path(os.environ["AIRFLOW_HOME"])
    (home / "logs").mkdir(parents=True)
    (home / "airflow.cfg").write_text(fleet_settings(home=str(home), project=str(ROOT)), encoding="utf-8")
    BROWSER.symlink_to(fetched(SHARED, Progress()))


if __name__ == "__main__":
    main()
