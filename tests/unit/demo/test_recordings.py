"""Derived recordings: still rrweb, and nothing of the visitor who was recorded once."""

import copy
import json

import pytest

from demo.recordings import (
    FIELDS,
    FULL_SNAPSHOT,
    INPUT,
    META,
    NAMES,
    Event,
    Name,
    Story,
    derive,
    encode,
    is_incremental,
    recording,
    study,
    walk,
)

RECORDED_WORDS = ("Annabel", "annabel.rivera", "Rivera", "SunSave", "lead.test", "By checking this box")


def story(started_ms: int = 1_772_443_800_123) -> Story:
    return Story(
        started_ms=started_ms,
        href="https://solar.example.com/quote?visit=demo-01-s0001",
        language_code="de",
        seller="Example Solar Savings",
        disclosure="Ich willige ein, „jederzeit“.",
        disclosure_css="color:#333333;font-size:16px",
        typed={"fn": "Käthe", "ln": "Beispiel", "em": "kaethe@example.org", "ph": "(202) 555-0143", "st": "Texas"},
    )


@pytest.mark.parametrize("name", NAMES)
def test_has_the_events_of_its_source_in_order(name: Name) -> None:
    source = recording(name)
    derived = list(derive(source, story()))

    assert [shape(event) for event in derived] == [shape(event) for event in source.events]
    assert derived[0]["type"] == META
    assert [event["type"] for event in derived].count(FULL_SNAPSHOT) == 1


@pytest.mark.parametrize("name", NAMES)
def test_times_begin_with_the_story_and_never_go_back(name: Name) -> None:
    source = recording(name)
    times = [event["timestamp"] for event in derive(source, story())]

    assert times[0] == story().started_ms
    assert times == sorted(times)
    assert times[-1] - times[0] == source.duration_ms
    assert 0 < source.submitted_ms < source.duration_ms


@pytest.mark.parametrize("name", NAMES)
def test_keeps_nothing_of_the_recorded_visitor_and_seller(name: Name) -> None:
    text = b"".join(encode(derive(recording(name), story()))).decode()

    assert [word for word in RECORDED_WORDS if word in text] == []
    assert "Ich willige ein, „jederzeit“." in text
    assert story().href in text


@pytest.mark.parametrize("name", NAMES)
def test_what_was_typed_in_full_is_the_new_text_in_full(name: Name) -> None:
    source = recording(name)
    longest: dict[int, str] = {}
    for event in derive(source, story()):
        if is_incremental(event, INPUT) and event["data"]["id"] in source.fields:
            node, text = event["data"]["id"], event["data"]["text"]
            assert story().typed[source.fields[node]].startswith(text)
            longest[node] = max(longest.get(node, ""), text, key=len)

    assert {source.fields[node]: text for node, text in longest.items()} == {
        field: story().typed[field] for field in FIELDS if field in {source.fields[node] for node in longest}
    }
    assert len(longest) >= 2, "at least a name and a telephone number are typed"


@pytest.mark.parametrize("name", NAMES)
def test_deriving_leaves_the_source_alone(name: Name) -> None:
    source = recording(name)
    before = copy.deepcopy(source.events)
    list(derive(source, story()))

    assert source.events == before


def test_shows_language_look_and_tag_of_the_disclosure() -> None:
    snapshot = next(event for event in derive(recording("form10"), story()) if event["type"] == FULL_SNAPSHOT)
    nodes = list(walk(snapshot["data"]["node"]))
    page = next(node for node in nodes if node.get("tagName") == "html")
    tagged = [node for node in nodes if "data-consent-type" in node.get("attributes", {})]

    assert page["attributes"]["lang"] == "de"
    assert [node["attributes"]["style"] for node in tagged] == [story().disclosure_css]
    assert tagged[0]["childNodes"][0]["textContent"] == story().disclosure


def test_passwords_stay_masked() -> None:
    events = with_password_field(list(copy.deepcopy(recording("form10").events)))
    source = study("form10", events)
    texts = [e["data"]["text"] for e in derive(source, story()) if is_incremental(e, INPUT) and e["data"]["id"] in source.passwords]

    assert source.passwords
    assert texts == ["*", "**", "***"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_file_is_one_json_array_written_event_by_event(count: int) -> None:
    events: list[Event] = [{"type": 5, "data": {"tag": "é\u2028"}, "timestamp": n} for n in range(count)]
    pieces = list(encode(events))

    assert json.loads(b"".join(pieces)) == events
    assert len(pieces) == count + 1


def shape(event: Event) -> tuple[int, int | None, int | None]:
    data = event["data"]
    return event["type"], data.get("source"), data.get("id") if isinstance(data.get("id"), int) else None


def with_password_field(events: list[Event]) -> list[Event]:
    """Make a password field of the one for the first name, where "Ann" was typed."""
    snapshot = next(event for event in events if event["type"] == FULL_SNAPSHOT)
    field = next(node for node in walk(snapshot["data"]["node"]) if node.get("attributes", {}).get("id") == "fn")
    field["attributes"]["type"] = "password"
    return events
