"""Good captures have exactly the documented keys and types, and between them everything that a page can show."""

from numbers import Real
from typing import Any

import pytest

from demo.captures import LONGEST_VALUE, LOOKS, TYPES, good_capture
from demo.languages import CODES
from demo.pages import page_html

SEEDS = range(len(CODES) * len(LOOKS))
CATEGORIES = {"main-implied", "main-explicit", "secondary-implied", "secondary-explicit"}


@pytest.mark.parametrize("seed", SEEDS)
def test_has_the_documented_keys_and_types(seed: int) -> None:
    capture = good_capture(seed)

    assert set(capture) == {"consents", "disclosure", "viewport", "form", "partners", "htmlLang", "submittedAt"}
    assert set(capture["disclosure"]) == {"text", "selector", "rect", "style"}
    assert all_real(capture["disclosure"]["rect"], {"top", "left", "width", "height"})
    assert all_real(capture["viewport"], {"width", "height", "scrollY"})
    assert_style(capture["disclosure"]["style"])
    assert all(isinstance(text, str) for text in [*capture["form"].values(), *capture["partners"], capture["submittedAt"]])
    assert {"phone", "email", "name"} <= set(capture["form"])
    assert capture["htmlLang"] in CODES
    for record in capture["consents"]:
        assert_consent(record)


@pytest.mark.parametrize("seed", SEEDS)
def test_somebody_saw_and_ticked_a_main_consent(seed: int) -> None:
    main = [r for r in good_capture(seed)["consents"] if r["category"] == "main-explicit" and r["visible"] and r["checked"]]

    assert [record["id"] for record in main] == ["tcpa"]


def test_the_same_seed_gives_the_same_capture() -> None:
    assert [good_capture(seed) for seed in SEEDS] == [good_capture(seed) for seed in SEEDS]


def test_together_they_show_everything() -> None:
    captures = [good_capture(seed) for seed in SEEDS]
    records = [record for capture in captures for record in capture["consents"]]

    assert {capture["htmlLang"] for capture in captures} == set(CODES)
    assert {record["type"].upper() for record in records} == set(TYPES)
    assert {record["category"] for record in records} == CATEGORIES
    assert {record["visible"] for record in records} == {True, False}
    assert {record["checked"] for record in records} == {True, False, None}
    assert len({(capture["htmlLang"], str(capture["disclosure"]["style"])) for capture in captures}) >= len(CODES) * (len(LOOKS) - 1)


def test_repeated_ids_come_with_one_more_complete_version() -> None:
    repeated = [versions for seed in SEEDS for versions in by_id(good_capture(seed)).values() if len(versions) > 1]

    assert repeated
    assert all(len({len(version["value"]) for version in versions}) == len(versions) for versions in repeated)


def test_some_texts_go_beyond_the_cut_in_the_middle_of_a_wide_character() -> None:
    long = [record["value"] for seed in SEEDS for record in good_capture(seed)["consents"] if len(record["value"]) > LONGEST_VALUE]

    assert long
    assert all(ord(text[LONGEST_VALUE - 1]) > 0xFFFF for text in long)


def test_the_page_holds_what_the_capture_reports() -> None:
    capture = good_capture(0)
    page = page_html(capture, title="A & B", css=LOOKS[0].css).decode()

    assert page.startswith("<!DOCTYPE html>")
    assert "A &amp; B" in page
    assert capture["form"]["phone"] in page
    assert all(record["value"] in page for record in capture["consents"])


def all_real(numbers: dict[str, Any], names: set[str]) -> bool:
    return set(numbers) == names and all(isinstance(number, Real) and not isinstance(number, bool) for number in numbers.values())


def assert_style(style: dict[str, Any]) -> None:
    assert {name for name, value in style.items() if isinstance(value, str)} == {"display", "visibility", "color", "backgroundColor"}
    assert all_real({name: value for name, value in style.items() if not isinstance(value, str)}, {"opacity", "fontSizePx", "fontWeight"})


def assert_consent(record: dict[str, Any]) -> None:
    assert set(record) == {"id", "type", "category", "value", "checked", "visible"}
    assert record["type"].upper() in TYPES
    assert record["category"] in CATEGORIES
    assert (record["checked"] is None) == record["category"].endswith("-implied")
    assert record["id"]
    assert record["value"]


def by_id(capture: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for record in capture["consents"]:
        found.setdefault(record["id"], []).append(record)
    return found
