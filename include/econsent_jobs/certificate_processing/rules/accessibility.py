"""Could the consumer see and read the disclosure: visibility, WCAG contrast and both font scales (docs/compliance/accessibility)."""

import math
from collections.abc import Mapping
from typing import Any, Final

from econsent_jobs.certificate_processing.model import Page, Style
from econsent_jobs.certificate_processing.rules.capture import Rgba

WHITE: Final[Rgba] = (255, 255, 255, 1.0)
LARGE_PX: Final = 24.0  # documented: 18 pt
LARGE_BOLD_PX: Final = 14 * 4 / 3  # documented: 14 pt and bold
BOLD: Final = 700
LEVELS: Final = ("Fail", "AA", "AAA")


def visibility(page: Page) -> Mapping[str, Any]:
    """Return the documented JSON shape. Visible: non-zero size, not hidden by style, and within or near the viewport.

    Near is chosen: at most one viewport away, where a scroll brings it into view.
    """
    rect, width, height = page.rect, page.viewport_width, page.viewport_height
    shown = (
        rect.width > 0
        and rect.height > 0
        and page.style.display != "none"
        and page.style.visibility not in {"hidden", "collapse"}
        and page.style.opacity > 0
    )
    near = overlaps(page, margin_x=width, margin_y=height)
    return {
        "disclosureVisible": shown and near,
        "disclosureInViewport": shown and overlaps(page, margin_x=0, margin_y=0),
        "disclosureDimensions": {"width": rect.width, "height": rect.height},
        "disclosurePosition": {"top": rect.top, "left": rect.left},
        "viewportSize": {"width": width, "height": height},
    }


def overlaps(page: Page, *, margin_x: float, margin_y: float) -> bool:
    rect = page.rect
    return (
        rect.top < page.viewport_height + margin_y
        and rect.top + rect.height > -margin_y
        and rect.left < page.viewport_width + margin_x
        and rect.left + rect.width > -margin_x
    )


def accessibility(style: Style) -> Mapping[str, Any]:
    """Return contrast, both font scales and the overall level, which is the worse of contrast level and font level (chosen)."""
    ratio = contrast_ratio(style.colour, style.background)
    large = is_large(style)
    level, fonts = contrast_level(ratio, large=large), font_level(style.font_size_px)
    return {
        "contrast": {
            "ratio": math.floor(ratio * 100) / 100,  # cut, so that 4.499 never reads as the 4.5 that it is not
            "level": level,
            "foreground": style.colour_text,
            "background": style.background_text,
            "largeText": large,
        },
        "font": {"sizePx": style.font_size_px, "fontLevel": fonts, "fontAssessment": font_assessment(style.font_size_px)},
        "wcagLevel": min(level, fonts, key=LEVELS.index),
    }


def is_large(style: Style) -> bool:
    return style.font_size_px >= LARGE_PX or (style.font_size_px >= LARGE_BOLD_PX and style.font_weight >= BOLD)


def contrast_level(ratio: float, *, large: bool) -> str:
    """Documented: AAA from 7 (large text 4.5), AA from 4.5 (large text 3)."""
    return "AAA" if ratio >= (4.5 if large else 7.0) else "AA" if ratio >= (3.0 if large else 4.5) else "Fail"


def font_level(size_px: float) -> str:
    """Documented: helpcenter/8."""
    return "AAA" if size_px >= 16 else "AA" if size_px >= 12 else "Fail"


def font_assessment(size_px: float) -> str:
    """Documented: docs/compliance/accessibility."""
    return "adequate" if size_px >= 12 else "warning" if size_px >= 9 else "fail"


def contrast_ratio(foreground: Rgba, background: Rgba) -> float:
    """Return WCAG's contrast ratio, 1 to 21. What shines through is seen over white, the page's own ground."""
    below = blend(background, WHITE)
    lighter, darker = sorted((luminance(blend(foreground, below)), luminance(below)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def blend(colour: Rgba, below: Rgba) -> Rgba:
    """Return ``colour`` as it looks over the opaque ``below``."""
    alpha = colour[3]
    red, green, blue = (round(top * alpha + ground * (1 - alpha)) for top, ground in zip(colour[:3], below[:3], strict=True))
    return red, green, blue, 1.0


def luminance(colour: Rgba) -> float:
    """Return WCAG's relative luminance, 0 to 1, of an opaque sRGB colour."""
    red, green, blue = (linear(channel / 255) for channel in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
