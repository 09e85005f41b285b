"""What a recording draws on a canvas: rrweb keeps the calls of the canvas's own interface, and only harmless ones of those are repeated.

A call is named by the recording, so nothing but the names listed here reaches the page, and nothing but plain values goes with it. A
bitmap, as the recorder's sampled mode gives one for each frame, is kept as its bytes in base64. WebGL is not repeated.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

Json = Mapping[str, Any]

TWO_DIMENSIONS: Final = 0  # rrweb's number of the context; 1 and 2 are WebGL
CALLS: Final = frozenset(
    {
        "arc",
        "arcTo",
        "beginPath",
        "bezierCurveTo",
        "clearRect",
        "clip",
        "closePath",
        "ellipse",
        "fill",
        "fillRect",
        "fillText",
        "lineTo",
        "moveTo",
        "quadraticCurveTo",
        "rect",
        "reset",
        "resetTransform",
        "restore",
        "rotate",
        "roundRect",
        "save",
        "scale",
        "setLineDash",
        "setTransform",
        "stroke",
        "strokeRect",
        "strokeText",
        "transform",
        "translate",
    }
)
PICTURE: Final = "drawImage"
SETTINGS: Final = frozenset(
    {
        "direction",
        "fillStyle",
        "font",
        "globalAlpha",
        "globalCompositeOperation",
        "imageSmoothingEnabled",
        "lineCap",
        "lineDashOffset",
        "lineJoin",
        "lineWidth",
        "miterLimit",
        "shadowBlur",
        "shadowColor",
        "shadowOffsetX",
        "shadowOffsetY",
        "strokeStyle",
        "textAlign",
        "textBaseline",
    }
)


def commands_of(data: Json) -> list[Json]:
    """Return the calls and settings of one canvas event that may be repeated, in their order; none where it is not two-dimensional."""
    if data.get("type") != TWO_DIMENSIONS:
        return []
    listed = data.get("commands", [data])
    return [command for each in cast("list[Any]", listed) for command in repeated(each)] if isinstance(listed, list) else []


def repeated(command: Any) -> Iterator[Json]:
    """Yield the command as the page's driver takes it, or nothing."""
    if not isinstance(command, dict):
        return
    known = cast("Json", command)
    name, arguments = known.get("property"), known.get("args")
    if not isinstance(name, str) or not isinstance(arguments, list):
        return
    values = [plain(value) for value in cast("list[Any]", arguments)]
    if known.get("setter") is True:
        if name in SETTINGS and len(values) == 1 and isinstance(values[0], str | int | float):
            yield {"set": name, "to": values[0]}
    elif is_call(name, values):
        yield {"call": name, "with": values}


def is_call(name: str, values: Sequence[Any]) -> bool:
    """Whether these are a call's values: a bitmap and numbers for a picture, and no bitmap for anything else."""
    if name == PICTURE:
        return bool(values) and isinstance(values[0], dict) and all(is_number(value) for value in values[1:])
    return name in CALLS and not any(value is None or isinstance(value, dict) for value in values)


def plain(value: Any) -> Any:
    """Return a number, word, truth value, or list of numbers as it is, a bitmap as its bytes, and None for anything else."""
    if isinstance(value, str | bool) or is_number(value):
        return value
    if isinstance(value, list):
        numbers = cast("list[Any]", value)
        return numbers if all(is_number(each) for each in numbers) else None
    return bitmap(cast("Json", value)) if isinstance(value, dict) else None


def bitmap(value: Json) -> Json | None:
    """Return the bytes, in base64, of a bitmap that was kept as a blob; None where it is kept in another way."""
    if value.get("rr_type") != "ImageBitmap":
        return None
    blob = only(value.get("args"))
    base64 = only(blob.get("data")).get("base64") if blob.get("rr_type") == "Blob" else None
    return {"base64": base64} if isinstance(base64, str) else None


def only(value: Any) -> Json:
    """Return the one object in a list, else an empty one."""
    if not isinstance(value, list):
        return {}
    known = cast("list[Any]", value)
    return cast("Json", known[0]) if len(known) == 1 and isinstance(known[0], dict) else {}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
