"""Values of every type come through unchanged: the codec by itself, and a whole load."""

from __future__ import annotations

import random
import string
from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from dc_assets.core.spec import ColumnSpec, LoadSpec
from dc_assets.frames.canon import canonical, canonical_text
from dc_assets.frames.csv_codec import NULL_TEXT, decode, encode, not_representable
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.world import Content, World, total

KEY = "Key__c"
SPEC: Content = {
    "name": "specimens",
    "source": {"object": "Specimens__dlm", "key": KEY},
    "target": {"object": "Specimen__c", "external_id": KEY},
    "columns": [
        {"source": KEY, "target": KEY},
        {"source": "Text__c", "target": "Text__c"},
        {"source": "Bare__c", "target": "Bare__c", "blanks": "strip"},
        {"source": "Kept__c", "target": "Kept__c", "when_null": "unchanged"},
        {"source": "Whole__c", "target": "Whole__c", "type": "number"},
        {"source": "Money__c", "target": "Money__c", "type": "currency", "scale": 2},
        {"source": "Share__c", "target": "Share__c", "type": "percent"},
        {"source": "Day__c", "target": "Day__c", "type": "date"},
        {"source": "Moment__c", "target": "Moment__c", "type": "datetime"},
        {"source": "Flag__c", "target": "Flag__c", "type": "boolean"},
        {"source": "Many__c", "target": "Many__c", "type": "multipicklist"},
    ],
    "partitions": {"scheme": 1, "upper_bounds": ["s100", "s200"]},
    "checks": {"distributions": ["Flag__c"]},
}
SCHEMA = {
    "objects": {
        "Specimen__c": {
            "key_prefix": "901",
            "fields": {
                KEY: {"type": "string", "length": 255, "external_id": True, "unique": True},
                "Text__c": {"type": "textarea", "length": 32_000},
                "Bare__c": {"type": "string", "length": 255},
                "Kept__c": {"type": "string", "length": 255},
                "Whole__c": {"type": "currency", "precision": 18, "scale": 0},
                "Money__c": {"type": "currency", "precision": 18, "scale": 2},
                "Share__c": {"type": "percent", "precision": 18, "scale": 15},
                "Day__c": {"type": "date"},
                "Moment__c": {"type": "datetime"},
                "Flag__c": {"type": "boolean"},
                "Many__c": {"type": "textarea", "length": 4_000},
            },
        }
    }
}
TEXTS = [
    'say "so"',
    "a,b;c\td",
    "carriage\rreturn",
    "line\nfeed",
    "both\r\nof them\r\r\n",
    "\n",
    "\u2028line\u2029paragraph",
    "next\u0085line",
    " outer blanks ",
    "\u00a0no break\u3000",
    "=1+1",
    "@SUM(A1)",
    "-",
    "😀👩‍👩‍👧🇨🇭",
    "e\u0301 is not \u00e9",
    "x" * 255,
    "é" * 255,
    "007",
    "1e3",
    "1.50",
    "NaN",
    "null",
    "true",
    "2024-02-29",
    "#N/A ",
    "#n/a",
    '"',
    "''",
    "\\N",
    "\ufeffmark",
    "\x01\x1f\x7f",
    "\ud7ff\U0010ffff",
]
UNFIT = ["#N/A", "nul\x00inside"]
WHOLES = ["987654321098765432", "-900719925474099301", "123456789012345678", "9.12E3", "-0", "+7"]
MONEY = ["9007199254740993.01", "-1234567890123456.78", "0.005", "2.675", "1200.50", ".5", "-1E-2"]
SHARES = ["0.123456789012345", "1E-15", "100", "-99.999999999999999"]
DAYS = ["2024-02-29", "1969-12-31", "1900-02-28", "1704-02-29", "1700-01-01", "4000-12-31"]
MOMENTS = [
    "1969-12-31T23:59:59.999Z",
    "1883-11-18 12:03:58-04:56",
    "2024-02-29T23:59:59.123456+13:45",
    "2026-03-29 02:30:00",
    "4000-12-31T23:59:59.000Z",
]
FLAGS = ["t", "TRUE", "1", "yes", "f", "false", "0", "No"]
MANY = ["b;a", "a;b;a", " x ; y", "one"]
POOLS = {
    "Text__c": TEXTS,
    "Bare__c": [text for text in TEXTS if text.strip() != NULL_TEXT],
    "Kept__c": TEXTS,
    "Whole__c": WHOLES,
    "Money__c": MONEY,
    "Share__c": SHARES,
    "Day__c": DAYS,
    "Moment__c": MOMENTS,
    "Flag__c": FLAGS,
    "Many__c": MANY,
}
ROWS = 300


def spec_of(content: Content = SPEC) -> LoadSpec:
    """Return the spec as the product would read it."""
    return LoadSpec.model_validate(content, strict=False)


def generated_text(dice: random.Random) -> str:
    """Return a text of dead letters, signs, line ends and blanks."""
    dead_letters = string.ascii_letters + "\"',;\r\n\t =+é😀\u2028\u0085"
    return "".join(dice.choices(dead_letters, k=dice.randint(1, 200)))


def specimens() -> pl.DataFrame:
    """Return rows that hold every value of every pool, generated ones and nulls."""
    dice = random.Random(3)  # noqa: S311 - values, not secrets
    columns: dict[str, list[str | None]] = {KEY: [f"s{number:03}" for number in range(1, ROWS + 1)]}
    for name, pool in POOLS.items():
        values: list[str | None] = [*pool] if pool is FLAGS else [*pool, None, ""]
        while len(values) < ROWS:
            is_text = TEXTS[0] in pool and dice.random() < 0.7
            values.append(generated_text(dice) if is_text else dice.choice(pool))
        dice.shuffle(values)
        columns[name] = values
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


@pytest.fixture(scope="module")
def org(module_folder: Path) -> Generator[Org]:
    """An org whose one object has a field of each type."""
    schema = module_folder / "schema.yaml"
    schema.write_text(yaml.safe_dump(SCHEMA), encoding="utf-8")
    with emulated_org(module_folder, "--schema", str(schema)) as running:
        yield running


@pytest.fixture(
    params=["data cloud", "parquet file", pytest.param("csv file", marks=pytest.mark.hunt)]
)
def world(request: pytest.FixtureRequest, org: Org, tmp_path: Path) -> World:
    """The specimens in a source of each kind, and an empty org."""
    org.tell("reset")
    rows = specimens()
    if request.param == "csv file":
        rows.write_csv(tmp_path / "rows.csv", line_terminator="\n", quote_style="non_numeric")
        return World.of(org, tmp_path, SPEC | {"source": {"files": "rows.csv", "key": KEY}})
    rows.write_parquet(tmp_path / "rows.parquet")
    if request.param == "parquet file":
        return World.of(org, tmp_path, SPEC | {"source": {"files": "*.parquet", "key": KEY}})
    org.tell("source", path=str(tmp_path / "rows.parquet"), object="Specimens__dlm")
    return World.of(org, tmp_path, SPEC)


def test_every_value_lands_and_compares_equal(world: World) -> None:
    """Signs, line ends, zones, leap days, 18 digits: written, read back and equal, byte by byte."""
    reached = total(world.load())
    assert (reached.landed, reached.refused) == (ROWS, 0), reached.refused_by_code
    verdict = world.audit()
    assert verdict.is_green(), verdict.sentences()
    landed = dict(world.rows_of_core(KEY, "Text__c"))
    for key, text in specimens().select(KEY, "Text__c").iter_rows():
        wanted = text.replace("\r\n", "\n").replace("\r", "\n") if text else None
        assert landed[key] == wanted


def test_exact_numbers_and_moments_stand_in_core(org: Org, tmp_path: Path) -> None:
    """What Core holds is the number of the source to its last digit, and the moment in UTC."""
    org.tell("reset")
    rows = specimens().head(0)
    facts = [
        ("n1", "Whole__c", "123456789012345678", "123456789012345678"),
        ("n2", "Money__c", "9007199254740993.01", "9007199254740993.01"),
        ("n3", "Money__c", "2.675", "2.68"),
        ("n4", "Share__c", "0.123456789012345", "0.123456789012345"),
        ("n5", "Day__c", "1704-02-29", "1704-02-29"),
        ("n6", "Moment__c", "1883-11-18 12:03:58-04:56", "1883-11-18 16:59:58"),
        ("n7", "Moment__c", "2024-02-29T23:59:59.123456+13:45", "2024-02-29 10:14:59"),
        ("n8", "Bare__c", " \t bare\u3000", "bare"),
        ("n9", "Many__c", " x ;b;a;b", "a;b;x"),
    ]
    made = [
        pl.DataFrame({KEY: [key], name: [value], "Flag__c": ["true"]})
        for key, name, value, _ in facts
    ]
    pl.concat([rows, *made], how="diagonal").write_parquet(tmp_path / "rows.parquet")
    world = World.of(org, tmp_path, SPEC | {"source": {"files": "rows.parquet", "key": KEY}})
    assert total(world.load()).landed == len(facts)
    for key, name, _, wanted in facts:
        [[found]] = org.sql(
            f'SELECT CAST("{name}" AS VARCHAR) FROM "Specimen__c" WHERE "{KEY}" = \'{key}\''
        )
        assert found == wanted
    assert world.audit().is_green()


def test_typed_columns_of_a_file_are_read_exactly(org: Org, tmp_path: Path) -> None:
    """Decimals, dates, zoned timestamps and flags of a Parquet file need no text of their own."""
    org.tell("reset")
    zone = timezone(timedelta(hours=-5))
    count = 3
    typed = pl.DataFrame(
        {
            KEY: ["t1", "t2", "t3"],
            "Whole__c": pl.Series([900719925474099301, -1, None], dtype=pl.Int64),
            "Money__c": pl.Series([Decimal("9007199254740993.01"), Decimal("-0.10"), None]),
            "Share__c": [0.1, 1e-7, 33.333],
            "Day__c": [date(2024, 2, 29), date(1969, 12, 31), None],
            "Moment__c": [
                datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC),
                datetime(2024, 2, 29, 23, 0, tzinfo=zone).astimezone(UTC),
                None,
            ],
            "Flag__c": [True, False, False],
        }
    )
    empty = pl.lit(None, dtype=pl.String)
    texts = ["Text__c", "Bare__c", "Kept__c", "Many__c"]
    typed.with_columns(empty.alias(name) for name in texts).write_parquet(tmp_path / "t.parquet")
    world = World.of(org, tmp_path, SPEC | {"source": {"files": "t.parquet", "key": KEY}})
    assert total(world.load()).landed == count
    assert world.audit().is_green()
    found = sorted(world.rows_of_core(KEY, "Moment__c", "Share__c"))
    assert [row[2] for row in found] == [0.1, 1e-7, 33.333]
    assert str(found[1][1]).replace("T", " ").startswith("2024-03-01 04:00:00")


def test_values_no_job_can_carry_are_refused_by_name(org: Org, tmp_path: Path) -> None:
    """NUL and the very text #N/A stop their row, and the check of values is not fooled."""
    org.tell("reset")
    rows = pl.DataFrame({KEY: ["u1", "u2", "u3", "u4"], "Text__c": [*UNFIT, "fit", "#N/A "]})
    rows = rows.with_columns(pl.lit("true").alias("Flag__c"))
    pl.concat([specimens().head(0), rows], how="diagonal").write_parquet(tmp_path / "u.parquet")
    spec = SPEC | {"source": {"files": "u.parquet", "key": KEY}}
    world = World.of(org, tmp_path, spec | {"limits": {"refused_share_max": 0.9}})
    reached = total(world.load())
    assert reached.refused_by_code == {"NOT_REPRESENTABLE": 2}
    assert reached.landed == 2
    verdict = world.audit()
    assert verdict.failed() == set()
    assert {"row_count_matches", "no_coverage_gaps"} <= verdict.warned()


def test_a_null_clears_or_leaves_by_the_policy_of_its_column(org: Org, tmp_path: Path) -> None:
    """when_null: null empties the field; unchanged leaves it as it was and does not compare it."""
    org.tell("reset")
    file = tmp_path / "n.parquet"
    full = specimens().head(0)
    first = pl.DataFrame({KEY: ["k1"], "Text__c": ["was"], "Kept__c": ["stays"], "Flag__c": ["t"]})
    pl.concat([full, first], how="diagonal").write_parquet(file)
    world = World.of(org, tmp_path, SPEC | {"source": {"files": "n.parquet", "key": KEY}})
    world.load()
    nulls = first.with_columns(pl.lit(None, dtype=pl.String).alias("Text__c"), Kept__c=pl.lit(""))
    pl.concat([full, nulls], how="diagonal").write_parquet(file)
    assert world.audit().failed() == {"values_match"}
    world.load("changed")
    assert world.rows_of_core("Text__c", "Kept__c") == [[None, "stays"]]
    assert world.audit().is_green()


ANY_TEXT = st.text(max_size=40) | st.sampled_from(TEXTS)
NUMBERS = st.one_of(
    st.integers(-(10**18) + 1, 10**18 - 1).map(str),
    st.decimals(-(10**12), 10**12, places=6).map(lambda number: f"{number:f}"),
    st.from_regex(r"[+-]?[0-9]{1,9}\.?[0-9]{0,9}[eE][+-]?[0-9]{1,2}", fullmatch=True),
    st.sampled_from(WHOLES + MONEY + SHARES),
)
DATETIMES = st.datetimes(
    min_value=datetime(1000, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
).map(lambda moment: moment.isoformat(sep=" "))
ROW = st.fixed_dictionaries(
    {
        KEY: st.text(min_size=1, max_size=20).filter(lambda key: "\r" not in key),
        "Text__c": st.none() | ANY_TEXT,
        "Bare__c": st.none() | ANY_TEXT,
        "Kept__c": st.none() | ANY_TEXT,
        "Whole__c": st.none() | NUMBERS | ANY_TEXT,
        "Money__c": st.none() | NUMBERS,
        "Share__c": st.none() | NUMBERS,
        "Day__c": st.none() | st.dates().map(str) | ANY_TEXT,
        "Moment__c": st.none() | DATETIMES | ANY_TEXT,
        "Flag__c": st.none() | st.sampled_from(FLAGS) | ANY_TEXT,
        "Many__c": st.none() | st.lists(ANY_TEXT, max_size=4).map(";".join),
    }
)


@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_what_is_encoded_decodes_to_the_same_canonical_row(
    rows: list[dict[str, str | None]],
) -> None:
    """canon(decode(encode(canon(v)))) is canon(v), for every type and policy at once."""
    spec = spec_of()
    sent = canonical(pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)), spec)
    unfit = pl.any_horizontal(not_representable(c.target) for c in spec.columns)
    sent = sent.filter(~unfit.fill_null(value=False))
    assume(not sent.is_empty())
    read = decode(encode(sent, spec)).with_columns(
        pl.when(pl.all() != NULL_TEXT).then(pl.all()).name.keep()
    )
    again = read.select(
        pl.col(KEY) if c.target == KEY else canonical_text(pl.col(c.target), c).alias(c.target)
        for c in spec.columns
    )
    assert again.rows() == sent.rows()


@given(number=NUMBERS, scale=st.integers(0, 18) | st.none())
def test_a_number_is_exact_or_rounded_by_its_scale(number: str, scale: int | None) -> None:
    """The canonical number is the source's own, or the nearest one with so many decimals."""
    column = ColumnSpec(source="n", target="n", type="number", scale=scale)
    frame = pl.DataFrame({"n": [number]}, schema={"n": pl.String})
    text = str(frame.select(canonical_text(pl.col("n"), column)).item())
    off = abs(Decimal(text) - Decimal(number))
    assert off == 0 if scale is None else off <= Decimal(5).scaleb(-scale - 1)
    assert "e" not in text.lower()
    assert not text.startswith("-0") or Decimal(text) != 0


@given(moment=DATETIMES)
def test_a_moment_is_the_same_in_utc(moment: str) -> None:
    """Whatever the zone: the canonical text is that moment, cut to seconds."""
    column = ColumnSpec(source="m", target="m", type="datetime")
    frame = pl.DataFrame({"m": [moment]}, schema={"m": pl.String})
    text = str(frame.select(canonical_text(pl.col("m"), column)).item())
    found, wanted = datetime.fromisoformat(text), datetime.fromisoformat(moment).astimezone(UTC)
    assert timedelta(0) <= wanted - found < timedelta(seconds=1)
    assert text.endswith("Z")
