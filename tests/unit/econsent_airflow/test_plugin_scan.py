"""Airflow's own plugin loader, in a process of its own, runs no file of ours but the plugin."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from econsent_stack.project import ROOT

SCAN = """
import json, sys
from airflow.plugins_manager import _load_plugins_from_plugin_directory as load
folder = sys.argv[1]
before = set(sys.modules)
plugins, errors = load(plugins_folder=folder, load_examples=False, ignore_file_syntax="glob")
files = {name: getattr(sys.modules[name], "__file__", None) or "" for name in set(sys.modules) - before}
print(json.dumps({"names": sorted(name for name, file in files.items() if file.startswith(folder)), "errors": errors}))
"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[str]]]:
    """Return the names that loading plugins added: from the project's folder, from a stranger's, and from the latter with our list."""
    home = tmp_path_factory.mktemp("airflow")
    bare, guarded = home / "bare", home / "guarded"
    for folder in (bare, guarded):
        (folder / "package").mkdir(parents=True)
        (folder / "package" / "planted.py").write_text("")
        (folder / "cron_management_plugin.py").write_text("")
    (guarded / ".airflowignore").write_text((ROOT / "plugins" / ".airflowignore").read_text())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    scans: list[dict[str, list[str]]] = []
    for folder in (ROOT / "plugins", bare, guarded):  # each in a process of its own: a name that is loaded already would be seen once
        words = [sys.executable, "-c", SCAN, str(folder)]
        done = subprocess.run(words, env={**environment, "AIRFLOW_HOME": str(home)}, capture_output=True, text=True, check=True)
        scans.append(json.loads(done.stdout.splitlines()[-1]))
    return scans


def test_only_the_plugin_runs_under_its_bare_name(scans: list[dict[str, list[str]]]) -> None:
    bare = {name for name in scans[0]["names"] if not name.startswith("econsent_airflow")}

    assert bare <= {"cron_management_plugin"}
    assert not scans[0]["errors"]


def test_without_the_list_every_file_would(scans: list[dict[str, list[str]]]) -> None:
    """The reason for the list: a file below plugins/ takes the place of whatever module has its bare name."""
    assert scans[1]["names"] == ["cron_management_plugin", "planted"]


def test_the_list_leaves_the_plugin_itself(scans: list[dict[str, list[str]]]) -> None:
    assert scans[2]["names"] == ["cron_management_plugin"]
    assert Path(ROOT / "plugins" / ".airflowignore").read_text().splitlines()[-2:] == ["*", "!cron_management_plugin.py"]
