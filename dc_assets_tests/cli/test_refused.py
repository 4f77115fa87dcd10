"""Refused rows that are alike are shown once, with how many there are."""

from __future__ import annotations

import io
import json

from dc_assets.cli.console import Console
from dc_assets.cli.dead_letters import print_dead_letters
from dc_assets.cli.refused import GROUPS_SHOWN, alike, print_alike
from dc_assets.views.dead_letters import OpenDeadLetter
from dc_assets.views.partitions import Refusal
from dc_assets_tests.fakes.specs import PARENT, small_spec


def refusal(number: int, code: str, parent: str = "p", fields: str = "F__c") -> Refusal:
    """Return a refused row."""
    row = json.dumps({PARENT: parent, "Title__c": f"t{number}"})
    return Refusal("r1-01", f"id-{number:03}", code, f"no good: t{number}", fields, row)


def printed(refusals: list[Refusal], total: int) -> list[str]:
    """Return the lines of a list."""
    console = Console(file=io.StringIO(), width=200)
    print_alike(console, small_spec(), refusals, total)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_rows_of_one_code_field_and_parent_are_one_line() -> None:
    """The first by id stands for forty; another parent, field or code is another line."""
    rows = [refusal(number, "INVALID_FIELD") for number in range(40)]
    rows += [refusal(41, "INVALID_FIELD", parent="q"), refusal(42, "INVALID_FIELD", fields="")]
    rows += [refusal(43, "STRING_TOO_LONG")]
    assert printed(rows, 43) == [
        "  r1-01  id-000  INVALID_FIELD: no good: t0 (and 39 more like it)",
        "  r1-01  id-041  INVALID_FIELD: no good: t41",
        "  r1-01  id-042  INVALID_FIELD: no good: t42",
        "  r1-01  id-043  STRING_TOO_LONG: no good: t43",
    ]


def test_a_list_is_bounded_and_counts_the_rest() -> None:
    """Also of rows that nobody read."""
    rows = [refusal(number, "INVALID_FIELD", parent=f"p{number}") for number in range(50)]
    lines = printed(rows, 1_234)
    assert len(lines) == GROUPS_SHOWN + 1
    assert lines[-1] == (
        "  … and 1,214 other rows: dc-assets replay things --export FILE.csv has them all"
    )


def test_the_biggest_group_comes_first_whatever_a_row_lacks() -> None:
    """A letter without its row, or a spec without parents, groups by code and field."""
    rows = [Refusal("r1-01", "a", "A", "m"), refusal(1, "B"), refusal(2, "B", parent="q")]
    assert [group.rows for group in alike(rows, PARENT)] == [1, 1, 1]
    assert [(group.example.code, group.rows) for group in alike(rows, None)] == [("B", 2), ("A", 1)]


def test_the_dead_letters_of_a_replay_are_listed_alike() -> None:
    """One line each kind, the whole number, and where each of them is."""
    dead_letters = [
        OpenDeadLetter("r1-01", f"id-{n}", "C", "m", "F__c", 1, 1.0, 1.0, "run", "load", "{}")
        for n in range(3)
    ]
    console = Console(file=io.StringIO(), width=200)
    print_dead_letters(console, small_spec(), dead_letters)
    assert isinstance(console.file, io.StringIO)
    first, last = console.file.getvalue().splitlines()
    assert first.startswith("r1-01  id-0  C: m [F__c]  (1 sent, ")
    assert first.endswith("run run) (and 2 more like it)")
    assert last == "3 dead letters; --export FILE.csv has each"
