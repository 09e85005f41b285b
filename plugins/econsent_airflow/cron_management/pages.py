"""Where Airflow shows the plugin's pages, and the files that they are made of.

The pages are React components without a build step: Airflow gives its plugins React, the router and Chakra as globals, so the pages look,
move and turn dark like Airflow's own. A page rendered here would have to live in a sandboxed frame, which can follow no link into Airflow.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "cron-management"
TITLE: Final = "Cron Management"
FOLDER: Final = Path(__file__).with_name("web")
KINDS: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """One file of the pages: its bytes, media type and a strong ETag."""

    content: bytes
    media_type: str
    etag: str


@cache
def web_files() -> dict[str, WebFile]:
    """Return every file of the pages by its name. They are read once: a new version comes with a new process."""
    return {path.name: read(path) for path in sorted(FOLDER.iterdir()) if path.suffix in KINDS}


def read(path: Path) -> WebFile:
    content = path.read_bytes()
    return WebFile(content=content, media_type=KINDS[path.suffix], etag=f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def react_apps() -> list[dict[str, Any]]:
    """Return the places of the pages. All addresses are relative, so that they hold below any path that Airflow is served from."""
    icons = {"icon": f"{PREFIX}/web/clock.svg", "icon_dark_mode": f"{PREFIX}/web/clock-dark.svg"}
    bundle = f"{PREFIX}/web/main.js"
    return [
        {"name": TITLE, "bundle_url": bundle, "url_route": PREFIX, "destination": "nav", "nav_top_level": True, **icons},
        {"name": TITLE, "bundle_url": bundle, "url_route": f"{PREFIX}-job", "destination": "dag", **icons},
        {
            "name": "Scheduled jobs",
            "bundle_url": f"{PREFIX}/web/home.js",
            "url_route": f"{PREFIX}-home",
            "destination": "dashboard",
            **icons,
        },
    ]
