"""Visibility, contrast and both font scales: the edges, as the compliance pages draw them."""

from dataclasses import replace

import pytest

from econsent_jobs.certificate_processing.model import Page, Rect, Style
from econsent_jobs.certificate_processing.rules.accessibility import (
    accessibility,
    contrast_level,
    contrast_ratio,
    font_assessment,
    font_level,
    is_large,
    visibility,
)

WHITE = (255, 255, 255, 1.0)
STYLE = Style(
    display="block",
    visibility="visible",
    opacity=1.0,
    colour=(51, 51, 51, 1.0),
    background=WHITE,
    colour_text="#333333",
    background_text="#ffffff",
    font_size_px=16.0,
    font_weight=400,
)
PAGE = Page(rect=Rect(top=100, left=10, width=300, height=40), style=STYLE, viewport_width=1280, viewport_height=720)


def grey(level: int) -> tuple[int, int, int, float]:
    return level, level, level, 1.0


@pytest.mark.parametrize(
    ("foreground", "background", "ratio"),
    [
        pytest.param(grey(0x33), WHITE, 12.63, id="#333333 on white"),
        pytest.param(grey(0x59), WHITE, 7.00, id="#595959 on white"),
        pytest.param(grey(0x76), WHITE, 4.54, id="#767676 on white"),
        pytest.param(grey(0), WHITE, 21.0, id="the most"),
        pytest.param(WHITE, WHITE, 1.0, id="the least"),
        pytest.param(WHITE, grey(0x33), 12.63, id="the other way round"),
        pytest.param((0, 0, 0, 0.5), WHITE, 3.95, id="half transparent text is seen blended"),
        pytest.param(grey(0x33), (0, 0, 0, 0.0), 12.63, id="a transparent ground shows the white page"),
    ],
)
def test_contrast_ratio(foreground: tuple[int, int, int, float], background: tuple[int, int, int, float], ratio: float) -> None:
    assert contrast_ratio(foreground, background) == pytest.approx(ratio, abs=0.006)


@pytest.mark.parametrize(
    ("ratio", "large", "level"),
    [
        (7.0, False, "AAA"),
        (6.999, False, "AA"),
        (4.5, False, "AA"),
        (4.499, False, "Fail"),
        (4.5, True, "AAA"),
        (4.499, True, "AA"),
        (3.0, True, "AA"),
        (2.999, True, "Fail"),
    ],
)
def test_contrast_level(ratio: float, large: bool, level: str) -> None:
    assert contrast_level(ratio, large=large) == level


@pytest.mark.parametrize(
    ("size_px", "weight", "large"),
    [
        pytest.param(24.0, 400, True, id="18 pt"),
        pytest.param(23.99, 400, False, id="just below"),
        pytest.param(18.67, 700, True, id="14 pt bold"),
        pytest.param(18.66, 700, False, id="just below 14 pt"),
        pytest.param(18.67, 600, False, id="semi-bold is not bold"),
    ],
)
def test_large_text(size_px: float, weight: int, large: bool) -> None:
    assert is_large(replace(STYLE, font_size_px=size_px, font_weight=weight)) is large


@pytest.mark.parametrize(
    ("size_px", "level", "assessment"),
    [
        (16.0, "AAA", "adequate"),
        (15.99, "AA", "adequate"),
        (12.0, "AA", "adequate"),
        (11.99, "Fail", "warning"),
        (9.0, "Fail", "warning"),
        (8.99, "Fail", "fail"),
    ],
)
def test_both_font_scales(size_px: float, level: str, assessment: str) -> None:
    assert (font_level(size_px), font_assessment(size_px)) == (level, assessment)


@pytest.mark.parametrize(
    ("colour", "size_px", "overall"),
    [
        pytest.param(grey(0x33), 16.0, "AAA", id="both scales at their best"),
        pytest.param(grey(0x33), 12.0, "AA", id="the font is the worse"),
        pytest.param(grey(0x76), 16.0, "AA", id="the contrast is the worse"),
        pytest.param(grey(0x33), 11.0, "Fail", id="too small to read"),
        pytest.param(grey(0xCC), 16.0, "Fail", id="too pale to read"),
    ],
)
def test_the_overall_level_is_the_worse_one(colour: tuple[int, int, int, float], size_px: float, overall: str) -> None:
    assert accessibility(replace(STYLE, colour=colour, font_size_px=size_px))["wcagLevel"] == overall


def test_the_ratio_is_cut_so_that_it_never_claims_a_level_it_has_not() -> None:
    report = accessibility(replace(STYLE, colour=(119, 119, 119, 1.0)))
    assert report["contrast"] == {
        "ratio": 4.47,
        "level": "Fail",
        "foreground": "#333333",
        "background": "#ffffff",
        "largeText": False,
    }


@pytest.mark.parametrize(
    ("page", "visible", "in_viewport"),
    [
        pytest.param(PAGE, True, True, id="plainly visible"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, width=0)), False, False, id="no width"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, height=0)), False, False, id="no height"),
        pytest.param(replace(PAGE, style=replace(STYLE, display="none")), False, False, id="display none"),
        pytest.param(replace(PAGE, style=replace(STYLE, visibility="hidden")), False, False, id="visibility hidden"),
        pytest.param(replace(PAGE, style=replace(STYLE, opacity=0.0)), False, False, id="opacity 0"),
        pytest.param(replace(PAGE, style=replace(STYLE, opacity=0.01)), True, True, id="any opacity at all"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, top=719)), True, True, id="its first line in the viewport"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, top=720)), True, False, id="just below: near"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, top=1439)), True, False, id="a viewport below: near"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, top=1440)), False, False, id="further below"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, top=-760)), False, False, id="further above"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, top=-759)), True, False, id="a viewport above: near"),
        pytest.param(replace(PAGE, rect=replace(PAGE.rect, left=-9_999)), False, False, id="pushed out to the left"),
    ],
)
def test_visibility(page: Page, visible: bool, in_viewport: bool) -> None:
    report = visibility(page)
    assert (report["disclosureVisible"], report["disclosureInViewport"]) == (visible, in_viewport)


def test_visibility_has_the_documented_shape() -> None:
    assert visibility(PAGE) == {
        "disclosureVisible": True,
        "disclosureInViewport": True,
        "disclosureDimensions": {"width": 300, "height": 40},
        "disclosurePosition": {"top": 100, "left": 10},
        "viewportSize": {"width": 1280, "height": 720},
    }
