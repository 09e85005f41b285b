"""``./econsent new-job <stem>``: the stubs of a further job, with failing tests that say what to write. It edits no file.

1. Refuse a stem that is no name, that is taken, or that another part of the project needs.
2. Fill in the templates below ``new_job/templates``: each stands where its file will stand.
3. Write the files, sort their imports, which depend on the stem, and write ``docs/DAGS.md`` anew.
4. Say what to do next.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Final

from econsent_stack.commands import docs
from econsent_stack.project import ROOT, stems

HELP: Final = "write the stubs of a further job, failing tests included"

TEMPLATES: Final = Path(__file__).resolve().parents[1] / "new_job" / "templates"
SUFFIX: Final = ".template"
RESERVED: Final = frozenset({"core", "dashboard", "io", "migrations", "migrator", "platform", "verify"})
LONGEST_STEM: Final = 40  # characters; econsent_<stem> has to fit into PostgreSQL's 63 bytes, with room for what is named after it

NEXT: Final = """
Next:
  1. docs/runbooks/{stem}.md and the docstring of dags/{stem}.py: what the job is for.
  2. tests/unit/{stem}/test_rules.py, then rules.py: the specification as a table.
  3. {migration}: what its role may do.
  4. tests/integration/{stem}/, then sql/, store.py and job.py.
  5. For a fleet: the job's Connection in docker-compose.yaml and .env.example, its silence in docs/monitoring/alerts.yaml.
  6. ./econsent docs, ./econsent check, ./econsent test: what is left to write fails with a sentence.
"""


def refusal(stem: str, root: Path) -> str | None:
    """Return one sentence about why ``stem`` cannot be a new job's name, None if it can."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", stem) or len(stem) > LONGEST_STEM:
        return f"{stem!r} is no stem: write lower-case words joined by single underscores, {LONGEST_STEM} characters at most"
    if stem in RESERVED:
        return f"{stem!r} is the name of another part of the project; choose a name that says what the job does"
    if stem in stems(root) or (root / "include" / "econsent_jobs" / stem).exists():
        return f"the job {stem} exists already; see dags/{stem}.py"
    return None


def head(versions: Path) -> str:
    """Return the newest revision. Raises ValueError where the revisions do not form one line."""
    sources = [path.read_text(encoding="utf-8") for path in versions.glob("*.py")]
    found = {revision for source in sources for revision in re.findall(r'^revision = "(\w+)"', source, re.MULTILINE)}
    followed = {revision for source in sources for revision in re.findall(r'^down_revision = "(\w+)"', source, re.MULTILINE)}
    heads = sorted(found - followed)
    if len(heads) != 1:
        raise ValueError(f"the migrations have {len(heads)} newest revisions ({', '.join(heads)}); make them one line first")
    return heads[0]


def written_files(stem: str, title: str, root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file of the new job: its path below ``root`` and its text."""
    newest = head(root / "include" / "econsent_jobs" / "migrations" / "versions")
    values = {
        "stem": stem,
        "title": title,
        "camel": "".join(word.capitalize() for word in stem.split("_")),
        "revision": f"{int(newest) + 1:04d}",
        "down_revision": newest,
    }
    for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}")):
        place = str(template.relative_to(TEMPLATES)).removesuffix(SUFFIX)
        path = Path(place.replace("REVISION", values["revision"]).replace("STEM", stem))
        yield path, Template(template.read_text(encoding="utf-8")).substitute(values)


def write(files: list[tuple[Path, str]], root: Path) -> None:
    """Write the files, none over an existing one, and put their imports in order."""
    for path, text in files:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("x", encoding="utf-8") as file:
            file.write(text)
    python = [str(path) for path, _ in files if path.suffix == ".py"]
    ruff = str(Path(sys.executable).with_name("ruff"))
    subprocess.run([ruff, "check", "--quiet", "--fix", "--select", "I", *python], cwd=root, check=True)
    subprocess.run([ruff, "format", "--quiet", *python], cwd=root, check=True)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./econsent new-job", description="Write the stubs of a further job.")
    parser.add_argument("stem", help="the job's name everywhere: lower-case words joined by underscores, like token_expiry")
    parser.add_argument("--title", help="its name for people (default: the stem's words)")
    parser.add_argument("--dry-run", action="store_true", help="only list the files")
    options = parser.parse_args(argv)
    stem: str = options.stem
    title: str = options.title or stem.replace("_", " ").capitalize()
    wrong = refusal(stem, ROOT) or title_refusal(title)
    if wrong:
        print(wrong, file=sys.stderr)
        return 2
    try:
        files = list(written_files(stem, title, ROOT))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path, _ in files:
        print(path)
    if options.dry_run:
        return 0
    write(files, ROOT)
    print(NEXT.format(stem=stem, migration=next(path for path, _ in files if path.suffix == ".sql" and "versions" in path.parts)))
    return docs.main([])


def title_refusal(title: str) -> str | None:
    """Return one sentence about a title that cannot stand in a heading, a label and a Python string."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9 ,-]{2,59}", title):
        return f"{title!r} is no title: a capital letter, then letters, digits, blanks, commas and hyphens, at most 60 characters"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
