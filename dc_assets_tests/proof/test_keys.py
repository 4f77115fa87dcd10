"""Ids of any text: each row lands with its own values or is refused by name, never half sent."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.frames.differences import are_order_safe
from dc_assets.load.store import LoadRequest, Mode
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.world import Content, Verdict, World, opportunities, total

PLAIN = [
    "O'Brien",
    "x' OR '1'='1",
    "'; DROP TABLE x; --",
    "%",
    "_",
    "a_b",
    "axb",
    "back\\slash",
    "\\",
    "\\'",
    '"quoted"',
    "a,b",
    "line\nbreak",
    "tab\tbed",
    "in side",
    " before",
    "behind ",
    "0123",
    "123",
    "1e5",
    "100000",
    "-1",
    "+1",
    "=1+1",
    "NULL",
    "true",
    "2024-02-29",
    "6f1c3c1e-7f3e-4d1c-9a53-0d7c2d2f4f11",
    "6F1C3C1E-7F3E-4D1C-9A53-0D7C2D2F4F12",
    "0065g00000AbCdEAAV",
    "0065g00000AbCdFAAV",
    "Straße",
    "éa",
    "Éb",
    "😀",
    "👩‍👩‍👧",
    "\u2028",
    "k" * 255,
    "K" * 254 + "z",
    "\u0131",
    "ﬁ",
]
DOUBLED = ["a1", "A1", "é1", "É1", "twice", "twice", "Mixed Case", "mIXED cASE"]
UNFIT = {"car\rriage": "NOT_REPRESENTABLE", "#N/A": "NOT_REPRESENTABLE", "": "MISSING_ARGUMENT"}
TOO_LONG = "m" * 256
BOUNDS = ["'", "A", "O'Brien", "a1", "a_b", "x' OR '1'='1", "é", "😀"]


def content(bounds: list[str]) -> Content:
    """Return a spec for the object that the keys are put into."""
    made = opportunities(1, 1)
    made["name"] = "keys"
    made["limits"] = {"refused_share_max": 1.0}
    made["source"]["object"] = "Keys__dlm"
    made["partitions"]["upper_bounds"] = sorted(bounds)
    return made


def serve(org: Org, folder: Path, keys: list[str]) -> None:
    """Put rows with these keys into Data Cloud; each has a name of its own."""
    rows = pl.DataFrame(
        {
            "ExternalId__c": keys,
            "Name__c": [f"name {number}" for number in range(len(keys))],
            "StageName__c": ["Prospecting", "Closed Won"] * (len(keys) // 2)
            + ["Closed Won"] * (len(keys) % 2),
            "Amount__c": [f"{number}.25" for number in range(len(keys))],
            "CloseDate__c": ["2024-02-29"] * len(keys),
            "AccountExternalId__c": [f"acc000000{number % 3 + 1}" for number in range(len(keys))],
            "Description__c": keys,
        }
    )
    file = folder / "keys.parquet"
    rows.write_parquet(file)
    org.tell("source", path=str(file), object="Keys__dlm")


@pytest.fixture(scope="module")
def org(module_folder: Path) -> Generator[Org]:
    """An org with three accounts."""
    with emulated_org(module_folder, "--accounts", "3") as running:
        yield running


@pytest.fixture
def empty_org(org: Org) -> Org:
    """The org with its accounts and without opportunities."""
    org.tell("seed", accounts=3, opportunities=1)
    return org


@pytest.mark.parametrize("bounds", [[], BOUNDS], ids=["one partition", "nine bounds"])
def test_each_row_lands_right_or_is_refused_by_name(
    empty_org: Org, tmp_path: Path, bounds: list[str]
) -> None:
    """Quotes, case, blanks, wild cards, lengths: the values are right or a dead letter says why."""
    keys = [*PLAIN, *DOUBLED, *UNFIT, TOO_LONG]
    serve(empty_org, tmp_path, keys)
    world = World.of(empty_org, tmp_path, content(bounds))
    reached = total(world.load())
    assert reached.selected == len(keys)
    assert reached.landed == len(PLAIN)
    assert reached.refused_by_code == {
        "AMBIGUOUS_ID": len(DOUBLED),
        "NOT_REPRESENTABLE": 2,
        "MISSING_ARGUMENT": 1,
        "STRING_TOO_LONG": 1,
    }
    landed = {
        key: (name, text)
        for key, name, text in world.rows_of_core("External_ID__c", "Name", "Description")
    }
    assert landed == {key: (f"name {number}", key) for number, key in enumerate(PLAIN)}
    assert sorted(world.keys_of(world.job_ids())) == sorted(PLAIN)
    verdict = world.audit()
    assert verdict.failed() == set(), verdict.sentences()
    assert "no_duplicate_external_ids" in verdict.warned()
    refused = sum(
        o.values[0].counts.refused for o in verdict.outcomes if o.check == "row_count_matches"
    )
    assert refused == reached.refused


def test_a_lost_or_changed_row_with_a_hard_key_is_found_and_sent_again(
    empty_org: Org, tmp_path: Path
) -> None:
    """The checks name such keys too, and a repair sends them and no other."""
    serve(empty_org, tmp_path, PLAIN)
    world = World.of(empty_org, tmp_path, content(BOUNDS))
    world.load()
    gone, changed = ["x' OR '1'='1", "\\", "Éb"], ["%", "k" * 255]
    for key in gone:
        quoted = key.replace("'", "''")
        empty_org.sql(f'DELETE FROM "Opportunity" WHERE "External_ID__c" = \'{quoted}\'')
    for key in changed:
        empty_org.sql(f'UPDATE "Opportunity" SET "Name" = \'x\' WHERE "External_ID__c" = \'{key}\'')
    repairs: dict[Mode, list[str]] = {"missing": gone, "changed": changed}
    for mode, keys in repairs.items():
        before = world.job_ids()
        assert total(world.load(mode)).selected == len(keys)
        assert world.keys_of(world.job_ids() - before) == sorted(keys)
    verdict = world.audit()
    assert verdict.is_green(), verdict.sentences()


def test_quotes_in_an_id_range_are_only_text(empty_org: Org, tmp_path: Path) -> None:
    """Ids that are safe behind a wild beginning are asked for by range: nothing breaks out."""
    wild = "O'Bri\\en %_ x' OR '1'='1 \" \\' "
    keys = [f"{wild}{number:03}" for number in range(90)]
    assert are_order_safe(pl.Series(keys))
    serve(empty_org, tmp_path, keys)
    world = World.of(empty_org, tmp_path, content([keys[29], keys[59]]))
    assert [one.landed for one in world.load().values()] == [30, 30, 30]
    before = empty_org.calls("soql")
    verdict = world.audit()
    assert verdict.is_green(), verdict.sentences()
    assert empty_org.calls("soql") - before == 1 + 2 * 3  # the first asks which org it is


def test_what_was_read_once_is_never_believed_again(empty_org: Org, tmp_path: Path) -> None:
    """Core changes and the ledger does not hear of it: the next audit must read Core anew."""
    serve(empty_org, tmp_path, PLAIN)
    world = World.of(empty_org, tmp_path, content(BOUNDS))
    world.load()
    assert world.audit().is_green()
    empty_org.sql('UPDATE "Opportunity" SET "Name" = \'x\' WHERE "External_ID__c" = \'%\'')
    assert world.audit().failed() == {"values_match"}
    empty_org.sql('DELETE FROM "Opportunity" WHERE "External_ID__c" = \'%\'')
    assert {"row_count_matches", "no_coverage_gaps"} <= world.audit().failed()


FIVE = ["A-1", "b-1", "C-1", "d-1", "E-1"]


def test_five_partitions_share_one_reading_of_the_target(empty_org: Org, tmp_path: Path) -> None:
    """Five runs, each with a connection of its own: Core is read whole once after the last row."""
    serve(empty_org, tmp_path, FIVE)
    world = World.of(empty_org, tmp_path, content(sorted(FIVE)[:-1]))
    keys = list(world.spec.ranges)
    with ExitStack() as runs:
        opened = [runs.enter_context(world.opened()) for _ in keys]
        whole = LoadRequest(partition_keys=keys)
        for run, key in zip(opened, keys, strict=True):
            assert run.load(key, whole).totals.landed == 1
        before = empty_org.calls("delete")  # of query jobs: each reading ends with one
        for run, key in zip(opened, keys, strict=True):
            said = Verdict(tuple(run.checked(key)))
            assert said.is_green(), said.sentences()
        assert empty_org.calls("delete") - before == 1
        assert list(world.folder.rglob("audit/**/scratch-*/**/*.arrow")) == []
        empty_org.sql('DELETE FROM "Opportunity" WHERE "External_ID__c" = \'A-1\'')
    assert world.audit().failed() >= {"no_coverage_gaps"}
    assert empty_org.calls("delete") - before == 2
    assert list(world.folder.rglob("audit/**/whole-*/*/*.arrow")) == []


@pytest.mark.parametrize(
    ("bounds", "check"), [([], "no_duplicate_external_ids"), (["P"], "no_coverage_gaps")]
)
def test_a_case_variant_beside_a_landed_row_is_never_written_over_it(
    empty_org: Org, tmp_path: Path, bounds: list[str], check: str
) -> None:
    """An id that later gets a double in other case stops both; the landed value stays."""
    serve(empty_org, tmp_path, ["one", "two"])
    world = World.of(empty_org, tmp_path, content(bounds))
    world.load()
    serve(empty_org, tmp_path, ["ONE", "two", "one"])
    reached = total(world.load())
    assert reached.refused_by_code == {"AMBIGUOUS_ID": 2}
    assert sorted(map(tuple, world.rows_of_core("External_ID__c", "Name"))) == [
        ("one", "name 0"),
        ("two", "name 1"),
    ]
    verdict = world.audit()
    assert verdict.failed() == set()
    assert check in verdict.warned()


@pytest.mark.parametrize(
    ("keys", "bound"),
    [(["C", "a9"], "D"), (["A-1", "a-2", "b-1"], "B"), (["B5", "a1", "c1"], "b")],
    ids=["one safe", "none safe", "another's row is answered"],
)
def test_ids_that_sort_otherwise_in_the_org_are_not_red(
    empty_org: Org, tmp_path: Path, keys: list[str], bound: str
) -> None:
    """By bytes C stands before the bound and a9 behind it; an org sees them the other way round.

    A row of another partition that the org answers is neither extra nor gone from the source.
    """
    serve(empty_org, tmp_path, keys)
    world = World.of(empty_org, tmp_path, content([bound]))
    assert total(world.load()).landed == len(keys)
    verdict = world.audit()
    assert verdict.is_green(), verdict.sentences()


def _without_punctuation(key: str) -> str:
    return "".join(sign for sign in key.lower() if sign.isalnum() or not sign.isascii())


def _punctuation_last(key: str) -> list[tuple[bool, str]]:
    return [(sign.isascii() and not sign.isalnum(), sign) for sign in key.lower()]


def _punctuation_first_and_turned(key: str) -> list[tuple[bool, int, str]]:
    marks = [sign.isascii() and not sign.isalnum() for sign in key]
    return [(not m, -ord(s) if m else 0, s) for m, s in zip(marks, key.lower(), strict=True)]


COLLATIONS: dict[str, Callable[[str], Any]] = {
    "by bytes": lambda key: key.lower().encode(),
    "punctuation does not count": _without_punctuation,
    "punctuation last": _punctuation_last,
    "punctuation first, the other way round": _punctuation_first_and_turned,
}
"""What an org may do to compare text without case; which one it does is not relied on."""


@given(
    keys=st.sets(
        st.one_of(
            st.text(st.sampled_from("aAbBzZ09_-é'É "), max_size=4),
            st.from_regex(r"id[0-9a-z]{1,3}", fullmatch=True),
            st.from_regex(r"ID-[0-9A-Z]{1,3}", fullmatch=True),
        ),
        max_size=6,
    )
    | st.sets(st.from_regex(r"[0-9a-c]{2}-[0-9a-c]{1,2}", fullmatch=True), max_size=6)
    | st.sets(st.from_regex(r"[AB](_[0-2A]?)?(-[0-2])?", fullmatch=True), max_size=6)
)
def test_safe_keys_sort_alike_with_and_without_case(keys: set[str]) -> None:
    """Where keys are called safe, any two compare in an org, whatever it does, as by bytes."""
    if are_order_safe(pl.Series(sorted(keys), dtype=pl.String)):
        ordered = sorted(keys)
        for what, collation in COLLATIONS.items():
            folded = [collation(key) for key in ordered]
            assert all(a < b for a, b in pairwise(folded)), what


UUIDS = ["0b1f0f2e-7a51-4c1e-9d55-0b6f1e6f9a01", "c0ffee00-7a51-4c1e-9d55-0b6f1e6f9a02"]


@pytest.mark.parametrize(
    ("keys", "safe"),
    [
        ([], True),
        (["externalOpp0000001", "externalOpp0000002"], True),
        (["OPP-1A", "OPP-1B"], True),
        (["a1", "B1"], False),
        (["a-1", "b-1"], True),
        (UUIDS, True),
        ([*UUIDS, "4"], True),
        (["001000000000001AAA", "00Q000000000001AAB"], True),
        (["001000000000001AAa", "00Q000000000001AAB"], False),
        (["SAP_1", "SAP_10", "SAP_2"], True),
        (["SAP_1", "ORA_1"], True),
        (["SAP_1", "BW_1"], False),
        (["A-1-x", "A-10-x"], False),
        (["a1", "a1_"], False),
        (["a1_", "b1_"], True),
        (["é1", "é2"], True),
        (["aé", "bé"], False),
        (["é1", "É2"], False),
    ],
)
def test_some_ids_prove_their_order(keys: list[str], safe: bool) -> None:  # noqa: FBT001
    """Letters of one case and the same punctuation at the same places are safe, nothing else."""
    assert are_order_safe(pl.Series(keys, dtype=pl.String)) is safe
