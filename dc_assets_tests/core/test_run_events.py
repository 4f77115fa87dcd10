"""The table of events: every event is of it, is told somewhere, and is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dc_assets.core.run_events import ALWAYS, KINDS, RunEvent

ROOT = Path(__file__).parents[2]


def test_every_kind_is_told_and_none_that_is_not_in_the_table() -> None:
    """The product names each of them once or more, by its literal name."""
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "dc_assets").rglob("*.py")]
    told = re.compile(r'(?:\bnote\(|\bRunEvent\()\s*"([a-z_]+)"')
    assert {name for text in texts for name in told.findall(text)} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_sentence_is_made_of_the_fields(name: str) -> None:
    """Machines and people are told the same; a field of ours hides none of every event's."""
    kind = KINDS[name]
    assert not set(kind.fields) & {*ALWAYS, "time"}
    numbers = {"jobs", "rows", "landed", "refused", "retried", "wait_s", "runs_s", "counted"}
    fields = {field: 7 if field in numbers else f"of {field}" for field in kind.fields}
    event = RunEvent(name, fields, partition="r1-01")
    assert str(event).startswith("r1-01: ")
    assert event.for_machines()["message"] == str(event)
    assert list(event.for_machines()) == [*ALWAYS, *kind.fields]


def test_an_event_has_the_fields_of_its_kind() -> None:
    """A field that is missing or too much is a fault of ours."""
    with pytest.raises(AssertionError, match="the table has no such"):
        RunEvent("resumed", {"surprise": 1})
    with pytest.raises(AssertionError, match="the table has no such"):
        RunEvent("paused", {"why": "the night"})


def test_the_document_has_the_events_of_the_table() -> None:
    """Name, level, meaning and fields, in the order of the table."""
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert [
        (name, level, meaning, re.findall(r"`(\w+)`", fields))
        for name, level, meaning, fields in rows
    ] == [(name, kind.level, kind.meaning, list(kind.fields)) for name, kind in KINDS.items()]
    for field in ("time", *ALWAYS):
        assert f"`{field}`" in text
