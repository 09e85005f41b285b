"""Is the video what it should be? Asked of the finished file, before anybody relies on it."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.mp4_conversion.model import STEP_MS, Canvas, Plan, Programs
from econsent_jobs.mp4_conversion.workplace import Workplace

KEY_FRAME_MS: Final = 10_000
PROBE: Final = "probe.json"
SECONDS: Final = 300.0
TOLERANCE_MS: Final = 1.0  # containers write times as fractions


def inspect(place: Workplace, video: Path, *, programs: Programs, plan: Plan, canvas: Canvas, pulse: Callable[[], None]) -> None:
    """Raise TransientError (render), saying what is wrong, unless the video is sound."""
    entries = "stream=codec_name,codec_type,width,height,pix_fmt:format=duration:packet=pts_time,flags:chapter=start_time"
    words = ["-v", "error", "-select_streams", "v", "-show_entries", entries, "-of", "json"]
    with (place.folder / PROBE).open("w+b") as answer:
        run(place, [str(programs.ffprobe), *words, "-show_chapters", str(video)], pulse=pulse, stdout=answer)
        answer.seek(0)
        probed: dict[str, Any] = json.load(answer)
    run(place, [str(programs.ffmpeg), "-v", "error", "-xerror", "-nostdin", "-i", str(video), "-f", "null", "-"], pulse=pulse)
    with video.open("rb") as file:
        order = boxes(file)
    faults = list(find_faults(probed, order, plan=plan, canvas=canvas))
    if faults:
        raise TransientError(ErrorClass.RENDER, f"the video is not sound ({'; '.join(faults)}), so it was not stored; it is tried again")


def find_faults(probed: dict[str, Any], order: Sequence[str], *, plan: Plan, canvas: Canvas) -> list[str]:
    """Return what is wrong with a video, one short sentence each."""
    faults: list[str] = []
    streams, packets = probed.get("streams", []), probed.get("packets", [])
    wanted = {"codec_name": "h264", "codec_type": "video", "pix_fmt": "yuv420p", "width": canvas.width, "height": canvas.height}
    if len(streams) != 1 or any(streams[0].get(name) != value for name, value in wanted.items()):
        faults.append(f"its streams are {streams}")
    length_ms = float(probed.get("format", {}).get("duration", 0)) * 1000
    if abs(length_ms - plan.frames * STEP_MS) > STEP_MS + TOLERANCE_MS:
        faults.append(f"it lasts {length_ms:.0f} ms and not {plan.frames * STEP_MS}")
    times = [float(packet["pts_time"]) * 1000 for packet in packets]
    if [round(time / STEP_MS) for time in times] != list(plan.fed) or any(
        abs(time - STEP_MS * round(time / STEP_MS)) > 1 for time in times
    ):
        astray = [frame for frame, time in zip(plan.fed, times, strict=False) if round(time / STEP_MS) != frame]
        faults.append(f"it has {len(times)} frames for {len(plan.fed)} planned ones, of which {len(astray)} lie elsewhere")
    keys = [time for time, packet in zip(times, packets, strict=True) if "K" in packet["flags"]]
    if any(later - earlier > KEY_FRAME_MS for earlier, later in zip(keys, [*keys[1:], length_ms], strict=True)) or not keys:
        faults.append("its key frames lie too far apart")
    if len(probed.get("chapters", [])) != len(plan.chapters):
        faults.append(f"it has {len(probed.get('chapters', []))} chapters and not {len(plan.chapters)}")
    if "moov" not in order or "mdat" not in order or order.index("moov") > order.index("mdat"):
        faults.append(f"its parts lie in the order {' '.join(order)}")
    return faults


def boxes(file: BinaryIO) -> list[str]:
    """Return the names of an MP4's outermost boxes, in order; a broken one ends the list."""
    names: list[str] = []
    while len(head := file.read(8)) == 8:
        size, name = int.from_bytes(head[:4], "big"), head[4:].decode("latin-1")
        read = 8
        if size == 1:
            size, read = int.from_bytes(file.read(8), "big"), 16
        names.append(name)
        if size < read:
            break
        file.seek(size - read, 1)
    return names


def run(place: Workplace, command: Sequence[str], *, pulse: Callable[[], None], stdout: BinaryIO | int = subprocess.DEVNULL) -> None:
    """Run a program of ffmpeg to its end. Raises TransientError (render) when it ends badly."""
    errors = place.folder / "inspection.log"
    with errors.open("wb") as log:
        process = place.start(command, stdout=stdout, stderr=log)
    for _ in range(int(SECONDS)):
        pulse()
        try:
            process.wait(1.0)
            break
        except subprocess.TimeoutExpired:
            continue
    if place.stop(process, seconds=0.0) != 0 or errors.stat().st_size:
        told = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise TransientError(ErrorClass.RENDER, f"the video cannot be read back ({told[-1][:200] if told else 'without a word'})")
