"""``./econsent verify STEM``: prove the stored state of a job from the outside. A verifier is ``econsent_verify/<stem>.py``."""

from pathlib import Path
from typing import Final

import econsent_verify
from econsent_stack.named import load_main, show
from econsent_stack.running import in_running_stack

HELP: Final = "prove what a job stored, with code that shares nothing with the job: verify STEM"
FOLDER: Final = Path(econsent_verify.__path__[0])


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        return show(FOLDER, command="verify", what="Reads everything that the job NAME stored in the running stack and says what is wrong.")
    verifier = load_main(FOLDER, argv[0], kind="verifier")
    return in_running_stack(verifier, argv[1:])
